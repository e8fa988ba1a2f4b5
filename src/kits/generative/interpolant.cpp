#include "kits/generative/interpolant.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numbers>

#include "base/error.h"
#include "base/text.h"
#include "num/formula.h"

namespace meso::generative {
namespace {

constexpr double pi = std::numbers::pi;

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

/// gamma and gamma gamma' at t.
struct Latent {
  double gamma = 0, product = 0;
};

/// A formula of t with its derivative.
class Curve {
 public:
  Curve(const std::string& text, const std::string& name, const std::string& owner) {
    if (text.empty()) throw ParameterError(fmt::format("{}: {} = \"\" and its choice is \"own\"; give a formula of t", owner, name));
    const std::array<std::string, 1> slots{"t"};
    try {
      const num::Formula formula = num::Formula::parse(text);
      value_ = num::Program(formula, slots);
      rate_ = num::Program(formula.derivative("t"), slots);
    } catch (const ModelError& error) {
      throw ParameterError(fmt::format("{}: {} = \"{}\": {}", owner, name, text, error.what()));
    }
    for (int i = 0; i <= 1000; ++i) {
      const double t = i / 1000.0;
      if (!std::isfinite(value(t)) || !std::isfinite(rate(t)))
        throw ParameterError(fmt::format("{}: {} = \"{}\" is {} with derivative {} at t = {}; both must be finite on [0, 1]", owner, name, text, exact(value(t)), exact(rate(t)), exact(t)));
    }
  }
  [[nodiscard]] double value(double t) const { return value_(std::span<const double>(&t, 1)); }
  [[nodiscard]] double rate(double t) const { return rate_(std::span<const double>(&t, 1)); }

 private:
  num::Program value_, rate_;
};

std::function<Latent(double)> latent_of(const InterpolantSpec& spec, const std::string& owner) {
  const std::string& name = spec.latent;
  if (name == "none") return [](double) { return Latent{}; };
  if (name == "brownian") {
    const double a = spec.latent_scale;
    if (!(a > 0) || !std::isfinite(a)) throw ParameterError(fmt::format("{}: the scale a of gamma = sqrt(a t (1 - t)) is {}; it must be above 0", owner, exact(a)));
    return [a](double t) { return Latent{std::sqrt(std::max(0.0, a * t * (1 - t))), 0.5 * a * (1 - 2 * t)}; };
  }
  if (name == "quadratic") return [](double t) { return Latent{t * (1 - t), t * (1 - t) * (1 - 2 * t)}; };
  if (name == "sine-squared")
    return [](double t) {
      const double s = t == 1 ? 0 : std::sin(pi * t);  // sin(pi) is not 0 in doubles
      return Latent{s * s, s * s * pi * 2 * s * std::cos(pi * t)};
    };
  if (name == "sigmoid")
    return [](double t) {
      const double u = 10 * (t - 0.5), end = logistic(-4) - logistic(-6);
      const double up = logistic(u + 1), down = logistic(u - 1), gamma = t == 0 || t == 1 ? 0 : std::max(0.0, up - down - end);
      return Latent{gamma, gamma * 10 * (up * (1 - up) - down * (1 - down))};
    };
  if (name == "own") {
    const auto squared = std::make_shared<const Curve>(spec.gamma_squared, "gamma_squared", owner);
    for (const double t : {0.0, 1.0})
      if (!(std::abs(squared->value(t)) <= 1e-12))
        throw ParameterError(fmt::format("{}: gamma({})^2 = {} for gamma_squared = \"{}\"; it must be 0, or the path does not {}", owner, t, brief(squared->value(t), 6), spec.gamma_squared, t == 0 ? "start in x0" : "end in x1"));
    for (int i = 0; i <= 1000; ++i)
      if (const double t = i / 1000.0; squared->value(t) < -1e-12)
        throw ParameterError(fmt::format("{}: gamma^2 = {} at t = {} for gamma_squared = \"{}\"; it must not be negative", owner, brief(squared->value(t), 6), exact(t), spec.gamma_squared));
    return [squared](double t) { return Latent{t == 0 || t == 1 ? 0 : std::sqrt(std::max(0.0, squared->value(t))), 0.5 * squared->rate(t)}; };
  }
  throw ParameterError(fmt::format("{}: unknown latent '{}'.{}\n  known: {}", owner, name, did_you_mean(name, Interpolant::latents()), join(Interpolant::latents())));
}

}  // namespace

const std::vector<std::string>& Interpolant::paths() {
  static const std::vector<std::string> names{"linear", "trig", "encoding-decoding", "one-sided-linear", "one-sided-trig", "mirror", "own"};
  return names;
}
const std::vector<std::string>& Interpolant::latents() {
  static const std::vector<std::string> names{"none", "brownian", "quadratic", "sine-squared", "sigmoid", "own"};
  return names;
}

bool Interpolant::one_sided() const { return spec_.path == "one-sided-linear" || spec_.path == "one-sided-trig"; }

std::vector<double> Interpolant::breaks() const {
  if (spec_.path == "encoding-decoding") return {0, 0.5, 1};
  return {0, 1};
}

std::string InterpolantSpec::text() const { return fmt::format("{} {} {} ({}; {}; {})", path, latent, exact(latent_scale), alpha, beta, gamma_squared); }

Interpolant::Interpolant(const InterpolantSpec& spec, const std::string& owner) : spec_(spec) {
  const std::string& path = spec.path;
  if (std::find(paths().begin(), paths().end(), path) == paths().end())
    throw ParameterError(fmt::format("{}: unknown path '{}'.{}\n  known: {}", owner, path, did_you_mean(path, paths()), join(paths())));
  const std::function<Latent(double)> latent = latent_of(spec, owner);
  if (spec.latent != "own" && !spec.gamma_squared.empty())
    throw ParameterError(fmt::format("{}: gamma_squared = \"{}\" is given and latent = \"{}\"; leave it out or set latent = \"own\"", owner, spec.gamma_squared, spec.latent));
  if (path != "own" && !(spec.alpha.empty() && spec.beta.empty()))
    throw ParameterError(fmt::format("{}: a formula of alpha or beta is given and path = \"{}\"; leave it out or set path = \"own\"", owner, path));
  const bool silent = spec.latent == "none";
  if (one_sided() && !silent)
    throw ParameterError(fmt::format("{}: path = \"{}\" has x0 for its noise and latent = \"{}\"; set latent = \"none\", or take path = \"{}\"", owner, path, spec.latent, path == "one-sided-trig" ? "trig" : "linear"));
  if (path == "mirror" && silent) throw ParameterError(fmt::format("{}: path = \"mirror\" with gamma = 0 does not move: x_t = x1 at all times. Give a latent other than \"none\"", owner));
  if (path == "encoding-decoding" && silent)
    throw ParameterError(fmt::format("{}: path = \"encoding-decoding\" with gamma = 0 has no density at t = 1/2, where alpha = beta = 0. Give a latent other than \"none\"", owner));

  if (path == "linear" || path == "one-sided-linear") {
    at_ = [latent](double t) {
      const Latent g = latent(t);
      return Coefficients{1 - t, -1, t, 1, g.gamma, g.product};
    };
  } else if (path == "trig" || path == "one-sided-trig") {
    for (int i = 0; i <= 1000; ++i)
      if (const double t = i / 1000.0, gamma = latent(t).gamma; !(gamma < 1 - 1e-9))
        throw ParameterError(fmt::format("{}: path = \"trig\" divides what gamma leaves of 1: gamma = {} at t = {}; it must stay below 1{}", owner, brief(gamma, 6), exact(t),
                                         spec.latent == "brownian" ? fmt::format(". Give a latent_scale below 4 (it is {})", exact(spec.latent_scale)) : ". Take another latent or path = \"linear\""));
    at_ = [latent](double t) {
      const Latent g = latent(t);
      const double rest = std::sqrt(1 - g.gamma * g.gamma), fall = -g.product / rest;
      const double c = t == 1 ? 0 : std::cos(pi * t / 2), s = std::sin(pi * t / 2);
      return Coefficients{rest * c, fall * c - rest * pi / 2 * s, rest * s, fall * s + rest * pi / 2 * c, g.gamma, g.product};
    };
  } else if (path == "encoding-decoding") {
    at_ = [latent](double t) {
      const Latent g = latent(t);
      const double c = std::cos(pi * t), value = t == 0.5 ? 0 : c * c, rate = t == 0.5 ? 0 : -2 * pi * c * std::sin(pi * t);
      return t <= 0.5 ? Coefficients{value, rate, 0, 0, g.gamma, g.product} : Coefficients{0, 0, value, rate, g.gamma, g.product};
    };
  } else if (path == "mirror") {
    at_ = [latent](double t) {
      const Latent g = latent(t);
      return Coefficients{0, 0, 1, 0, g.gamma, g.product};
    };
  } else {
    const auto alpha = std::make_shared<const Curve>(spec.alpha, "alpha", owner), beta = std::make_shared<const Curve>(spec.beta, "beta", owner);
    const auto expect = [&](const Curve& curve, const char* name, double t, double value) {
      if (!(std::abs(curve.value(t) - value) <= 1e-12))
        throw ParameterError(fmt::format("{}: {}({}) = {}; it must be {}, or I({}) is not {}", owner, name, t, brief(curve.value(t), 6), value, t, t == 0 ? "x0" : "x1"));
    };
    expect(*alpha, "alpha", 0, 1);
    expect(*beta, "beta", 0, 0);
    expect(*alpha, "alpha", 1, 0);
    expect(*beta, "beta", 1, 1);
    at_ = [latent, alpha, beta](double t) {
      const Latent g = latent(t);
      return Coefficients{alpha->value(t), alpha->rate(t), beta->value(t), beta->rate(t), g.gamma, g.product};
    };
  }
}

}  // namespace meso::generative

#include "kits/neuron/gain.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "base/error.h"
#include "base/text.h"

namespace meso::neuron {
namespace {

constexpr double root_pi = 1.7724538509055160273;

// ---- single-precision vector code ------------------------------------------------------------------------------------
// Plain loops over arrays, one formula without branches per element: the compiler fills whatever registers there are, and each element
// is the same chain of single additions and multiplications at any width.

/// 2^n for whole n in [-126, 127].
inline float power_of_two(float n) { return std::bit_cast<float>((static_cast<std::int32_t>(n) + 127) << 23); }

/// e^x - 1 for -18 <= x <= 0.7. Argument reduced by ln 2, Taylor polynomial on [-ln2/2, ln2/2].
inline float expm1_reduced(float x) {
  const float magic = 12582912.0f;  // 1.5 2^23: adding it rounds to whole numbers
  const float n = (x * 1.44269504f + magic) - magic;
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.98412698e-4f;
  p = p * r + 1.38888889e-3f;
  p = p * r + 8.33333333e-3f;
  p = p * r + 4.16666667e-2f;
  p = p * r + 1.66666667e-1f;
  p = p * r + 0.5f;
  p = p * r * r + r;  // e^r - 1
  const float scale = power_of_two(n);
  return scale * p + (scale - 1.0f);
}

inline float tanh_of(float x) {
  const float a = std::min(std::abs(x), 9.0f);  // tanh(9) is 1 in single precision
  const float e = expm1_reduced(-2.0f * a);
  const float t = -e / (2.0f + e);
  return std::copysign(t, x);
}

/// Abramowitz and Stegun 7.1.26 is too coarse; the series below 1 and a rational tail would branch: erf goes through the library, element by element.
inline float erf_of(float x) { return static_cast<float>(std::erf(0.5 * root_pi * static_cast<double>(x))); }

}  // namespace

std::vector<std::string> Gain::names() { return {"tanh", "erf", "linear", "clipped", "sine", "threshold-linear"}; }

Gain::Gain(const std::string& text) : text_(trim(text)) {
  const std::vector<std::string> known = names();
  const auto named = std::find(known.begin(), known.end(), text_);
  if (named != known.end()) {
    kind_ = static_cast<Kind>(named - known.begin());
    examine();
    return;
  }
  kind_ = Kind::formula;
  const auto complain = [&](const std::string& why) { throw ModelError("gain '" + text_ + "' " + why + "." + did_you_mean(text_, known) + " Allowed: " + join(known) + ", or a formula in x such as x/(1 + abs(x))"); };
  if (text_.empty()) complain("is empty");
  num::Formula formula = num::Formula::constant(0);
  try {
    formula = num::Formula::parse(text_);
  } catch (const ModelError& error) {
    complain(std::string("does not read as a formula: ") + error.what());
  }
  for (const std::string& name : formula.variables())
    if (name != "x") complain("has the variable '" + name + "', and x is the only one");
  const std::array<std::string, 1> slots{"x"};
  value_ = num::Program(formula, slots);
  slope_ = num::Program(formula.derivative("x"), slots);
  examine();
  for (int k = 0; k <= 80; ++k) {
    const double x = -10 + 0.25 * k;
    if (!std::isfinite((*this)(x))) complain("is not finite at x = " + brief(x));
  }
}

double Gain::operator()(double x) const {
  switch (kind_) {
    case Kind::tanh: return std::tanh(x);
    case Kind::erf: return std::erf(0.5 * root_pi * x);
    case Kind::linear: return x;
    case Kind::clipped: return std::clamp(x, -1.0, 1.0);
    case Kind::sine: return std::sin(x);
    case Kind::threshold_linear: return std::max(x, 0.0);
    case Kind::formula: break;
  }
  return value_.run(&x);
}

double Gain::slope(double x) const {
  switch (kind_) {
    case Kind::tanh: {
      const double t = std::tanh(x);
      return 1 - t * t;
    }
    case Kind::erf: return std::exp(-0.25 * std::numbers::pi * x * x);
    case Kind::linear: return 1;
    case Kind::clipped: return std::abs(x) < 1 ? 1 : 0;
    case Kind::sine: return std::cos(x);
    case Kind::threshold_linear: return x > 0 ? 1 : x < 0 ? 0 : 0.5;
    case Kind::formula: break;
  }
  return slope_.run(&x);
}

void Gain::examine() {
  odd_ = true;
  for (int k = 0; k <= 400; ++k) {
    const double x = 0.05 * k, up = (*this)(x), down = (*this)(-x);
    if (!(std::abs(up + down) <= 1e-12 * (1 + std::abs(up)))) odd_ = false;
  }
  bounded_ = true;
  for (const double side : {-1.0, 1.0})
    if (!(std::abs((*this)(side * 1e6) - (*this)(side * 1e3)) < 1e-3) && kind_ != Kind::sine) bounded_ = false;
}

void Gain::apply(std::span<const float> in, std::span<float> out) const {
  const std::size_t n = in.size();
  const float* x = in.data();
  float* y = out.data();
  switch (kind_) {
    case Kind::tanh:
      for (std::size_t i = 0; i < n; ++i) y[i] = tanh_of(x[i]);
      return;
    case Kind::erf:
      for (std::size_t i = 0; i < n; ++i) y[i] = erf_of(x[i]);
      return;
    case Kind::linear:
      std::copy(x, x + n, y);
      return;
    case Kind::clipped:
      for (std::size_t i = 0; i < n; ++i) y[i] = std::min(std::max(x[i], -1.0f), 1.0f);
      return;
    case Kind::sine:
      for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<float>(std::sin(static_cast<double>(x[i])));
      return;
    case Kind::threshold_linear:
      for (std::size_t i = 0; i < n; ++i) y[i] = std::max(x[i], 0.0f);
      return;
    case Kind::formula:
      for (std::size_t i = 0; i < n; ++i) {
        const double argument = x[i];
        y[i] = static_cast<float>(value_.run(&argument));
      }
  }
}

GaussianAverages::GaussianAverages(const Gain& gain, double variance, std::size_t components) : variance_(variance) {
  const double s = std::sqrt(variance);
  if (!(s > 0)) {
    const double at0 = gain(0);
    mean_ = at0;
    square_ = at0 * at0;
    slope_ = gain.slope(0);
    power_ = {square_};
    component_ = {at0};
    return;
  }
  // Trapezoid in z: spectral for smooth integrands. With s <= 1 a step of 1/32 resolves He_m up to m = 1000; steeper gains need steps of a
  // fraction of 1/s, the width of the strip in which phi(s z) is analytic. The weight is 3e-17 of its peak at |z| = 8.7; with He_m, m = 1000, at 12.
  const double step = 1.0 / std::min(4096.0, std::ceil(32 * std::max(1.0, s / 4))), end = 12.5;
  const auto half = static_cast<std::ptrdiff_t>(end / step);
  std::vector<double> component(components, 0.0);
  const bool odd = gain.is_odd();  // one side is enough, and even components are zero
  for (std::ptrdiff_t k = odd ? 1 : -half; k <= half; ++k) {
    const double z = step * static_cast<double>(k), weight = (odd ? 2 : 1) * step * std::exp(-0.25 * z * z) / std::sqrt(2 * std::numbers::pi), phi = gain(s * z);
    const double root = std::exp(-0.25 * z * z);  // he_m e^{-z^2/4} stays of order one
    if (!odd) mean_ += weight * root * phi;
    square_ += weight * root * phi * phi;
    double before = 0, now = root;  // normalised: he_{m+1} = (z he_m - sqrt(m) he_{m-1})/sqrt(m+1)
    for (std::size_t m = 0; m < components; ++m) {
      component[m] += weight * phi * now;
      const double next = (z * now - std::sqrt(static_cast<double>(m)) * before) / std::sqrt(static_cast<double>(m + 1));
      before = now;
      now = next;
    }
  }
  if (odd)
    for (std::size_t m = 0; m < components; m += 2) component[m] = 0;
  slope_ = components > 1 ? component[1] / s : 0;
  component_ = component;
  double sum = 0;
  for (double& c : component) sum += c *= c;
  missing_ = std::max(0.0, square_ - sum);
  if (missing_ < 1e-13 * square_) missing_ = 0;
  while (component.size() > 1 && component.back() < 1e-20 * square_) component.pop_back();
  component_.resize(component.size());
  power_ = std::move(component);
}

// What is missing sits in components beyond the last: it is spread as p_m ~ m^(-5/2), the law of a kink, approximated by one component at 1.5 times
// their number, so that c = variance is exact and the integral is right to the error that the header names.
double GaussianAverages::covariance(double c) const {
  if (!(variance_ > 0)) return square_;
  const double r = std::clamp(c / variance_, -1.0, 1.0);
  double sum = 0;
  for (std::size_t m = power_.size(); m-- > 0;) sum = sum * r + power_[m];
  return missing_ > 0 ? sum + missing_ * std::pow(std::abs(r), 1.5 * static_cast<double>(power_.size())) * (r < 0 ? -1 : 1) : sum;
}

double GaussianAverages::covariance_slope(double c) const {
  if (!(variance_ > 0)) return slope_ * slope_;
  const double r = std::clamp(c / variance_, -1.0, 1.0);
  double sum = 0;
  for (std::size_t m = power_.size(); m-- > 1;) sum = sum * r + static_cast<double>(m) * power_[m];
  return sum / variance_;
}

double GaussianAverages::integral(double c) const {
  if (!(variance_ > 0)) return square_ * c;
  const double r = std::clamp(c / variance_, -1.0, 1.0);
  double sum = 0;
  for (std::size_t m = power_.size(); m-- > 0;) sum = sum * r + power_[m] / static_cast<double>(m + 1);
  const double tail = 1.5 * static_cast<double>(power_.size());
  return variance_ * (sum * r + (missing_ > 0 ? missing_ * std::pow(std::abs(r), tail + 1) / (tail + 1) : 0.0));
}

}  // namespace meso::neuron

#include "kits/field/potential.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "kits/field/kernels.h"

namespace meso::field {
namespace {

using num::Formula;
using num::Op;

// b of sin(b phi) or sin(phi); false if the argument is no multiple of phi.
bool multiple_of_phi(const Formula& f, double& factor) {
  const std::vector<std::string> names{"phi"};
  std::map<std::vector<int>, double> terms;
  if (!f.polynomial(names, terms) || terms.size() != 1 || terms.begin()->first != std::vector<int>{1}) return false;
  factor = terms.begin()->second;
  return true;
}

// a sin(b phi) in any order of its constant factors and signs.
bool as_sine(const Formula& f, double& amplitude, double& wave) {
  const Formula::Node& node = *f.root();
  double constant = 0;
  switch (node.op) {
    case Op::sin:
      amplitude = 1;
      return multiple_of_phi(node.args[0], wave);
    case Op::negate:
      if (!as_sine(node.args[0], amplitude, wave)) return false;
      amplitude = -amplitude;
      return true;
    case Op::multiply:
      for (const int side : {0, 1})
        if (node.args[static_cast<std::size_t>(side)].is_constant(&constant) && as_sine(node.args[static_cast<std::size_t>(1 - side)], amplitude, wave)) {
          amplitude *= constant;
          return true;
        }
      return false;
    case Op::divide:
      if (!node.args[1].is_constant(&constant) || !as_sine(node.args[0], amplitude, wave)) return false;
      amplitude /= constant;
      return true;
    default:
      return false;
  }
}

}  // namespace

Potential::Potential(const num::Formula& v) : text_(v.text()) {
  for (const std::string& name : v.variables())
    if (name != "phi") throw ModelError(fmt::format("the potential '{}' names '{}', which is neither phi nor a constant.{}", text_, name, did_you_mean(name, std::vector<std::string>{"phi"})));
  const std::vector<std::string> slots{"phi"};
  const Formula dv = v.derivative("phi");
  v_ = num::Program(v, slots);
  dv_ = num::Program(dv, slots);
  d2v_ = num::Program(dv.derivative("phi"), slots);
  std::map<std::vector<int>, double> terms;
  if (dv.polynomial(slots, terms)) {
    kind_ = Kind::polynomial;
    int degree = 0;
    for (const auto& [power, value] : terms) degree = std::max(degree, power[0]);
    coefficients_.assign(static_cast<std::size_t>(degree) + 1, 0.0);
    for (const auto& [power, value] : terms) coefficients_[static_cast<std::size_t>(power[0])] = value;
  } else if (as_sine(dv, amplitude_, wave_)) {
    kind_ = Kind::sine;
  }
}

Potential Potential::formula(const std::string& text, const std::map<std::string, double>& constants) {
  const num::Formula parsed = num::Formula::parse(text);
  std::vector<std::string> known{"phi"};
  for (const auto& [name, value] : constants) known.push_back(name);
  for (const std::string& name : parsed.variables())
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw ModelError(fmt::format("the potential '{}' names '{}', which is neither phi nor a constant (known: {}).{}", text, name, join(known), did_you_mean(name, known)));
  return Potential(parsed.substitute(constants));
}

Potential Potential::linear(double m) {
  if (!(m >= 0)) throw ParameterError(fmt::format("m = {}: the mass of the linear field must not be negative", exact(m)));
  return formula("m^2*phi^2/2", {{"m", m}});
}

Potential Potential::phi4(double lambda, double v) {
  if (!(v > 0)) throw ParameterError(fmt::format("v = {}: the vacua of phi^4 are at +-v, so v must be positive", exact(v)));
  if (!(lambda > 0)) throw ParameterError(fmt::format("lambda = {}: the phi^4 potential is bounded below for lambda > 0 only", exact(lambda)));
  return formula("lambda/4*(phi^2 - v^2)^2", {{"lambda", lambda}, {"v", v}});
}

Potential Potential::sine_gordon() { return formula("1 - cos(phi)"); }

Potential Potential::interpreted() const {
  Potential plain = *this;
  plain.kind_ = Kind::program;
  return plain;
}

void Potential::slopes(std::span<const double> phi, std::span<double> out) const {
  switch (kind_) {
    case Kind::polynomial: return kernels::polynomial(phi.data(), coefficients_.data(), coefficients_.size() - 1, out.data(), phi.size());
    case Kind::sine: return kernels::sine(phi.data(), amplitude_, wave_, out.data(), phi.size());
    case Kind::program:
      for (std::size_t i = 0; i < phi.size(); ++i) out[i] = dv_.run(&phi[i]);
  }
}

double Potential::sum(std::span<const double> phi) const {
  double total = 0;
  for (const double x : phi) total += v_.run(&x);
  return total;
}

double Potential::stiffest(double lo, double hi) const {
  double most = 0;
  for (int i = 0; i <= 2000; ++i) most = std::max(most, curvature(lo + (hi - lo) * i / 2000.0));
  return most;
}

double Potential::minimum_near(double start, bool& found) const {
  double x = start;
  found = false;
  for (int i = 0; i < 500; ++i) {
    const double s = slope(x), c = curvature(x);
    if (!std::isfinite(s) || !std::isfinite(c)) return start;
    double step = c > 0 ? -s / c : -std::copysign(std::min(0.1, std::abs(s)), s);
    step = std::clamp(step, -0.5, 0.5);
    x += step;
    if (std::abs(step) < 1e-14 * std::max(1.0, std::abs(x))) {
      found = curvature(x) >= 0 && std::abs(slope(x)) < 1e-9;
      return x;
    }
  }
  return x;
}

}  // namespace meso::field

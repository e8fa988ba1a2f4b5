#include "num/interval.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"

namespace meso::num {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr Interval everything{-inf, inf};

double times(double a, double b) { return a == 0 || b == 0 ? 0 : a * b; }  // 0 * inf: the factor that is 0 stays 0 within its interval

Interval product(Interval a, Interval b) {
  const double p[] = {times(a.lo, b.lo), times(a.lo, b.hi), times(a.hi, b.lo), times(a.hi, b.hi)};
  return {*std::min_element(p, p + 4), *std::max_element(p, p + 4)};
}

Interval quotient(Interval a, Interval b) {
  if (b.lo <= 0 && b.hi >= 0) return everything;
  return product(a, {1 / b.hi, 1 / b.lo});
}

template <class F>
Interval rising(Interval a, F f) {
  return {f(a.lo), f(a.hi)};
}

Interval integer_power(Interval a, int n) {
  if (n < 0) return quotient({1, 1}, integer_power(a, -n));
  const double low = std::pow(a.lo, n), high = std::pow(a.hi, n);
  if (n % 2 == 1) return {low, high};
  if (a.lo <= 0 && a.hi >= 0) return {0, std::max(low, high)};
  return {std::min(low, high), std::max(low, high)};
}

Interval power(Interval a, Interval b) {
  if (b.lo == b.hi && b.lo == std::floor(b.lo) && std::abs(b.lo) <= 1024) return b.lo == 0 ? Interval{1, 1} : integer_power(a, static_cast<int>(b.lo));
  if (a.lo < 0) return everything;
  if (a.lo == 0 && b.lo < 0) return everything;
  const double p[] = {std::pow(a.lo, b.lo), std::pow(a.lo, b.hi), std::pow(a.hi, b.lo), std::pow(a.hi, b.hi)};
  return {*std::min_element(p, p + 4), *std::max_element(p, p + 4)};
}

/// sin over [a.lo, a.hi], the phase shifted by `shift` (pi/2 for cos).
Interval sine(Interval a, double shift) {
  if (!(std::abs(a.lo) < 1e15 && std::abs(a.hi) < 1e15) || a.hi - a.lo >= 2 * std::numbers::pi) return {-1, 1};
  const double lo = a.lo + shift, hi = a.hi + shift, u = std::sin(lo), v = std::sin(hi);
  Interval result{std::min(u, v), std::max(u, v)};
  const auto contains = [&](double phase) { return std::floor((hi - phase) / (2 * std::numbers::pi) + 1e-12) >= std::ceil((lo - phase) / (2 * std::numbers::pi) - 1e-12); };
  if (contains(std::numbers::pi / 2)) result.hi = 1;
  if (contains(-std::numbers::pi / 2)) result.lo = -1;
  return result;
}

Interval apply(Op op, Interval a, Interval b, Interval c) {
  switch (op) {
    case Op::add: return {a.lo + b.lo, a.hi + b.hi};
    case Op::subtract: return {a.lo - b.hi, a.hi - b.lo};
    case Op::multiply: return product(a, b);
    case Op::divide: return quotient(a, b);
    case Op::negate: return {-a.hi, -a.lo};
    case Op::power: return power(a, b);
    case Op::exp: return rising(a, [](double x) { return std::exp(x); });
    case Op::log: return a.lo < 0 ? everything : rising(a, [](double x) { return std::log(x); });
    case Op::sqrt: return a.lo < 0 ? everything : rising(a, [](double x) { return std::sqrt(x); });
    case Op::sin: return sine(a, 0);
    case Op::cos: return sine(a, std::numbers::pi / 2);
    case Op::tan: return quotient(sine(a, 0), sine(a, std::numbers::pi / 2));
    case Op::tanh: return rising(a, [](double x) { return std::tanh(x); });
    case Op::sinh: return rising(a, [](double x) { return std::sinh(x); });
    case Op::cosh: {
      const double u = std::cosh(a.lo), v = std::cosh(a.hi);
      return {a.lo <= 0 && a.hi >= 0 ? 1 : std::min(u, v), std::max(u, v)};
    }
    case Op::asin: return a.lo < -1 || a.hi > 1 ? everything : rising(a, [](double x) { return std::asin(x); });
    case Op::acos: return a.lo < -1 || a.hi > 1 ? everything : Interval{std::acos(a.hi), std::acos(a.lo)};
    case Op::atan: return rising(a, [](double x) { return std::atan(x); });
    case Op::asinh: return rising(a, [](double x) { return std::asinh(x); });
    case Op::acosh: return a.lo < 1 ? everything : rising(a, [](double x) { return std::acosh(x); });
    case Op::atanh: return a.lo < -1 || a.hi > 1 ? everything : rising(a, [](double x) { return std::atanh(x); });
    case Op::factorial: return a.lo < 1 ? everything : rising(a, [](double x) { return std::tgamma(x + 1); });  // rising from 0.47 on
    case Op::abs:
      if (a.lo <= 0 && a.hi >= 0) return {0, std::max(-a.lo, a.hi)};
      return {std::min(std::abs(a.lo), std::abs(a.hi)), std::max(std::abs(a.lo), std::abs(a.hi))};
    case Op::sign: return rising(a, [](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; });
    case Op::floor: return rising(a, [](double x) { return std::floor(x); });
    case Op::min: return {std::min(a.lo, b.lo), std::min(a.hi, b.hi)};
    case Op::max: return {std::max(a.lo, b.lo), std::max(a.hi, b.hi)};
    case Op::less: return {a.hi < b.lo ? 1.0 : 0.0, a.lo < b.hi ? 1.0 : 0.0};
    case Op::less_equal: return {a.hi <= b.lo ? 1.0 : 0.0, a.lo <= b.hi ? 1.0 : 0.0};
    case Op::equal: return {a.lo == a.hi && b.lo == b.hi && a.lo == b.lo ? 1.0 : 0.0, a.lo <= b.hi && b.lo <= a.hi ? 1.0 : 0.0};
    case Op::select:
      if (a.lo > 0 || a.hi < 0) return b;
      if (a.lo == 0 && a.hi == 0) return c;
      return {std::min(b.lo, c.lo), std::max(b.hi, c.hi)};
    case Op::number:
    case Op::variable: break;
  }
  return everything;
}

}  // namespace

IntervalProgram::IntervalProgram(const Formula& formula, std::span<const std::string> slots) {
  const auto emit = [&](const auto& self, const Formula& f) -> void {
    const Formula::Node& n = *f.root();
    for (const Formula& argument : n.args) self(self, argument);
    std::uint32_t slot = 0;
    if (n.op == Op::variable) {
      const auto at = std::find(slots.begin(), slots.end(), n.name);
      if (at == slots.end()) throw ModelError("'" + n.name + "' in the formula '" + formula.text() + "' is not known");
      slot = static_cast<std::uint32_t>(at - slots.begin());
    }
    code_.push_back({n.op, slot, n.op == Op::number ? n.value : static_cast<double>(n.args.size())});
  };
  emit(emit, formula);
}

Interval IntervalProgram::operator()(std::span<const Interval> values) const {
  static thread_local std::vector<Interval> stack;
  stack.clear();
  for (const Instruction& i : code_) {
    if (i.op == Op::number) {
      stack.push_back({i.value, i.value});
      continue;
    }
    if (i.op == Op::variable) {
      stack.push_back(values[i.slot]);
      continue;
    }
    const auto count = static_cast<std::size_t>(i.value);
    const Interval* first = &stack[stack.size() - count];
    Interval result = apply(i.op, first[0], count > 1 ? first[1] : Interval{}, count > 2 ? first[2] : Interval{});
    if (std::isnan(result.lo) || std::isnan(result.hi)) result = everything;
    stack.resize(stack.size() - count);
    stack.push_back(result);
  }
  return stack.back();
}

std::optional<double> first_change(const Program& condition, const IntervalProgram& bounds, std::span<double> values, std::size_t moving, double from, double to) {
  const auto holds = [&](double at) {
    values[moving] = at;
    return condition(values) != 0;
  };
  const bool now = holds(from);
  std::vector<Interval> box(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) box[i] = {values[i], values[i]};
  const auto search = [&](const auto& self, double a, double b) -> std::optional<double> {
    box[moving] = {a, b};
    const Interval value = bounds(box);
    if (now ? value.lo > 0 || value.hi < 0 : value.lo == 0 && value.hi == 0) return std::nullopt;
    const double middle = a + (b - a) / 2;
    if (!(middle > a && middle < b)) return holds(b) != now ? std::optional(b) : std::nullopt;
    if (const auto left = self(self, a, middle)) return left;
    return self(self, middle, b);
  };
  if (!(to > from)) return std::nullopt;
  if (std::isfinite(to)) return search(search, from, to);
  // An open end: doubling pieces, as far as a double reaches.
  double a = from;
  for (double width = std::max(1.0, std::abs(from)); std::isfinite(a + width); width *= 2) {
    if (const auto found = search(search, a, a + width)) return found;
    a += width;
    if (width > 1e300) break;
  }
  return std::nullopt;
}

}  // namespace meso::num

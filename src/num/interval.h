// Interval arithmetic on formulas: rigorous bounds of a formula over a box of its variables. What an exact thinning of a
// time-dependent intensity and a search for the first change of a condition stand on.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "num/formula.h"

namespace meso::num {

/// A closed interval; infinite ends are allowed.
struct Interval {
  double lo = 0, hi = 0;
};

/// A formula compiled for intervals. Thread-safe. Every value of the formula over the box, where it is a number, lies in the result;
/// where the formula is undefined somewhere in the box (1/x across 0, log of a negative number) the result is the whole line.
/// Rounding: ends are correct to a few units in the last place, not outwards; widen where the last bit matters.
/// Source: Moore, Kearfott and Cloud, Introduction to Interval Analysis (2009), ch. 5.
class IntervalProgram {
 public:
  IntervalProgram() = default;
  /// @throws ModelError for a variable without a slot
  IntervalProgram(const Formula& formula, std::span<const std::string> slots);
  [[nodiscard]] Interval operator()(std::span<const Interval> values) const;

 private:
  struct Instruction {
    Op op;
    std::uint32_t slot;
    double value;
  };
  std::vector<Instruction> code_;
};

/// First double in (from, to] at which `condition` (a formula that is 0 or not 0) differs from its value at `from`, with only the slot
/// `moving` of `values` varying; nothing if it keeps its value. Bisection on interval bounds: no change is stepped over.
/// @param values  the other slots; [moving] is used as scratch
[[nodiscard]] std::optional<double> first_change(const Program& condition, const IntervalProgram& bounds, std::span<double> values, std::size_t moving, double from, double to);

}  // namespace meso::num

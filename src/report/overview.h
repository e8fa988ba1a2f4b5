// What every form of a report needs to know about the results: who was compared with whom, over which sweep.
#pragma once

#include <string>
#include <vector>

#include "model/results.h"
#include "report/look.h"

namespace meso::report {

/// A swept parameter: its distinct values in increasing order. `log` says that they lie more evenly on a logarithmic scale.
struct SweepAxis {
  std::string name, unit;
  std::vector<double> values;
  bool log = false;
};

/// How the points of a study are laid out: one point; along one axis; a grid over two; or a list without such an order
/// (three and more swept parameters, words as values, pairs that fill less than half of their grid).
enum class Layout { single, line, grid, list };

/// An unbroken stretch of points, in the order of the axis, with one outcome.
struct Stretch {
  Outcome outcome;
  std::size_t first = 0, last = 0;  ///< positions in Overview::order
};

/// Views into `results`, which must outlive it.
struct Overview {
  explicit Overview(const Results& results);

  const Results& results;
  std::vector<std::string> references;   ///< labels of reference levels, in order of appearance
  std::vector<std::string> candidates;   ///< labels that were judged
  std::vector<std::string> observables;  ///< names that were judged or asked
  Layout layout = Layout::single;
  std::vector<SweepAxis> axes;           ///< numeric swept parameters
  std::vector<std::size_t> order;        ///< points along the axis (line), or as they come
  std::vector<std::vector<std::size_t>> cell;  ///< grid: per point, its index on each axis

  /// The verdict, or null if none was asked there. For one observable judged twice at a point the worse one.
  [[nodiscard]] const Verdict* verdict(std::size_t point, const std::string& label, const std::string& observable) const;
  /// Position in Results::verdicts, or npos.
  [[nodiscard]] std::size_t verdict_index(std::size_t point, std::size_t label, std::size_t observable) const { return index_[(point * candidates.size() + label) * observables.size() + observable]; }
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

  /// False if no point has a verdict on it: the study did not ask.
  [[nodiscard]] bool judged(const std::string& label, const std::string& observable) const;

  [[nodiscard]] std::string unit_of_parameter(const std::string& name) const;
  [[nodiscard]] std::string unit_of_observable(const std::string& name) const;
  /// "volume=4, k4=6.75" of the swept parameters at a point; "" without a sweep.
  [[nodiscard]] std::string place(std::size_t point) const;
  /// Same stretches along `order`; points without a verdict are left out.
  [[nodiscard]] std::vector<Stretch> stretches(const std::string& label, const std::string& observable) const;
  /// "5 % of the scale", "0.01", "10 % (X.mean), 30 % (X.variance) of the scale", or "see each verdict".
  [[nodiscard]] std::string margin() const;
  /// "fsp", "ssa (16,384 trajectories)", "fsp or ssa".
  [[nodiscard]] std::string reference() const;
  /// "X.mean agrees", "X.mean broken at volume 0.5 to 2.1, agrees at 2.4 to 200", "X.mean agrees at 31, disagrees at 9 of 40 points".
  [[nodiscard]] std::string finding(const std::string& label, const std::string& observable) const;
  /// "quantiles 3.58 to agree, 4.1 to 4.3 to disagree", or "no sampling error" where every level is solved.
  [[nodiscard]] std::string quantiles() const;

 private:
  std::vector<std::size_t> index_;
};

/// "X.mean (molecules)"; the unit "1" is written "dimensionless".
[[nodiscard]] std::string with_unit(const std::string& name, const std::string& unit);

/// "t=2, n=4".
[[nodiscard]] std::string place_text(const std::map<std::string, double>& where);

/// "[0.6, 1.3]", "" if neither is finite; an unknown end is "?".
[[nodiscard]] std::string interval(const Verdict& verdict);

}  // namespace meso::report

// What a study leaves behind: answers of every level at every point, and the verdicts. Values only; the engine (study)
// fills it, io writes and reads it (results.h5, verdicts.csv, JSON), the report is made from it alone.
#pragma once

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/level.h"
#include "model/system.h"

namespace meso {

enum class Outcome { agrees, disagrees, undecided, broken, absent };
[[nodiscard]] const char* to_text(Outcome outcome);
/// @throws InputError for another word
[[nodiscard]] Outcome outcome_from_text(const std::string& text);

/// One entry: (point, candidate, observable). `low` and `high` are the interval of |candidate - reference| in units of the
/// margin at the worst point (docs/verdict.md).
struct Verdict {
  std::size_t point = 0;                ///< index into Results::points
  std::string level, label, observable;
  Outcome outcome = Outcome::undecided;
  double low = std::numeric_limits<double>::quiet_NaN(), high = std::numeric_limits<double>::quiet_NaN();
  std::map<std::string, double> where;  ///< worst point, e.g. {"t", 2}
  double margin = std::numeric_limits<double>::quiet_NaN(), scale = std::numeric_limits<double>::quiet_NaN();
  double confidence = 0.99;
  double quantile = 0;                  ///< used for `agrees` (corrected over entries and looks)
  double quantile_disagree = 0;         ///< used for `disagrees` (corrected over points too)
  int look = 1;                         ///< round in which it was decided (or the last one)
  std::optional<double> needed;         ///< trajectories that would decide it
  std::string reason;                   ///< why undecided / broken / absent; "" otherwise
  std::vector<std::string> remarks;     ///< "numerical error estimated", "reference is bimodal (modes 4 and 29, slow time 45)"
  std::optional<std::string> order_check;
};

/// A level as a study asked it.
struct LevelResult {
  LevelInfo info;
  std::string label;                    ///< unique in a study: "normal-2"
  Table options;                        ///< resolved
  bool is_reference = false;
  std::uint64_t samples = 0;
  double seconds = 0;                   ///< provenance only
  Answer answer;
};

struct PointResult {
  Table parameters;                     ///< resolved: every parameter
  std::vector<LevelResult> levels;      ///< the reference first
  [[nodiscard]] const LevelResult* find(const std::string& label) const;
  [[nodiscard]] const LevelResult* reference() const;
};

/// A measured order of a level's error in its small parameter over a sweep (VERDICT section 6).
struct OrderFit {
  std::string label, observable, parameter;
  double order = 0, std_error = 0, expected = 0;
  std::vector<double> x, difference, difference_se;  ///< points used; differences relative to the reference, over a path where it peaks
  std::string text;                     ///< "order 1.02 +- 0.03 in 1/volume (expected 1)" or why none is given
};

/// A place in a sweep where a verdict changes: between two neighbouring points of one line of the sweep.
struct Edge {
  std::string label, observable;
  std::string parameter;                ///< along which the line runs
  std::map<std::string, double> others; ///< the other swept parameter, if there is one
  double low = 0, high = 0;             ///< the bracket
  Outcome below = Outcome::undecided, above = Outcome::undecided;  ///< outcomes at its ends
  bool refined = false;                 ///< the bracket is as narrow as the study asked
  std::map<std::string, std::pair<double, double>> reference;  ///< means of the reference at both ends (stationary: exact mean amounts; over time: at the last time)
};

/// Bifurcation diagram of one level: its steady states over a range of one parameter.
struct Diagram {
  std::string label;                    ///< "normal-2"
  std::string parameter;
  double from = 0, to = 0;
  bool log = false;
  std::vector<Branch> branches;
};

/// The only part of a results file that may differ between two runs of the same study.
struct Provenance {
  std::string version, git, compiler, host, started;
  unsigned threads = 1, ranks = 1;
  double seconds = 0;
};

struct Results {
  std::string study;                    ///< resolved study as TOML text: runs again to the same bits
  std::string title, system, system_title, time_unit, kind;  ///< kind: run | compare | sweep
  std::uint64_t seed = 1;
  double confidence = 0.99;
  std::vector<std::string> sweep;       ///< swept parameters, in order; empty without a sweep
  std::vector<ParameterInfo> parameters;
  std::vector<ObservableInfo> observables;  ///< asked, with unit and doc
  std::vector<PointResult> points;
  std::vector<Verdict> verdicts;
  std::vector<OrderFit> orders;
  std::vector<Diagram> diagrams;
  std::vector<Edge> edges;              ///< of sweeps over one or two parameters, by label, observable, line and place
  std::vector<std::string> notes;       ///< said in the log: conservation laws, rounded counts, ...
  Provenance provenance;
};

}  // namespace meso

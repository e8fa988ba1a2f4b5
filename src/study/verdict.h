// The verdict: an equivalence test between two estimates, with four outcomes (and `absent`). docs/verdict.md explains it.
//
// Pure: it sees two answers and a criterion, never a system. Quantiles are Student's; guards for skewed signals and for
// signals without variation turn what a normal quantile would get wrong into `undecided` with the reason.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/results.h"

namespace meso {

/// The margin: absolute + relative * scale.
struct Criterion {
  double relative = 0.05, absolute = 0;
  enum class RelativeTo { scale, value, sd } relative_to = RelativeTo::scale;
};

/// Error probabilities of one entry at one look.
struct Alphas {
  double agree = 0.01;     ///< corrected over entries and looks
  double disagree = 0.01;  ///< also over the entry's points
};

struct Judgement {
  Criterion criterion;
  double confidence = 0.99;       ///< of the whole study, for the record
  std::size_t entries = 1;        ///< entries of the study (candidates x observables x points of the sweep)
  int look = 1;                   ///< 1-based round
  bool adaptive = false;          ///< several looks are possible: look r spends alpha / 2^r
  bool certified_only = false;    ///< `bounds = "certified"`: an estimated bound decides nothing
};

/// Judges one (candidate, observable) against the reference of the same point.
/// @param observable  its info gives the scale rule; the reference's answer must hold the observables that the rule names
/// @returns a verdict without `point` (the caller knows it)
[[nodiscard]] Verdict judge(const LevelResult& candidate, const LevelResult& reference, const ObservableInfo& observable, const Judgement& how);

/// Observables beside `observable` that judging it needs from the reference (its scale; the variance for relative-to = "sd").
[[nodiscard]] std::vector<std::string> needed_for(const ObservableInfo& observable, const Criterion& criterion);

/// The error probability that one look of one entry may spend.
[[nodiscard]] double alpha_of(const Judgement& how);

}  // namespace meso

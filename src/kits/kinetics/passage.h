// First-passage times: when does a trajectory first meet a condition?
//
//   <s>.extinction.*   T is the first time at which there are no molecules of s
//   <name>.passage.*   T is the first time at which the condition `name` of the network holds ([network.passage] name = "X >= 20")
//
//   .probability       P(T <= t), over the asked times: the distribution function
//   .restricted-mean   <min(T, t)>, over the asked times
//   .conditional-mean  <T | T <= t>, over the asked times; undefined where nothing has arrived
//   .mean .variance    of T: one number. Where trajectories have not arrived by the last asked time these are not known: NaN, with the
//                      fatal flag `censored` - never the mean of those that happen to have arrived.
//
// A condition that holds at t = 0 has T = 0. Questions over times only. Sampled levels see every event; fsp makes the states that meet
// the condition absorbing, so that P(T <= t) is their probability, with the lost mass as its certified bound.
#pragma once

#include <optional>
#include <string>

#include "kits/kinetics/fsp.h"
#include "kits/kinetics/watched.h"
#include "model/system.h"

namespace meso::kinetics {

struct PassageName {
  enum class Kind { probability, restricted_mean, conditional_mean, mean, variance };
  Kind kind = Kind::probability;
  std::string event;             ///< "X.extinction", "up.passage"
  num::Formula condition;        ///< of species names, 1 or 0
};
[[nodiscard]] std::optional<PassageName> parse_passage(const Network& network, const std::string& name);
[[nodiscard]] std::optional<ObservableInfo> passage_info(const Network& network, const std::string& name);

/// The network's own conditions with the numbers put in. @throws ModelError a wrong name, a condition of the time or of unknown names
[[nodiscard]] std::vector<Passage> bind_passages(const NetworkSpec& spec, const std::map<std::string, double>& numbers);

/// Adds what the ask wants of passages over times, from trajectories of which every reaction is seen; others get a flag that says so.
void add_passages(const Watched& watched, const Ask& ask, Context& context, Answer& answer);
/// The same from the master equation.
void add_passages(const MasterEquation& equation, const Ask& ask, const FspOptions& options, Answer& answer);

}  // namespace meso::kinetics

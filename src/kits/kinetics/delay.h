// Reactions whose products come later.
//
// The reaction starts with its propensity, at time t; it completes at t + tau, with tau drawn from a law at the start. Three conventions:
//
//   "A -> B, k after 2"                    what the net change takes is gone at once, what it gives comes after the delay. "M -> M + P" keeps its M.
//   "E + S -> E + P, k after 2 consuming"  all reactants are gone from the start to the completion, also catalysts: E is busy for that time
//                                          (consuming delayed reaction of Barrio et al. 2006 and Cai 2007)
//   "X -> 0, k after 2 non-consuming"      nothing happens until the completion, when all of the net change happens; the molecules can react otherwise
//                                          meanwhile. A completion that lacks molecules then does not happen (Bratsun et al. 2005).
//
// Sources: Bratsun et al. (2005), doi:10.1073/pnas.0503858102; Barrio et al. (2006), doi:10.1371/journal.pcbi.0020117; Cai (2007), doi:10.1063/1.2710253.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "kits/kinetics/law.h"

namespace meso::kinetics {

enum class DelayKind { net, consuming, non_consuming };

struct DelayText {
  LawText law;
  DelayKind kind = DelayKind::net;
};
/// What follows the rate: cuts "after <law> [consuming | non-consuming]" off `rate`, if it is there. @throws ModelError
[[nodiscard]] std::optional<DelayText> cut_delay(std::string_view& rate);

struct Delay {
  Law law;
  DelayKind kind = DelayKind::net;
  std::vector<std::pair<std::size_t, int>> at_start, at_end;  ///< (species, change)
};

}  // namespace meso::kinetics

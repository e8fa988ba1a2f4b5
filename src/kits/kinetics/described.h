// What a case of this kit was made from: for those who write it down (kits/exchange). A case carries it in `knows`, the one thing in it that
// is made of the description itself.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "kits/kinetics/network.h"
#include "kits/kinetics/process.h"
#include "model/system.h"

namespace meso::kinetics {

/// Goes into Case::knows: the observables of a network, or of a process.
struct Described {
  std::shared_ptr<const Network> network = {};  ///< bound, or
  std::shared_ptr<const Process> process = {};  ///< of a model file, and
  std::shared_ptr<const Network> seen = {};     ///< what is observed of it
  [[nodiscard]] std::optional<ObservableInfo> operator()(const std::string& observable) const;
};

/// nullptr for a case that is neither a network nor a model file.
[[nodiscard]] const Described* described(const Case& bound);

}  // namespace meso::kinetics

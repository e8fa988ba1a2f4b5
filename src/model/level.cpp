#include "model/level.h"

namespace meso {

const char* to_text(Rung rung) {
  switch (rung) {
    case Rung::micro: return "micro";
    case Rung::master: return "master";
    case Rung::moments: return "moments";
    case Rung::mean_field: return "mean-field";
    case Rung::surrogate: return "surrogate";
  }
  return "";
}

const Estimate* Answer::find(std::string_view observable) const {
  for (const Estimate& estimate : estimates)
    if (estimate.observable == observable) return &estimate;
  return nullptr;
}

}  // namespace meso

// Verdicts of the studies.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "systems/generative/stochastic-interpolants/stochastic_interpolants.h"
#include "testing/study_verdicts.h"

namespace meso::systems::stochastic_interpolants {
namespace {

std::map<std::string, Outcome> outcomes(const std::string& file, const std::string& swept = "") { return study_outcomes(system, "generative/stochastic-interpolants", file, swept); }

}  // namespace
}  // namespace meso::systems::stochastic_interpolants

// The synergy study: full trees of up to 15,625 leaves, millions of them.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "study/study_file.h"
#include "systems/networks/budgeted-agents/budgeted_agents.h"

namespace meso::systems::budgeted_agents {
namespace {

TEST(Synergy, TheStudyFindsSynergyExactlyWhereSExceedsBeta) {
  const std::filesystem::path path = std::filesystem::path(MESO_SOURCE_DIR) / "systems/networks/budgeted-agents/studies/synergy.toml";
  const Results results = run_study(read_study(read_toml(path), [](const ModelRequest&) { return system(); }), {.threads = 2});
  const double s = Node{.b = 5, .gamma = 0.9, .rho = 0.2}.organization_exponent();
  for (const Verdict& verdict : results.verdicts)
    if (verdict.label == "recursion") EXPECT_EQ(verdict.outcome, Outcome::agrees) << verdict.reason;
  for (const PointResult& point : results.points) {
    const Estimate& ratio = *point.reference()->answer.find("synergy.ratio");
    const double beta = as_number(point.parameters.at("beta")), z = (ratio.value[0] - 1) / ratio.std_error[0];
    if (std::abs(z) > 6.5) EXPECT_EQ(z > 0, s > beta) << "beta " << beta << ", depth " << as_number(point.parameters.at("depth"));
  }
}

}  // namespace
}  // namespace meso::systems::budgeted_agents

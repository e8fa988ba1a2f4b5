// Verdicts of the studies.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "systems/generative/stochastic-interpolants/stochastic_interpolants.h"
#include "testing/study_verdicts.h"

namespace meso::systems::stochastic_interpolants {
namespace {

std::map<std::string, Outcome> outcomes(const std::string& file, const std::string& swept = "") { return study_outcomes(system, "generative/stochastic-interpolants", file, swept); }

TEST(Studies, OneBridgeSixDescriptions) {
  const auto found = outcomes("card-mixture");
  for (const char* level : {"interpolant", "fokker-planck", "transport", "sde", "ode"})
    for (const char* observable : {"x.mean", "x.variance", "x.distribution"}) EXPECT_EQ(found.at(std::string(level) + " " + observable), Outcome::agrees) << level << " " << observable;
  for (const char* level : {"interpolant", "sde", "ode"}) EXPECT_EQ(found.at(std::string(level) + " mode.weights"), Outcome::agrees) << level;
  for (const char* observable : {"x.mean", "x.variance"}) EXPECT_EQ(found.at(std::string("moments ") + observable), Outcome::agrees) << observable;
  EXPECT_EQ(found.at("moments x.distribution"), Outcome::absent) << "two moments do not tell modes";
}

TEST(Studies, NoiseForgivesAnErrorOfTheVelocity) {  // check 6 as a verdict: KL .017981 at epsilon = 1 and .00178 at 5 by the card, .045 of the flow at each; margin .02
  const auto found = outcomes("field-errors", "epsilon");
  EXPECT_EQ(found.at("fokker-planck kl 0.25"), Outcome::disagrees);
  for (const char* epsilon : {"1", "5"}) EXPECT_EQ(found.at(std::string("fokker-planck kl ") + epsilon), Outcome::agrees) << epsilon;
  for (const char* epsilon : {"0.25", "1", "5"})
    for (const char* flow : {"transport", "ode"}) EXPECT_EQ(found.at(std::string(flow) + " kl " + epsilon), Outcome::disagrees) << flow << " " << epsilon;
}

TEST(Studies, ABridgeIsNotYetTheSchroedingerBridge) {  // check 7 as a verdict: of all couplings only c = .2071 has its variances
  const auto found = outcomes("schroedinger", "coupling");
  for (const char* coupling : {"0", "0.1", "0.3"}) EXPECT_EQ(found.at(std::string("exact x.variance ") + coupling), Outcome::disagrees) << coupling;
  EXPECT_EQ(found.at("exact x.variance 0.207107"), Outcome::agrees);
  EXPECT_EQ(found.at("exact x.distribution 0.207107"), Outcome::agrees);
}

TEST(Studies, Latent) {
  const auto found = outcomes("latent", "latent_scale");
  for (const char* scale : {"0.01", "0.1", "1"}) {
    for (const char* level : {"fokker-planck", "sde", "ode", "transport"}) EXPECT_EQ(found.at(std::string(level) + " x.distribution " + scale), Outcome::agrees) << level << " " << scale;
    EXPECT_EQ(found.at(std::string("fokker-planck mode.count ") + scale), Outcome::agrees) << scale;
  }
}

TEST(Studies, EightDimensions) {
  for (const auto& [entry, outcome] : outcomes("high-dimension")) EXPECT_EQ(outcome, Outcome::agrees) << entry;
}

TEST(Studies, LearnedFieldsMoveADiffusionBetterThanAFlow) {
  const auto found = outcomes("learned");
  EXPECT_EQ(found.at("fokker-planck x.distribution"), Outcome::agrees);
  EXPECT_EQ(found.at("transport x.distribution"), Outcome::disagrees);
  for (const char* level : {"fokker-planck", "transport"})
    for (const char* observable : {"x.mean", "x.variance"}) EXPECT_EQ(found.at(std::string(level) + " " + observable), Outcome::agrees) << level << " " << observable;
}

}  // namespace
}  // namespace meso::systems::stochastic_interpolants

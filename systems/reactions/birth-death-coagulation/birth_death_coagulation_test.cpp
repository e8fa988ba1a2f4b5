#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "kits/kinetics/closure_fixture.h"
#include "model/system.h"

namespace meso::systems::birth_death_coagulation {
System system();
namespace {

using kinetics::testing::bound;
using kinetics::testing::stationary;
using kinetics::testing::value;

// Check 8 of the card: decay rate, mean and variance of the quasi-stationary law, to 1e-5.
TEST(BirthDeathCoagulation, QuasiStationaryLaw) {
  struct Known {
    double volume, decay, mean, variance;
  };
  for (const Known& k : {Known{5, 0.2217901, 3.292627, 4.334162}, Known{10, 0.1128763, 5.150963, 10.187572}, Known{20, 0.0418844, 9.004894, 25.50901}, Known{40, 0.00783465, 17.77825, 62.84852}}) {
    const Case c = system().bind({{"volume", Value(k.volume)}});
    const Answer a = stationary(c.level("quasi-stationary"), {"decay_rate", "A.survivor_mean", "A.survivor_variance"});
    EXPECT_NEAR(value(a, "decay_rate"), k.decay, 1e-5 * k.decay);
    EXPECT_NEAR(value(a, "A.survivor_mean"), k.mean, 1e-5 * k.mean);
    EXPECT_NEAR(value(a, "A.survivor_variance"), k.variance, 1e-5 * k.variance);
    for (const auto& [name, reference] : {std::pair{"decay_rate", k.decay}, std::pair{"A.survivor_mean", k.mean}, std::pair{"A.survivor_variance", k.variance}}) {
      EXPECT_LT(bound(a, name), 1e-8 * reference) << name;
      kinetics::testing::record({"birth-death-coagulation", "quasi-stationary", "volume " + kinetics::testing::text(k.volume)}, a, name, reference, "independent script (seven digits)");
    }
    const Answer mean_field = stationary(c.level("rate-equation"), {"A.mean"});
    EXPECT_NEAR(value(mean_field, "A.mean"), 0.5 * k.volume, 1e-8 * k.volume);
  }
}

TEST(BirthDeathCoagulation, SaysWhenNothingIsQuasiStationary) {
  const Case immortal = system().bind({{"k2", Value(0.0)}});
  const Answer a = stationary(immortal.level("quasi-stationary"), {"decay_rate"});
  EXPECT_TRUE(a.estimates.empty());
  ASSERT_EQ(a.flags.size(), 1u);
  EXPECT_NE(a.flags[0].text.find("nothing leaks"), std::string::npos);
  EXPECT_THROW((void)stationary(immortal.level("survivors"), {"decay_rate"}), StudyError);
}

}  // namespace
}  // namespace meso::systems::birth_death_coagulation

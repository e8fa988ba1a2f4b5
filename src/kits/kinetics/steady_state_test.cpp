#include "kits/kinetics/steady_state.h"

#include "kits/kinetics/closure.h"
#include "kits/kinetics/closure_fixture.h"
#include "kits/kinetics/rate_equation.h"

namespace meso::kinetics {
namespace {

using namespace testing;

struct Model {
  ReducedNetwork network;
  Flow flow;
  explicit Model(const Network& full) : network(reduce(full, Convention::macroscopic)), flow(rate_equation_flow(network)) {}
  [[nodiscard]] Relaxation run(std::vector<double> concentrations, RelaxOptions options = {}) const { return relax(flow, concentrations, network, options); }
};

// Rate equation of the Brusselator, c = (0.9, c2, 1, 1): fixed point (1, c2/0.9) with eigenvalues of trace c2 - 1.9 and determinant 0.9.
TEST(Relaxation, ALimitCycleOscillatesForEver) {
  for (const double c2 : {3.0, 1.95}) {  // far from the Hopf point, and near it, where the cycle attracts slowly
    const Relaxation r = Model(brusselator(100, c2)).run({1.5, 2});
    EXPECT_EQ(r.outcome, Relaxation::Outcome::oscillates) << c2;
    EXPECT_LT(r.decay_rate, 1e-4);
    EXPECT_LT(r.low[0], 1);
    EXPECT_GT(r.high[0], 1);
  }
}

TEST(Relaxation, TheCycleDoesNotDependOnTheStart) {  // near the Hopf point, from inside and from outside
  const Model model(brusselator(100, 1.95));
  const Relaxation inside = model.run({1.02, 1.95 / 0.9}), outside = model.run({2.5, 2});
  ASSERT_EQ(inside.outcome, Relaxation::Outcome::oscillates);
  ASSERT_EQ(outside.outcome, Relaxation::Outcome::oscillates);
  EXPECT_NEAR(inside.high[0] - inside.low[0], outside.high[0] - outside.low[0], 4e-3 * (inside.high[0] - inside.low[0]));
}

TEST(Relaxation, ASlowlyDecayingFocusSettles) {  // real part -1e-3 and -1e-4, frequency 0.95: 300 and 3,000 turns per decade
  for (const double decay : {1e-3, 1e-4}) {
    const double c2 = 1.9 - 2 * decay;
    const Relaxation r = Model(brusselator(100, c2)).run({1.3, 2});
    ASSERT_EQ(r.outcome, Relaxation::Outcome::settled) << decay << ": " << r.message;
    EXPECT_NEAR(r.state.z[0], 1, 1e-9);
    EXPECT_NEAR(r.state.z[1], c2 / 0.9, 1e-9);
    EXPECT_NEAR(r.state.eigenvalues[0].real(), -decay, 1e-10);
    EXPECT_GT(r.decay_rate, 0.95 * decay) << "rate between windows against the leading eigenvalue";
    EXPECT_LT(r.decay_rate, 2 * decay);
  }
}

TEST(Relaxation, ACentreOscillatesForEver) {  // Lotka-Volterra: x' = x - x y, y' = x y - y
  const NetworkSpec lotka{.species = {"X", "Y"}, .reactions = {"X -> 2X, 1", "X + Y -> 2Y, 1", "Y -> 0, 1"}, .constants = {}, .volume = 100};
  const Model model(lotka.bind({}));
  const Relaxation r = model.run({0.5, 1});
  ASSERT_EQ(r.outcome, Relaxation::Outcome::oscillates) << r.message;
  // x - ln x is the same at both ends of the range of x: y = 1 there.
  const auto h = [](double x) { return x - std::log(x); };
  EXPECT_NEAR(r.low[0], 0.5, 1e-5);
  EXPECT_NEAR(h(r.low[0]), h(r.high[0]), 1e-5);
}

TEST(Relaxation, AnOscillationTooSlowToTellIsNotCalledUndamped) {  // real part -2e-6: 20 slow times are 1e7 time units
  const Relaxation r = Model(brusselator(100, 1.9 - 4e-6)).run({1.3, 2}, {.max_steps = 30000});
  EXPECT_NE(r.outcome, Relaxation::Outcome::oscillates);
}

TEST(Relaxation, TheClosureAboveItsHopfPointTakesItsTime) {  // normal-2, volume 14 and 15.5: Hopf point at 14.62
  for (const double volume : {14.0, 15.5}) {
    const ReducedNetwork network = reduce(brusselator(volume, 3), Convention::stochastic);
    const Flow flow = closed_flow(network, closure_family("normal"), 2);
    const Relaxation r = relax(flow, flow.start(network.initial), network);
    EXPECT_EQ(r.outcome, volume < 14.62 ? Relaxation::Outcome::settled : Relaxation::Outcome::oscillates) << volume << " " << r.message;
  }
}

TEST(SteadyStates, AllRootsOfOneSpeciesAndTheUnstableOnesToo) {  // roots 0.5, 1.5, 3 of the Schlögl rate equation
  const Model model(schlogl(10));
  bool complete = true;
  auto states = steady_states(model.flow, {}, model.network, &complete);
  EXPECT_TRUE(complete);
  ASSERT_EQ(states.size(), 3u);
  std::sort(states.begin(), states.end(), [](const FixedPoint& a, const FixedPoint& b) { return a.z[0] < b.z[0]; });
  EXPECT_NEAR(states[1].z[0], 1.5, 1e-12);
  EXPECT_FALSE(states[1].stable);
  const Model two(brusselator(10, 3));
  const std::vector<std::vector<double>> seeds{{0, 0}};
  const auto found = steady_states(two.flow, seeds, two.network, &complete);
  EXPECT_FALSE(complete);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_FALSE(found[0].stable);
  EXPECT_NEAR(found[0].z[1], 3 / 0.9, 1e-10);
}

}  // namespace
}  // namespace meso::kinetics

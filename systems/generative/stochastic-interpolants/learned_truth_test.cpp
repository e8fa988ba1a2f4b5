// Learned fields through the system's levels: two nets for all of them, what is said when training fails, what is refused.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "systems/generative/stochastic-interpolants/learned.h"
#include "systems/generative/stochastic-interpolants/test_support.h"

namespace meso::systems::stochastic_interpolants {
namespace {

using testing::value;

/// A short training between two Gaussians: the fields are linear in x, and soon learned well enough.
Table short_training() {
  return {{"laws", Value("gaussians")}, {"mean1", Value(2.0)}, {"fields", Value("learned")}, {"t_cut", Value(0.001)}, {"training", Value(std::int64_t{400})}, {"batch", Value(std::int64_t{256})},
          {"width", Value(std::int64_t{24})}, {"layers", Value(std::int64_t{2})}};
}

/// Nets of these tests are kept in a folder of this process, so that all levels of a test have one training.
Answer ask(const Table& p, const std::string& level, std::vector<std::string> observables, std::uint64_t trajectories = 1) {
  struct Folder {
    std::filesystem::path path = std::filesystem::temp_directory_path() / ("meso-learned-" + std::to_string(getpid()));
    ~Folder() {
      std::error_code gone;
      std::filesystem::remove_all(path, gone);
    }
  };
  static const Folder folder;
  Ask question;
  question.when = Times{{0.5, 1}};
  question.observables = std::move(observables);
  LevelRun engine({.seed = 20230315, .threads = 2, .artefacts = folder.path}, "stochastic-interpolants/" + level);
  engine.set_trajectories(trajectories);
  return system().bind(p).level(level).run(question, engine);
}

TEST(Learned, EveryDynamicLevelMovesByTheSameNets) {
  const Answer law = ask(short_training(), "fokker-planck", {"x.mean", "x.variance", "kl"}), flow = ask(short_training(), "transport", {"x.mean", "x.variance"}), particles = ask(short_training(), "sde", {"x.mean", "x.variance"}, 20000),
               exact = ask({{"laws", Value("gaussians")}, {"mean1", Value(2.0)}}, "exact", {"x.mean", "x.variance"});
  for (const Answer* a : {&law, &flow, &particles})
    for (const Flag& f : a->flags) EXPECT_FALSE(f.fatal) << f.text;
  const auto within = [](const Answer& a, const Answer& b, const char* what) {
    const Estimate &x = *a.find(what), &y = *b.find(what);
    return std::abs(x.value[1] - y.value[1]) <= 6.1 * (x.se(1) + y.se(1)) + x.bound(1) + y.bound(1);
  };
  EXPECT_TRUE(within(particles, law, "x.mean")) << value(particles, "x.mean", 1) << " " << value(law, "x.mean", 1);
  EXPECT_TRUE(within(particles, law, "x.variance")) << value(particles, "x.variance", 1) << " " << value(law, "x.variance", 1);
  EXPECT_NE(value(law, "x.variance", 1), value(flow, "x.variance", 1)) << "learned fields do not belong together as exact ones do";
  EXPECT_NEAR(value(law, "x.mean", 1), value(exact, "x.mean", 1), 0.2);
  EXPECT_GT(value(law, "kl", 1), 1e-7) << "nothing learned is exact";
}

TEST(Learned, ATrainingThatDivergesIsBrokenWithStepAndLoss) {
  Table p = short_training();
  p["rate"] = Value(1e4);
  for (const char* level : {"fokker-planck", "transport", "sde", "ode"}) {
    const Answer a = ask(p, level, {"x.mean"}, 64);
    const auto flag = std::find_if(a.flags.begin(), a.flags.end(), [](const Flag& f) { return f.kind == "diverged"; });
    ASSERT_NE(flag, a.flags.end()) << level;
    EXPECT_TRUE(flag->fatal);
    EXPECT_NE(flag->text.find("velocity: training diverged at step "), std::string::npos) << flag->text;
    EXPECT_NE(flag->text.find(" of 400: loss "), std::string::npos) << flag->text;
  }
}

TEST(Learned, TheFormulasOfAPathAreInTheNameOfItsNets) {  // else a sweep over paths would take the net of the first one for all
  const auto name = [](const std::string& alpha) {
    generative::Bridge bridge;
    bridge.d = 2;
    bridge.interpolant = generative::Interpolant({.path = "own", .latent = "brownian", .alpha = alpha, .beta = "t"});
    return recipe(bridge, "checkerboard", learned::BridgeLoss::Target::velocity, {}).loss.text();
  };
  EXPECT_NE(name("1 - t"), name("1 - t^2"));
  EXPECT_NE(name("1 - t").find("checkerboard by own brownian 1 (1 - t; t; )"), std::string::npos) << name("1 - t");
}

TEST(Learned, RefusesByName) {
  const auto refusal = [](Table change) {
    Table p = short_training();
    for (auto& [name, v] : change) p[name] = v;
    try {
      (void)system().bind(p);
    } catch (const InputError& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(refusal({{"t_cut", Value(0.0)}}),
            "system 'stochastic-interpolants': fields = learned and t_cut = 0; a learned score is -eta/gamma, singular at t = 0 and t = 1. Set t_cut, for example to 0.001: the dynamics then run on [0.001, 0.999]");
  EXPECT_NE(refusal({{"latent", Value("none")}}).find("fields = learned with latent = none; there is no z to predict"), std::string::npos);
  EXPECT_NE(refusal({{"training", Value(std::int64_t{0})}}).find("training"), std::string::npos);
  EXPECT_NE(refusal({{"fields", Value("learnt")}}).find("learned"), std::string::npos);
  EXPECT_EQ(refusal({{"laws", Value("card")}, {"mean1", Value(0.0)}}), "accepted");
}

}  // namespace
}  // namespace meso::systems::stochastic_interpolants

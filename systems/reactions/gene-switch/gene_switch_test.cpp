#include <cmath>
#include <string>

#include "kits/kinetics/closure_fixture.h"
#include "io/toml.h"
#include "model/system.h"
#include "study/study_file.h"

namespace meso::systems::gene_switch {
System system();
namespace {

using namespace kinetics::testing;

TEST(GeneSwitch, IsWhatTheContractSays) {
  const Case c = system().bind({});
  const Table expected{{"volume", Value(1.0)}, {"sb", Value(0.004)}, {"su", Value(0.25)}, {"rb", Value(25.0)}, {"ru", Value(60.0)}, {"d", Value(1.0)},
                       {"G0", Value(1)}, {"Gb0", Value(0)}, {"P0", Value(0)}, {"combinatoric", Value(false)}};
  EXPECT_EQ(c.parameters, expected);
}

// The master equation on P <= 160, solved by an independent script.
TEST(GeneSwitch, MasterEquation) {
  const Case c = system().bind({});
  const Answer a = stationary(c.level("fsp"), {"G.mean", "P.mean", "P.variance", "G.P.covariance"});
  const std::string source = "master equation on 322 states, independent script";
  const double joint = 29.15134;  // <g p>
  EXPECT_NEAR(value(a, "G.mean"), 0.533579, 1e-6);
  EXPECT_NEAR(value(a, "P.mean"), 43.675252, 1e-6);
  EXPECT_NEAR(value(a, "P.variance"), 245.4622, 1e-4);
  EXPECT_NEAR(value(a, "G.P.covariance") + value(a, "G.mean") * value(a, "P.mean"), joint, 1e-5);
  const Where stationary_state{"gene-switch", "fsp", "stationary"}, two{"gene-switch", "fsp", "t = 2"};
  record(stationary_state, a, "G.mean", 0.533579, source);
  record(stationary_state, a, "P.mean", 43.675252, source);
  record(stationary_state, a, "P.variance", 245.4622, source);
  const Answer t = at_times(c.level("fsp"), {2}, {"G.mean", "P.mean"});
  EXPECT_NEAR(value(t, "G.mean"), 0.800343, 1e-6);
  EXPECT_NEAR(value(t, "P.mean"), 48.19061, 1e-5);
  record(two, t, "G.mean", 0.800343, source);
  record(two, t, "P.mean", 48.19061, source);
  // Stationarity of <g> and <p>: su (1 - <g>) = sb <g p>, and d <p> = rb + (ru - rb) <g> since bound and freed protein balance.
  EXPECT_NEAR(0.25 * (1 - value(a, "G.mean")), 0.004 * joint, 1e-6);
  EXPECT_NEAR(value(a, "P.mean"), 25 + 35 * value(a, "G.mean"), 1e-5);
}

TEST(GeneSwitch, EveryLevelNamesTheEliminatedSpecies) {  // G + Gb = 1: results with Gb kept instead of G agree
  const Answer a = stationary(system().bind({}).level("closure"), {"G.mean", "Gb.mean", "G.variance", "Gb.variance"}, {{"kind", Value("linear-mapping")}});
  EXPECT_NEAR(value(a, "G.mean") + value(a, "Gb.mean"), 1, 1e-12);
  EXPECT_NEAR(value(a, "G.variance"), value(a, "G.mean") * value(a, "Gb.mean"), 1e-9);
  EXPECT_NEAR(value(a, "Gb.variance"), value(a, "G.variance"), 1e-12);
}

TEST(GeneSwitch, StudiesAreValid) {
  for (const char* file : {"closures.toml", "linear-mapping.toml"}) {
    const TomlNode document = read_toml(std::string(MESO_SOURCE_DIR "/systems/reactions/gene-switch/studies/") + file);
    const Study study = resolved(read_study(document, [](const ModelRequest& request) {
      EXPECT_EQ(request.system, "gene-switch");
      return system();
    }));
    EXPECT_GE(study.levels.size(), 1u) << file;
  }
}

}  // namespace
}  // namespace meso::systems::gene_switch

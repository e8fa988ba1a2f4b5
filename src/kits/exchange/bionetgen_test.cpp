#include "kits/exchange/bionetgen.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "exec/engine.h"
#include "kits/kinetics/process_system.h"

namespace meso::exchange {
namespace {

const std::string dimer = R"(# Created by BioNetGen
begin parameters
    1 A0      100   # Constant
    2 kp      0.02
    3 kd      2*kp*5+ln(1)
end parameters
begin functions
    1 decay() kd*AA/(1+Atot*0)
end functions
begin species
    1 A(b) A0
    2 A(b!1).A(b!1) 0
    3 $Source() 1
end species
begin reactions
    1 1,1 2 0.5*kp #_R1
    2 2 1,1 kd #_reverse__R1
    3 3 3,1 kp
    4 2 0 decay
end reactions
begin groups
    1 Atot  1,2*2
    2 AA  2
end groups
)";

std::vector<double> run(const Case& model, const std::string& level, const std::vector<double>& times, const std::string& observable) {
  const Level& found = model.level(level);
  Ask ask{.when = Times{times}, .observables = {observable}, .target_error = 1e-8};
  ask.options = resolve(found.info.options, {}, level);
  LevelRun engine({.seed = 5, .threads = 1}, "test/" + level);
  return found.run(ask, engine).estimates.at(0).value;
}

TEST(BioNetGen, ReadsParametersFunctionsSpeciesReactionsAndGroups) {
  const auto spec = read_bionetgen_text(dimer, "my.net");
  const System system = kinetics::process_system(spec, "model", "title");
  const Case model = system.bind({});
  EXPECT_EQ(as_number(model.parameters.at("kp")), 0.02);
  EXPECT_EQ(as_number(model.parameters.at("A0")), 100);
  const auto network = kinetics::plain_network(kinetics::bind(spec, {}));
  ASSERT_EQ(network.species, (std::vector<std::string>{"A_b", "A_b_1_A_b_1", "Source"}));
  EXPECT_EQ(network.initial, (std::vector<std::int64_t>{100, 0, 1}));
  const kinetics::Propensities a(network);
  const std::vector<double> n{10, 4, 1};
  EXPECT_DOUBLE_EQ(a(0, n), 0.5 * 0.02 * 10 * 9);
  EXPECT_DOUBLE_EQ(a(1, n), 0.2 * 4);
  EXPECT_DOUBLE_EQ(a(2, n), 0.02);
  EXPECT_DOUBLE_EQ(a(3, n), 0.2 * 4 * 4);  // a functional rate multiplies the reactants
  EXPECT_EQ(network.reactions[2].change, (std::vector<std::pair<std::size_t, int>>{{0, 1}}));  // the source is fixed
  // The group is observed; the rate equation has n^2 for n (n - 1): a short time tells them apart.
  const double h = 1e-4;
  const auto start = run(model, "rate-equation", {0, h}, "A_b_1_A_b_1.mean");
  EXPECT_NEAR(start[1] / h, 0.5 * 0.02 * 100 * 100, 0.1);
  EXPECT_NEAR(run(model, "rate-equation", {0, h}, "Atot.mean")[0], 100, 1e-12);
  EXPECT_NEAR(run(model, "fsp", {0, h}, "A_b_1_A_b_1.mean")[1] / h, 0.5 * 0.02 * 100 * 99, 0.1);
}

TEST(BioNetGen, BadInputIsNamedWithItsLine) {
  const auto said = [](const std::string& from, const std::string& to) -> std::string {
    std::string text = dimer;
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    try {
      (void)kinetics::process_system(read_bionetgen_text(text, "my.net"), "model", "title");
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(said("0.5*kp", "0.5*kq").find("my.net:16: 'kq' is not known. Did you mean 'kd'?"), std::string::npos) << said("0.5*kp", "0.5*kq");
  EXPECT_NE(said("1 1,1 2 0.5*kp", "1 1,7 2 0.5*kp").find("my.net:16: '7' is no species number; there are species 1 to 3"), std::string::npos);
  EXPECT_NE(said("1 1,1 2 0.5*kp", "1 1,1 2 Sat kp kd").find("my.net:16: the rate law 'Sat' is not supported"), std::string::npos);
  EXPECT_NE(said("2 kp      0.02", "2 A0 0.02").find("my.net:4: parameter 'A0': this name is taken already"), std::string::npos);
  EXPECT_NE(said("end groups", "end group").find("'end group' where 'groups' is open"), std::string::npos);
  EXPECT_NE(said("begin groups", "begin gruops").find("unknown block 'gruops'. Did you mean 'groups'?"), std::string::npos);
  EXPECT_NE(said("2 A(b!1).A(b!1) 0", "3 A(b!1).A(b!1) 0").find("species number 3 where 2 comes next"), std::string::npos);
  EXPECT_NE(said("1 A(b) A0", "1 A(b) -3").find("species A(b) starts with -3; it must not be negative"), std::string::npos);
  EXPECT_NE(said("kd*AA/(1+Atot*0)", "kd*AA/(1+Atot*0").find("my.net:8: formula"), std::string::npos);
  EXPECT_NE(said("begin functions", "begin functions\n 1").find("my.net:8: '1' is not 'number name() formula'"), std::string::npos) << said("begin functions", "begin functions\n 1");
  EXPECT_EQ(said("begin functions", "\v\nbegin functions\n \f"), "") << "blanks of any kind make an empty line";
  std::string none = dimer.substr(0, dimer.find("begin reactions"));
  EXPECT_THROW((void)read_bionetgen_text(none, "my.net"), ModelError);
  EXPECT_THROW((void)read_bionetgen("no such file.net"), ModelError);
}

}  // namespace
}  // namespace meso::exchange

// DSMTS with a small sample, and the suite's means and standard deviations from the master equation and the moment equations alone.
#include "kits/exchange/dsmts_fixture.h"

namespace meso::exchange {
namespace {

const std::filesystem::path dsmts = std::filesystem::path(MESO_TEST_DATA) / "dsmts";

class Dsmts : public ::testing::TestWithParam<std::string> {};

TEST_P(Dsmts, SimulationHasTheExactMeansAndVariances) {
  // Two thousand trajectories; case 00005 has 10,000 molecules in each.
  testing::judge_case(dsmts, GetParam(), GetParam() == "00005" ? 200 : GetParam() == "00023" ? 500 : 2000, 20261124, GetParam() == "00005" ? 0.7 : 0.5);
}

INSTANTIATE_TEST_SUITE_P(Suite, Dsmts, ::testing::ValuesIn(testing::suite_ids(dsmts)));

TEST(DsmtsMasterEquation, GivesTheSuitesNumbers) {
  for (const std::string id : {"00001", "00003", "00009", "00011", "00021", "00031", "00035", "00037"}) {
    const testing::SuiteCase c = testing::suite_case(dsmts, id);
    const Case model = kinetics::process_system(read_sbml(c.model("l3v2")), "model", "case").bind({});
    const std::string name = c.columns[0].substr(0, c.columns[0].rfind('-'));
    const testing::Exact e = testing::exact_by(model, "fsp", {}, c.times, name);
    const std::size_t mean = c.column(name + "-mean"), sd = c.column(name + "-sd");
    for (std::size_t i = 0; i < c.times.size(); ++i) {
      EXPECT_NEAR(e.mean[i], c.rows[i][mean], 2e-5 * c.rows[i][mean] + 2e-6) << id << " t = " << c.times[i];
      EXPECT_NEAR(std::sqrt(e.variance[i]), c.rows[i][sd], 2e-5 * c.rows[i][sd] + 2e-6) << id << " t = " << c.times[i];
    }
  }
}

}  // namespace
}  // namespace meso::exchange

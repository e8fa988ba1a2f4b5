// All DSMTS cases with 100,000 trajectories.
#include "kits/exchange/dsmts_fixture.h"

namespace meso::exchange {
namespace {

const std::filesystem::path dsmts = std::filesystem::path(MESO_TEST_DATA) / "dsmts";

class DsmtsWhole : public ::testing::TestWithParam<std::string> {};

TEST_P(DsmtsWhole, SimulationHasTheExactMeansAndVariances) { testing::judge_case(dsmts, GetParam(), 100000, 20261124, 0.035); }

INSTANTIATE_TEST_SUITE_P(Suite, DsmtsWhole, ::testing::ValuesIn(testing::suite_ids(dsmts)));

}  // namespace
}  // namespace meso::exchange

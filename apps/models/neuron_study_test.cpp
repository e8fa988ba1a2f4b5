// The documented study of a user's own coupling matrix runs and gives the right verdicts.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "apps/models/model_source.h"
#include "io/toml.h"
#include "study/study.h"
#include "study/study_file.h"

namespace meso {
namespace {

TEST(OwnNeuron, TheDocumentedStudyTellsWhereTheLinearEquivalentHolds) {
  const Study study = read_study(read_toml(MESO_SOURCE_DIR "/docs/own-couplings.toml"), model_source(), MESO_SOURCE_DIR "/docs");
  std::map<std::string, std::vector<Outcome>> found;  // at scale 0.3 and 1
  for (const Verdict& v : run_study(resolved(study), {}).verdicts) found[v.label + " " + v.observable].push_back(v.outcome);
  EXPECT_EQ(found["linear-equivalent phi.covariance"], (std::vector<Outcome>{Outcome::agrees, Outcome::disagrees}));
  EXPECT_EQ(found["linear-equivalent phi.variance"], (std::vector<Outcome>(2, Outcome::agrees)));
  EXPECT_EQ(found["naive-closure phi.covariance"], (std::vector<Outcome>(2, Outcome::disagrees)));
  EXPECT_EQ(found["dmft phi.variance"], (std::vector<Outcome>(2, Outcome::agrees)));
  EXPECT_EQ(found["dmft phi.covariance"], (std::vector<Outcome>(2, Outcome::absent)));
}

}  // namespace
}  // namespace meso

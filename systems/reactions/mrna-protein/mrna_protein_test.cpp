#include <cmath>

#include "kits/kinetics/closure_fixture.h"
#include "io/toml.h"
#include "model/system.h"
#include "study/study_file.h"

namespace meso::systems::mrna_protein {
System system();
namespace {

// Thattai and van Oudenaarden (2001): <M> = a/g, <P> = a b/(g d), Fano(P) = 1 + b/(g + d), Cov(M,P) = a b/(g (g + d)).
TEST(MrnaProtein, EveryLevelGivesTheExactMoments) {
  const double a = 3, g = 2, b = 4, d = 0.5;
  const Case c = system().bind({{"a", Value(a)}, {"g", Value(g)}, {"b", Value(b)}, {"d", Value(d)}});
  const std::vector<std::string> names{"M.mean", "P.mean", "P.fano", "M.P.covariance"};
  const double exact[] = {a / g, a * b / (g * d), 1 + b / (g + d), a * b / (g * (g + d))};
  for (const char* level : {"lna", "closure"}) {
    const Answer answer = kinetics::testing::stationary(c.level(level), names);
    for (std::size_t i = 0; i < names.size(); ++i) {
      EXPECT_NEAR(kinetics::testing::value(answer, names[i]), exact[i], 1e-8) << level << " " << names[i];
      kinetics::testing::record({"mrna-protein", level, "a = 3, g = 2, b = 4, d = 0.5"}, answer, names[i], exact[i], "exact moments (Thattai and van Oudenaarden 2001)");
    }
  }
  const Answer rate = kinetics::testing::stationary(c.level("rate-equation"), names);
  EXPECT_NEAR(kinetics::testing::value(rate, "P.mean"), exact[1], 1e-8);
  EXPECT_EQ(rate.find("P.fano"), nullptr);
}

TEST(MrnaProtein, StudiesAreValid) {
  for (const char* file : {"linear.toml"}) {
    const TomlNode document = read_toml(std::string(MESO_SOURCE_DIR "/systems/reactions/mrna-protein/studies/") + file);
    const Study study = resolved(read_study(document, [](const ModelRequest& request) {
      EXPECT_EQ(request.system, "mrna-protein");
      return system();
    }));
    EXPECT_GE(study.levels.size(), 1u) << file;
  }
}

}  // namespace
}  // namespace meso::systems::mrna_protein

// A network of one's own, judged from C++: prints the verdict and the program's own text of it.
#include <cmath>
#include <cstdio>

#include "base/version.h"
#include "kits/kinetics/ladder.h"
#include "report/text.h"
#include "study/study.h"

int main() {
  meso::kinetics::NetworkSpec network;
  network.species = {"X"};
  network.reactions = {"0 -> X, birth", "X -> 0, 0.5"};
  network.constants = {{"birth", 6.0}};
  network.initial = {{"X", 4.0}};

  meso::Study study;
  study.kind = meso::Study::Kind::compare;
  study.system = meso::kinetics::network_system(network, "birth-death", "Birth and death");
  study.when = meso::Times{{0, 1, 2, 4}};
  study.reference = meso::parse_level("fsp", "");
  study.levels = {meso::parse_level("ssa", ""), meso::parse_level("rate-equation", "")};
  study.observables = {"X.mean"};
  study.budget = {4096, 4096};
  const meso::Results results = meso::run_study(meso::resolved(study), {.threads = 2});
  std::fputs(meso::verdict_table(results).c_str(), stdout);

  // Linear: every level must agree, and the mean is known.
  for (const meso::Verdict& verdict : results.verdicts)
    if (verdict.outcome != meso::Outcome::agrees) return 1;
  const double mean = results.points[0].find("fsp")->answer.find("X.mean")->value[3];
  if (!(std::abs(mean - (12 + (4 - 12) * std::exp(-2.0))) < 1e-4)) return 2;
  std::printf("mesoscope %s\n", meso::version);
}

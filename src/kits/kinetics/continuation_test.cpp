#include "kits/kinetics/continuation.h"

#include "kits/kinetics/birth_death.h"
#include "kits/kinetics/closure_fixture.h"
#include "kits/kinetics/ladder.h"

namespace meso::kinetics {
namespace {

using namespace testing;

TEST(Continuation, Look) {
  NetworkSpec s1{.species={"X"},.reactions={"2X -> 3X, k1","3X -> 2X, k2","0 -> X, k3","X -> 0, k4"},.constants={{"k1",5},{"k2",1},{"k3",2.25},{"k4",6.75}},.volume=10};
  NetworkSpec s2{.species={"X","Y"},.reactions={"2X + Y -> 3X, c1","X -> Y, c2","0 -> X, c3","X -> 0, c4"},.constants={{"c1",0.9},{"c2",3},{"c3",1},{"c4",1}},.volume=10};
  NetworkSpec s3{.species = {"X"}, .reactions = {"0 -> X, k1", "2X -> 0, k2"}, .constants = {{"k1", 1}, {"k2", 1}}, .volume = 10};
  for (auto* s : {&s1, &s2, &s3}) {
    const Case c = network_system(*s, "a", "A").bind({});
    for (auto what : {"closure", "rate-equation"}) {
      std::printf("== %s %s\n", s->reactions[0].c_str(), what);
      const auto branches = c.level(what).branches({.parameter = "volume", .from = 0.2, .to = 3200, .log = true, .observables = {"X.mean", "X.variance"}});
      for (const Branch& b : branches) {
        std::printf("branch %zu points %g .. %g  %s\n", b.points.size(), b.points.front().parameter, b.points.back().parameter, b.text.c_str());
        bool stable = false, physical = false;
        for (const BranchPoint& p : b.points) {
          if (&p == &b.points.front() || &p == &b.points.back() || p.stable != stable || p.physical != physical)
            std::printf("   p %.6g mean %.6g var %.6g stable %d physical %d  lead %g %g\n", p.parameter, p.value.at("X.mean") / p.parameter, what[0] == 'c' ? p.value.at("X.variance") / p.parameter : 0, p.stable, p.physical, p.leading.real(), p.leading.imag());
          stable = p.stable, physical = p.physical;
        }
        for (const SpecialPoint& p : b.special) std::printf("  * %s %.10g +- %.2g  mean %.8g  freq %g  %s\n", p.kind.c_str(), p.parameter, p.error, p.value.at("X.mean"), p.frequency, p.text.c_str());
      }
    }
  }
}

}  // namespace
}  // namespace meso::kinetics

#include <gtest/gtest.h>
#include "systems/neural/rnn-covariance/test_support.h"
namespace meso::systems::rnn_covariance {
namespace {
using namespace testing;
TEST(Probe, Prints) {
  const std::vector<std::string> all{"phi.variance", "x.variance", "gain.mean", "participation", "covariance.rms", "match.slope", "match.agreement", "match.correlation", "match.ceiling", "match.error", "residual.variance", "residual.rms", "wick.slope", "half.width"};
  const auto show = [&](const Table& t, double window, std::uint64_t n) {
    for (const char* level : {"network", "linear-equivalent", "naive-closure", "dmft"}) {
      const auto begin = std::chrono::steady_clock::now();
      const Answer a = run(t, level, stationary(all, window), n);
      std::printf("%s  %.2f s  %s\n", level, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), a.why.c_str());
      for (const Estimate& e : a.estimates) std::printf("   %-20s %.6g +- %.2g\n", e.observable.c_str(), e.value[0], e.std_error.empty() ? 0 : e.std_error[0]);
      for (const Flag& f : a.flags) std::printf("   [%s] %s\n", f.kind.c_str(), f.text.c_str());
    }
  };
  const int which = std::atoi(std::getenv("WHICH"));
  const long r = std::atol(std::getenv("R"));
  if (which == 0) show({{"time", "discrete"}, {"g", 1.5}, {"sigma", 1.0}, {"N", 100}, {"realisation", r}}, 2000, 4);
  if (which == 1) show({{"time", "discrete"}, {"g", 1.5}, {"sigma", 1.0}, {"N", 400}, {"realisation", r}}, 60000, 1);
  if (which == 2) show({{"time", "discrete"}, {"g", 2}, {"sigma", 0.0}, {"N", 800}, {"realisation", r}}, 30000, 1);
  if (which == 3) show({{"g", 3}, {"N", 800}, {"realisation", r}}, 2500, 1);
  if (which == 4) show({{"g", 3}, {"N", 200}, {"realisation", r}}, 2500, 4);
}
}  // namespace
}  // namespace meso::systems::rnn_covariance

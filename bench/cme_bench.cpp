// The chemical master equation at size: seconds of CPU time, states, peak memory of the process so far, and the error against what is known exactly. A solution
// that misses its known values fails.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "kits/kinetics/fsp.h"

namespace {

using namespace meso;
using namespace meso::kinetics;

double peak_gigabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1e6;
}

/// stochkit-schlogl (networks/): its constants times binomials, so divided by s! here. Exact at T = 10: mean, standard deviation, P(x < 250).
Network stochkit_schlogl() {
  return NetworkSpec{.species = {"S1"},
                     .reactions = {"2S1 -> 3S1, 0.03/2", "3S1 -> 2S1, 1e-4/6", "0 -> S1, 200", "S1 -> 0, 3.5"},
                     .initial = {{"S1", 250}}}
      .bind({});
}
constexpr double schlogl_exact[3] = {316.591680, 238.069673, 0.513294};

void BM_SchloglTransient(benchmark::State& state) {  // target 50 ms
  const Network network = stochkit_schlogl();
  const std::vector<double> times{10};
  double worst = 0, states = 0;
  for (auto _ : state) {
    const MasterEquation equation(network);
    const FspSummary summary = fsp_transient(equation, times, {}, [&](const FspState& s) {
      const LawMoments m = law_moments(*s.space, s.p);
      double below = 0;
      for (std::size_t i = 0; i < s.p.size(); ++i)
        if ((*s.space)[i][0] < 250) below += s.p[i];
      worst = std::max({std::abs(m.mean[0] - schlogl_exact[0]), std::abs(std::sqrt(m.covariance[0]) - schlogl_exact[1]), std::abs(below - schlogl_exact[2])});
    });
    states = static_cast<double>(summary.states);
  }
  if (worst > 5e-7) state.SkipWithError("the exact values were missed");
  state.counters["states"] = states;
}
BENCHMARK(BM_SchloglTransient)->Unit(benchmark::kMillisecond);

void BM_SchloglStationary(benchmark::State& state) {  // target 10 ms
  const Network network = stochkit_schlogl();
  double states = 0, drift = 0;
  for (auto _ : state) {
    const FspStationary law = fsp_stationary(MasterEquation(network), {});
    states = static_cast<double>(law.p.size());
    drift = 0;  // d<x>/dt = 0
    for (std::size_t i = 0; i < law.p.size(); ++i) {
      const double x = law.space[i][0];
      drift += law.p[i] * (0.015 * x * (x - 1) - 1e-4 / 6 * x * (x - 1) * (x - 2) + 200 - 3.5 * x);
    }
  }
  if (!(std::abs(drift) < 1e-9)) state.SkipWithError("the stationary law drifts");
  state.counters["states"] = states;
}
BENCHMARK(BM_SchloglStationary)->Unit(benchmark::kMillisecond);

// Open first-order network of two species: the stationary law is a product of Poisson laws, known entry by entry.
void BM_StationaryProduct(benchmark::State& state) {  // target 60 s and 4 GB at 1e6 states
  const double a = static_cast<double>(state.range(0)), mean[2] = {a / 1.7, 0.8 * a / 1.7};  // 2.5 A = a + B, 2.5 B = 2 A
  const Network network =
      NetworkSpec{.species = {"A", "B"}, .reactions = {"0 -> A, a", "A <-> B, 2; 1", "A -> 0, 0.5", "B -> 0, 1.5"}, .constants = {{"a", a}}, .initial = {{"A", std::round(mean[0])}, {"B", std::round(mean[1])}}}
          .bind({});
  double states = 0, distance = 1;
  for (auto _ : state) {
    const FspStationary law = fsp_stationary(MasterEquation(network), {});
    states = static_cast<double>(law.p.size());
    distance = 0;
    for (std::size_t i = 0; i < law.p.size(); ++i) {
      double log_p = 0;
      for (std::size_t s = 0; s < 2; ++s) log_p += law.space[i][s] * std::log(mean[s]) - mean[s] - std::lgamma(law.space[i][s] + 1.0);
      distance += std::abs(law.p[i] - std::exp(log_p));
    }
  }
  if (!(distance < 1e-9)) state.SkipWithError("the law is no product of Poisson laws");
  state.counters["states"] = states;
  state.counters["error"] = distance;
  state.counters["GB"] = peak_gigabytes();
}
BENCHMARK(BM_StationaryProduct)->Arg(400)->Arg(4080)->Unit(benchmark::kSecond)->Iterations(1);

// Toggle switch by Hill functions: bimodal, no product form; rates from 0.001 to 1 of the largest, basins that are hardly ever left. Known: its symmetry, and
// <birth> = <X>. Started in one basin.
void BM_StationaryToggle(benchmark::State& state) {  // target 60 s and 4 GB at 1e6 states
  const double a = static_cast<double>(state.range(0));
  const Network network = NetworkSpec{.species = {"X", "Y"},
                                      .reactions = {"0 -> X, = a/(1 + (Y/K)^2.5) + 0.001*a", "X -> 0, 1", "0 -> Y, = a/(1 + (X/K)^2.5) + 0.001*a", "Y -> 0, 1"},
                                      .constants = {{"a", a}, {"K", a / 2.8}},
                                      .initial = {{"X", a}}}
                              .bind({});
  double states = 0, asymmetry = 1, drift = 1;
  for (auto _ : state) {
    const FspStationary law = fsp_stationary(MasterEquation(network), {});
    if (law.status != FspStationary::Status::found) {
      state.SkipWithError(law.text.c_str());
      return;
    }
    states = static_cast<double>(law.p.size());
    const double mean = law.moments.mean[0];
    asymmetry = std::abs(law.moments.mean[1] / mean - 1);
    double birth = 0;
    for (std::size_t i = 0; i < law.p.size(); ++i) birth += law.p[i] * (a / (1 + std::pow(law.space[i][1] * 2.8 / a, 2.5)) + 0.001 * a);
    drift = std::abs(birth / mean - 1);
  }
  if (!(asymmetry < 1e-6) || !(drift < 1e-9)) state.SkipWithError("the law is not symmetric, or drifts");
  state.counters["states"] = states;
  state.counters["error"] = std::max(asymmetry, drift);
  state.counters["GB"] = peak_gigabytes();
}
BENCHMARK(BM_StationaryToggle)->Arg(100)->Arg(560)->Unit(benchmark::kSecond)->Iterations(1);

// 0 -> A <-> B -> C -> 0 from nothing: a product of Poisson laws at every time (Jahnke and Huisinga 2007), whose means are found here by small steps.
void BM_TransientOfThreeSpecies(benchmark::State& state) {
  const double a = static_cast<double>(state.range(0)), end = 4;
  const Network network = NetworkSpec{.species = {"A", "B", "C"}, .reactions = {"0 -> A, a", "A <-> B, 1; 0.2", "B -> C, 0.7", "C -> 0, 0.5"}, .constants = {{"a", a}}}.bind({});
  double mean[3] = {0, 0, 0};
  const auto slope = [&](const double* m, double* d) {
    d[0] = a - m[0] + 0.2 * m[1];
    d[1] = m[0] - 0.9 * m[1];
    d[2] = 0.7 * m[1] - 0.5 * m[2];
  };
  const int steps = 4000;
  for (int i = 0; i < steps; ++i) {  // Runge and Kutta's fourth-order method
    const double h = end / steps;
    double k[4][3], at[3];
    for (int j = 0; j < 4; ++j) {
      for (int s = 0; s < 3; ++s) at[s] = mean[s] + (j == 0 ? 0 : j == 3 ? h : 0.5 * h) * (j == 0 ? 0 : k[j - 1][s]);
      slope(at, k[j]);
    }
    for (int s = 0; s < 3; ++s) mean[s] += h / 6 * (k[0][s] + 2 * k[1][s] + 2 * k[2][s] + k[3][s]);
  }
  const std::vector<double> times{end};
  double states = 0, distance = 1, lost = 0;
  for (auto _ : state) {
    const FspSummary summary = fsp_transient(MasterEquation(network), times, {}, [&](const FspState& s) {
      distance = 0;
      lost = s.lost + s.solver_error;
      for (std::size_t i = 0; i < s.p.size(); ++i) {
        double log_p = 0;
        for (std::size_t k = 0; k < 3; ++k) log_p += (*s.space)[i][k] * std::log(mean[k]) - mean[k] - std::lgamma((*s.space)[i][k] + 1.0);
        distance += std::abs(s.p[i] - std::exp(log_p));
      }
    });
    states = static_cast<double>(summary.states);
    state.SetLabel(summary.method);
  }
  if (!(distance < lost + 1e-11)) state.SkipWithError("the error is larger than the mass that was lost");
  state.counters["states"] = states;
  state.counters["error"] = distance;
  state.counters["bound"] = lost;
  state.counters["GB"] = peak_gigabytes();
}
BENCHMARK(BM_TransientOfThreeSpecies)->Arg(10)->Arg(20)->Unit(benchmark::kSecond)->Iterations(1);

// mRNA that lives a thousandth of a protein's time, rates from 2 to 5000 volume: the mean is known.
void BM_StiffTransientOfTwoSpecies(benchmark::State& state) {
  const double scale = static_cast<double>(state.range(0)), g = 1000, d = 0.2, t = 4;
  const Network network = NetworkSpec{.species = {"M", "P"}, .reactions = {"0 -> M, b", "M -> 0, 1000", "M -> M + P, 5000", "P -> 0, 0.2"}, .constants = {{"b", 2 * scale}}}.bind({});
  const std::vector<double> times{t};
  const double exact = 5000 * 2 * scale / g * ((1 - std::exp(-d * t)) / d - (std::exp(-d * t) - std::exp(-g * t)) / (g - d));
  double states = 0, error = 1;
  for (auto _ : state) {
    const FspSummary summary = fsp_transient(MasterEquation(network), times, {}, [&](const FspState& s) { error = std::abs(law_moments(*s.space, s.p).mean[1] / exact - 1); });
    states = static_cast<double>(summary.states);
    state.SetLabel(summary.method);
  }
  if (!(error < 1e-7)) state.SkipWithError("the mean was missed");
  state.counters["states"] = states;
  state.counters["error"] = error;
  state.counters["GB"] = peak_gigabytes();
}
BENCHMARK(BM_StiffTransientOfTwoSpecies)->Arg(1)->Arg(100)->Unit(benchmark::kSecond)->Iterations(1);

}  // namespace

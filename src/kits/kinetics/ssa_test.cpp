#include "kits/kinetics/ssa.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/error.h"
#include "kits/kinetics/ssa_fixture.h"
#include "testing/statistics.h"

namespace meso::kinetics {
namespace {

using testing::schlogl;

/// Sums of a quantity at each time over an ensemble, for its mean and the error of the mean.
struct Sums {
  std::vector<double> one, two;
  double n = 0;
  [[nodiscard]] double mean(std::size_t i) const { return one[i] / n; }
  [[nodiscard]] double error(std::size_t i) const { return std::sqrt((two[i] / n - mean(i) * mean(i)) / (n - 1)); }
};
Sums ensemble(const Network& network, const std::vector<double>& times, int n, const char* purpose, const std::function<double(std::size_t, std::span<const double>)>& quantity) {
  const Ssa ssa(network);
  Sums sums{std::vector<double>(times.size()), std::vector<double>(times.size()), static_cast<double>(n)};
  for (int k = 0; k < n; ++k)
    ssa.run_path(times, network.initial, Stream(7, static_cast<std::uint64_t>(k), purpose).fast(), [&](std::size_t i, std::span<const double> x) {
      const double q = quantity(i, x);
      sums.one[i] += q;
      sums.two[i] += q * q;
    });
  return sums;
}

TEST(Ssa, ItsLogarithmIsGoodToTheLastBits) {
  FastStream rng = Stream(1, 0, "test/log").fast();
  double worst = 0;
  const auto check = [&](double u) {
    const long double exact = -std::log(static_cast<long double>(u));
    worst = std::max(worst, static_cast<double>(std::abs((detail::negative_log(u) - exact) / exact)));
  };
  for (int i = 0; i < 300'000; ++i) {
    const double u = rng.uniform();
    check(u);
    check(std::exp2(-52 * u) * u);
    check(1 - std::exp2(-53 * u));
  }
  for (const double u : {0x1p-53, 1 - 0x1p-53, 0.5, 0.70710678118654752, 0.70710678118654746, 0.25, 1e-300}) check(u);
  EXPECT_LT(worst, 4e-16);
  EXPECT_GT(worst, 1e-17) << "nothing was compared";
}

TEST(Ssa, BirthAndDeathHasItsExactMeanAndVariance) {
  const double birth = 20, death = 1, n0 = 5;
  const std::vector<double> times{0.25, 0.5, 1, 2, 4};
  const Network network = NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, 20", "X -> 0, 1"}}.bind({{"X0", n0}});
  const auto mean_at = [&](double t) { return birth / death + (n0 - birth / death) * std::exp(-death * t); };
  const auto variance_at = [&](double t) { return n0 * std::exp(-t) * (1 - std::exp(-t)) + birth / death * (1 - std::exp(-t)); };  // binomial survivors + Poisson newcomers
  const Sums mean = ensemble(network, times, 40000, "test/birth-death", [](std::size_t, std::span<const double> x) { return x[0]; });
  const Sums square = ensemble(network, times, 40000, "test/birth-death", [&](std::size_t i, std::span<const double> x) { return (x[0] - mean_at(times[i])) * (x[0] - mean_at(times[i])); });
  std::vector<MeanCheck> means, variances;
  for (std::size_t i = 0; i < times.size(); ++i) {
    means.push_back({mean_at(times[i]), mean.mean(i), mean.error(i), "t = " + std::to_string(times[i])});
    variances.push_back({variance_at(times[i]), square.mean(i), square.error(i), "variance at t = " + std::to_string(times[i])});
  }
  EXPECT_TRUE(MeansMatch(means, 0.3));
  EXPECT_TRUE(MeansMatch(variances, 1.5));
}

TEST(Ssa, LinearCascadeHasItsExactMomentsInBothKernels) {
  // mRNA and protein from nothing: moment equations are closed and solved by hand at stationarity (t = 60 is 12 lifetimes).
  // An extra law that is zero everywhere sends the same network through the other kernel: the trajectories are the same bits.
  NetworkSpec spec{.species = {"M", "P"}, .reactions = {"0 -> M, 2", "M -> 0, 1", "M -> M + P, 5", "P -> 0, 0.2"}};
  const Network dense = spec.bind({});
  spec.reactions.push_back("0 -> M, = 0*P");
  const Network graph = spec.bind({});
  const std::vector<double> times{60};
  std::vector<MeanCheck> checks;
  const auto moment = [&](const std::string& what, double exact, const Network& network, const std::function<double(std::span<const double>)>& f) {
    const Sums sums = ensemble(network, times, 2000, "test/cascade", [&](std::size_t, std::span<const double> x) { return f(x); });
    checks.push_back({exact, sums.mean(0), sums.error(0), what});
    return sums.one;
  };
  const auto product = [](std::span<const double> x) { return (x[0] - 2) * (x[1] - 50) / 10; };
  moment("<M>", 2, dense, [](auto x) { return x[0]; });
  moment("<P>/10", 5, dense, [](auto x) { return x[1] / 10; });
  moment("Var M", 2, dense, [](auto x) { return (x[0] - 2) * (x[0] - 2); });
  moment("Var P / 100", 2.583333333333333, dense, [](auto x) { return (x[1] - 50) * (x[1] - 50) / 100; });
  EXPECT_EQ(moment("Cov / 10", 0.833333333333333, dense, product), moment("Cov / 10, other kernel", 0.833333333333333, graph, product));
  EXPECT_TRUE(MeansMatch(checks, 0.9));
}

TEST(Ssa, ManyStepsOfALargeNetworkKeepWhatIsConserved) {
  NetworkSpec spec;  // a ring of 60 with pair exchange: 120 reactions, through the block search and its renewed sums
  for (int i = 0; i < 60; ++i) spec.species.push_back("S" + std::to_string(i));
  for (int i = 0; i < 60; ++i) spec.reactions.push_back("S" + std::to_string(i) + " <-> S" + std::to_string((i + 1) % 60) + ", 1; 0.5");
  spec.initial = {{"S0", 600}};
  const Network network = spec.bind({});
  const Ssa ssa(network);
  const std::vector<double> times{0, 1, 10, 200};
  std::vector<double> total, spread;
  const SsaResult result = ssa.run_path(times, network.initial, Stream(3, 0, "test/ring").fast(), [&](std::size_t, std::span<const double> x) {
    double sum = 0, most = 0;
    for (const double n : x) {
      sum += n;
      most = std::max(most, n);
      EXPECT_GE(n, 0);
      EXPECT_EQ(n, std::floor(n));
    }
    total.push_back(sum);
    spread.push_back(most);
  });
  EXPECT_EQ(total, (std::vector<double>{600, 600, 600, 600}));
  EXPECT_EQ(spread.front(), 600);
  EXPECT_LT(spread.back(), 40) << "600 molecules must have spread over 60 sites";
  // Every molecule leaves its site at rate 1.5: events are Poisson with mean 600 * 1.5 * 200.
  EXPECT_NEAR(static_cast<double>(result.events), 180000, 6.2 * std::sqrt(180000.0));
}

TEST(Ssa, AgreesWithTheMasterEquationOfABistableNetwork) {
  // Schlögl, volume 10, from nothing. The master equation on 0..119 by Runge-Kutta of order 4 is an independent method, and it
  // gives the published values: mean 4.280827, 5.664163, 7.209338 and variance 10.32861, 28.60651, 58.89709 at t = 0.5, 1, 2.
  const Network network = schlogl(10, 0);
  const Propensities a(network);
  constexpr std::size_t n_states = 120;
  std::vector<double> up(n_states), down(n_states);
  for (std::size_t n = 0; n < n_states; ++n) {
    const std::vector<double> x{static_cast<double>(n)};
    up[n] = n + 1 < n_states ? a(0, x) + a(2, x) : 0;
    down[n] = a(1, x) + a(3, x);
  }
  std::vector<double> p(n_states, 0.0);
  p[0] = 1;
  const auto flow = [&](const std::vector<double>& q) {
    std::vector<double> d(n_states);
    for (std::size_t n = 0; n < n_states; ++n)
      d[n] = (n > 0 ? up[n - 1] * q[n - 1] : 0) + (n + 1 < n_states ? down[n + 1] * q[n + 1] : 0) - (up[n] + down[n]) * q[n];
    return d;
  };
  const auto plus = [&](const std::vector<double>& q, const std::vector<double>& d, double h) {
    std::vector<double> r(n_states);
    for (std::size_t n = 0; n < n_states; ++n) r[n] = q[n] + h * d[n];
    return r;
  };
  const std::vector<double> times{0.5, 1, 2};
  std::vector<double> mean, variance, bimodal;
  const double h = 4e-5;
  std::size_t next = 0;
  for (int step = 1; next < times.size(); ++step) {
    const auto k1 = flow(p), k2 = flow(plus(p, k1, h / 2)), k3 = flow(plus(p, k2, h / 2)), k4 = flow(plus(p, k3, h));
    for (std::size_t n = 0; n < n_states; ++n) p[n] += h / 6 * (k1[n] + 2 * k2[n] + 2 * k3[n] + k4[n]);
    if (std::abs(step * h - times[next]) > h / 4) continue;
    double m = 0, s = 0, high = 0;
    for (std::size_t n = 0; n < n_states; ++n) {
      m += static_cast<double>(n) * p[n];
      s += static_cast<double>(n * n) * p[n];
      if (n >= 15) high += p[n];
    }
    mean.push_back(m);
    variance.push_back(s - m * m);
    bimodal.push_back(high);
    ++next;
  }
  EXPECT_NEAR(mean[0], 4.280827, 1e-6);
  EXPECT_NEAR(mean[1], 5.664163, 1e-6);
  EXPECT_NEAR(mean[2], 7.209338, 1e-6);
  EXPECT_NEAR(variance[0], 10.32861, 1e-5);
  EXPECT_NEAR(variance[1], 28.60651, 1e-5);
  EXPECT_NEAR(variance[2], 58.89709, 1e-5);

  const int n = 40000;
  std::vector<MeanCheck> means, variances, shares;
  const Sums first = ensemble(network, times, n, "test/schlogl", [](std::size_t, std::span<const double> x) { return x[0]; });
  const Sums second = ensemble(network, times, n, "test/schlogl", [&](std::size_t i, std::span<const double> x) { return (x[0] - mean[i]) * (x[0] - mean[i]); });
  const Sums high = ensemble(network, times, n, "test/schlogl", [&](std::size_t, std::span<const double> x) { return x[0] >= 15 ? 1.0 : 0.0; });
  for (std::size_t i = 0; i < times.size(); ++i) {
    means.push_back({mean[i], first.mean(i), first.error(i), "mean at t = " + std::to_string(times[i])});
    variances.push_back({variance[i], second.mean(i), second.error(i), "variance at t = " + std::to_string(times[i])});
    shares.push_back({bimodal[i], high.mean(i), high.error(i), "P(X >= 15) at t = " + std::to_string(times[i])});
  }
  EXPECT_TRUE(MeansMatch(means, 0.4));
  EXPECT_TRUE(MeansMatch(variances, 8));
  EXPECT_TRUE(MeansMatch(shares, 0.02));
}

TEST(Ssa, WindowsAddUpAndAverageWhatPathsSee) {
  const Network network = schlogl(10, 0);
  const Ssa ssa(network);
  for (std::uint64_t k = 0; k < 50; ++k) {
    double time = 0, area = 0, path = 0;
    ssa.run_window(1.5, 4, network.initial, Stream(5, k, "test/window").fast(), [&](std::span<const double> x, double dt) {
      EXPECT_GE(dt, 0);
      time += dt;
      area += x[0] * dt;
    });
    EXPECT_NEAR(time, 4, 1e-11);
    // The same trajectory on a fine grid: the Riemann sum differs by at most (jumps) * (grid step).
    std::vector<double> times;
    for (int i = 0; i < 40000; ++i) times.push_back(1.5 + 4 * (i + 0.5) / 40000);
    const SsaResult result = ssa.run_path(times, network.initial, Stream(5, k, "test/window").fast(), [&](std::size_t, std::span<const double> x) { path += x[0] * 4 / 40000; });
    EXPECT_NEAR(area, path, static_cast<double>(result.events) * 4 / 40000);
  }
}

TEST(Ssa, AnAbsorbedTrajectoryHoldsItsState) {
  const Network network = NetworkSpec{.species = {"X"}, .reactions = {"X -> 0, 1"}}.bind({{"X0", 3}});
  const Ssa ssa(network);
  const std::vector<double> times{0, 1000, 2000};
  std::vector<double> seen;
  const SsaResult result = ssa.run_path(times, network.initial, Stream(1, 0, "test/death").fast(), [&](std::size_t, std::span<const double> x) { seen.push_back(x[0]); });
  EXPECT_TRUE(result.absorbed);
  EXPECT_EQ(result.events, 3u);
  EXPECT_EQ(seen, (std::vector<double>{3, 0, 0}));
  double time = 0;
  ssa.run_window(500, 20, network.initial, Stream(1, 0, "test/death").fast(), [&](std::span<const double> x, double dt) {
    EXPECT_EQ(x[0], 0);
    time += dt;
  });
  EXPECT_EQ(time, 20);
}

TEST(Ssa, AnExplosionStopsWithItsTime) {
  const Network network = NetworkSpec{.species = {"X"}, .reactions = {"2X -> 3X, 1"}}.bind({{"X0", 5}});
  const std::vector<double> times{0, 10};
  int seen = 0;
  const SsaResult result = Ssa(network).run_path(times, network.initial, Stream(1, 0, "test/explosion").fast(), [&](std::size_t, std::span<const double>) { ++seen; });
  EXPECT_TRUE(result.runaway);
  EXPECT_EQ(seen, 1);
  EXPECT_LT(result.t, 3) << "the mean explosion time from 5 molecules is sum 1/(n(n-1)) = 1/4";
  const SsaResult limited = Ssa(schlogl(10, 0)).run_path(times, schlogl(10, 0).initial, Stream(1, 0, "test/limit").fast(), [](std::size_t, std::span<const double>) {}, 100);
  EXPECT_TRUE(limited.runaway);
  EXPECT_EQ(limited.events, 100u);
}

// A generated network of `size` species and five times as many reactions: birth, exchange, dimerisation and decay, rates over four decades.
NetworkSpec generated(int size) {
  NetworkSpec spec;
  const auto name = [](int i) { return "S" + std::to_string(i); };
  for (int i = 0; i < size; ++i) {
    spec.species.push_back(name(i));
    spec.initial[name(i)] = i % 7;
  }
  for (int i = 0; i < 5 * size; ++i) {
    const int kind = i / size, a = i % size, b = (7 * a + 13 * kind + 1) % size, c = (11 * a + 29 * kind + 3) % size;
    const std::string rate = ", " + std::to_string(std::pow(10.0, (i % 97) / 24.0 - 2));
    const std::string texts[] = {"0 -> " + name(a), name(a) + " -> " + name(b), name(a) + " + " + name(b) + " -> " + name(c), name(a) + " -> 0", "2" + name(a) + " -> " + name(b)};
    spec.reactions.push_back(texts[kind] + rate);
  }
  return spec;
}

TEST(Ssa, EveryMethodHasTheSameLaw) {
  // First-order exchange, birth and decay: the means obey a closed linear equation, solved here by many small steps.
  NetworkSpec spec;
  constexpr int n_species = 12;
  for (int i = 0; i < n_species; ++i) spec.species.push_back("S" + std::to_string(i));
  for (int i = 0; i < n_species; ++i) {
    const std::string a = spec.species[static_cast<std::size_t>(i)], b = spec.species[static_cast<std::size_t>((i + 1) % n_species)];
    spec.reactions.push_back(a + " -> " + b + ", " + std::to_string(std::pow(4.0, i % 4) / 4));
    spec.reactions.push_back("0 -> " + a + ", " + std::to_string(1 + i % 3));
    spec.reactions.push_back(a + " -> 0, 0.5");
  }
  const Network network = spec.bind({});
  const double t = 1.5;
  std::vector<double> exact(n_species, 0.0);
  constexpr int steps = 20000;  // Heun: error of order (t/steps)^2
  const auto slope = [&](const std::vector<double>& m) {
    std::vector<double> d(n_species);
    for (int i = 0; i < n_species; ++i) {
      const auto s = static_cast<std::size_t>(i), next = static_cast<std::size_t>((i + 1) % n_species);
      const double out = std::pow(4.0, i % 4) / 4 * m[s];
      d[s] += 1 + i % 3 - 0.5 * m[s] - out;
      d[next] += out;
    }
    return d;
  };
  for (int k = 0; k < steps; ++k) {
    const double h = t / steps;
    const std::vector<double> d1 = slope(exact);
    std::vector<double> y = exact;
    for (std::size_t s = 0; s < n_species; ++s) y[s] += h * d1[s];
    const std::vector<double> d2 = slope(y);
    for (std::size_t s = 0; s < n_species; ++s) exact[s] += h / 2 * (d1[s] + d2[s]);
  }
  const std::vector<double> times{t};
  constexpr int n = 6000;
  for (const auto& [name, method] : {std::pair{"direct", SsaMethod::direct}, std::pair{"dependency-graph", SsaMethod::dependency_graph}, std::pair{"composition-rejection", SsaMethod::composition_rejection}}) {
    const Ssa ssa(network, method);
    EXPECT_EQ(ssa.method(), method);
    EXPECT_EQ(ssa_method(name), method);
    std::vector<double> one(n_species), two(n_species);
    for (int k = 0; k < n; ++k)
      ssa.run_path(times, network.initial, Stream(7, static_cast<std::uint64_t>(k), std::string("test/method/") + name).fast(), [&](std::size_t, std::span<const double> x) {
        for (std::size_t s = 0; s < n_species; ++s) {
          one[s] += x[s];
          two[s] += x[s] * x[s];
        }
      });
    std::vector<MeanCheck> checks;
    for (std::size_t s = 0; s < n_species; ++s) {
      const double mean = one[s] / n, variance = two[s] / n - mean * mean;
      checks.push_back({exact[s], mean, std::sqrt(variance / n), std::string(name) + " mean of S" + std::to_string(s)});
      // From nothing, a network of first order stays a product of Poisson laws: the variance is the mean; error of a Poisson variance sqrt((m + 2 m^2)/n).
      checks.push_back({exact[s], variance, std::sqrt((exact[s] + 2 * exact[s] * exact[s]) / n), std::string(name) + " variance of S" + std::to_string(s)});
    }
    EXPECT_TRUE(MeansMatch(checks, 1.1));
  }
}

TEST(Ssa, ANetworkOf25000ReactionsBindsAndRunsByRejection) {
  const Network network = generated(5000).bind({});
  ASSERT_EQ(network.reactions.size(), 25000u);
  const Ssa ssa(network);
  EXPECT_EQ(ssa.method(), SsaMethod::composition_rejection);
  EXPECT_NE(choose_method(network).why.find("25,000 reactions"), std::string::npos) << choose_method(network).why;
  // The same law as the search by blocks: the number of events up to t, and the total count at t, over 40 trajectories each.
  const std::vector<double> times{0.004};
  const auto moments = [&](SsaMethod method, const char* purpose) {
    const Ssa of(network, method);
    std::array<double, 4> sums{};
    for (std::uint64_t k = 0; k < 40; ++k) {
      double total = 0;
      const SsaResult result = of.run_path(times, network.initial, Stream(3, k, purpose).fast(), [&](std::size_t, std::span<const double> x) {
        for (const double v : x) {
          total += v;
          EXPECT_GE(v, 0);
        }
      });
      const auto events = static_cast<double>(result.events);
      sums[0] += events / 40;
      sums[1] += events * events / 40;
      sums[2] += total / 40;
      sums[3] += total * total / 40;
    }
    return sums;
  };
  const auto a = moments(SsaMethod::composition_rejection, "test/large/rejection"), b = moments(SsaMethod::dependency_graph, "test/large/graph");
  EXPECT_GT(a[0], 500) << "the work was done";
  for (const std::size_t i : {0u, 2u}) {
    const double error = std::sqrt((a[i + 1] - a[i] * a[i] + b[i + 1] - b[i] * b[i]) / 39);
    EXPECT_LT(error, 0.02 * a[i]) << "must be able to see a few per cent";
    EXPECT_NEAR(a[i], b[i], 6.2 * error);
  }
}

TEST(Ssa, RejectionKeepsWhatIsConservedWhileGroupsComeAndGo) {
  NetworkSpec spec;  // a ring whose rates span nine decades: propensities change their group all the time
  for (int i = 0; i < 60; ++i) spec.species.push_back("S" + std::to_string(i));
  for (int i = 0; i < 60; ++i) spec.reactions.push_back("S" + std::to_string(i) + " <-> S" + std::to_string((i + 1) % 60) + ", " + std::to_string(std::pow(10.0, i % 10 - 3)) + "; 0.5");
  spec.initial = {{"S0", 600}};
  const Network network = spec.bind({});
  const Ssa ssa(network, SsaMethod::composition_rejection);
  const SsaResult result = ssa.run_path(std::vector<double>{0.001, 0.1, 2}, network.initial, Stream(3, 0, "test/ring").fast(), [&](std::size_t, std::span<const double> x) {
    double sum = 0;
    for (const double n : x) {
      sum += n;
      EXPECT_GE(n, 0);
    }
    EXPECT_EQ(sum, 600);
  });
  EXPECT_GT(result.events, 500u);
  const Network death = NetworkSpec{.species = {"X"}, .reactions = {"X -> 0, 1"}, .initial = {{"X", 1000}}}.bind({});
  const SsaResult end = Ssa(death, SsaMethod::composition_rejection).run_path(std::vector<double>{1e6}, death.initial, Stream(3, 1, "test/ring").fast(), [](std::size_t, std::span<const double> x) { EXPECT_EQ(x[0], 0); });
  EXPECT_TRUE(end.absorbed);
  EXPECT_EQ(end.events, 1000u);
}

TEST(Ssa, RefusesWhatItCannotSimulateByName) {
  const auto message_of = [](const std::function<void()>& action) -> std::string {
    try {
      action();
    } catch (const ModelError& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  const Network clock = NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, = 1 + sin(t)"}}.bind({});
  EXPECT_NE(message_of([&] { const Ssa ssa(clock); }).find("reaction '0 -> X, = 1 + sin(t)': the propensity depends on the time t"), std::string::npos);

  // Beyond what is tried when a network is bound (thousands of steps from the start), the run itself watches.
  Network network = NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, = 100000 - X"}}.bind({});
  network.reactions[0].law = Formula::parse("100 - X");
  network.reactions.push_back(NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, 5"}}.bind({}).reactions[0]);
  const std::vector<double> times{1000};
  const std::string negative = message_of([&] { Ssa(network).run_path(times, network.initial, Stream(1, 0, "test/negative").fast(), [](std::size_t, std::span<const double>) {}); });
  EXPECT_NE(negative.find("the propensity is -1 at X = 101"), std::string::npos) << negative;
  Network decay = NetworkSpec{.species = {"X"}, .reactions = {"X -> 0, = X"}}.bind({{"X0", 10}});
  decay.reactions[0].law = Formula::parse("2");
  const std::string below = message_of([&] { Ssa(decay).run_path(times, decay.initial, Stream(1, 0, "test/below").fast(), [](std::size_t, std::span<const double>) {}); });
  EXPECT_NE(below.find("fired although X had too few molecules"), std::string::npos) << below;
}

}  // namespace
}  // namespace meso::kinetics

// The levels against closed forms: Fokker-Planck grids (orders, positivity, mass), moment equations, the ensemble's step bound.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/error.h"
#include "exec/engine.h"
#include "kits/sde/fokker_planck.h"
#include "kits/sde/ladder.h"
#include "kits/sde/langevin.h"
#include "kits/sde/moments.h"
#include "kits/sde/observables.h"
#include "kits/sde/sde_fixture.h"
#include "testing/statistics.h"

namespace meso::sde {
namespace {

SdeSpec gyrator(double tilt) {  // tilt: correlation of the two noises
  SdeSpec spec;
  spec.variables = {"x", "y"};
  spec.drift = {{"x", "-x + 0.8*y"}, {"y", "-0.8*x - y"}};
  spec.shared_noise = true;
  spec.diffusion = {{"x", {"0.8", "0"}}, {"y", {std::to_string(tilt), "0.9"}}};
  spec.initial = {{"x", 1}, {"y", -0.5}};
  return spec;
}

Answer run(const Level& level, const Ask& ask, std::uint64_t trajectories = 1, unsigned threads = 2) {
  LevelRun engine({.seed = 20250101, .threads = threads}, "test/sde");
  engine.set_trajectories(trajectories);
  return level.run(ask, engine);
}

Ask at(std::vector<double> times, std::vector<std::string> observables) {
  Ask ask;
  ask.when = Times{std::move(times)};
  ask.observables = std::move(observables);
  return ask;
}
Ask stationary(std::vector<std::string> observables, std::optional<double> burn_in = {}, std::optional<double> window = {}) {
  Ask ask;
  ask.when = Stationary{burn_in, window};
  ask.observables = std::move(observables);
  return ask;
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

// --------------------------------------------------------------------------------------------------------- Fokker-Planck

TEST(FokkerPlanckGrid, HasOrderTwoOnAnOrnsteinUhlenbeckProcess) {
  const Process process = scalar("-x", "1", 1).bind({});  // mean e^-t, variance (1 - e^-2t)/2
  const Box box{{-6}, {6}};
  std::vector<double> h, mean, variance;
  for (const std::size_t cells : {60, 120, 240, 480}) {
    FokkerPlanckGrid grid(process, box, cells);
    grid.start();
    grid.advance(0, 1);
    h.push_back(grid.width(0));
    mean.push_back(std::abs(grid.mean(0) - std::exp(-1)));
    variance.push_back(std::abs(grid.covariance(0, 0) - 0.5 * (1 - std::exp(-2))));
  }
  EXPECT_TRUE(HasOrder("Fokker-Planck order in the cell width, mean of an Ornstein-Uhlenbeck process", h, mean, 2.0, 0.05));
  EXPECT_TRUE(HasOrder("Fokker-Planck order in the cell width, variance of an Ornstein-Uhlenbeck process", h, variance, 2.0, 0.05));
}

TEST(FokkerPlanckGrid, HasOrderTwoInTwoDimensionsWithAndWithoutMixedDiffusion) {
  for (const double tilt : {0.0, 0.5}) {
    const Process process = gyrator(tilt).bind({});
    const double t = 0.7;
    // Exact: dC/dt = A C + C A' + B B', here by the moment level, itself tested against closed forms below.
    const Answer exact = run(exact_level(process), at({t}, {"x.mean", "x.variance", "y.variance", "x.y.covariance"}));
    std::vector<double> h, error;
    for (const std::size_t cells : {24, 48, 96}) {
      FokkerPlanckGrid grid(process, {{-5, -5}, {5, 5}}, cells);
      grid.start();
      grid.advance(0, t);
      h.push_back(grid.width(0));
      error.push_back(std::abs(grid.mean(0) - exact.find("x.mean")->value[0]) + std::abs(grid.covariance(0, 0) - exact.find("x.variance")->value[0]) +
                      std::abs(grid.covariance(1, 1) - exact.find("y.variance")->value[0]) + std::abs(grid.covariance(0, 1) - exact.find("x.y.covariance")->value[0]));
    }
    EXPECT_TRUE(HasOrder("Fokker-Planck order in the cell width, two dimensions, noise correlation " + std::to_string(tilt).substr(0, 3), h, error, 2.0, 0.1)) << "tilt " << tilt;
  }
}

TEST(FokkerPlanckGrid, IsPositiveAndKeepsMass) {
  double lowest_of_all = 0, worst_of_all = 0;
  SdeSpec walls = scalar("3 - 8*x", "0.3 + 0.2*x", 0.2);
  walls.domain["x"] = {0, 1};
  SdeSpec steep = scalar("-40*x^3 + 30*x", "0.4", 0.1);  // cell Peclet numbers of several hundred on this grid
  for (const auto& [spec, box, cells] : std::vector<std::tuple<SdeSpec, Box, std::size_t>>{{walls, {{0}, {1}}, 101}, {steep, {{-3}, {3}}, 40}, {gyrator(0.5), {{-6, -6}, {6, 6}}, 40}, {gyrator(0), {{-6, -6}, {6, 6}}, 40}}) {
    const Process process = spec.bind({});
    FokkerPlanckGrid grid(process, box, cells);
    grid.start();
    double lowest = 0, worst = 0;
    for (int k = 0; k < 20; ++k) {
      grid.advance(0.05 * k, 0.05 * (k + 1));
      lowest = std::min(lowest, *std::min_element(grid.p().begin(), grid.p().end()));
      worst = std::max(worst, std::abs(std::accumulate(grid.p().begin(), grid.p().end(), 0.0) + grid.lost() - 1));
    }
    EXPECT_GE(lowest, 0);
    EXPECT_LE(worst, 1e-12);
    lowest_of_all = std::min(lowest_of_all, lowest);
    worst_of_all = std::max(worst_of_all, worst);
    EXPECT_LE(grid.lost(), 1e-9);
    // The generator itself: no negative rate, and what leaves a cell arrives in another or is lost.
    for (const double rate : grid.generator().rate) ASSERT_GT(rate, 0);
  }
  measured("ornstein-uhlenbeck", "sde kit, Fokker-Planck: smallest cell probability of four processes", lowest_of_all, 0, 0, "positive scheme");
  measured("ornstein-uhlenbeck", "sde kit, Fokker-Planck: largest |mass inside + booked as lost - 1| of four processes", worst_of_all, 1e-12, 0, "conservative scheme");
}

TEST(FokkerPlanckGrid, BooksWhatLeavesTheBox) {
  // Free diffusion from 0 with absorbing ends at +-1: P(inside at t) = sum_n 4/((2n+1) pi) (-1)^n exp(-(2n+1)^2 pi^2 t/8).
  const Process process = scalar("0", "1", 0).bind({});
  const double t = 0.6;
  double inside = 0;
  for (int n = 0; n < 40; ++n) inside += (n % 2 ? -1 : 1) * 4 / ((2 * n + 1) * std::numbers::pi) * std::exp(-(2 * n + 1) * (2 * n + 1) * std::numbers::pi * std::numbers::pi * t / 8);
  // What is lost leaves the centre of the cell beyond the end: the ends lie half a cell further out.
  constexpr std::size_t cells = 401;
  const double h = 2.0 / (cells + 1);
  FokkerPlanckGrid grid(process, {{-1 + h / 2}, {1 - h / 2}}, cells);
  grid.start();
  grid.advance(0, t);
  EXPECT_NEAR(1 - grid.lost(), inside, 1e-4);
  EXPECT_NEAR(std::accumulate(grid.p().begin(), grid.p().end(), 0.0) + grid.lost(), 1, 1e-12);
}

TEST(FokkerPlanckGrid, StationaryLawOfADoubleWellIsGibbs) {
  // p ~ exp(-2 V / sigma^2) with V = x^4/4 - x^2/2; moments by quadrature.
  const double sigma = 0.7;
  double norm = 0, second = 0, below = 0;
  constexpr int n = 60000;
  for (int k = 0; k < n; ++k) {
    const double x = -4 + 8.0 * (k + 0.5) / n, p = std::exp(-2 * (0.25 * x * x * x * x - 0.5 * x * x) / (sigma * sigma));
    norm += p;
    second += x * x * p;
    if (x <= 0.5) below += p;
  }
  const Process process = scalar("x - x^3", "0.7", 0.5).bind({});
  std::vector<double> h, error;
  for (const std::size_t cells : {100, 200, 400, 800}) {
    FokkerPlanckGrid grid(process, {{-3.1}, {3.3}}, cells);
    grid.make_stationary();
    h.push_back(grid.width(0));
    error.push_back(std::abs(grid.covariance(0, 0) + grid.mean(0) * grid.mean(0) - second / norm));
    if (cells == 800) {
      const std::array<double, 1> x{0.5};
      EXPECT_NEAR(grid.cdf(0, x)[0], below / norm, 1e-4);
      EXPECT_NEAR(grid.mean(0), 0, 1e-6);
    }
  }
  EXPECT_TRUE(HasOrder("Fokker-Planck order in the cell width, stationary double well", h, error, 2.0, 0.1));
  const Answer answer = run(fokker_planck_level(process), stationary({"x.mean", "x.variance"}));
  EXPECT_NEAR(answer.find("x.variance")->value[0], second / norm, answer.find("x.variance")->error_bound[0]);
  EXPECT_TRUE(std::any_of(answer.flags.begin(), answer.flags.end(), [](const Flag& f) { return f.kind == "bimodal" && !f.fatal; }));
}

TEST(FokkerPlanckGrid, SlowTimeOfAnOrnsteinUhlenbeckProcessIsItsRelaxationTime) {
  const auto slow = slow_time(scalar("-0.25*x", "0.6", 0).bind({}));
  ASSERT_TRUE(slow);
  EXPECT_NEAR(*slow, 4, 0.01);
}

TEST(FokkerPlanck, TheCalculusMatters) {
  // dx = -x dt + x dW: Itô mean e^-t, Stratonovich mean e^{-t/2}, both with multiplicative noise on the half line.
  for (const auto& [interpretation, rate] : {std::pair{Interpretation::ito, 1.0}, {Interpretation::stratonovich, 0.5}}) {
    SdeSpec spec = scalar("-x", "0.5*x", 1, interpretation);
    spec.drift["x"] = "-x";
    spec.diffusion["x"] = {"x"};
    spec.domain["x"] = {0, INFINITY};
    const Process process = spec.bind({});
    const Answer exact = run(exact_level(process), at({0.5}, {"x.mean", "x.variance"}));
    EXPECT_NEAR(exact.find("x.mean")->value[0], std::exp(-rate * 0.5), 1e-9);
    const double variance = std::exp(-2 * rate * 0.5) * (std::exp(0.5) - 1);  // <x>^2 (e^{t} - 1)
    EXPECT_NEAR(exact.find("x.variance")->value[0], variance, 1e-8);
    Ask ask = at({0.5}, {"x.mean"});
    ask.target_error = 1e-3;
    const Answer fp = run(fokker_planck_level(process), ask);
    EXPECT_NEAR(fp.find("x.mean")->value[0], std::exp(-rate * 0.5), 2e-3);
  }
}

TEST(FokkerPlanck, FollowsCoefficientsThatDependOnTime) {
  // dx = (cos t - x) dt + dW from 0: mean (cos t + sin t - e^-t) / 2.
  Ask ask = at({0.5, 2}, {"x.mean", "x.variance"});
  ask.target_error = 1e-3;
  const Answer answer = run(fokker_planck_level(scalar("cos(t) - x", "0.5", 0).bind({})), ask);
  for (std::size_t i = 0; i < 2; ++i) {
    const double t = ask.times()[i];
    EXPECT_NEAR(answer.find("x.mean")->value[i], 0.5 * (std::cos(t) + std::sin(t) - std::exp(-t)), 1e-3);
    EXPECT_NEAR(answer.find("x.variance")->value[i], 0.125 * (1 - std::exp(-2 * t)), 1e-3);
  }
  EXPECT_TRUE(run(fokker_planck_level(scalar("cos(t) - x", "0.5", 0).bind({})), stationary({"x.mean"})).flags.at(0).fatal);
}

TEST(FokkerPlanck, SaysWhereItCannotGo) {
  // sqrt(x) below 0: the answer is a fatal flag that names the place and the remedy, not an exception.
  const Answer answer = run(fokker_planck_level(scalar("1 - x", "x^0.5", 0.1).bind({})), at({1}, {"x.mean"}));
  ASSERT_EQ(answer.flags.size(), 1u);
  EXPECT_TRUE(answer.flags[0].fatal);
  EXPECT_NE(answer.flags[0].text.find("give the variable a domain"), std::string::npos) << answer.flags[0].text;
  SdeSpec three = gyrator(0);
  three.variables.emplace_back("z");
  three.drift["z"] = "-z";
  three.diffusion["z"] = {"0", "1"};
  EXPECT_THROW(static_cast<void>(fokker_planck_level(three.bind({}))), ModelError);
  const std::vector<Level> levels = ladder(three.bind({}));
  EXPECT_TRUE(std::none_of(levels.begin(), levels.end(), [](const Level& l) { return l.info.name == "fokker-planck"; }));
}

// ------------------------------------------------------------------------------------------------------------ moments

TEST(Moments, OrnsteinUhlenbeckAndSquareRootProcessesAreExact) {
  SdeSpec ou = scalar("2*(3 - x)", "0.8", 1);
  ou.initial_sd["x"] = 0.5;
  const Answer a = run(exact_level(ou.bind({})), at({0.3, 2}, {"x.mean", "x.variance", "x.distribution"}));
  for (std::size_t i = 0; i < 2; ++i) {
    const double t = i == 0 ? 0.3 : 2, decay = std::exp(-2 * t), mean = 3 - 2 * decay, variance = 0.25 * decay * decay + 0.16 * (1 - decay * decay);
    EXPECT_NEAR(a.find("x.mean")->value[i], mean, 1e-8);
    EXPECT_NEAR(a.find("x.variance")->value[i], variance, 1e-8);
    const Estimate& law = *a.find("x.distribution");
    const std::vector<double>& edges = law.axes[1].points;
    double upto = 0;
    for (std::size_t b = 0; b + 1 < edges.size(); ++b) {
      upto += law.value[i * edges.size() + b];
      ASSERT_NEAR(upto, normal_cdf((edges[b] - mean) / std::sqrt(variance)), 1e-7);
    }
  }
  // Cox, Ingersoll and Ross (1985): dx = k (m - x) dt + s sqrt(x) dW.
  SdeSpec cir = scalar("1.5*(2 - x)", "0.6*sqrt(x)", 0.5);
  cir.domain["x"] = {0, INFINITY};
  ASSERT_TRUE(is_solvable(cir.bind({})));
  const double t = 0.8, e = std::exp(-1.5 * t);
  const Answer c = run(exact_level(cir.bind({})), at({t}, {"x.mean", "x.variance", "x.distribution"}));
  EXPECT_NEAR(c.find("x.mean")->value[0], 2 + (0.5 - 2) * e, 1e-8);
  EXPECT_NEAR(c.find("x.variance")->value[0], 0.5 * 0.36 / 1.5 * (e - e * e) + 2 * 0.36 / 3 * (1 - e) * (1 - e), 1e-8);
  EXPECT_EQ(c.find("x.distribution"), nullptr);  // not Gaussian: absent rather than wrong
  const Answer s = run(exact_level(cir.bind({})), stationary({"x.mean", "x.variance"}));
  EXPECT_NEAR(s.find("x.mean")->value[0], 2, 1e-10);
  EXPECT_NEAR(s.find("x.variance")->value[0], 2 * 0.36 / 3, 1e-10);
}

TEST(Moments, SolvableIsWhatClosesAtOrderTwo) {
  EXPECT_TRUE(is_solvable(gyrator(0.5).bind({})));
  EXPECT_TRUE(is_solvable(scalar("1 - x", "1 + x", 1).bind({})));
  EXPECT_FALSE(is_solvable(scalar("x - x^3", "1", 1).bind({})));
  EXPECT_FALSE(is_solvable(scalar("-x", "x^2", 1).bind({})));
  EXPECT_FALSE(is_solvable(scalar("-t*x", "1", 1).bind({})));
  SdeSpec wall = scalar("-x", "1", 1);
  wall.domain["x"] = {0, INFINITY};  // reflected noise: the wall is felt
  EXPECT_FALSE(is_solvable(wall.bind({})));
  EXPECT_THROW(static_cast<void>(exact_level(wall.bind({}))), Error);
}

TEST(Moments, LinearNoiseOfADoubleWellKnowsOneWellOnly) {
  const Process process = scalar("x - x^3", "0.1", 0.5).bind({});
  const Answer a = run(linear_noise_level(process), at({30}, {"x.mean", "x.variance"}));
  EXPECT_NEAR(a.find("x.mean")->value[0], 1, 1e-8);
  EXPECT_NEAR(a.find("x.variance")->value[0], 0.01 / 4, 1e-8);  // sigma^2 / (2 |V''|) with V'' = 2
  const Answer s = run(linear_noise_level(process), stationary({"x.mean"}));
  ASSERT_EQ(s.steady_states.size(), 2u);
  EXPECT_TRUE(s.steady_states[0].reached && !s.steady_states[1].reached);
  EXPECT_NEAR(s.steady_states[0].value.at("x.mean"), 1, 1e-10);
  EXPECT_NEAR(s.steady_states[1].value.at("x.mean"), -1, 1e-10);
  EXPECT_TRUE(std::any_of(s.flags.begin(), s.flags.end(), [](const Flag& f) { return f.kind == "several-stable-states" && f.fatal; }));
  const Answer free = run(linear_noise_level(scalar("0.5*x", "1", 0.1).bind({})), stationary({"x.mean"}));
  EXPECT_TRUE(std::any_of(free.flags.begin(), free.flags.end(), [](const Flag& f) { return f.kind == "no-stable-state" && f.fatal; }));
}

// ----------------------------------------------------------------------------------------------------------- langevin

Ask with(Ask ask, const std::string& scheme, double step) {
  ask.options["scheme"] = Value(scheme);
  ask.options["step"] = Value(step);
  return ask;
}

TEST(Langevin, MeetsTheExactLawAndItsBoundCoversTheStepError) {
  // Geometric Brownian motion by Euler-Maruyama at a coarse step: the bias is (1 + mu h)^n - e^{mu t}, and must lie within bound and sampling error.
  const Process process = scalar("-2*x", "0.3*x", 1).bind({});
  const double h = 0.0625;
  const Answer a = run(langevin_level(process), with(at({1}, {"x.mean"}), "euler-maruyama", h), 8192);
  const Estimate& e = *a.find("x.mean");
  const double biased = std::pow(1 - 2 * h, 16), exact = std::exp(-2);
  EXPECT_TRUE(MeansMatch({{biased, e.value[0], e.std_error[0], "mean at step h"}}, 0.005));
  EXPECT_GE(e.error_bound[0], 0.8 * std::abs(biased - exact));
  EXPECT_LE(e.error_bound[0], 2 * std::abs(biased - exact));
  EXPECT_TRUE(std::any_of(a.flags.begin(), a.flags.end(), [](const Flag& f) { return f.text.find("measured orders in the step: x.mean") != std::string::npos; }));
}

TEST(Langevin, GivesCovariancesAndDistributionsOfALinearProcess) {
  const Process process = gyrator(0.5).bind({});
  const Ask ask = at({0.5, 2}, {"x.mean", "y.variance", "x.y.covariance", "x.distribution"});
  const Answer sampled = run(langevin_level(process), ask, 8192), exact = run(exact_level(process), ask);
  std::vector<MeanCheck> checks;
  for (const char* name : {"x.mean", "y.variance", "x.y.covariance"})
    for (std::size_t i = 0; i < 2; ++i)
      checks.push_back({exact.find(name)->value[i], sampled.find(name)->value[i], std::hypot(sampled.find(name)->std_error[i], sampled.find(name)->error_bound[i]), name, sampled.find(name)->dof});
  EXPECT_TRUE(MeansMatch(checks, 0.15));
  const Estimate &p = *sampled.find("x.distribution"), &q = *exact.find("x.distribution");
  ASSERT_EQ(p.axes, q.axes);
  double distance = 0, fp = 0, fq = 0;
  for (std::size_t b = 0; b < p.axes[1].points.size(); ++b) distance = std::max(distance, std::abs((fp += p.value[b]) - (fq += q.value[b])));
  EXPECT_LE(distance, std::sqrt(std::log(2 / 1e-9) / (2 * 8192)));  // the band at 1e-9
}

TEST(Langevin, StationaryAveragesMeetGibbsAndTestMixing) {
  const Process process = scalar("x - x^3", "1", 0.5).bind({});
  const Answer fp = run(fokker_planck_level(process), stationary({"x.mean", "x.variance"}));
  const Answer sampled = run(langevin_level(process), stationary({"x.mean", "x.variance"}, 20, 60), 256);
  std::vector<MeanCheck> checks;
  for (const char* name : {"x.mean", "x.variance"})
    checks.push_back({fp.find(name)->value[0], sampled.find(name)->value[0], std::hypot(sampled.find(name)->std_error[0], sampled.find(name)->error_bound[0]), name, sampled.find(name)->dof});
  EXPECT_TRUE(MeansMatch(checks, 0.25));
  const auto not_mixed = [](const Answer& a) { return std::any_of(a.flags.begin(), a.flags.end(), [](const Flag& f) { return f.kind == "not-mixed"; }); };
  EXPECT_FALSE(not_mixed(sampled));
  // Deep wells: nobody crosses in this window, and the two groups of starts say so.
  const Answer deep = run(langevin_level(scalar("x - x^3", "0.3", 0.5).bind({})), stationary({"x.mean"}, 5, 10), 64);
  ASSERT_TRUE(not_mixed(deep));
  for (const Flag& f : deep.flags)
    if (f.kind == "not-mixed") {  // one group in each well
      EXPECT_NE(f.text.find("x.mean is 0."), std::string::npos) << f.text;
      EXPECT_NE(f.text.find("and -0."), std::string::npos) << f.text;
    }
}

TEST(Langevin, ExplosionAndTooLargeStepsAreFlagsAndThreadsDoNotMatter) {
  const Answer boom = run(langevin_level(scalar("x^3", "0.1", 1).bind({})), with(at({2}, {"x.mean"}), "euler-maruyama", 0.01), 16);
  EXPECT_TRUE(std::any_of(boom.flags.begin(), boom.flags.end(), [](const Flag& f) { return f.kind == "diverged" && f.fatal; }));
  const Process process = gyrator(0.5).bind({});
  const Ask ask = at({0.5}, {"x.mean", "x.variance", "x.y.covariance", "x.distribution"});
  const Answer one = run(langevin_level(process), ask, 200, 1);
  for (const unsigned threads : {2u, 3u}) {
    const Answer many = run(langevin_level(process), ask, 200, threads);
    for (std::size_t k = 0; k < one.estimates.size(); ++k) {
      EXPECT_EQ(one.estimates[k].value, many.estimates[k].value);
      EXPECT_EQ(one.estimates[k].std_error, many.estimates[k].std_error);
      EXPECT_EQ(one.estimates[k].error_bound, many.estimates[k].error_bound);
    }
  }
  EXPECT_THROW(static_cast<void>(run(langevin_level(process), stationary({"x.mean"}, 1, 0), 8)), StudyError);
}

TEST(Langevin, ReflectsAtWalls) {
  // Reflected Brownian motion on the half line from 0: <x> = sqrt(2 t / pi).
  SdeSpec spec = scalar("0", "1", 0);
  spec.domain["x"] = {0, INFINITY};
  const Process process = spec.bind({});
  const Answer fp = run(fokker_planck_level(process), at({0.5}, {"x.mean"}));
  EXPECT_NEAR(fp.find("x.mean")->value[0], std::sqrt(1 / std::numbers::pi), 1e-3);
  const Answer sampled = run(langevin_level(process), with(at({0.5}, {"x.mean"}), "euler-maruyama", 0.005), 8192);
  const Estimate& e = *sampled.find("x.mean");
  EXPECT_TRUE(MeansMatch({{std::sqrt(1 / std::numbers::pi), e.value[0], std::hypot(e.std_error[0], e.error_bound[0]), "reflected"}}, 0.2));
}

}  // namespace
}  // namespace meso::sde

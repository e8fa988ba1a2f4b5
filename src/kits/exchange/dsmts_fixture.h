// The stochastic cases of the SBML Test Suite (DSMTS) against the exact null.
//
// The suite's own criterion - Z = sqrt(n) (mean - mu)/sigma within (-3, 3), Y = sqrt(n/2) (S^2/sigma^2 - 1) within (-5, 5) at every
// point - is exceeded now and then by a correct simulator, because there are many points and Y is normal for normal laws only.
// Here S^2 (about the true mean) is judged with its own standard error sqrt((mu4 - sigma^4)/n), mu4 exact: from the moment equations
// where propensities are linear, from the master equation where not. Mean and sigma are the suite's.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "exec/engine.h"
#include "kits/exchange/sbml.h"
#include "kits/exchange/semantic_fixture.h"
#include "kits/kinetics/process_system.h"
#include "num/markov.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::exchange::testing {


struct Exact {
  std::vector<double> mean, variance, fourth;  ///< per time; fourth: central moment
};

inline Answer answer_of(const Case& model, const std::string& level, Table options, const std::vector<double>& times, std::vector<std::string> observables, std::uint64_t n = 0, std::uint64_t seed = 1) {
  const Level& found = model.level(level);
  Ask ask{.when = Times{times}, .observables = std::move(observables), .target_error = 1e-7};
  ask.options = resolve(found.info.options, options, "level '" + level + "'");
  LevelRun run({.seed = seed, .threads = 2}, "dsmts/" + level);
  if (n > 0) run.set_trajectories(n);
  return found.run(ask, run);
}

inline Exact exact_by(const Case& model, const std::string& level, Table options, const std::vector<double>& times, const std::string& name) {
  const Answer a = answer_of(model, level, std::move(options), times, {name + ".mean", name + ".variance", name + ".cumulant4"});
  Exact e{a.find(name + ".mean")->value, a.find(name + ".variance")->value, a.find(name + ".cumulant4")->value};
  for (std::size_t i = 0; i < times.size(); ++i) e.fourth[i] += 3 * e.variance[i] * e.variance[i];
  return e;
}

/// Case 00033: pairs form and fall apart; at 31 pairs everything starts anew. A chain on the number of pairs.
inline Exact dimer_with_reset(const std::vector<double>& times, bool monomers) {
  num::Generator q;
  const std::size_t states = 31;
  q.leak.assign(states, 0.0);
  for (std::size_t j = 0; j < states; ++j) {
    const double p = 100 - 2.0 * static_cast<double>(j), up = 0.001 * p * (p - 1) / 2, down = 0.01 * static_cast<double>(j);
    q.target.push_back(static_cast<std::uint32_t>(j + 1 < states ? j + 1 : 0));
    q.rate.push_back(up);
    if (j > 0) {
      q.target.push_back(static_cast<std::uint32_t>(j - 1));
      q.rate.push_back(down);
    }
    q.start.push_back(q.target.size());
  }
  num::Uniformised solver(q);
  std::vector<double> p(states, 0.0);
  p[0] = 1;
  Exact e;
  double t = 0;
  for (const double next : times) {
    solver.advance(p, next - t, 1e-14);
    t = next;
    const auto value = [&](std::size_t j) { return monomers ? 100 - 2.0 * static_cast<double>(j) : static_cast<double>(j); };
    double mean = 0, m2 = 0, m4 = 0;
    for (std::size_t j = 0; j < states; ++j) mean += p[j] * value(j);
    for (std::size_t j = 0; j < states; ++j) {
      const double d = value(j) - mean;
      m2 += p[j] * d * d;
      m4 += p[j] * d * d * d * d;
    }
    e.mean.push_back(mean);
    e.variance.push_back(m2);
    e.fourth.push_back(m4);
  }
  return e;
}

/// Case 00029: immigration (1) and death (0.1), set to 20 at t = 22.5: Poisson plus what is left of the 20, binomial.
inline Exact immigration_with_reset(const std::vector<double>& times) {
  Exact e;
  for (const double t : times) {
    const bool after = t >= 22.5;
    const double tau = after ? t - 22.5 : t, q = std::exp(-0.1 * tau), poisson = 10 * (1 - q), n = after ? 20 : 0, v = n * q * (1 - q);
    e.mean.push_back(poisson + n * q);
    e.variance.push_back(poisson + v);
    e.fourth.push_back(poisson + v * (1 - 6 * q * (1 - q)) + 3 * (poisson + v) * (poisson + v));
  }
  return e;
}

inline Exact exact_null(const Case& model, const SuiteCase& c, const std::string& name) {
  if (c.id == "00029") return immigration_with_reset(c.times);
  if (c.id == "00033") return dimer_with_reset(c.times, name == "P");
  if (c.id == "00031" || c.id == "00035") return exact_by(model, "fsp", {}, c.times, name);
  if (name == "y") {  // y := 2 X
    Exact e = exact_by(model, "closure", {{"kind", Value("zero")}, {"order", Value(std::int64_t{4})}}, c.times, "X");
    for (std::size_t i = 0; i < c.times.size(); ++i) {
      e.mean[i] *= 2;
      e.variance[i] *= 4;
      e.fourth[i] *= 16;
    }
    return e;
  }
  return exact_by(model, "closure", {{"kind", Value("zero")}, {"order", Value(std::int64_t{4})}}, c.times, name);
}

/// Simulates n trajectories of one case and judges every mean and standard deviation.
/// @param detectable  smallest error of a mean in standard deviations (and of a variance in its own standard deviations) that must be seen
inline void judge_case(const std::filesystem::path& suite, const std::string& id, std::uint64_t n, std::uint64_t seed, double detectable) {
  const SuiteCase c = suite_case(suite, id);
  ASSERT_EQ(c.times.size(), 51u);
  const System system = kinetics::process_system(read_sbml(c.model("l3v1")), "model", "case");
  const Case model = system.bind({});
  std::map<std::string, std::pair<std::size_t, std::size_t>> columns;  // name -> mean, sd
  for (std::size_t k = 0; k < c.columns.size(); ++k) {
    const auto dash = c.columns[k].rfind('-');
    auto& entry = columns[c.columns[k].substr(0, dash)];
    (c.columns[k].substr(dash + 1) == "mean" ? entry.first : entry.second) = k;
  }
  std::vector<std::string> observables;
  for (const auto& [name, at] : columns)
    for (const char* what : {".mean", ".variance"}) observables.push_back(name + what);
  const Answer answer = answer_of(model, "ssa", {}, c.times, observables, n, seed);
  ASSERT_EQ(answer.estimates.size(), observables.size());
  std::vector<MeanCheck> checks;
  std::size_t z_beyond = 0, y_beyond = 0, judged = 0;
  double worst = 0;
  const double count = static_cast<double>(n);
  for (const auto& [name, at] : columns) {
    const std::vector<double>&mean = answer.find(name + ".mean")->value, &variance = answer.find(name + ".variance")->value;
    const bool constant = name == "Source";
    const Exact exact = constant ? Exact{std::vector<double>(51, 0.0), std::vector<double>(51, 0.0), std::vector<double>(51, 0.0)} : exact_null(model, c, name);
    for (std::size_t i = 0; i < c.times.size(); ++i) {
      const double mu = c.rows[i][at.first], sigma = c.rows[i][at.second];
      // The suite's numbers have seven digits: they are those of the exact null.
      EXPECT_NEAR(exact.mean[i], mu, 2e-5 * std::abs(mu) + 2e-6) << name << " mean at t = " << c.times[i];
      EXPECT_NEAR(std::sqrt(exact.variance[i]), sigma, 2e-5 * sigma + 2e-6) << name << " sd at t = " << c.times[i];
      if (sigma == 0) {
        EXPECT_EQ(mean[i], mu) << name << " at t = " << c.times[i];
        EXPECT_EQ(variance[i], 0) << name << " at t = " << c.times[i];
        continue;
      }
      const double s2 = variance[i] + (mean[i] - exact.mean[i]) * (mean[i] - exact.mean[i]);
      const double sd_of_square = std::sqrt(exact.fourth[i] - exact.variance[i] * exact.variance[i]);
      const std::string where = name + " at t = " + std::to_string(c.times[i]);
      checks.push_back({0, (mean[i] - exact.mean[i]) / std::sqrt(exact.variance[i]), 1 / std::sqrt(count), where + " mean"});
      checks.push_back({0, (s2 - exact.variance[i]) / sd_of_square, 1 / std::sqrt(count), where + " variance"});
      const double z = std::sqrt(count) * (mean[i] - mu) / sigma, y = std::sqrt(count / 2) * (s2 / (sigma * sigma) - 1);
      z_beyond += std::abs(z) >= 3;
      y_beyond += std::abs(y) >= 5;
      ++judged;
      worst = std::max({worst, std::abs(checks.back().estimate) * std::sqrt(count), std::abs(z)});
    }
  }
  EXPECT_TRUE(MeansMatch(checks, detectable));
  measured("exchange", "DSMTS " + id + ": largest deviation in standard errors, " + std::to_string(n) + " trajectories", worst, 0, "below 6.9: one false alarm in 1e9");
  ::testing::Test::RecordProperty("worst", std::to_string(worst));
  ::testing::Test::RecordProperty("beyond", std::to_string(z_beyond) + " Z and " + std::to_string(y_beyond) + " Y of " + std::to_string(judged));
}

}  // namespace meso::exchange::testing

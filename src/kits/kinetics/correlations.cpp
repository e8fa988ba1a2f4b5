#include "kits/kinetics/correlations.h"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <Eigen/Sparse>
#include <Eigen/SparseLU>
#include <unsupported/Eigen/MatrixFunctions>

#include <algorithm>
#include <cmath>
#include <complex>
#include <memory>
#include <numbers>

#include "base/text.h"
#include "kits/kinetics/observables.h"
#include "kits/kinetics/ssa_level.h"
#include "kits/kinetics/steady_state.h"

namespace meso::kinetics {
namespace {

using std::complex;
constexpr double nan = std::numeric_limits<double>::quiet_NaN(), pi = std::numbers::pi;
constexpr std::size_t n_lags = 41, n_frequencies = 64, n_grid = 400;

struct Asked {
  std::string name, unit;
  CorrelationName what;
};

std::vector<Asked> asked_of(const Network& network, const Ask& ask) {
  std::vector<Asked> asked;
  if (!ask.is_stationary()) return asked;
  for (const std::string& name : ask.observables)
    if (const auto what = parse_correlation(network, name)) asked.push_back({name, correlation_info(network, name)->unit, *what});
  return asked;
}

Axis axis_of(const Asked& asked, const std::string& time_unit, double window) {
  if (asked.what.spectrum) return {"frequency", time_unit == "1" ? "1" : "rad/" + time_unit, correlation_frequencies(window)};
  return {"lag", time_unit, correlation_lags(window)};
}

void add_nothing(const Asked& a, const std::string& time_unit, double window, Answer& answer) {
  const Axis axis = axis_of(a, time_unit, window);
  const std::size_t n = axis.points.size();
  answer.estimates.push_back(solved_estimate(a.name, a.unit, {axis}, std::vector<double>(n, nan), std::vector<double>(n, nan)));
}

}  // namespace

std::vector<double> correlation_lags(double window) {
  std::vector<double> lags(n_lags);
  for (std::size_t k = 0; k < n_lags; ++k) lags[k] = window * static_cast<double>(k) / n_grid;
  return lags;
}

std::vector<double> correlation_frequencies(double window) {
  std::vector<double> omega(n_frequencies);
  for (std::size_t j = 0; j < n_frequencies; ++j) omega[j] = 4 * pi * static_cast<double>(j + 1) / window;
  return omega;
}

double correlation_window(const Network& network, const Ask& ask) {
  if (const auto given = ask.stationary().window) return *given;
  double slow = slow_time(network).value_or(0.0);
  if (!(slow > 0 && std::isfinite(slow))) slow = measured_slow_time(Ssa(network)).value;
  return 50 * slow;
}

std::optional<CorrelationName> parse_correlation(const Network& network, const std::string& name) {
  const std::vector<std::string> parts = split(name, '.');
  if (parts.size() != 2 || (parts[1] != "autocovariance" && parts[1] != "spectrum")) return std::nullopt;
  const auto found = std::find(network.species.begin(), network.species.end(), parts[0]);
  if (found == network.species.end()) return std::nullopt;
  return CorrelationName{parts[1] == "spectrum", static_cast<std::size_t>(found - network.species.begin())};
}

std::optional<ObservableInfo> correlation_info(const Network& network, const std::string& name) {
  const auto what = parse_correlation(network, name);
  if (!what) return std::nullopt;
  const std::string& s = network.species[what->species];
  ObservableInfo info;
  info.name = name;
  info.by_default = false;
  info.unit = !what->spectrum || network.time_unit == "1" ? "molecules^2" : "molecules^2 " + network.time_unit;
  info.doc = what->spectrum ? fmt::format("stationary power spectrum of {0}: integral of exp(-i w tau) times its autocovariance over all lags tau, w an angular frequency", s)
                            : fmt::format("stationary autocovariance of {0}: <{0}(t) {0}(t + lag)> - <{0}>^2", s);
  return info;
}

// ------------------------------------------------------------------------------------------------------------- sampled

void add_correlations(const Watched& watched, double burn_in, double window, const Ask& ask, Context& context, Answer& answer) {
  const std::vector<Asked> asked = asked_of(watched.names, ask);
  const std::uint64_t seed = context.seed();
  const std::string purpose = context.purpose();
  for (const bool spectrum : {false, true}) {
    Plan plan;
    std::vector<std::size_t> species;
    for (const Asked& a : asked) {
      if (a.what.spectrum != spectrum) continue;
      const std::size_t s = a.what.species, first = plan.signals.size();
      const std::string& name = watched.names->species[s];
      if (plan.axes.empty()) plan.axes.push_back(axis_of(a, watched.names->time_unit, window));
      species.push_back(s);
      Derived d{.observable = a.name, .unit = a.unit};
      if (spectrum) {
        plan.signals.push_back({.name = name + " periodogram"});
        d.signals = {first};
      } else {  // about a constant near the mean, for the digits
        plan.signals.push_back({.name = name + " - c"});
        plan.signals.push_back({.name = name + " - c a lag later"});
        plan.signals.push_back({.name = name + " product"});
        d.signals = {first, first + 1, first + 2};
        d.f = [](std::span<const double> m) { return m[2] - m[0] * m[1]; };
      }
      plan.derived.push_back(std::move(d));
    }
    if (species.empty()) continue;
    const std::size_t runaway = plan.signals.size();
    plan.signals.push_back({.name = "runaway", .lo = 0, .hi = 1});

    const double end = burn_in + window, cell = window / n_grid;
    const auto autocovariances = [&, seed, purpose](std::uint64_t id, Tape& tape) {
      std::vector<double> grid(species.size() * n_grid, 0.0), now(species.size(), 0.0);
      std::size_t next = 0;
      const auto fill = [&](double upto) {  // the state held until then
        for (; next < n_grid && burn_in + cell * static_cast<double>(next) < upto; ++next)
          for (std::size_t k = 0; k < species.size(); ++k) grid[k * n_grid + next] = now[k] - watched.center[species[k]];
      };
      const SsaResult path = watched.run(seed, purpose, id, end, (id & 1) != 0, [&](double t, std::span<const double> x) {
        fill(t);
        for (std::size_t k = 0; k < species.size(); ++k) now[k] = x[species[k]];
        return false;
      });
      fill(std::numeric_limits<double>::infinity());
      constexpr std::size_t n = n_grid - n_lags + 1;
      for (std::size_t lag = 0; lag < n_lags; ++lag) {
        for (std::size_t k = 0; k < species.size(); ++k) {
          const double* x = &grid[k * n_grid];
          double early = 0, late = 0, product = 0;
          for (std::size_t i = 0; i < n; ++i) {
            early += x[i];
            late += x[i + lag];
            product += x[i] * x[i + lag];
          }
          tape.record(3 * k, lag, path.runaway ? nan : early / n);
          tape.record(3 * k + 1, lag, path.runaway ? nan : late / n);
          tape.record(3 * k + 2, lag, path.runaway ? nan : product / n);
        }
        tape.record(runaway, lag, path.runaway ? 1 : 0);
      }
    };
    // i omega F over each half: x at its begin, minus x at its end, plus the jumps times exp(-i omega t); the exponential is 1 at both ends.
    const auto periodograms = [&, seed, purpose](std::uint64_t id, Tape& tape) {
      const std::size_t half_size = species.size() * n_frequencies;
      std::vector<complex<double>> sums(2 * half_size);
      std::vector<double> now(species.size(), 0.0);
      int half = -1;  // -1: burn-in
      const auto shift = [&](double sign) {
        for (std::size_t k = 0; k < species.size(); ++k)
          for (std::size_t j = 0; j < n_frequencies; ++j) sums[static_cast<std::size_t>(half) * half_size + k * n_frequencies + j] += sign * now[k];
      };
      const auto reach = [&](double t) {  // begins the halves that lie before t
        while (half < 1 && t >= burn_in + (half < 0 ? 0 : window / 2)) {
          if (half >= 0) shift(-1);
          ++half;
          shift(1);
        }
      };
      const SsaResult path = watched.run(seed, purpose, id, end, (id & 1) != 0, [&](double t, std::span<const double> x) {
        reach(t);
        if (half < 0) {
          for (std::size_t k = 0; k < species.size(); ++k) now[k] = x[species[k]];
          return false;
        }
        complex<double> z;
        bool turned = false;
        for (std::size_t k = 0; k < species.size(); ++k) {
          const double jump = x[species[k]] - now[k];
          if (jump == 0) continue;
          if (!turned) z = std::polar(1.0, -4 * pi * ((t - burn_in) / window));
          turned = true;
          now[k] = x[species[k]];
          complex<double> power = jump * z, *sum = &sums[static_cast<std::size_t>(half) * half_size + k * n_frequencies];
          for (std::size_t j = 0; j < n_frequencies; ++j) {
            sum[j] += power;
            power = {power.real() * z.real() - power.imag() * z.imag(), power.real() * z.imag() + power.imag() * z.real()};
          }
        }
        return false;
      });
      reach(end);
      if (half >= 0) shift(-1);
      const std::vector<double>& omega = plan.axes.front().points;
      for (std::size_t j = 0; j < n_frequencies; ++j) {
        for (std::size_t k = 0; k < species.size(); ++k) {
          const complex<double> first = sums[k * n_frequencies + j], second = sums[half_size + k * n_frequencies + j];
          const double value = (2 * std::norm(first + second) - std::norm(first) - std::norm(second)) / (window * omega[j] * omega[j]);
          tape.record(k, j, path.runaway ? nan : value);
        }
        tape.record(runaway, j, path.runaway ? 1 : 0);
      }
    };
    const Sample sample = spectrum ? Sample(periodograms) : Sample(autocovariances);
    const EnsembleResult result = context.ensemble(spectrum ? "spectrum" : "autocovariance", plan, watched.grain(), one_by_one(sample));
    for (const Estimate& e : result.estimates) answer.estimates.push_back(e);
    if (const double share = result.signal_mean[runaway]; share > 0)
      answer.flags.push_back({.kind = "diverged", .text = fmt::format("{} % of the trajectories were stopped before the end of the window (max-events)", brief(100 * share, 3)), .fatal = true});
  }
}

// -------------------------------------------------------------------------------------------------------- linear noise

void add_correlations(const MomentModel& m, const Ask& ask, Context& context, Answer& answer) {
  const std::vector<Asked> asked = asked_of(m.network, ask);
  if (asked.empty()) return;
  const double window = correlation_window(m.network, ask);
  const auto relaxed = m.reduced.time_dependent ? Relaxation{} : relax(m.flow, m.flow.start(m.reduced.initial), m.reduced, {.between = [&] { context.progress(0.9); }});
  if (relaxed.outcome != Relaxation::Outcome::settled || !relaxed.state.physical) {
    for (const Asked& a : asked) {
      add_nothing(a, m.network.time_unit, window, answer);
      answer.flags.push_back({.kind = "no-stable-state", .observable = a.name, .text = m.label + ": no stable physical state is reached about which noise could be linear", .fatal = true});
    }
    return;
  }
  const std::vector<double>& z = relaxed.state.z;
  const std::size_t all = m.flow.size(), n = m.flow.species();
  std::vector<double> whole(all * all);
  m.flow.jacobian(0, z, whole);
  const auto N = static_cast<Eigen::Index>(n);
  Eigen::MatrixXd A(N, N), C(N, N);
  for (Eigen::Index i = 0; i < N; ++i)
    for (Eigen::Index j = 0; j < N; ++j) {
      A(i, j) = whole[static_cast<std::size_t>(j) * all + static_cast<std::size_t>(i)];
      C(i, j) = covariance_of(m.flow, z, m.reduced, m.reduced.position[static_cast<std::size_t>(i)], m.reduced.position[static_cast<std::size_t>(j)]);
    }
  const Eigen::MatrixXd D = -(A * C + C * A.transpose());  // stationarity
  for (const Asked& a : asked) {
    const Axis axis = axis_of(a, m.network.time_unit, window);
    const Eigen::Map<const Eigen::VectorXd> w(&m.reduced.map[a.what.species * n], N);  // the species in terms of the independent ones
    const double variance = w.dot(C * w);
    std::vector<double> value, bound;
    double peak = 0;
    if (a.what.spectrum) {
      for (const double omega : axis.points) {
        const Eigen::MatrixXcd B = A.cast<complex<double>>() - complex<double>(0, omega) * Eigen::MatrixXcd::Identity(N, N);
        const Eigen::VectorXcd y = B.transpose().partialPivLu().solve(w.cast<complex<double>>());
        value.push_back((y.transpose() * D.cast<complex<double>>() * y.conjugate())(0).real());
      }
    } else {
      const Eigen::MatrixXd step = (A * (axis.points[1] - axis.points[0])).exp();
      Eigen::VectorXd y = C * w;
      for (std::size_t k = 0; k < n_lags; ++k) {
        value.push_back(w.dot(y));
        y = step * y;
      }
    }
    for (const double v : value) peak = std::max(peak, std::abs(v));
    // As well as the variance is known, relative to the peak; and rounding of the matrices.
    double error = 0;
    for (std::size_t k = 0; k < n; ++k)
      for (std::size_t l = 0; l < n; ++l) {
        MultiIndex kl(n, 0);
        ++kl[k];
        ++kl[l];
        error += std::abs(w[static_cast<Eigen::Index>(k)] * w[static_cast<Eigen::Index>(l)]) * m.flow.volume() * relaxed.state.bound[m.flow.set().find(kl)];
      }
    bound.assign(value.size(), (1e-10 + (variance > 0 ? 10 * error / variance : 0)) * peak);
    answer.estimates.push_back(solved_estimate(a.name, a.unit, {axis}, std::move(value), std::move(bound)));
  }
}

// ----------------------------------------------------------------------------------------------------- master equation

void add_correlations(const MasterEquation& equation, const FspStationary& law, const Ask& ask, Context& context, Answer& answer) {
  const Network& network = equation.network();
  const std::vector<Asked> asked = asked_of(network, ask);
  if (asked.empty()) return;
  const double window = correlation_window(network, ask);
  const std::size_t states = law.p.size();
  num::Generator generator = equation.generator(law.space);
  std::fill(generator.leak.begin(), generator.leak.end(), 0.0);  // the stationary law was computed on the closed set
  double rate = 0;
  for (std::size_t j = 0; j < states; ++j) rate = std::max(rate, generator.exit(j));
  for (const Asked& a : asked) {
    const Axis axis = axis_of(a, network.time_unit, window);
    const std::size_t s = a.what.species;
    const double mean = law.moments.mean[s], variance = law.moments.covariance[s * network.species.size() + s];
    std::vector<double> x(states), f(states), value, bound;
    for (std::size_t i = 0; i < states; ++i) {
      x[i] = law.space[i][s] - mean;
      f[i] = x[i] * law.p[i];
    }
    const auto product = [&](const auto& y) {
      double sum = 0;
      for (std::size_t i = 0; i < states; ++i) sum += x[i] * std::real(y[i]);
      return sum;
    };
    const double work = a.what.spectrum ? static_cast<double>(states) * static_cast<double>(std::min(states, 2 * generator.bandwidth() * generator.bandwidth())) * n_frequencies
                                        : rate * axis.points.back() * static_cast<double>(generator.rate.size() + states);
    if (work > (a.what.spectrum ? 5e9 : 5e10)) {
      answer.flags.push_back({.kind = "note", .observable = a.name, .text = fmt::format("fsp: {} is not given: {} states are too many for it; level 'ssa' has it", a.name, with_commas(states))});
      continue;
    }
    if (a.what.spectrum) {
      using Matrix = Eigen::SparseMatrix<complex<double>>;
      const auto N = static_cast<Eigen::Index>(states);
      const Eigen::VectorXcd right = Eigen::Map<const Eigen::VectorXd>(f.data(), N).cast<complex<double>>();
      Eigen::SparseLU<Matrix> lu;
      bool analysed = false;
      for (const double omega : axis.points) {
        context.progress(0.5);
        std::vector<Eigen::Triplet<complex<double>>> entries;
        for (std::size_t j = 0; j < states; ++j) {
          entries.emplace_back(static_cast<int>(j), static_cast<int>(j), complex<double>(generator.exit(j), omega));
          for (std::size_t e = generator.start[j]; e < generator.start[j + 1]; ++e) entries.emplace_back(static_cast<int>(generator.target[e]), static_cast<int>(j), complex<double>(-generator.rate[e], 0));
        }
        Matrix resolvent(N, N);
        resolvent.setFromTriplets(entries.begin(), entries.end());
        if (!analysed) lu.analyzePattern(resolvent);
        analysed = true;
        lu.factorize(resolvent);
        const Eigen::VectorXcd y = lu.solve(right);
        value.push_back(2 * product(y));
      }
    } else {
      num::Uniformised uniformised(generator);
      std::vector<double> y = f;
      for (std::size_t k = 0; k < n_lags; ++k) {
        context.progress(0.5);
        if (k > 0) uniformised.advance(y, axis.points[k] - axis.points[k - 1], 1e-15);
        value.push_back(product(y));
      }
    }
    // As well as the variance is known, relative to the peak; and rounding.
    double peak = 0;
    for (const double v : value) peak = std::max(peak, std::abs(v));
    const double relative = variance > 0 ? law.error.covariance[s * network.species.size() + s] / variance : 0;
    bound.assign(value.size(), (10 * relative + 1e-10) * peak);
    answer.estimates.push_back(solved_estimate(a.name, a.unit, {axis}, std::move(value), std::move(bound)));
  }
}

}  // namespace meso::kinetics

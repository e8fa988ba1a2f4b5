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

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/observables.h"
#include "kits/kinetics/ssa_level.h"
#include "kits/kinetics/steady_state.h"

namespace meso::kinetics {
namespace {

using std::complex;
constexpr double nan = std::numeric_limits<double>::quiet_NaN(), pi = std::numbers::pi;
constexpr std::size_t n_lags = 41, n_frequencies = 64, n_grid = 400, most_points = 4096, most_cells = 1'000'000;

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
  const std::vector<double>& own = asked.what.points;
  if (asked.what.spectrum) return {"frequency", time_unit == "1" ? "1" : "rad/" + time_unit, own.empty() ? correlation_frequencies(window) : own};
  return {"lag", time_unit, own.empty() ? correlation_lags(window) : own};
}

/// Equidistant looks at the window that hold every lag.
struct Looks {
  double cell = 0;
  std::size_t count = n_grid;
  std::vector<std::size_t> lags;  ///< in cells
};

Looks looks_of(const Asked& asked, double window) {
  Looks looks{window / n_grid, n_grid, {}};
  const std::vector<double>& own = asked.what.points;
  if (own.empty()) {
    for (std::size_t k = 0; k < n_lags; ++k) looks.lags.push_back(k);
    return looks;
  }
  const double last = own.back();
  if (last > window / 2 * (1 + 1e-9)) throw StudyError(fmt::format("{}: the lag {} is more than half the window of {}; ask for a longer window (--stationary=burn-in:window) or shorter lags", asked.name, brief(last, 6), brief(window, 6)));
  const double step = own.size() > 1 ? own[1] - own[0] : own[0];
  if (step > 0) {
    const double halvings = std::max(1.0, std::ceil(step / looks.cell - 1e-9));
    looks.cell = step / halvings;
    const double offset = own[0] / looks.cell;
    if (std::abs(offset - std::round(offset)) > 1e-6)
      throw StudyError(fmt::format("{}: the first lag {} is no multiple of {}, of which all lags of this grid must be made; begin at 0 or at a multiple of the step {}", asked.name, brief(own[0], 6), brief(looks.cell, 6), brief(step, 6)));
    const double cells = std::floor(window / looks.cell * (1 + 1e-12));
    if (cells > static_cast<double>(most_cells)) throw StudyError(fmt::format("{}: lags that are {} apart are looked at {} times in the window of {}; at most {} looks are taken", asked.name, brief(looks.cell, 6), brief(cells, 4), brief(window, 6), with_commas(most_cells)));
    looks.count = static_cast<std::size_t>(cells);
  }
  for (const double lag : own) looks.lags.push_back(static_cast<std::size_t>(std::llround(lag / looks.cell)));
  return looks;
}

/// exp(-i omega t) at every frequency of a grid: powers of one number where it is equidistant.
void phases(const std::vector<double>& omega, bool log, double t, std::vector<complex<double>>& z) {
  z.resize(omega.size());
  if (log || omega.size() < 2) {
    for (std::size_t j = 0; j < omega.size(); ++j) z[j] = std::polar(1.0, -omega[j] * t);
    return;
  }
  const complex<double> step = std::polar(1.0, -(omega[1] - omega[0]) * t);
  complex<double> power = std::polar(1.0, -omega[0] * t);
  for (std::size_t j = 0; j < omega.size(); ++j) {
    z[j] = power;
    power = {power.real() * step.real() - power.imag() * step.imag(), power.real() * step.imag() + power.imag() * step.real()};
  }
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
  const auto at = name.find('@');
  const std::vector<std::string> parts = split(std::string_view(name).substr(0, at), '.');
  if (parts.size() != 2 || (parts[1] != "autocovariance" && parts[1] != "spectrum")) return std::nullopt;
  const auto found = std::find(network.species.begin(), network.species.end(), parts[0]);
  if (found == network.species.end()) return std::nullopt;
  CorrelationName what{.spectrum = parts[1] == "spectrum", .species = static_cast<std::size_t>(found - network.species.begin())};
  if (at == std::string::npos) return what;

  what.grid = name.substr(at + 1);
  std::vector<std::string> words = split(what.grid, ':');
  if (words.size() == 4 && (words[0] == "log" || words[0] == "linear")) {
    what.log = words[0] == "log";
    words.erase(words.begin());
  }
  const char* points = what.spectrum ? "frequencies" : "lags";
  double from = 0, to = 0, count = 0;
  if (words.size() != 3 || !parse_number(words[0], from) || !parse_number(words[1], to) || !parse_number(words[2], count))
    throw StudyError(fmt::format("{}: '{}' is no grid of {}; write from:to:count{}", name, what.grid, points, what.spectrum ? ", or log:from:to:count" : ""));
  if (what.log && !what.spectrum) throw StudyError(fmt::format("{}: lags are equidistant; write from:to:count", name));
  if (count != std::floor(count) || count < 1 || count > static_cast<double>(most_points)) throw StudyError(fmt::format("{}: count is {}; a grid has 1 to {} {}", name, words[2], with_commas(most_points), points));
  if (!std::isfinite(to) || !(from >= 0) || !(to >= from) || (what.spectrum && !(from > 0)) || (count > 1 && !(to > from)))
    throw StudyError(fmt::format("{}: {} from {} to {}; they rise, and begin {}", name, points, words[0], words[1], what.spectrum ? "above 0 (angular frequencies)" : "at 0 or later"));
  const auto n = static_cast<std::size_t>(count);
  for (std::size_t k = 0; k < n; ++k) {
    const double share = n > 1 ? static_cast<double>(k) / static_cast<double>(n - 1) : 0;
    what.points.push_back(k + 1 == n && n > 1 ? to : what.log ? from * std::pow(to / from, share) : from + (to - from) * share);
  }
  return what;
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
  std::vector<std::pair<bool, std::string>> groups;  // what shares a grid is made of the same trajectories
  for (const Asked& a : asked)
    if (const std::pair group{a.what.spectrum, a.what.grid}; std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  for (const auto& group : groups) {
    const bool spectrum = group.first, own = !group.second.empty();
    Plan plan;
    std::vector<std::size_t> species;
    const Asked* first_asked = nullptr;
    const std::size_t per_species = !spectrum ? 3 : own ? 2 : 1;
    for (const Asked& a : asked) {
      if (std::pair(a.what.spectrum, a.what.grid) != group) continue;
      if (spectrum && !watched.run) {
        answer.flags.push_back({.kind = "not-offered", .observable = a.name,
                                .text = fmt::format("{} is not given: between the ends of leaps nothing is known of a trajectory, and fast frequencies would be wrong. {} has it, and this level has {}.autocovariance", a.name,
                                                    "Level 'ssa'", watched.names->species[a.what.species])});
        continue;
      }
      const std::size_t s = a.what.species, first = plan.signals.size();
      const std::string& name = watched.names->species[s];
      if (plan.axes.empty()) plan.axes.push_back(axis_of(a, watched.names->time_unit, window));
      if (first_asked == nullptr) first_asked = &a;
      species.push_back(s);
      Derived d{.observable = a.name, .unit = a.unit};
      if (spectrum) {
        plan.signals.push_back({.name = name + " periodogram"});
        d.signals = {first};
        if (own) plan.signals.push_back({.name = name + " - c"});
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
    const std::size_t of_constant = plan.signals.size();  // what the periodogram of the constant 1 is: none on the window's own grid
    if (spectrum && own) {
      plan.signals.push_back({.name = "periodogram of 1"});
      for (std::size_t k = 0; k < species.size(); ++k) {
        plan.derived[k].signals = {per_species * k, per_species * k + 1, of_constant};
        plan.derived[k].f = [](std::span<const double> m) { return m[0] - m[1] * m[1] * m[2]; };
      }
    }
    const std::vector<double> points = plan.axes.front().points;
    const bool log = first_asked->what.log;
    const double end = burn_in + window;
    if (spectrum && points.front() < 2 * pi / window * (1 - 1e-9))
      throw StudyError(fmt::format("{}: the frequency {} has less than one period in the window of {}; ask for frequencies from {} on, or for a longer window (--stationary=burn-in:window)", first_asked->name, brief(points.front(), 6),
                                   brief(window, 6), brief(2 * pi / window, 4)));
    const Looks looks = spectrum ? Looks{} : looks_of(*first_asked, window);

    const auto autocovariances = [&, seed, purpose](std::uint64_t id, Tape& tape) {
      std::vector<double> grid(species.size() * looks.count, 0.0), now(species.size(), 0.0);
      std::size_t next = 0;
      const auto time_of = [&](std::size_t k) { return burn_in + looks.cell * static_cast<double>(k); };
      const auto fill = [&](double upto) {  // the state held until then
        for (; next < looks.count && time_of(next) < upto; ++next)
          for (std::size_t k = 0; k < species.size(); ++k) grid[k * looks.count + next] = now[k] - watched.center[species[k]];
      };
      const auto see = [&](std::span<const double> x) {
        for (std::size_t k = 0; k < species.size(); ++k) now[k] = x[species[k]];
      };
      SsaResult path;
      if (watched.run) {
        path = watched.run(seed, purpose, id, end, (id & 1) != 0, [&](double t, std::span<const double> x) {
          fill(t);
          see(x);
          return false;
        });
      } else {
        std::vector<double> times(looks.count);
        for (std::size_t k = 0; k < looks.count; ++k) times[k] = time_of(k);
        path = watched.look(seed, purpose, id, times, [&](std::size_t i, std::span<const double> x) {
          fill(times[i]);
          see(x);
        });
      }
      fill(std::numeric_limits<double>::infinity());
      const std::size_t starts = looks.count - looks.lags.back();
      const auto n = static_cast<double>(starts);
      for (std::size_t j = 0; j < looks.lags.size(); ++j) {
        const std::size_t lag = looks.lags[j];
        for (std::size_t k = 0; k < species.size(); ++k) {
          const double* x = &grid[k * looks.count];
          double early = 0, late = 0, product = 0;
          for (std::size_t i = 0; i < starts; ++i) {
            early += x[i];
            late += x[i + lag];
            product += x[i] * x[i + lag];
          }
          tape.record(3 * k, j, path.runaway ? nan : early / n);
          tape.record(3 * k + 1, j, path.runaway ? nan : late / n);
          tape.record(3 * k + 2, j, path.runaway ? nan : product / n);
        }
        tape.record(runaway, j, path.runaway ? 1 : 0);
      }
    };
    // i omega F over each half, of x - c: its value times exp(-i omega t) at the begin, minus that at the end, plus the jumps times exp(-i omega t).
    const auto periodograms = [&, seed, purpose](std::uint64_t id, Tape& tape) {
      const std::size_t n = points.size(), half_size = species.size() * n;
      std::vector<complex<double>> sums(2 * half_size), z;
      std::vector<double> now(species.size(), 0.0), integral(species.size(), 0.0);
      double since = burn_in;
      int half = -1;  // -1: burn-in
      const auto hold = [&](double t) {
        for (std::size_t k = 0; k < species.size(); ++k) integral[k] += now[k] * (t - since);
        since = t;
      };
      const auto shift = [&](double sign, double t) {
        phases(points, log, t - burn_in, z);
        for (std::size_t k = 0; k < species.size(); ++k)
          for (std::size_t j = 0; j < n; ++j) sums[static_cast<std::size_t>(half) * half_size + k * n + j] += sign * now[k] * z[j];
      };
      const auto reach = [&](double t) {  // begins the halves that lie before t
        while (half < 1 && t >= burn_in + (half < 0 ? 0 : window / 2)) {
          const double bound = burn_in + (half < 0 ? 0 : window / 2);
          if (half >= 0) shift(-1, bound);
          ++half;
          shift(1, bound);
        }
      };
      const SsaResult path = watched.run(seed, purpose, id, end, (id & 1) != 0, [&](double t, std::span<const double> x) {
        reach(t);
        if (half < 0) {
          for (std::size_t k = 0; k < species.size(); ++k) now[k] = x[species[k]] - watched.center[species[k]];
          return false;
        }
        bool turned = false;
        for (std::size_t k = 0; k < species.size(); ++k) {
          const double jump = x[species[k]] - watched.center[species[k]] - now[k];
          if (jump == 0) continue;
          if (!turned) {
            phases(points, log, t - burn_in, z);
            hold(t);
          }
          turned = true;
          now[k] += jump;
          complex<double>* sum = &sums[static_cast<std::size_t>(half) * half_size + k * n];
          for (std::size_t j = 0; j < n; ++j) sum[j] += jump * z[j];
        }
        return false;
      });
      reach(end);
      if (half >= 0) shift(-1, end);
      hold(end);
      for (std::size_t j = 0; j < n; ++j) {
        const auto contrast = [&](complex<double> first, complex<double> second) { return (2 * std::norm(first + second) - std::norm(first) - std::norm(second)) / (window * points[j] * points[j]); };
        for (std::size_t k = 0; k < species.size(); ++k) {
          tape.record(per_species * k, j, path.runaway ? nan : contrast(sums[k * n + j], sums[half_size + k * n + j]));
          if (own) tape.record(per_species * k + 1, j, path.runaway ? nan : integral[k] / window);
        }
        tape.record(runaway, j, path.runaway ? 1 : 0);
        if (own) {
          const complex<double> middle = std::polar(1.0, -points[j] * window / 2), last = std::polar(1.0, -points[j] * window);
          tape.record(of_constant, j, contrast(1.0 - middle, middle - last));
        }
      }
    };
    const Sample sample = spectrum ? Sample(periodograms) : Sample(autocovariances);
    const EnsembleResult result = context.ensemble((spectrum ? "spectrum" : "autocovariance") + (own ? "@" + group.second : std::string()), plan, watched.grain(), one_by_one(sample));
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
      const Eigen::MatrixXd step = (A * (axis.points.size() > 1 ? axis.points[1] - axis.points[0] : 0)).exp();
      Eigen::VectorXd y = C * w;
      if (axis.points[0] > 0) y = (A * axis.points[0]).exp() * y;
      for (std::size_t k = 0; k < axis.points.size(); ++k) {
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
    const double work = a.what.spectrum ? static_cast<double>(states) * static_cast<double>(std::min(states, 2 * generator.bandwidth() * generator.bandwidth())) * static_cast<double>(axis.points.size())
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
      for (std::size_t k = 0; k < axis.points.size(); ++k) {
        context.progress(0.5);
        if (const double step = axis.points[k] - (k > 0 ? axis.points[k - 1] : 0); step > 0) uniformised.advance(y, step, 1e-15);
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

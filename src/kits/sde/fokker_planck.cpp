#include "kits/sde/fokker_planck.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "kits/sde/line.h"
#include "num/elimination.h"

namespace meso::sde {
namespace {

using Kind = ObservableName::Kind;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

}  // namespace

FokkerPlanckGrid::FokkerPlanckGrid(const Process& process, const Box& box, std::size_t cells) : process_(process) {
  const std::size_t n = process.size();
  if (n > 2) throw ModelError(fmt::format("the Fokker-Planck equation is solved in one and two dimensions; this process has {}", n));
  std::vector<std::string> slots = process.ito.variables;
  slots.emplace_back("t");
  for (std::size_t i = 0; i < n; ++i) {
    drift_.emplace_back(process.ito.drift[i], slots);
    const num::Formula d = diffusion_tensor(process.ito, i, i);
    velocity_.emplace_back(process.ito.drift[i] - d.derivative(slots[i]), slots);
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i; j < n; ++j) {
      const num::Formula d = diffusion_tensor(process.ito, i, j);
      tensor_.emplace_back(d, slots);
      double value = 1;
      if (i != j) mixed_ = !(d.is_constant(&value) && value == 0);
    }

  std::vector<double> width(n);
  for (std::size_t i = 0; i < n; ++i) width[i] = (box.high[i] - box.low[i]) / static_cast<double>(cells);
  if (mixed_) {  // a positive stencil wants h_x / h_y = sqrt(D_11 / D_22)
    std::vector<double> z(process.initial);
    z.push_back(0);
    const double ratio = std::sqrt(tensor_[0](z) / tensor_[2](z));
    if (std::isfinite(ratio) && ratio > 0) {
      if (width[0] > ratio * width[1]) width[0] = ratio * width[1];
      else width[1] = width[0] / ratio;
      for (std::size_t i = 0; i < 2; ++i) width[i] = std::max(width[i], (box.high[i] - box.low[i]) / (6.0 * static_cast<double>(cells)));
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    const bool below = box.low[i] <= process.domain[i][0], above = box.high[i] >= process.domain[i][1];
    wall_.push_back({below, above});
    auto count = static_cast<std::size_t>(std::max(4.0, std::round((box.high[i] - box.low[i]) / width[i])));
    double h = (box.high[i] - box.low[i]) / static_cast<double>(count), first = box.low[i] + h / 2;
    const double x0 = process.initial[i];
    // The start is a cell's centre wherever at most one end is a wall: a point start then has no spread on the grid.
    if (!below && !above) {
      first = x0 - h * std::round((x0 - first) / h);
    } else if (below != above) {
      const double wall = below ? box.low[i] : box.high[i], k = std::round(std::abs(x0 - wall) / h - 0.5);
      if (k >= 1) {
        h = std::abs(x0 - wall) / (k + 0.5);
        count = static_cast<std::size_t>(std::ceil((box.high[i] - box.low[i]) / h - 1e-9));
        first = below ? wall + h / 2 : wall - h * (static_cast<double>(count) - 0.5);
      }
    }
    count_.push_back(count);
    h_.push_back(h);
    first_.push_back(first);
  }
  p_.assign(count_[0] * (n > 1 ? count_[1] : 1), 0.0);
  build(0);
}

void FokkerPlanckGrid::build(double t) {
  const std::size_t n = process_.size(), nx = count_[0], ny = n > 1 ? count_[1] : 1;
  std::vector<double> z(n + 1);
  z[n] = t;
  const auto at_text = [&] {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < n; ++i) parts.push_back(fmt::format("{} = {}", process_.ito.variables[i], brief(z[i])));
    return join(parts);
  };
  const auto check = [&](double v, double d, std::size_t axis) {
    if (!std::isfinite(v) || !std::isfinite(d)) throw NumericalBreakdown(fmt::format("drift or diffusion is not finite at {}: give the variable a domain that leaves this point out", at_text()));
    if (d < 0) throw NumericalBreakdown(fmt::format("the diffusion of {} is negative at {}: give the variable a domain that leaves this point out", process_.ito.variables[axis], at_text()));
  };
  generator_ = {};
  generator_.leak.assign(p_.size(), 0.0);
  std::vector<std::array<double, 8>> rate(p_.size(), {0, 0, 0, 0, 0, 0, 0, 0});  // W E S N SW NE NW SE
  if (!mixed_) {
    for (std::size_t axis = 0; axis < n; ++axis) {
      const std::size_t along = count_[axis], across = axis == 0 ? ny : nx;
      for (std::size_t c = 0; c < across; ++c)
        for (std::size_t k = 0; k <= along; ++k) {  // the face between cells k - 1 and k
          const bool first = k == 0, last = k == along;
          if ((first && wall_[axis][0]) || (last && wall_[axis][1])) continue;
          z[axis] = first_[axis] + h_[axis] * (static_cast<double>(k) - 0.5);
          if (n > 1) z[1 - axis] = centre(1 - axis, c);
          const double v = velocity_[axis](z), d = tensor_[axis == 0 ? 0 : 2](z);
          check(v, d, axis);
          const auto [up, down] = face_rates(v, d, h_[axis]);
          const auto index = [&](std::size_t q) { return axis == 0 ? cell(q, c) : cell(c, q); };
          if (first) generator_.leak[index(0)] += down;
          else if (last) generator_.leak[index(along - 1)] += up;
          else {
            rate[index(k - 1)][2 * axis + 1] = up;
            rate[index(k)][2 * axis] = down;
          }
        }
    }
  } else {
    const double aspect = h_[0] / h_[1];
    for (std::size_t j = 0; j < ny; ++j)
      for (std::size_t i = 0; i < nx; ++i) {
        z[0] = centre(0, i);
        z[1] = centre(1, j);
        const double dxy = tensor_[1](z);
        auto& r = rate[cell(i, j)];
        for (std::size_t axis = 0; axis < 2; ++axis) {
          const double a = drift_[axis](z), full = tensor_[axis == 0 ? 0 : 2](z);
          check(a + dxy, full, axis);
          double d = full - std::abs(dxy) * (axis == 0 ? aspect : 1 / aspect);
          if (d < -1e-12 * full)
            throw NumericalBreakdown(fmt::format("no positive stencil at {}: |D_12| = {} is too large beside D_11 = {} and D_22 = {} for cells of {} x {}", at_text(), brief(std::abs(dxy)), brief(tensor_[0](z)),
                                                 brief(tensor_[2](z)), brief(h_[0]), brief(h_[1])));
          const auto [up, down] = face_rates(a, std::max(d, 0.0), h_[axis]);
          r[2 * axis] = down;
          r[2 * axis + 1] = up;
        }
        const double corner = std::abs(dxy) / (h_[0] * h_[1]);
        if (dxy > 0) r[4] = r[5] = corner;
        else r[6] = r[7] = corner;
        // What would leave through an end is lost there, or, at a wall, does not happen.
        const bool west = i == 0, east = i + 1 == nx, south = j == 0, north = j + 1 == ny;
        const auto outside = [&](std::size_t q, bool x_low, bool x_high, bool y_low, bool y_high) {
          if (!(x_low || x_high || y_low || y_high) || r[q] == 0) return;
          const bool reflects = (x_low && wall_[0][0]) || (x_high && wall_[0][1]) || (y_low && wall_[1][0]) || (y_high && wall_[1][1]);
          if (!reflects) generator_.leak[cell(i, j)] += r[q];
          r[q] = 0;
        };
        outside(0, west, false, false, false);
        outside(1, false, east, false, false);
        outside(2, false, false, south, false);
        outside(3, false, false, false, north);
        outside(4, west, false, south, false);
        outside(5, false, east, false, north);
        outside(6, west, false, false, north);
        outside(7, false, east, south, false);
      }
  }
  const auto w = static_cast<std::ptrdiff_t>(nx);
  const std::array<std::ptrdiff_t, 8> offset{-1, 1, -w, w, -w - 1, w + 1, w - 1, -w + 1};
  for (std::size_t c = 0; c < p_.size(); ++c) {
    for (std::size_t q = 0; q < 8; ++q)
      if (rate[c][q] > 0) {
        generator_.target.push_back(static_cast<std::uint32_t>(static_cast<std::ptrdiff_t>(c) + offset[q]));
        generator_.rate.push_back(rate[c][q]);
      }
    generator_.start.push_back(generator_.target.size());
  }
}

void FokkerPlanckGrid::start() {
  lost_ = 0;
  std::array<std::vector<double>, 2> along;
  for (std::size_t axis = 0; axis < count_.size(); ++axis) {
    std::vector<double>& q = along[axis];
    q.assign(count_[axis], 0.0);
    const double x0 = process_.initial[axis], sd = process_.initial_sd[axis], h = h_[axis];
    if (sd > 0) {
      for (std::size_t k = 0; k < q.size(); ++k) {
        const double x = centre(axis, k);
        q[k] = normal_cdf((x + h / 2 - x0) / sd) - normal_cdf((x - h / 2 - x0) / sd);
      }
      const double total = std::accumulate(q.begin(), q.end(), 0.0);
      if (wall_[axis][0] || wall_[axis][1])
        for (double& v : q) v /= total;
    } else {
      const double place = std::clamp((x0 - first_[axis]) / h, 0.0, static_cast<double>(q.size() - 1));
      const auto k = static_cast<std::size_t>(place);
      double part = place - static_cast<double>(k);
      if (part < 1e-9) part = 0;
      q[k] = 1 - part;
      if (part > 0) q[k + 1] = part;
    }
  }
  for (std::size_t c = 0; c < p_.size(); ++c) p_[c] = along[0][c % count_[0]] * (count_.size() > 1 ? along[1][c / count_[0]] : 1.0);
  lost_ = std::max(0.0, 1 - std::accumulate(p_.begin(), p_.end(), 0.0));
  if (lost_ < 1e-15) lost_ = 0;
}

double FokkerPlanckGrid::work_rate() const {
  double top = 0;
  for (std::size_t j = 0; j < generator_.size(); ++j) top = std::max(top, generator_.exit(j));
  return top * static_cast<double>(generator_.rate.size() + generator_.size());
}

void FokkerPlanckGrid::advance(double t0, double t1, std::size_t substeps) {
  if (!(t1 > t0)) return;
  const std::size_t steps = process_.time_dependent ? substeps : 1;
  const double dt = (t1 - t0) / static_cast<double>(steps);
  for (std::size_t s = 0; s < steps; ++s) {
    if (process_.time_dependent) build(t0 + dt * (static_cast<double>(s) + 0.5));
    num::Uniformised chain(generator_);
    const double before = std::accumulate(p_.begin(), p_.end(), 0.0);
    if (count_.size() == 1 && chain.rate() * dt > 2e5) {
      double step = 0;
      num::BandedExponential(generator_).advance(p_, dt, 1e-12, step);
    } else {
      std::vector<double> leaked(p_.size(), 0.0);
      // In pieces, so that the Poisson weights stay within range.
      const auto pieces = static_cast<std::size_t>(std::ceil(chain.rate() * dt / 1e4));
      for (std::size_t k = 0; k < pieces; ++k) chain.advance(p_, dt / static_cast<double>(pieces), 1e-15, leaked);
    }
    lost_ += std::max(0.0, before - std::accumulate(p_.begin(), p_.end(), 0.0));
  }
}

void FokkerPlanckGrid::make_stationary() {
  lost_ = 0;
  if (count_.size() == 1) {
    p_ = num::stationary_gth(generator_);
    return;
  }
  const std::vector<std::int32_t> where = positions();
  const num::Dissection order(generator_, where, 2);
  p_ = num::Elimination(generator_, order, 0, num::Elimination::Leaks::ignored, false).stationary();
}

std::vector<std::int32_t> FokkerPlanckGrid::positions() const {
  std::vector<std::int32_t> where;
  for (std::size_t c = 0; c < p_.size(); ++c) where.insert(where.end(), {static_cast<std::int32_t>(c % count_[0]), static_cast<std::int32_t>(c / count_[0])});
  return where;
}

double FokkerPlanckGrid::at_open_ends() const {
  double sum = 0;
  for (std::size_t c = 0; c < p_.size(); ++c) {
    const std::size_t i = c % count_[0], j = c / count_[0];
    const bool open = (i == 0 && !wall_[0][0]) || (i + 1 == count_[0] && !wall_[0][1]) ||
                      (count_.size() > 1 && ((j == 0 && !wall_[1][0]) || (j + 1 == count_[1] && !wall_[1][1])));
    if (open) sum += p_[c];
  }
  return sum;
}

std::vector<double> FokkerPlanckGrid::marginal(std::size_t i) const {
  std::vector<double> q(count_[i], 0.0);
  for (std::size_t c = 0; c < p_.size(); ++c) q[i == 0 ? c % count_[0] : c / count_[0]] += p_[c];
  return q;
}

double FokkerPlanckGrid::mean(std::size_t i) const {
  const std::vector<double> q = marginal(i);
  double sum = 0, mass = 0;
  for (std::size_t k = 0; k < q.size(); ++k) {
    sum += q[k] * (centre(i, k) - process_.initial[i]);
    mass += q[k];
  }
  return process_.initial[i] + sum / mass;
}

double FokkerPlanckGrid::covariance(std::size_t i, std::size_t j) const {
  const double mi = mean(i), mj = mean(j);
  double sum = 0, mass = 0;
  for (std::size_t c = 0; c < p_.size(); ++c) {
    const std::array<std::size_t, 2> k{c % count_[0], c / count_[0]};
    sum += p_[c] * (centre(i, k[i]) - mi) * (centre(j, k[j]) - mj);
    mass += p_[c];
  }
  return sum / mass;
}

std::vector<double> FokkerPlanckGrid::cdf(std::size_t i, std::span<const double> x) const {
  const std::vector<double> q = marginal(i);
  std::vector<double> upto(q.size() + 1, 0.0);
  for (std::size_t k = 0; k < q.size(); ++k) upto[k + 1] = upto[k] + q[k];
  std::vector<double> result;
  for (const double value : x) {
    const double place = (value - first_[i]) / h_[i] + 0.5;
    if (place <= 0) result.push_back(0);
    else if (place >= static_cast<double>(q.size())) result.push_back(upto.back());
    else {
      const auto k = static_cast<std::size_t>(place);
      result.push_back(upto[k] + (place - static_cast<double>(k)) * q[k]);
    }
  }
  return result;
}

std::optional<double> FokkerPlanckGrid::slow_time() const {
  std::vector<std::vector<double>> starts;
  for (std::size_t i = 0; i < count_.size(); ++i) {
    const double m = mean(i);
    starts.emplace_back(p_.size());
    for (std::size_t c = 0; c < p_.size(); ++c) starts.back()[c] = (centre(i, i == 0 ? c % count_[0] : c / count_[0]) - m) * p_[c];
  }
  const std::vector<std::int32_t> where = positions();
  const num::Dissection order(generator_, where, 2, static_cast<std::size_t>(std::max_element(p_.begin(), p_.end()) - p_.begin()));
  const auto gap = num::spectral_gap(num::Elimination(generator_, order, 0, num::Elimination::Leaks::ignored, true), p_, starts);
  return gap && *gap > 0 ? std::optional(1 / *gap) : std::nullopt;
}

Box box_for(const Process& process, const Reach& reach, std::optional<double> end, double loss, double* lost) {
  Box box{reach.low, reach.high};
  const std::size_t n = process.size();
  double left = 1;
  for (int round = 0; round < 24; ++round) {
    FokkerPlanckGrid grid(process, box, n == 1 ? 200 : 40);
    if (end) {
      grid.start();
      grid.advance(0, *end, 8);
      left = grid.lost();
    } else {
      grid.make_stationary();
      left = grid.at_open_ends();
    }
    if (left <= loss) break;
    for (std::size_t i = 0; i < n; ++i) {
      const double width = box.high[i] - box.low[i];
      box.low[i] = std::max(process.domain[i][0], box.low[i] - 0.2 * width);
      box.high[i] = std::min(process.domain[i][1], box.high[i] + 0.2 * width);
    }
  }
  if (lost != nullptr) *lost = left;
  return box;
}

std::optional<double> slow_time(const Process& process) {
  if (process.size() > 2 || process.time_dependent) return std::nullopt;
  try {
    double lost = 0;
    const Box box = box_for(process, reach_of(process, 20), std::nullopt, 1e-8, &lost);
    if (lost > 1e-6) return std::nullopt;
    FokkerPlanckGrid grid(process, box, process.size() == 1 ? 400 : 48);
    grid.make_stationary();
    return grid.slow_time();
  } catch (const NumericalBreakdown&) {
    return std::nullopt;
  }
}

namespace {

/// Numbers of one grid: per asked observable, points x (1 or the support).
struct Solution {
  std::vector<std::vector<double>> values;  // a distribution as its distribution function
  double lost = 0;
};

struct FokkerPlanckLevel {
  std::shared_ptr<const Process> process;

  Answer operator()(const Ask& ask, Context& context) const {
    try {
      return solve(ask, context);
    } catch (const NumericalBreakdown& error) {
      Answer answer;
      answer.flags.push_back({"diverged", "", {}, std::string("fokker-planck: ") + error.what(), true});
      return answer;
    }
  }

  Answer solve(const Ask& ask, Context& context) const {
    Answer answer;
    const bool stationary = ask.is_stationary();
    const std::size_t n = process->size();
    if (stationary && process->time_dependent) {
      answer.flags.push_back({"no-stable-state", "", {}, "fokker-planck: drift or diffusion depends on time, so there is no stationary law", true});
      return answer;
    }
    const std::vector<double> times = stationary ? std::vector<double>{0} : ask.times();
    std::vector<ObservableName> asked;
    std::vector<std::string> names;
    for (const std::string& name : ask.observables)
      if (const auto what = parse_observable(*process, name); what && std::find(names.begin(), names.end(), name) == names.end()) {
        asked.push_back(*what);
        names.push_back(name);
      }
    if (asked.empty()) return answer;
    const double end = end_of(ask, 20);
    const Reach reach = reach_of(*process, end);
    std::vector<Axis> support(asked.size());
    for (std::size_t o = 0; o < asked.size(); ++o)
      if (asked[o].kind == Kind::distribution) support[o] = law_axis(*process, reach, asked[o].a);

    const double target = ask.target_error > 0 ? ask.target_error : 1e-4;
    double lost = 0;
    const Box box = box_for(*process, reach, stationary ? std::nullopt : std::optional(end), std::min(1e-9, 1e-4 * target), &lost);
    const auto given = ask.options.find("max-cells");
    const std::size_t most = given == ask.options.end() ? (n == 1 ? 3200 : 256) : static_cast<std::size_t>(as_number(given->second));

    std::vector<Solution> solutions;
    std::vector<Estimate> estimates;
    std::string order_text;
    std::size_t used = 0;
    const std::size_t base = n == 1 ? 100 : 32;
    for (std::size_t cells = base; solutions.size() < 3 || cells <= most; cells *= 2) {
      FokkerPlanckGrid grid(*process, box, cells);
      // A question that would take minutes on this grid is answered by the one before, with its larger bound.
      if (solutions.size() >= 3 && !stationary && n == 2 && grid.work_rate() * end > 6e9) break;
      context.progress(std::min(0.9, static_cast<double>(cells) / static_cast<double>(2 * most)));
      Solution s;
      s.values.resize(asked.size());
      if (stationary) grid.make_stationary();
      else grid.start();
      for (std::size_t i = 0; i < times.size(); ++i) {
        if (!stationary) grid.advance(i == 0 ? 0 : times[i - 1], times[i], std::max<std::size_t>(1, cells / 4));
        for (std::size_t o = 0; o < asked.size(); ++o) {
          if (asked[o].kind == Kind::mean) s.values[o].push_back(grid.mean(asked[o].a));
          else if (asked[o].kind == Kind::distribution) {
            std::vector<double> f = grid.cdf(asked[o].a, support[o].points);
            f.back() = 1;
            s.values[o].insert(s.values[o].end(), f.begin(), f.end());
          } else s.values[o].push_back(grid.covariance(asked[o].a, asked[o].b));
        }
      }
      s.lost = stationary ? grid.at_open_ends() : grid.lost();
      solutions.push_back(std::move(s));
      used = grid.size();
      if (solutions.size() < 3) continue;
      estimates.clear();
      double worst = 0;
      std::vector<std::string> orders;
      const Solution &fine = solutions.back(), &mid = solutions[solutions.size() - 2], &coarse = solutions[solutions.size() - 3];
      for (std::size_t o = 0; o < asked.size(); ++o) {
        const std::size_t width = asked[o].kind == Kind::distribution ? support[o].points.size() : 1;
        double first = 0, second = 0, peak = 0;
        for (std::size_t k = 0; k < fine.values[o].size(); ++k) {
          first = std::max(first, std::abs(mid.values[o][k] - coarse.values[o][k]));
          second = std::max(second, std::abs(fine.values[o][k] - mid.values[o][k]));
          peak = std::max(peak, std::abs(fine.values[o][k]));
        }
        // The order is measured on the last three grids, between that of upwinding and that of smooth fluxes.
        const bool measured = second > 1e-12 * peak && first > second;
        const double p = second <= 1e-12 * peak ? 2.0 : measured ? std::clamp(std::log2(first / second), 0.8, 2.0) : 0.8;
        if (measured) orders.push_back(fmt::format("{} {}", names[o], brief(std::log2(first / second), 3)));
        Estimate e = solved_estimate(names[o], "1", {}, {});
        if (!stationary) {
          e.axes.push_back({"t", process->time_unit, times});
        }
        const double spread = asked[o].kind == Kind::distribution ? 1 : asked[o].kind == Kind::mean ? box.high[asked[o].a] - box.low[asked[o].a]
                                                                                              : (box.high[asked[o].a] - box.low[asked[o].a]) * (box.high[asked[o].b] - box.low[asked[o].b]);
        for (std::size_t i = 0; i < times.size(); ++i) {
          double bound = 0;
          for (std::size_t b = 0; b < width; ++b) bound = std::max(bound, std::abs(fine.values[o][i * width + b] - mid.values[o][i * width + b]));
          const bool initial = !stationary && times[i] == 0 && process->initial_sd[asked[o].a] == 0 && process->initial_sd[asked[o].b] == 0;
          bound = 1.25 * bound / (std::exp2(p) - 1) + fine.lost * spread + 1e-11 * peak;
          if (asked[o].kind == Kind::distribution) {
            // One bound for the whole distribution function stands at its first bin: bounds add up along the support.
            double below = 0;
            for (std::size_t b = 0; b < width; ++b) {
              e.value.push_back(fine.values[o][i * width + b] - below);
              below = fine.values[o][i * width + b];
              e.error_bound.push_back(b == 0 ? bound : 0.0);
            }
            // Where a point start stands in the middle of a cell its law is a step and the grid's a ramp.
            if (initial) {
              double seen = 0;
              for (std::size_t b = 0; b < width; ++b) {
                const double upto = support[o].points[b] >= process->initial[asked[o].a] ? 1.0 : 0.0;
                e.value[i * width + b] = upto - seen;
                e.error_bound[i * width + b] = 0;
                seen = upto;
              }
            }
            worst = std::max(worst, initial ? 0.0 : bound);
          } else {
            double value = fine.values[o][i];
            if (initial) {
              value = asked[o].kind == Kind::mean ? process->initial[asked[o].a] : 0.0;
              bound = 0;
            }
            e.value.push_back(value);
            e.error_bound.push_back(bound);
            e.exact.push_back(initial ? 1 : 0);
            if (peak > 0) worst = std::max(worst, bound / peak);
          }
        }
        if (asked[o].kind == Kind::distribution) {
          e.is_distribution = true;
          e.axes.push_back(support[o]);
        }
        estimates.push_back(std::move(e));
      }
      order_text = orders.empty() ? "" : "; measured orders in the cell width: " + join(orders);
      if (worst <= target) break;
    }
    answer.estimates = std::move(estimates);
    lost = solutions.back().lost;
    answer.why = fmt::format("{} cells", with_commas(used));
    std::vector<std::string> sides;
    for (std::size_t i = 0; i < n; ++i) sides.push_back(fmt::format("{} in [{}, {}]", process->ito.variables[i], brief(box.low[i]), brief(box.high[i])));
    answer.flags.push_back({.kind = "note", .text = fmt::format("{} cells, {}; {} {}{}", with_commas(used), join(sides), stationary ? "probability at its open ends" : "probability lost through its open ends", brief(lost, 2), order_text)});
    if (lost > 1e-4 * target)
      answer.flags.push_back({.kind = "truncated", .text = fmt::format("fokker-planck: probability {} lies outside the largest box that was tried: heavy tails, or a process that escapes", brief(lost, 2))});

    FokkerPlanckGrid drawn(*process, box, n == 1 ? 400 : 96);
    if (stationary) {
      drawn.make_stationary();
      describe_modes(drawn, answer);
    }
    if (ask.portraits) draw(drawn, times, stationary, answer);
    context.progress(1);
    return answer;
  }

  /// Several modes of a marginal: a mean describes none of them.
  void describe_modes(const FokkerPlanckGrid& grid, Answer& answer) const {
    for (std::size_t i = 0; i < process->size(); ++i) {
      const std::vector<double> q = grid.marginal(i);
      const double peak = *std::max_element(q.begin(), q.end());
      std::vector<std::string> modes;
      double since = 0, top = 0;  // a mode counts where the density falls to 0.8 of it on both sides
      std::size_t at = 0;
      bool rising = true;
      for (std::size_t k = 0; k < q.size(); ++k) {
        if (rising) {
          if (q[k] > top) {
            top = q[k];
            at = k;
          }
          if (q[k] < 0.8 * top && top > 0.01 * peak) {
            modes.push_back(brief(grid.centre(i, at), 3));
            rising = false;
            since = q[k];
          }
        } else {
          since = std::min(since, q[k]);
          if (q[k] > 1.25 * since && q[k] > 0.01 * peak) {
            rising = true;
            top = q[k];
            at = k;
          }
        }
      }
      if (modes.size() < 2) continue;
      const auto slow = grid.slow_time();
      answer.flags.push_back({.kind = "bimodal", .observable = process->ito.variables[i] + ".mean",
                              .text = fmt::format("the law of {} has the modes {}{}: a mean describes none of them", process->ito.variables[i], join(modes, " and "), slow ? ", slow time " + brief(*slow, 3) : "")});
    }
  }

  void draw(FokkerPlanckGrid& grid, const std::vector<double>& times, bool stationary, Answer& answer) const {
    Portrait picture;
    picture.name = "density";
    const auto axis = [&](std::size_t i) {
      Axis a{process->ito.variables[i], "1", {}};
      for (std::size_t k = 0; k < grid.cells(i); ++k) a.points.push_back(grid.centre(i, k));
      return a;
    };
    if (process->size() == 1 && !stationary && times.back() > 0) {
      constexpr std::size_t rows = 120;
      Axis t{"t", process->time_unit, {}};
      grid.start();
      for (std::size_t r = 0; r < rows; ++r) {
        const double now = times.back() * static_cast<double>(r + 1) / rows;
        grid.advance(times.back() * static_cast<double>(r) / rows, now, 4);
        t.points.push_back(now);
        for (const double v : grid.p()) picture.value.push_back(v / grid.width(0));
      }
      picture.title = "probability density of " + process->ito.variables[0];
      picture.axes = {t, axis(0)};
    } else if (process->size() == 2) {
      if (!stationary) {
        grid.start();
        grid.advance(0, times.back(), 32);
      }
      for (const double v : grid.p()) picture.value.push_back(v / (grid.width(0) * grid.width(1)));
      picture.title = stationary ? "stationary probability density" : "probability density at t = " + brief(times.back());
      picture.axes = {axis(1), axis(0)};
    } else {
      return;
    }
    picture.unit = "1";
    answer.portraits.push_back(std::move(picture));
  }
};

}  // namespace

Level fokker_planck_level(const Process& process) {
  if (process.size() > 2) throw ModelError(fmt::format("the Fokker-Planck equation is solved in one and two dimensions; this process has {}", process.size()));
  Level level;
  level.info = {.name = "fokker-planck",
                .rung = Rung::master,
                .doc = "density on a positive, conservative finite-volume grid, refined until its error is small",
                .parent = "langevin",
                .approximation = "trajectories replaced by their density: nothing is given up but the width of a cell",
                .source = "Scharfetter and Gummel (1969), doi:10.1109/T-ED.1969.16566; Chang and Cooper (1970), doi:10.1016/0021-9991(70)90001-X",
                .options = {{.name = "max-cells",
                             .unit = "1",
                             .doc = "cells along an axis of the finest grid",
                             .type = ParameterInfo::Type::integer,
                             .fallback = Value(process.size() == 1 ? 3200 : 256),
                             .min = 128,
                             .max = 100000}}};
  level.run = FokkerPlanckLevel{std::make_shared<const Process>(process)};
  return level;
}

}  // namespace meso::sde

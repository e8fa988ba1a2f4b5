#include "kits/generative/kinetic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "kits/sde/line.h"

namespace meso::generative {
namespace {

void check(const Cells& cells) {
  if (!(cells.low < cells.high) || !std::isfinite(cells.high - cells.low)) throw ModelError(fmt::format("a grid of a law needs an interval: [{}, {}] is given", exact(cells.low), exact(cells.high)));
  if (cells.count < 4) throw ModelError(fmt::format("a grid of a law needs at least 4 cells: {} are given", cells.count));
}

double checked(double diffusion, double t) {
  if (!(diffusion >= 0) || !std::isfinite(diffusion)) throw NumericalBreakdown(fmt::format("the diffusion is {} at t = {}; it must be finite and not negative", brief(diffusion), brief(t)));
  return diffusion;
}

void check_finite(std::span<const double> v, std::span<const double> x, double t) {
  for (std::size_t k = 0; k < v.size(); ++k)
    if (!std::isfinite(v[k])) throw NumericalBreakdown(fmt::format("the drift is {} at x = {}, t = {}", v[k], brief(x[k]), brief(t)));
}

}  // namespace

Drift drift_of(const Field& field) {
  if (field.dimension() != 1) throw ModelError(fmt::format("a drift on the line needs a field of one dimension; this one has {}", field.dimension()));
  return [&field](double t, std::span<const double> x, std::span<double> v) { field.at(t, x, v); };
}

GridLaw::GridLaw(const Cells& cells, const std::function<double(double)>& cdf) : low_(cells.low) {
  check(cells);
  h_ = (cells.high - cells.low) / static_cast<double>(cells.count);
  double before = cdf(cells.low);
  for (std::size_t k = 1; k <= cells.count; ++k) {
    const double now = cdf(face(k));
    p_.push_back(now - before);
    before = now;
  }
}

double GridLaw::lost() const { return std::max(0.0, 1 - std::accumulate(p_.begin(), p_.end(), 0.0)); }

PiecewiseLaw GridLaw::law() const {
  std::vector<double> x;
  for (std::size_t k = 0; k <= size(); ++k) x.push_back(face(k));
  return PiecewiseLaw::of_masses(std::move(x), p_);
}

void diffuse(GridLaw& law, const Drift& v, const std::function<double(double)>& diffusion, std::span<const double> times, const std::function<void(std::size_t, const GridLaw&)>& each) {
  const std::size_t n = law.size();
  std::vector<double> x(n + 1), drift(n + 1);
  for (std::size_t k = 0; k <= n; ++k) x[k] = law.face(k);
  sde::LineStepper stepper(n);
  if (each) each(0, law);
  for (std::size_t s = 0; s + 1 < times.size(); ++s) {
    const double from = times[s], step = times[s + 1] - from, sign = step < 0 ? -1 : 1;
    stepper.step(law.p_, std::abs(step), [&](double c, sde::Line& line) {
      const double t = c == 1 ? times[s + 1] : from + c * step, d = checked(diffusion(t), t);
      v(t, x, drift);
      check_finite(drift, x, t);
      for (std::size_t k = 0; k <= n; ++k) {
        const auto [up, down] = sde::face_rates(sign * drift[k], d, law.h_);
        line.up[k] = k == 0 ? 0 : up;  // nothing comes in from outside
        line.down[k] = k == n ? 0 : down;
      }
    });
    if (each) each(s + 1, law);
  }
}

void flow(const Drift& v, std::span<const double> times, std::span<double> x) {
  const std::size_t n = x.size();
  std::vector<double> at(n), k1(n), k2(n), k3(n), k4(n);
  for (std::size_t s = 0; s + 1 < times.size(); ++s) {
    const double t = times[s], h = times[s + 1] - t;
    v(t, x, k1);
    for (std::size_t i = 0; i < n; ++i) at[i] = x[i] + 0.5 * h * k1[i];
    v(t + 0.5 * h, at, k2);
    for (std::size_t i = 0; i < n; ++i) at[i] = x[i] + 0.5 * h * k2[i];
    v(t + 0.5 * h, at, k3);
    for (std::size_t i = 0; i < n; ++i) at[i] = x[i] + h * k3[i];
    v(times[s + 1], at, k4);
    for (std::size_t i = 0; i < n; ++i) x[i] += h / 6 * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]);
  }
}

PiecewiseLaw flow_law(const Drift& v, std::span<const double> times, const std::function<double(double)>& cdf, double low, double high, const FlowOptions& options) {
  check({low, high, std::max<std::size_t>(options.nodes, 4)});
  std::vector<double> start, end;
  for (std::size_t k = 0; k <= options.nodes; ++k) start.push_back(k == options.nodes ? high : low + (high - low) * static_cast<double>(k) / static_cast<double>(options.nodes));
  end = start;
  flow(v, times, end);
  while (true) {
    for (std::size_t k = 0; k < end.size(); ++k)
      if (!std::isfinite(end[k]) || (k > 0 && !(end[k] > end[k - 1])))
        throw NumericalBreakdown(std::isfinite(end[k]) ? fmt::format("quantiles cross on their way from t = {} to {}: those that start at {} and {}; take shorter steps", brief(times.front()), brief(times.back()), brief(start[k - 1], 8), brief(start[k], 8))
                                                       : fmt::format("the flow from t = {} to {} takes x = {} beyond every bound", brief(times.front()), brief(times.back()), brief(start[k], 8)));
    // New nodes in the middle of what has parted, as long as mass lies there that can be told from none.
    std::vector<double> fresh;
    for (std::size_t k = 0; k + 1 < start.size(); ++k) {
      const double gap = end[k + 1] - end[k];
      if (gap <= options.widest || !(cdf(start[k + 1]) - cdf(start[k]) > 1e-14) || !(start[k + 1] - start[k] > 1e-12 * (std::abs(start[k]) + std::abs(start[k + 1])))) continue;
      const auto pieces = static_cast<std::size_t>(std::min(64.0, std::ceil(gap / options.widest)));
      for (std::size_t q = 1; q < pieces; ++q) fresh.push_back(start[k] + (start[k + 1] - start[k]) * static_cast<double>(q) / static_cast<double>(pieces));
    }
    if (fresh.empty() || start.size() + fresh.size() > options.most) break;
    std::vector<double> image = fresh, starts(start.size() + fresh.size()), ends(starts.size());
    flow(v, times, image);
    for (std::size_t i = 0, j = 0, k = 0; k < starts.size(); ++k) {
      const bool old = j == fresh.size() || (i < start.size() && start[i] < fresh[j]);
      starts[k] = old ? start[i] : fresh[j];
      ends[k] = old ? end[i++] : image[j++];
    }
    start = std::move(starts);
    end = std::move(ends);
  }
  std::vector<double> below;
  for (const double x : start) below.push_back(cdf(x));
  return PiecewiseLaw::make(std::move(end), std::move(below));
}

std::vector<double> time_grid(double from, double to, std::size_t n, double dense, double power) {
  std::vector<double> times(n + 1);
  const double sparse = dense == from ? to : from;
  for (std::size_t k = 0; k <= n; ++k) {
    const double part = static_cast<double>(dense == from ? k : n - k) / static_cast<double>(n);  // 0 at the dense end
    times[k] = dense + (sparse - dense) * std::pow(part, power);
  }
  times.front() = from;
  times.back() = to;
  return times;
}

std::vector<double> bridge_grid(double from, double to, double steps) {
  const auto angle = [](double t) { return 2 * std::asin(std::sqrt(std::clamp(t, 0.0, 1.0))); };
  const double a = angle(from), b = angle(to);
  const auto n = static_cast<std::size_t>(std::max(1.0, std::ceil(steps * std::abs(b - a) / std::numbers::pi - 1e-9)));
  std::vector<double> times(n + 1);
  for (std::size_t k = 0; k <= n; ++k) {
    const double s = std::sin(0.5 * (a + (b - a) * static_cast<double>(k) / static_cast<double>(n)));
    times[k] = s * s;
  }
  times.front() = from;
  times.back() = to;
  return times;
}

PlaneLaw::PlaneLaw(const Cells& along_x, const Cells& along_y, const std::function<double(double, double)>& density) {
  const Cells* axes[2] = {&along_x, &along_y};
  for (std::size_t a = 0; a < 2; ++a) {
    check(*axes[a]);
    low_[a] = axes[a]->low;
    n_[a] = axes[a]->count;
    h_[a] = (axes[a]->high - axes[a]->low) / static_cast<double>(n_[a]);
  }
  for (std::size_t j = 0; j < n_[1]; ++j)
    for (std::size_t i = 0; i < n_[0]; ++i) p_.push_back(density(centre(0, i), centre(1, j)));
  const double total = std::accumulate(p_.begin(), p_.end(), 0.0);
  if (!(total > 0) || !std::isfinite(total)) throw ModelError(fmt::format("a law in the plane has the mass {} in its box", total));
  for (double& p : p_) p /= total;
}

double PlaneLaw::lost() const { return std::max(0.0, 1 - std::accumulate(p_.begin(), p_.end(), 0.0)); }

void diffuse(PlaneLaw& law, const Field& v, const std::function<double(double)>& diffusion, std::span<const double> times, const std::function<void(std::size_t, const PlaneLaw&)>& each) {
  if (v.dimension() != 2) throw ModelError(fmt::format("a law in the plane needs a drift of two dimensions; this one has {}", v.dimension()));
  const std::size_t nx = law.n_[0], ny = law.n_[1];
  // Middles of the faces across x, then of those across y.
  std::vector<double> points, drift;
  for (std::size_t j = 0; j < ny; ++j)
    for (std::size_t k = 0; k <= nx; ++k) points.insert(points.end(), {law.low_[0] + law.h_[0] * static_cast<double>(k), law.centre(1, j)});
  const std::size_t second = points.size() / 2;
  for (std::size_t i = 0; i < nx; ++i)
    for (std::size_t k = 0; k <= ny; ++k) points.insert(points.end(), {law.centre(0, i), law.low_[1] + law.h_[1] * static_cast<double>(k)});
  drift.resize(points.size());
  sde::LineStepper along_x(nx), along_y(ny);
  sde::Line row{std::vector<double>(nx + 1), std::vector<double>(nx + 1)}, column{std::vector<double>(ny + 1), std::vector<double>(ny + 1)};
  std::vector<double> p(ny);
  if (each) each(0, law);
  for (std::size_t s = 0; s + 1 < times.size(); ++s) {
    const double step = times[s + 1] - times[s], t = times[s] + 0.5 * step, sign = step < 0 ? -1 : 1, dt = std::abs(step), d = checked(diffusion(t), t);
    v.at(t, points, drift);
    for (std::size_t k = 0; k < drift.size(); ++k)
      if (!std::isfinite(drift[k])) throw NumericalBreakdown(fmt::format("the drift is {} at ({}, {}), t = {}", drift[k], brief(points[k / 2 * 2]), brief(points[k / 2 * 2 + 1]), brief(t)));
    const auto rates = [&](sde::Line& line, std::size_t first, std::size_t axis) {
      const std::size_t n = line.cells();
      for (std::size_t k = 0; k <= n; ++k) {
        const auto [up, down] = sde::face_rates(sign * drift[2 * (first + k) + axis], d, law.h_[axis]);
        line.up[k] = k == 0 ? 0 : up;
        line.down[k] = k == n ? 0 : down;
      }
    };
    const auto rows = [&] {
      for (std::size_t j = 0; j < ny; ++j) {
        rates(row, j * (nx + 1), 0);
        along_x.step(std::span<double>(law.p_).subspan(j * nx, nx), 0.5 * dt, row);
      }
    };
    rows();
    for (std::size_t i = 0; i < nx; ++i) {
      rates(column, second + i * (ny + 1), 1);
      for (std::size_t j = 0; j < ny; ++j) p[j] = law.p_[j * nx + i];
      along_y.step(p, dt, column);
      for (std::size_t j = 0; j < ny; ++j) law.p_[j * nx + i] = p[j];
    }
    rows();
    if (each) each(s + 1, law);
  }
}

}  // namespace meso::generative

#include "kits/neuron/mean_field.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace meso::neuron {
namespace {

/// Zero where the variance is self-consistent; negative below it, positive above.
double excess(const RateModel& m, const GaussianAverages& a) {
  const double v = a.variance();
  if (m.clock == Clock::discrete) return v - m.g * m.g * a.square() - m.sigma * m.sigma;
  const double s2 = m.sigma * m.sigma;
  return v * v - 2 * m.g * m.g * a.integral(v) - s2 * s2;
}

std::string described(const RateModel& m) {
  return fmt::format("gain '{}', g = {}, sigma = {}, {} time", m.gain.text(), brief(m.g), brief(m.sigma), m.clock == Clock::discrete ? "discrete" : "continuous");
}

/// Four-point Lagrange interpolation on the grid (third order), even continuation below 0, 0 beyond the end.
double interpolated(const std::vector<double>& f, double step, double at) {
  at = std::abs(at) / step;
  const auto k = static_cast<std::ptrdiff_t>(std::floor(at));
  const auto size = static_cast<std::ptrdiff_t>(f.size());
  if (k >= size - 1) return k == size - 1 && at == static_cast<double>(k) ? f.back() : 0.0;
  // One-sided at the start: a white drive leaves a kink there.
  const std::ptrdiff_t first = std::clamp<std::ptrdiff_t>(k - 1, 0, std::max<std::ptrdiff_t>(0, size - 4));
  double sum = 0;
  const std::ptrdiff_t points = std::min<std::ptrdiff_t>(4, size);
  for (std::ptrdiff_t i = 0; i < points; ++i) {
    double weight = 1;
    for (std::ptrdiff_t j = 0; j < points; ++j)
      if (j != i) weight *= (at - static_cast<double>(first + j)) / static_cast<double>(i - j);
    sum += weight * f[static_cast<std::size_t>(first + i)];
  }
  return sum;
}

struct Path {
  std::vector<double> delta;
  double step = 0;
};

/// Delta(tau) from Newton's equation, put back onto its energy after each step: the forgetting branch is a separatrix and would be left otherwise.
Path descend(const RateModel& m, const GaussianAverages& a, double step) {
  const double g2 = m.g * m.g, top = a.variance(), floor = 1e-10 * top;
  Path path{{top}, step};
  double x = top, v = -m.sigma * m.sigma;
  const auto force = [&](double d) { return d - g2 * a.covariance(d); };
  constexpr std::size_t most = 400000;
  while (x > floor && path.delta.size() < most) {
    const double k1 = force(x), x2 = x + 0.5 * step * v, v2 = v + 0.5 * step * k1;
    const double k2 = force(x2), x3 = x + 0.5 * step * v2, v3 = v + 0.5 * step * k2;
    const double k3 = force(x3), x4 = x + step * v3, v4 = v + step * k3;
    const double k4 = force(x4);
    x += step / 6 * (v + 2 * v2 + 2 * v3 + v4);
    v += step / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
    if (!(x > 0) || !std::isfinite(x)) break;
    const double energy = x * x - 2 * g2 * a.integral(x);
    if (energy < 0) {
      if (energy < -1e-9 * top * top)
        throw NumericalBreakdown(fmt::format("mean-field theory: the branch with Delta_0 = {} does not forget: (dDelta/dtau)^2 = {} < 0 at Delta = {} ({})", brief(top), brief(energy), brief(x), described(m)));
      v = 0;
    } else {
      v = -std::sqrt(energy);
    }
    path.delta.push_back(x);
  }
  if (path.delta.size() >= most) throw NumericalBreakdown(fmt::format("mean-field theory: Delta has not decayed after tau = {}: too close to the transition ({})", brief(step * static_cast<double>(most)), described(m)));
  return path;
}

double half_width(const std::vector<double>& delta, double step) {
  const double half = 0.5 * delta.front();
  std::size_t k = 0;
  while (k + 1 < delta.size() && delta[k + 1] > half) ++k;
  double low = step * static_cast<double>(k), high = low + step;
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (interpolated(delta, step, middle) > half ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace

MeanField solve_mean_field(const RateModel& m) {
  if (!(m.g >= 0) || !std::isfinite(m.g)) throw ModelError(fmt::format("mean-field theory: g = {}; the strength of the couplings is at least 0", exact(m.g)));
  if (!(m.sigma >= 0) || !std::isfinite(m.sigma)) throw ModelError(fmt::format("mean-field theory: sigma = {}; the strength of the drive is at least 0", exact(m.sigma)));
  if (!m.gain.is_odd())
    throw ModelError(fmt::format("mean-field theory: the gain '{}' is not odd: <phi> is not 0 and would need an equation of its own, which is not offered. The level 'network' simulates it and subtracts means; "
                                 "odd gains: tanh, erf, linear, clipped, sine, or a formula with phi(-x) = -phi(x)", m.gain.text()));
  MeanField out;
  out.model = m;
  const double slope0 = m.gain.slope(0);
  // Scan upwards in factors of two; every change from below to above is a self-consistent variance, the largest is taken.
  const auto rough = [&](double v) { return excess(m, GaussianAverages(m.gain, v, 128)); };
  double low = 1e-9, before = rough(low), bracket_low = 0, bracket_high = 0;
  std::size_t found = 0;
  bool above = before > 0;
  for (double v = 2 * low; v < (m.gain.is_bounded() ? 1e9 : 1e5); v *= 2) {
    const double now = rough(v);
    above = now > 0;
    if (before <= 0 && now > 0) {
      ++found;
      bracket_low = v / 2;
      bracket_high = v;
    }
    before = now;
    if (above && m.gain.is_bounded() && v > 16 * (1 + m.g * m.g + m.sigma * m.sigma)) break;
  }
  const bool quiet = m.sigma == 0 && m.g * std::abs(slope0) <= 1;
  if (!found || (m.sigma == 0 && m.g == 0)) {
    if (!quiet || !above)
      throw NumericalBreakdown(fmt::format("mean-field theory: no self-consistent variance: activity grows without bound ({}; g phi'(0) = {})", described(m), brief(m.g * std::abs(slope0))));
    out.slope = slope0;
    return out;
  }
  if (quiet && m.gain.kind() == Gain::Kind::linear) {  // g = 1 exactly: every variance is marginal
    out.slope = slope0;
    return out;
  }
  out.others = found - 1 + (quiet ? 1 : 0);
  double a = bracket_low, b = bracket_high;
  const auto fine = [&](double v) { return excess(m, GaussianAverages(m.gain, v)); };
  double fa = fine(a), fb = fine(b);
  double root = 0.5 * (a + b);
  int side = 0;  // Illinois: the end that stays twice counts half
  for (int i = 0; i < 100 && b - a > 4e-16 * b; ++i) {
    const double c = (a * fb - b * fa) / (fb - fa);
    if (!(c > a && c < b)) break;
    root = c;
    const double fc = fine(c);
    if (fc == 0) break;
    if (fc > 0) {
      b = c;
      fb = fc;
      if (side == 1) fa *= 0.5;
      side = 1;
    } else {
      a = c;
      fa = fc;
      if (side == -1) fb *= 0.5;
      side = -1;
    }
    if (std::abs(fc) < 1e-16 * c * std::max(1.0, c)) break;
  }
  const GaussianAverages averages(m.gain, root);
  out.active = true;
  out.x_variance = averages.variance();
  out.phi_variance = averages.square();
  out.slope = averages.slope();
  out.error = averages.missing() / averages.square() + 1e-12;
  if (m.clock == Clock::discrete) return out;

  const double gap = out.gap();
  if (!(gap > 0)) throw NumericalBreakdown(fmt::format("mean-field theory: 1 - g^2 a^2 = {} is not positive: no state that forgets ({})", brief(gap), described(m)));
  const double rate = std::sqrt(gap);
  out.step = m.sigma > 0 ? 0.02 : std::clamp(0.01 / rate, 0.02, 0.1);
  const Path fine_path = descend(m, averages, out.step), coarse = descend(m, averages, 2 * out.step);
  out.x_autocovariance = fine_path.delta;
  double worst = 0;
  for (std::size_t k = 0; 2 * k < fine_path.delta.size() && k < coarse.delta.size(); ++k) worst = std::max(worst, std::abs(fine_path.delta[2 * k] - coarse.delta[k]));
  out.error += worst / 15 / out.x_variance;
  out.half_width = half_width(out.x_autocovariance, out.step);
  const double s2 = m.sigma * m.sigma, a2 = out.slope * out.slope;
  for (std::size_t k = 0; k < out.x_autocovariance.size(); ++k) {
    const double delta = out.x_autocovariance[k], c = averages.covariance(delta);
    out.phi_autocovariance.push_back(c);
    // Its spectrum is C_phi (1 - g^2 a^2/(1 + w^2)), and g^2 C_phi/(1 + w^2) is that of Delta less that of the drive's own share.
    out.drive_autocovariance.push_back(c - a2 * (delta - s2 * std::exp(-out.step * static_cast<double>(k))));
  }
  out.kink = s2 * averages.covariance_slope(out.x_variance);
  return out;
}

double MeanField::spectrum(double omega) const {
  if (model.clock == Clock::discrete) return phi_variance;
  if (!active) return 0;
  // The kink is transformed exactly; what is left has no slope at 0 and the trapezoid rule is of fourth order. Beyond a third of the grid's band it is nothing.
  double sum = 0;
  if (omega * step < 1) {
    const std::complex<double> turn(std::cos(omega * step), std::sin(omega * step));
    std::complex<double> phase(1, 0);
    const double decay = std::exp(-step);
    double own = kink;
    for (std::size_t k = 0; k < phi_autocovariance.size(); ++k) {
      sum += (k == 0 ? 0.5 : 1.0) * (phi_autocovariance[k] - own) * phase.real();
      own *= decay;
      phase *= turn;
    }
  }
  return 2 * step * sum + 2 * kink / (1 + omega * omega);
}

double MeanField::loop(double omega) const {
  const double square = model.g * model.g * slope * slope;
  return model.clock == Clock::discrete ? square : square / (1 + omega * omega);
}

double MeanField::x_at(double lag) const {
  if (model.clock == Clock::discrete) return lag == 0 ? x_variance : 0.0;
  return active ? interpolated(x_autocovariance, step, lag) : 0.0;
}

double MeanField::phi_at(double lag) const {
  if (model.clock == Clock::discrete) return lag == 0 ? phi_variance : 0.0;
  return active ? interpolated(phi_autocovariance, step, lag) : 0.0;
}

MeanField::Participation MeanField::participation() const {
  const double ga2 = model.g * model.g * slope * slope;
  if (!active) return {0, 0};
  if (model.clock == Clock::discrete) return {1 - ga2 * ga2, 0};
  // omega = L tan(theta/2): with the measure the integrand is smooth and periodic in theta, and equal steps converge faster than any power.
  const double scale = std::min(1.0, 4 / half_width);
  const auto with = [&](std::size_t n) {
    std::vector<double> omega(n), weight(n);
    for (std::size_t j = 0; j < n; ++j) {
      const double theta = (2 * (static_cast<double>(j) + 0.5) / static_cast<double>(n) - 1) * std::numbers::pi, t = std::tan(0.5 * theta);
      omega[j] = scale * t;
      weight[j] = 0.5 * scale * (1 + t * t) / static_cast<double>(n) * (j < n / 2 ? 0.0 : spectrum(omega[j]));
    }
    for (std::size_t j = 0; j < n / 2; ++j) weight[j] = weight[n - 1 - j];
    double sum = 0;
    for (std::size_t j = n / 2; j < n; ++j)
      for (std::size_t k = 0; k < n; ++k) {
        // 1 - g^2 a^2/((1 + i w)(1 - i w'))
        const std::complex<double> d = 1.0 - ga2 / (std::complex<double>(1, omega[j]) * std::complex<double>(1, -omega[k]));
        sum += 2 * weight[j] * weight[k] / std::norm(d);
      }
    return phi_variance * phi_variance / sum;
  };
  const double value = with(512), half = with(256);
  return {value, std::abs(value - half) + error * value};
}

double Transient::at(const std::vector<double>& values, double t) const { return interpolated(values, step, t); }

Transient transient(const RateModel& m, double variance0, double step, std::size_t steps) {
  if (!m.gain.is_odd()) throw ModelError(fmt::format("mean-field theory: the gain '{}' is not odd", m.gain.text()));
  constexpr std::size_t components = 160;
  const double e = std::exp(-step), late = 1 + std::expm1(-step) / step, early = -std::expm1(-step) - late, g2 = m.g * m.g, white = m.sigma * m.sigma * -std::expm1(-2 * step);
  // x(t + h) = e x(t) + early eta(t) + late eta(t + h) + noise; eta = J phi with <eta eta'> = g^2 C. Rows are times t, entries s <= t.
  std::vector<std::vector<double>> delta{{variance0}}, cross{{0.0}}, c;  // Delta(t, s), <eta(t) x(s)>, g^2 C(t, s)
  std::vector<GaussianAverages> unit;
  unit.emplace_back(m.gain, variance0, components);
  c.push_back({g2 * unit[0].square()});
  std::vector<double> forth{0.0};  // <eta(s) x(t)> at the last t, s <= t
  Transient out{.step = step, .x_variance = {variance0}, .phi_variance = {unit[0].square()}, .slope = {unit[0].slope()}};
  const auto between = [&](const GaussianAverages& a, const GaussianAverages& b, double covariance) {
    const double scale = std::sqrt(a.variance() * b.variance());
    if (!(scale > 0)) return 0.0;
    const double r = std::clamp(covariance / scale, -1.0, 1.0);
    const auto &p = a.components(), &q = b.components();
    double sum = 0;
    for (std::size_t k = std::min(p.size(), q.size()); k-- > 0;) sum = sum * r + p[k] * q[k];
    return g2 * sum;
  };
  for (std::size_t t = 0; t < steps; ++t) {
    const std::size_t next = t + 1;
    // First guess of C(t + h, s) is C(t, s); then Delta, then C, until they fit.
    std::vector<double> row = c[t], d(next + 1), own(next + 1), back(next + 1);
    row.push_back(c[t][t]);
    std::optional<GaussianAverages> now;
    for (int round = 0; round < 8; ++round) {
      const double before = round > 0 ? now->variance() : -1;
      own[0] = 0;  // <eta(t + h) x(s)>
      for (std::size_t s = 0; s < next; ++s) own[s + 1] = e * own[s] + early * row[s] + late * row[s + 1];
      // <eta(s) x(t + h)> from <eta(s) x(t)>; at s = t + h it is own[next].
      for (std::size_t s = 0; s <= t; ++s) back[s] = e * forth[s] + early * c[t][s] + late * row[s];
      back[next] = own[next];
      for (std::size_t s = 0; s <= t; ++s) {
        // Delta(t + h, s) = e Delta(t, s) + early <eta(t) x(s)> + late <eta(t + h) x(s)>
        d[s] = e * delta[t][s] + early * cross[t][s] + late * own[s];
      }
      d[next] = e * d[t] + early * back[t] + late * back[next] + white;
      now.emplace(m.gain, std::max(0.0, d[next]), components);
      for (std::size_t s = 0; s <= t; ++s) row[s] = between(*now, unit[s], d[s]);
      row[next] = g2 * now->square();
      if (std::abs(now->variance() - before) <= 1e-8 * now->variance()) break;
    }
    delta.push_back(std::move(d));
    cross.push_back(std::move(own));
    forth = std::move(back);
    c.push_back(std::move(row));
    unit.push_back(*now);
    out.x_variance.push_back(now->variance());
    out.phi_variance.push_back(now->square());
    out.slope.push_back(now->slope());
  }
  return out;
}

std::vector<double> variance_path(const RateModel& m, double variance0, std::size_t steps) {
  std::vector<double> path{variance0};
  for (std::size_t t = 0; t < steps; ++t) {
    const double v = m.g * m.g * GaussianAverages(m.gain, path.back(), 4).square() + m.sigma * m.sigma;
    path.push_back(v);
  }
  return path;
}

}  // namespace meso::neuron

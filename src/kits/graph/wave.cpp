#include "kits/graph/wave.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "base/error.h"
#include "base/text.h"
#include "num/fft.h"
#include "stat/fit.h"

namespace meso::graph {

double Dispersion::cut_off(double rho) const {
  const double log = std::log(rho);
  return speed - std::numbers::pi * std::numbers::pi * s * s * curvature / (2 * log * log);
}

std::optional<Dispersion> dispersion(const Kernel& kernel, double excess, double beta, double gamma) {
  if (!kernel.has_exponential_moment() || beta * excess <= beta + gamma) return std::nullopt;
  const auto c = [&](double s) { return (beta * excess * *kernel.exponential_moment(s) - beta - gamma) / s; };
  double lo = 1e-9 / kernel.smallest_range(), hi = 1e-3 / kernel.smallest_range();
  const double limit = kernel.moment_limit();
  while (2 * hi < limit && c(2 * hi) < c(hi)) hi *= 2;
  hi = std::min(4 * hi, limit * (1 - 1e-12));
  // c has one minimum: numerator convex, zero of its tangent through the origin. Zero of s N'(s) - N(s), which increases.
  const auto tangent = [&](double s) {
    const double h = 1e-5 * s;
    const double n1 = *kernel.exponential_moment(std::min(s + h, limit * (1 - 1e-13))), n0 = *kernel.exponential_moment(s - h);
    return beta * excess * (s * (n1 - n0) / (std::min(s + h, limit * (1 - 1e-13)) - (s - h)) - *kernel.exponential_moment(s)) + beta + gamma;
  };
  for (int i = 0; i < 200; ++i) (tangent(0.5 * (lo + hi)) < 0 ? lo : hi) = 0.5 * (lo + hi);
  Dispersion d;
  d.s = 0.5 * (lo + hi);
  d.speed = c(d.s);
  const double h = 1e-3 * d.s;
  d.curvature = (-c(d.s + 2 * h) + 16 * c(d.s + h) - 30 * d.speed + 16 * c(d.s - h) - c(d.s - 2 * h)) / (12 * h * h);
  return d;
}

namespace {

class Convolution {
 public:
  Convolution(const WaveSpec& spec, std::size_t points) : points_(points), background_(0) {
    const double dx = spec.dx, half = dx * static_cast<double>(points - 1);
    double local = 0;
    for (const Kernel::Part& p : spec.kernel.parts()) local += p.kind == Kernel::Kind::uniform ? 0.0 : p.weight;
    for (const Kernel::Part& p : spec.kernel.parts())  // a uniform part is the background, not a tail
      direct_ = direct_ && (p.kind == Kernel::Kind::uniform || p.kind == Kernel::Kind::gaussian || p.kind == Kernel::Kind::laplace);
    if (local == 0) {
      background_ = 1;
      method = "uniform";
      return;
    }
    // Mass beyond the box is spread evenly, as in the network.
    double reach = half;
    if (direct_) {
      reach = 0;
      for (const Kernel::Part& p : spec.kernel.parts())
        if (p.kind != Kernel::Kind::uniform) reach = std::max(reach, p.kind == Kernel::Kind::gaussian ? 10 * p.range : 40 * p.range);
      reach = std::min(reach, half);
    }
    const auto reach_points = static_cast<std::size_t>(std::floor(reach / dx + 1e-9));
    // A cell average where the kernel has a kink at 0, the value itself where it is smooth: then the sum is spectrally accurate.
    bool smooth = true;
    for (const Kernel::Part& p : spec.kernel.parts()) smooth = smooth && (p.kind == Kernel::Kind::gaussian || p.kind == Kernel::Kind::uniform);
    weight_.resize(reach_points + 1);
    double sum = 0;
    for (std::size_t j = 0; j <= reach_points; ++j) {
      const double z = dx * static_cast<double>(j);
      const int parts = smooth ? 0 : spec.kernel.dimension() == 1 ? 16 : 2;
      double value = 0;
      if (parts == 0) value = spec.kernel.marginal(z);
      else
        for (int q = 0; q < parts; ++q) value += spec.kernel.marginal(z + dx * ((q + 0.5) / parts - 0.5)) / parts;
      weight_[j] = value * dx;
      sum += (j == 0 ? 1 : 2) * weight_[j];
    }
    const double inside = direct_ ? local : std::min(local, 1 - spec.kernel.background(spec.side) * std::pow(spec.side, spec.kernel.dimension()));
    background_ = 1 - inside;
    for (double& w : weight_) w *= inside / sum;
    if (direct_) {
      padded_.assign(points + 2 * reach_points, 0.0);
      method = fmt::format("direct, support {}", brief(reach));
      return;
    }
    method = "Fourier";
    const std::size_t ring = 2 * (points - 1);
    fft_ = std::make_unique<num::RealFft>(std::vector<std::size_t>{ring});
    real_.resize(ring), transform_.resize(fft_->complex_size()), kernel_.resize(fft_->complex_size());
    for (std::size_t j = 0; j < ring; ++j) real_[j] = weight_[std::min({j, ring - j, reach_points})] * (std::min(j, ring - j) == points - 1 ? 1.0 : 1.0);
    fft_->forward(real_, kernel_);
    for (auto& k : kernel_) k /= static_cast<double>(ring);
  }

  void operator()(std::span<const double> h, std::span<double> out) {
    double mean = 0;
    if (background_ > 0) {  // trapezium over the half box
      for (const double v : h) mean += v;
      mean = (mean - 0.5 * (h.front() + h.back())) / static_cast<double>(points_ - 1);
    }
    if (weight_.empty()) {
      std::fill(out.begin(), out.end(), mean);
      return;
    }
    if (!direct_) {
      const std::size_t ring = 2 * (points_ - 1);
      for (std::size_t j = 0; j < ring; ++j) real_[j] = h[std::min(j, ring - j)];
      fft_->forward(real_, transform_);
      for (std::size_t k = 0; k < transform_.size(); ++k) transform_[k] *= kernel_[k].real();  // even kernel
      fft_->backward(transform_, real_);
      for (std::size_t i = 0; i < points_; ++i) out[i] = real_[i] + background_ * mean;
      return;
    }
    const std::size_t r = weight_.size() - 1;
    std::size_t active = points_;  // beyond it everything is exactly zero
    while (active > 0 && h[active - 1] == 0) --active;
    for (std::size_t j = 0; j < r; ++j) padded_[r - 1 - j] = h[j + 1], padded_[r + points_ + j] = h[points_ - 2 - j];
    std::copy(h.begin(), h.end(), padded_.begin() + static_cast<std::ptrdiff_t>(r));
    const std::size_t reach = active == points_ || points_ - active < r ? points_ : std::min(points_, active + r);
    constexpr std::size_t block = 512;
    for (std::size_t from = 0; from < reach; from += block) {
      const std::size_t n = std::min(block, reach - from);
      double* const o = out.data() + from;
      const double* const centre = padded_.data() + r + from;
      for (std::size_t i = 0; i < n; ++i) o[i] = weight_[0] * centre[i];
      for (std::size_t j = 1; j <= r; ++j) {
        const double w = weight_[j];
        const double* const left = centre - j;
        const double* const right = centre + j;
        for (std::size_t i = 0; i < n; ++i) o[i] += w * (left[i] + right[i]);
      }
    }
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(reach), out.end(), 0.0);
    if (background_ > 0)
      for (double& v : out) v += background_ * mean;
  }

  std::string method;

 private:
  std::size_t points_;
  double background_;
  bool direct_ = true;
  std::vector<double> weight_, padded_;
  std::unique_ptr<num::RealFft> fft_;
  num::FftVector<double> real_;
  num::FftVector<std::complex<double>> transform_, kernel_;
};

}  // namespace

WavePath integrate_wave(const WaveSpec& spec, std::span<const double> times, double until_arrival, double latest) {
  const auto cells = static_cast<std::size_t>(std::max(8.0, std::round(0.5 * spec.side / spec.dx)));
  WaveSpec s = spec;
  s.dx = 0.5 * spec.side / static_cast<double>(cells);
  const std::size_t n = cells + 1;
  Convolution convolve(s, n);
  WavePath path;
  path.method = convolve.method;
  for (std::size_t i = 0; i < n; ++i) path.position.push_back(s.dx * static_cast<double>(i));
  path.arrival.assign(n, std::numeric_limits<double>::infinity());
  const GeneratingFunction psi(s.kappa, s.kappa_weight);
  const double mean_kappa = psi.mean();

  // S0 at a grid point: share of its cell that is not seeded.
  std::vector<double> s0(n, 1.0);
  for (std::size_t i = 0; i < n; ++i) {
    const double lo = path.position[i] - 0.5 * s.dx, hi = path.position[i] + 0.5 * s.dx;
    s0[i] = 1 - std::clamp((std::min(hi, s.seed_half_width) - std::max(lo, -s.seed_half_width)) / s.dx, 0.0, 1.0);
  }
  std::vector<double> u(n, 0.0), r(n, 0.0), y(n), ry(n), h(n), conv(n), infected(n);
  std::vector<std::vector<double>> k(4, std::vector<double>(n)), kr(4, std::vector<double>(n));
  // 1 - Psi'(1 - u)/<kappa> without cancellation
  const auto gone = [&](double v) {
    double g = 0;
    for (std::size_t q = 0; q < s.kappa.size(); ++q) {
      const double x = s.kappa[q] * v;
      g += s.kappa_weight[q] * s.kappa[q] * (x < 1e-8 ? x * (1 - 0.5 * x) : -std::expm1(-x));
    }
    return g / mean_kappa;
  };
  const auto spared = [&](double v) {
    double p = 0;
    for (std::size_t q = 0; q < s.kappa.size(); ++q) p += s.kappa_weight[q] * std::exp(-s.kappa[q] * v);
    return p;
  };
  const auto rhs = [&](const std::vector<double>& a, const std::vector<double>& b, std::vector<double>& da, std::vector<double>& db) {
    for (std::size_t i = 0; i < n; ++i) h[i] = s0[i] == 1 ? gone(a[i]) : 1 - s0[i] * (1 - gone(a[i]));
    convolve(h, conv);
    for (std::size_t i = 0; i < n; ++i) {
      da[i] = s.beta * conv[i] - (s.beta + s.gamma) * a[i];
      db[i] = a[i] < 1e-10 && s0[i] == 1 ? s.gamma * (mean_kappa * a[i] - b[i]) : s.gamma * (1 - s0[i] * spared(a[i]) - b[i]);
    }
  };
  const auto write = [&] {
    double sum_s = 0, sum_i = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double sus = s0[i] * spared(u[i]), inf = 1 - sus - r[i], w = i == 0 || i + 1 == n ? 0.5 : 1.0;
      path.susceptible.push_back(sus), path.infected.push_back(inf);
      sum_s += w * sus, sum_i += w * inf;
    }
    path.mean_susceptible.push_back(sum_s / static_cast<double>(cells));
    path.mean_infected.push_back(sum_i / static_cast<double>(cells));
  };
  std::vector<double> fallen(n, 0.0);
  for (std::size_t i = 0; i < n; ++i)
    if ((fallen[i] = 1 - s0[i]) >= 0.5) path.arrival[i] = 0;
  const auto watched = std::min(n - 1, static_cast<std::size_t>(std::ceil(until_arrival / s.dx)));
  double t = 0;
  std::size_t next = 0;
  while (next < times.size() && times[next] <= 0) write(), ++next;
  const double last_time = times.empty() ? 0.0 : times.back();
  while (t < last_time - 1e-12 || (until_arrival > 0 && !std::isfinite(path.arrival[watched]) && t < latest)) {
    double dt = s.dt;
    if (next < times.size()) {
      const double left = times[next] - t;  // equal steps up to the asked time
      dt = left / std::ceil(left / s.dt - 1e-9);
    }
    rhs(u, r, k[0], kr[0]);
    const auto stage = [&](const std::vector<double>& ku, const std::vector<double>& krr, double step) {
      for (std::size_t i = 0; i < n; ++i) y[i] = u[i] + step * ku[i], ry[i] = r[i] + step * krr[i];
    };
    stage(k[0], kr[0], 0.5 * dt), rhs(y, ry, k[1], kr[1]);
    stage(k[1], kr[1], 0.5 * dt), rhs(y, ry, k[2], kr[2]);
    stage(k[2], kr[2], dt), rhs(y, ry, k[3], kr[3]);
    for (std::size_t i = 0; i < n; ++i) {
      u[i] += dt / 6 * (k[0][i] + 2 * (k[1][i] + k[2][i]) + k[3][i]);
      r[i] += dt / 6 * (kr[0][i] + 2 * (kr[1][i] + kr[2][i]) + kr[3][i]);
    }
    for (std::size_t i = 0; i < n; ++i) {
      if (path.arrival[i] <= t || u[i] < 1e-4) continue;  // long before half is infected there is nothing to see
      const double now = 1 - s0[i] * spared(u[i]);
      if (now >= 0.5 && !std::isfinite(path.arrival[i])) path.arrival[i] = t + dt * (0.5 - fallen[i]) / (now - fallen[i]);
      fallen[i] = now;
    }
    t += dt;
    if (next < times.size() && t >= times[next] - 1e-9 * (1 + times[next])) {
      t = times[next++];
      write();
    }
  }
  path.end = t;
  return path;
}

double front_speed(std::span<const double> distance, std::span<const double> arrival) {
  std::vector<double> x, t;
  for (std::size_t i = 0; i < distance.size(); ++i)
    if (std::isfinite(arrival[i])) x.push_back(distance[i]), t.push_back(arrival[i]);
  if (x.size() < 3) return std::numeric_limits<double>::quiet_NaN();
  const double slope = fit_line(x, t).slope;
  return slope > 0 ? 1 / slope : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace meso::graph

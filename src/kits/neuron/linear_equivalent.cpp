#include "kits/neuron/linear_equivalent.h"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/text.h"
#include "kits/neuron/product.h"

namespace meso::neuron {
namespace {

using Index = Eigen::Index;
using Complex = std::complex<double>;

Dense times(const Dense& a, const Dense& b, std::size_t n) {
  Dense c(n * n);
  PackedMatrix<double>(n, n, a.data()).multiply(b.data(), c.data(), n);
  return c;
}

Dense transposed(const Dense& a, std::size_t n) {
  Dense t(n * n);
  constexpr std::size_t block = 16;
  for (std::size_t i0 = 0; i0 < n; i0 += block)
    for (std::size_t j0 = 0; j0 < n; j0 += block)
      for (std::size_t j = j0; j < std::min(n, j0 + block); ++j)
        for (std::size_t i = i0; i < std::min(n, i0 + block); ++i) t[j + n * i] = a[i + n * j];
  return t;
}

/// f q f^T for symmetric q.
Dense sandwich(const PackedMatrix<double>& f, const Dense& q, std::size_t n) {
  Dense half(n * n), out(n * n);
  f.multiply(q.data(), half.data(), n);
  half = transposed(half, n);
  f.multiply(half.data(), out.data(), n);
  return out;
}

void symmetrise(Dense& a, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j)
    for (std::size_t i = 0; i < j; ++i) a[i + n * j] = a[j + n * i] = 0.5 * (a[i + n * j] + a[j + n * i]);
}

double largest(const Dense& a) {
  double most = 0;
  for (const double x : a) most = std::max(most, std::abs(x));
  return most;
}

Dense identity(std::size_t n, double value) {
  Dense out(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) out[i + n * i] = value;
  return out;
}

Dense scaled(Dense a, double factor) {
  for (double& x : a) x *= factor;
  return a;
}

/// e^{A h} for |A h| of order 0.2: Taylor to the tenth power.
Dense exponential(const Dense& a, double h, std::size_t n) {
  const PackedMatrix<double> packed(n, n, scaled(a, h).data());
  Dense e = identity(n, 1), next(n * n);
  for (int k = 12; k >= 1; --k) {
    packed.multiply(e.data(), next.data(), n);
    for (double& x : next) x /= k;
    for (std::size_t i = 0; i < n; ++i) next[i + n * i] += 1;
    std::swap(e, next);
  }
  return e;
}

/// sum_k c_k E^k with about 2 sqrt(size) products (Paterson and Stockmeyer 1973, doi:10.1137/0202007).
Dense polynomial(const Dense& e, const std::vector<double>& c, std::size_t n) {
  const double memory = 4e8;  // bytes of stored powers
  const auto most = static_cast<std::size_t>(std::max(2.0, memory / (8 * static_cast<double>(n * n))));
  const std::size_t s = std::clamp<std::size_t>(static_cast<std::size_t>(std::sqrt(static_cast<double>(c.size()))), 1, most);
  const PackedMatrix<double> packed(n, n, e.data());
  std::vector<Dense> power{e};
  for (std::size_t k = 1; k < s; ++k) {
    power.emplace_back(n * n);
    packed.multiply(power[k - 1].data(), power[k].data(), n);
  }
  const PackedMatrix<double> giant(n, n, power.back().data());
  const std::size_t blocks = (c.size() + s - 1) / s;
  Dense sum(n * n, 0.0), next(n * n);
  for (std::size_t b = blocks; b-- > 0;) {
    if (b + 1 < blocks) {
      giant.multiply(sum.data(), next.data(), n);
      std::swap(sum, next);
    }
    for (std::size_t k = 0; k < s && b * s + k < c.size(); ++k) {
      const double factor = c[b * s + k];
      if (k == 0) {
        for (std::size_t i = 0; i < n; ++i) sum[i + n * i] += factor;
      } else {
        for (std::size_t i = 0; i < n * n; ++i) sum[i] += factor * power[k - 1][i];
      }
    }
  }
  return sum;
}

void refuse_unstable(const Couplings& j, const MeanField& m, LinearEquivalent& out) {
  out.radius = spectral_radius(j);
  out.stability = m.slope * out.radius;
  if (!(std::abs(out.stability) < 1))
    throw NumericalBreakdown(fmt::format("the linear equivalent of this matrix does not exist: a rho(J) = {} is not below 1 (mean slope a = {}, spectral radius rho(J) = {}, N = {}). "
                                         "Mean-field theory puts it at a g = {}; a larger N or another realisation brings rho(J) nearer to g = {}",
                                         brief(out.stability), brief(m.slope), brief(out.radius), j.n, brief(m.slope * m.model.g), brief(m.model.g)));
}

/// Weights of the trapezoid rule corrected at its beginning by six differences (Gregory); the end is where the integrand has gone.
double start_weight(std::size_t k) {
  // h/12 D - h/24 D^2 + 19h/720 D^3 - 3h/160 D^4 + 863h/60480 D^5 - 275h/24192 D^6 applied to f_0.
  static const std::array<double, 7> weight = [] {
    const std::array<double, 7> c{0, 1.0 / 12, -1.0 / 24, 19.0 / 720, -3.0 / 160, 863.0 / 60480, -275.0 / 24192};
    std::array<double, 7> w{0.5, 1, 1, 1, 1, 1, 1};
    for (std::size_t d = 1; d < 7; ++d) {
      double binomial = 1;
      for (std::size_t i = 0; i <= d; ++i) {
        w[i] += c[d] * binomial * ((d - i) % 2 == 0 ? 1 : -1);
        binomial = binomial * static_cast<double>(d - i) / static_cast<double>(i + 1);
      }
    }
    return w;
  }();
  return k < 7 ? weight[k] : 1.0;
}

/// a J - 1.
Dense generator(const Dense& loop, std::size_t n) {
  Dense a = loop;
  for (std::size_t i = 0; i < n; ++i) a[i + n * i] -= 1;
  return a;
}

/// G = integral over s > 0 of e^{A s} f(s), A = loop - 1, f on a grid.
Dense filtered(const Dense& loop, const std::vector<double>& f, double step, std::size_t n) {
  const auto stride = std::max<std::size_t>(1, static_cast<std::size_t>(0.1 / step + 1e-9));
  const double h = step * static_cast<double>(stride);
  std::size_t last = 0;
  for (std::size_t k = 0; k < f.size(); k += stride)
    if (std::abs(f[k]) > 1e-9 * std::abs(f.front())) last = k / stride;
  std::vector<double> weight;
  for (std::size_t k = 0; k <= std::max<std::size_t>(last, 8) && k * stride < f.size(); ++k) weight.push_back(h * start_weight(k) * f[k * stride]);
  return polynomial(exponential(generator(loop, n), h, n), weight, n);
}

Dense both_ways(const Dense& g, std::size_t n) {
  Dense q = transposed(g, n);
  for (std::size_t i = 0; i < n * n; ++i) q[i] += g[i];
  return q;
}

/// A P + P A^T + Q = 0, A = loop - 1, as P = F P F^T + 2 (1 - A)^(-1) Q (1 - A)^(-T), F = (1 - A)^(-1) (1 + A) (Cayley).
Dense flow_lyapunov(const Dense& loop, const Dense& q, std::size_t n) {
  Dense inverse = scaled(loop, -1);
  for (std::size_t i = 0; i < n; ++i) inverse[i + n * i] += 2;
  {
    const Eigen::Map<const Eigen::MatrixXd> matrix(inverse.data(), static_cast<Index>(n), static_cast<Index>(n));
    const Eigen::MatrixXd solved = matrix.partialPivLu().inverse();
    inverse.assign(solved.data(), solved.data() + n * n);
  }
  const Dense source = scaled(sandwich(PackedMatrix<double>(n, n, inverse.data()), q, n), 2);
  return discrete_lyapunov(times(inverse, loop, n), source, n);
}

Complex transfer(const MeanField& m, double omega) {
  return m.model.clock == Clock::discrete ? m.slope * std::exp(Complex(0, -omega)) : m.slope / Complex(1, omega);
}

Eigen::MatrixXcd propagator(const Couplings& j, const MeanField& m, double omega) {
  const auto n = static_cast<Index>(j.n);
  const Eigen::Map<const Eigen::MatrixXd> matrix(j.entry.data(), n, n);
  const Eigen::MatrixXcd loop = Eigen::MatrixXcd::Identity(n, n) - transfer(m, omega) * matrix.cast<Complex>();
  return loop.partialPivLu().inverse();
}

}  // namespace

Dense discrete_lyapunov(Dense f, Dense q, std::size_t n) {
  // X_{k+1} = X_k + F_k X_k F_k^T, F_{k+1} = F_k^2 (Smith's method, squared).
  for (int k = 0; k < 40; ++k) {
    const PackedMatrix<double> packed(n, n, f.data());
    const Dense more = sandwich(packed, q, n);
    const double scale = largest(q), added = largest(more);
    if (!std::isfinite(added)) break;
    for (std::size_t i = 0; i < n * n; ++i) q[i] += more[i];
    if (added <= 1e-16 * scale) {
      symmetrise(q, n);
      return q;
    }
    Dense square(n * n);
    packed.multiply(f.data(), square.data(), n);
    f = std::move(square);
  }
  throw NumericalBreakdown("the Lyapunov equation X = F X F^T + Q has no solution: the spectral radius of F is not below 1");
}

LinearEquivalent linear_equivalent(const Couplings& j, const MeanField& m) {
  const std::size_t n = j.n;
  LinearEquivalent out;
  refuse_unstable(j, m, out);
  out.error = m.error + 1e-12;
  if (!m.active) {
    out.covariance.assign(n * n, 0.0);
    return out;
  }
  const Dense loop = scaled(j.entry, m.slope);
  if (m.model.clock == Clock::discrete) {
    out.covariance = discrete_lyapunov(loop, identity(n, m.phi_variance * m.gap()), n);
    return out;
  }
  const double start = m.drive_autocovariance.front();
  const Dense g = filtered(loop, m.drive_autocovariance, m.step, n), p = flow_lyapunov(loop, both_ways(g, n), n);
  const PackedMatrix<double> packed(n, n, loop.data());
  Dense sigma = sandwich(packed, p, n), cross(n * n);
  packed.multiply(g.data(), cross.data(), n);
  const Dense mirrored = transposed(cross, n);
  for (std::size_t i = 0; i < n * n; ++i) sigma[i] += cross[i] + mirrored[i];
  for (std::size_t i = 0; i < n; ++i) sigma[i + n * i] += start;
  symmetrise(sigma, n);
  out.covariance = std::move(sigma);
  out.error += 1e-6;  // quadrature of G, measured against sums over frequencies
  return out;
}

Dense field_covariance(const Couplings& j, const MeanField& m) {
  const std::size_t n = j.n;
  const double s2 = m.model.sigma * m.model.sigma;
  const PackedMatrix<double> packed(n, n, j.entry.data());
  Dense out;
  if (!m.active) return Dense(n * n, 0.0);
  if (m.model.clock == Clock::discrete) {
    out = sandwich(packed, linear_equivalent(j, m).covariance, n);
    for (std::size_t i = 0; i < n; ++i) out[i + n * i] += s2;
  } else {
    LinearEquivalent stable;
    refuse_unstable(j, m, stable);
    const Dense loop = scaled(j.entry, m.slope);
    std::vector<double> residual = m.drive_autocovariance;
    for (std::size_t k = 0; k < residual.size(); ++k) residual[k] -= m.slope * m.slope * s2 * std::exp(-m.step * static_cast<double>(k));
    out = sandwich(packed, flow_lyapunov(loop, both_ways(filtered(loop, residual, m.step, n), n), n), n);
    if (s2 > 0) {
      const Dense direct = flow_lyapunov(loop, identity(n, 2 * s2), n);
      for (std::size_t i = 0; i < n * n; ++i) out[i] += direct[i];
    }
  }
  symmetrise(out, n);
  return out;
}

std::vector<std::complex<double>> covariance_spectrum(const Couplings& j, const MeanField& m, double omega) {
  const Eigen::MatrixXcd r = propagator(j, m, omega);
  const Eigen::MatrixXcd c = m.drive_spectrum(omega) * r * r.adjoint();
  return {c.data(), c.data() + c.size()};
}

std::vector<std::complex<double>> response(const Couplings& j, const MeanField& m, double omega) {
  const Eigen::MatrixXcd r = transfer(m, omega) * propagator(j, m, omega);
  return {r.data(), r.data() + r.size()};
}

LinearEquivalent naive_closure(const Couplings& j, const MeanField& m) {
  const std::size_t n = j.n;
  LinearEquivalent out;
  if (m.model.clock == Clock::discrete || !m.active) {
    out = linear_equivalent(j, m);
  } else {
    refuse_unstable(j, m, out);
    // Sigma = sum_k m_k J^k J^kT with m_k the integral over frequencies of N |S|^(2k).
    const std::size_t nodes = 512;
    const double scale = std::min(1.0, 4 / m.half_width);
    std::vector<double> weight, square;
    for (std::size_t i = nodes / 2; i < nodes; ++i) {
      const double t = std::tan(0.5 * (2 * (static_cast<double>(i) + 0.5) / static_cast<double>(nodes) - 1) * std::numbers::pi), omega = scale * t;
      weight.push_back(2 * 0.5 * scale * (1 + t * t) / static_cast<double>(nodes) * m.drive_spectrum(omega));
      square.push_back(m.slope * m.slope / (1 + omega * omega));
    }
    std::vector<double> moment;
    double power = 1;
    do {
      double sum = 0;
      for (std::size_t i = 0; i < weight.size(); ++i) {
        sum += weight[i];
        weight[i] *= square[i];
      }
      moment.push_back(sum);
      power *= out.radius * out.radius;
    } while (moment.size() < 600 && moment.back() * power > 1e-6 * moment.front());
    out.error = 1e-4;
    const PackedMatrix<double> packed(n, n, j.entry.data());
    out.covariance = identity(n, moment.back());
    for (std::size_t k = moment.size() - 1; k-- > 0;) {
      out.covariance = sandwich(packed, out.covariance, n);
      for (std::size_t i = 0; i < n; ++i) out.covariance[i + n * i] += moment[k];
    }
  }
  for (std::size_t i = 0; i < n; ++i) out.covariance[i + n * i] = m.phi_variance;
  return out;
}

double participation_ratio(std::span<const double> c, std::size_t n) {
  double trace = 0, square = 0;
  for (std::size_t i = 0; i < n; ++i) trace += c[i + n * i];
  for (const double x : c) square += x * x;
  return square > 0 ? trace * trace / square : 0;
}

PairStatistics pair_statistics(std::span<const double> c, std::size_t n) {
  PairStatistics out;
  const double pairs = 0.5 * static_cast<double>(n) * (static_cast<double>(n) - 1);
  for (std::size_t j = 1; j < n; ++j)
    for (std::size_t i = 0; i < j; ++i) {
      out.mean += c[i + n * j];
      out.square += c[i + n * j] * c[i + n * j];
    }
  if (pairs > 0) out.mean /= pairs, out.square /= pairs;
  return out;
}

PairMatch pair_match(std::span<const double> a, std::span<const double> b, std::size_t n) {
  const PairStatistics sa = pair_statistics(a, n), sb = pair_statistics(b, n);
  double cross = 0;
  for (std::size_t j = 1; j < n; ++j)
    for (std::size_t i = 0; i < j; ++i) cross += a[i + n * j] * b[i + n * j];
  cross = cross / (0.5 * static_cast<double>(n) * (static_cast<double>(n) - 1)) - sa.mean * sb.mean;
  const double va = sa.square - sa.mean * sa.mean, vb = sb.square - sb.mean * sb.mean;
  return {vb > 0 ? cross / vb : 0, va > 0 && vb > 0 ? cross / std::sqrt(va * vb) : 0};
}

}  // namespace meso::neuron

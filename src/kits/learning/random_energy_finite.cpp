#include "kits/learning/random_energy_finite.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "base/error.h"
#include "base/text.h"

namespace meso::learning {
namespace {

constexpr std::size_t order = 16;
constexpr double euler = std::numbers::egamma, zeta2 = std::numbers::pi * std::numbers::pi / 6;
constexpr double t_step = 0.25;

/// Gauss-Legendre points and weights on [-1, 1], the integration matrix into_[i][j] = int_{-1}^{x_i} of the j-th Lagrange polynomial, and Chebyshev points.
struct Rules {
  std::array<double, order> x{}, w{}, chebyshev{}, barycentric{};
  std::array<std::array<double, order>, order> into{};
  Rules() {
    const auto legendre = [](double at, std::array<double, order + 2>& p) {
      p[0] = 1;
      p[1] = at;
      for (std::size_t k = 1; k <= order; ++k) p[k + 1] = ((2.0 * static_cast<double>(k) + 1) * at * p[k] - static_cast<double>(k) * p[k - 1]) / (static_cast<double>(k) + 1);
    };
    std::array<std::array<double, order + 2>, order> p{};
    for (std::size_t i = 0; i < order; ++i) {
      double at = -std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (order + 0.5)), slope = 1;
      for (int step = 0; step < 8; ++step) {
        legendre(at, p[i]);
        slope = order * (at * p[i][order] - p[i][order - 1]) / (at * at - 1);
        at -= p[i][order] / slope;
      }
      legendre(at, p[i]);
      x[i] = at;
      w[i] = 2 / ((1 - at * at) * slope * slope);
      const double angle = std::numbers::pi * (static_cast<double>(i) + 0.5) / order;
      chebyshev[i] = -std::cos(angle);
      barycentric[i] = (i % 2 ? -1 : 1) * std::sin(angle);
    }
    for (std::size_t i = 0; i < order; ++i)
      for (std::size_t j = 0; j < order; ++j) {
        double sum = x[i] + 1;
        for (std::size_t k = 1; k < order; ++k) sum += p[j][k] * (p[i][k + 1] - p[i][k - 1]);
        into[i][j] = 0.5 * w[j] * sum;
      }
  }
};
const Rules& rules() {
  static const Rules r;
  return r;
}

}  // namespace

/// Points in u with what every integral over them needs.
struct FiniteRandomEnergy::Grid {
  std::vector<double> u, weight, probability;  // probability = weight f
  std::vector<double> half;                    // half-width of each panel
  std::vector<double> below;                   // P(D <= u)
};

FiniteRandomEnergy::FiniteRandomEnergy(std::vector<DistanceGroup> groups, double ln_n) : groups_(std::move(groups)), law_(groups_), ln_n_(ln_n), n_(std::exp(ln_n)) {
  if (!(ln_n >= 0) || !(ln_n <= 690)) throw ParameterError(fmt::format("ln n = {} points; it must lie between 0 and 690 (n below 1e300)", exact(ln_n)));
  low_ = std::log(law_.quantile(-ln_n - 44));
  high_ = std::log(law_.upper_quantile(-40));
  // ln f is smooth in ln u on the scale of one, whatever d.
  const auto panels = static_cast<std::size_t>(std::ceil((high_ - low_) / 0.3));
  panel_ = (high_ - low_) / static_cast<double>(panels);
  for (std::size_t p = 0; p < panels; ++p)
    for (std::size_t i = 0; i < order; ++i) table_.push_back(law_.ln_density(std::exp(low_ + panel_ * (static_cast<double>(p) + 0.5 + 0.5 * rules().chebyshev[i]))));
}

double FiniteRandomEnergy::ln_density(double u) const {
  const double at = (std::log(u) - low_) / panel_;
  const std::size_t panels = table_.size() / order, p = std::min(panels - 1, static_cast<std::size_t>(std::max(0.0, at)));
  const double x = 2 * (at - static_cast<double>(p)) - 1;
  double top = 0, bottom = 0;
  for (std::size_t i = 0; i < order; ++i) {
    const double gap = x - rules().chebyshev[i];
    if (gap == 0) return table_[p * order + i];
    top += rules().barycentric[i] / gap * table_[p * order + i];
    bottom += rules().barycentric[i] / gap;
  }
  return top / bottom;
}

/// Panels such that f changes by at most e^5 and looks Gaussian within one, and no wider than 6 h^2 (3 in v) as far as single weights are seen: up to 45 in v
/// beyond the nearest 60 points, and where the mean weight comes from. Farther points enter with s w << 1 and next to nothing.
FiniteRandomEnergy::Grid FiniteRandomEnergy::grid(double h) const {
  const double end = std::exp(high_), sd = std::sqrt(law_.variance());
  double fine = end;
  if (std::isfinite(h) && n_ > 100) {
    double mean = 0, variance = 0;  // of D under the law tilted by the weight
    for (const DistanceGroup& g : groups_) {
      const double q = 1 + g.eigenvalue / (h * h), kappa = g.eigenvalue / q, delta = g.noncentrality / q, m = static_cast<double>(g.dimensions);
      mean += kappa * (m + delta);
      variance += 2 * kappa * kappa * (m + 2 * delta);
    }
    fine = std::max(level(60) + 100 * h * h, mean + 10 * std::sqrt(variance));
  }
  if (std::isfinite(h) && !((std::min(fine, end) - std::exp(low_)) / (6 * h * h) < 3e5))
    throw ParameterError(fmt::format("the bandwidth h = {} is too narrow for the integrals, which resolve weights at distances up to {} with n = {} points; use h above {}. Below, the nearest point alone carries the estimate", exact(h),
                                     brief(std::sqrt(std::min(fine, end))), brief(n_), brief(std::sqrt(std::min(fine, end) / 1.8e6), 2)));
  Grid g;
  double from = std::exp(low_), sum = 0;
  std::array<double, order> density{};
  while (from < end) {
    const double nudge = 1e-4 * from, slope = (ln_density(std::min(from + nudge, end)) - ln_density(from)) / nudge;
    double width = std::min({from < fine ? 6 * h * h : end, 1.5 * sd, from, 5 / std::max(1e-300, std::abs(slope))});
    if (from + 1.01 * width > end) width = end - from;
    const double half = 0.5 * width;
    for (std::size_t i = 0; i < order; ++i) {
      const double u = from + half * (1 + rules().x[i]);
      density[i] = std::exp(ln_density(u));
      g.u.push_back(u);
      g.weight.push_back(half * rules().w[i]);
      g.probability.push_back(g.weight.back() * density[i]);
    }
    for (std::size_t i = 0; i < order; ++i) {
      double upto = sum;
      for (std::size_t j = 0; j < order; ++j) upto += half * rules().into[i][j] * density[j];
      g.below.push_back(upto);
    }
    for (std::size_t i = 0; i < order; ++i) sum += g.probability[g.probability.size() - order + i];
    g.half.push_back(half);
    from += width;
  }
  return g;
}

namespace {

/// The transform along t = ln s: 1 - L and integrals of f against functions of y = t - v that vanish far from the cut.
class Transform {
 public:
  Transform(const std::vector<double>& u, const std::vector<double>& probability, double h, double n) : p_(probability), n_(n), v_(u.size()), left_(u.size() + 1), right_(u.size() + 1) {
    for (std::size_t i = 0; i < u.size(); ++i) {
      v_[i] = u[i] / (2 * h * h);
      left_[i + 1] = left_[i] + p_[i];
    }
    for (std::size_t i = u.size(); i-- > 0;) right_[i] = p_[i] + (i + 1 < u.size() ? std::exp(v_[i] - v_[i + 1]) * right_[i + 1] : 0.0);
  }
  /// First point with v >= at.
  [[nodiscard]] std::size_t from(double at) const { return static_cast<std::size_t>(std::lower_bound(v_.begin(), v_.end(), at) - v_.begin()); }
  /// 1 - L(e^t): where e^y > 50 the weight has 1 - e^{-s w} = 1, where it is below 1e-16 it has s w.
  [[nodiscard]] double one_minus(double t) const {
    const std::size_t a = from(t - 4), b = from(t + 37);
    double sum = left_[a];
    for (std::size_t i = a; i < b; ++i) sum -= p_[i] * std::expm1(-std::exp(t - v_[i]));
    return b < v_.size() ? sum + std::exp(t - v_[b]) * right_[b] : sum;
  }
  /// ln L^n.
  [[nodiscard]] double ln_power(double t, double n) const {
    const double x = one_minus(t);
    return x < 1 ? n * std::log1p(-x) : -1e300;
  }
  /// t with ln L^n = level < 0.
  [[nodiscard]] double where(double level) const {
    double low = v_.front() - 80 - std::log(n_), high = v_.back() + 10;
    while (high - low > 1e-3) (ln_power(0.5 * (low + high), n_) > level ? low : high) = 0.5 * (low + high);
    return low;
  }
  [[nodiscard]] double v(std::size_t i) const { return v_[i]; }
  [[nodiscard]] std::size_t size() const { return v_.size(); }

 private:
  const std::vector<double>& p_;
  double n_;
  std::vector<double> v_, left_, right_;
};

/// ln C(n, j) for j well below n^{2/3}, or any j while n fits.
double ln_choose(double n, double j) {
  return n < 1e8 ? std::lgamma(n + 1) - std::lgamma(j + 1) - std::lgamma(n - j + 1) : j * std::log(n) - std::lgamma(j + 1) - 0.5 * j * (j - 1) / n;
}

void check_bandwidth(double h) {
  if (!(h > 0) || !std::isfinite(h)) throw ParameterError(fmt::format("the bandwidth h is {}; it must be above 0", exact(h)));
}

}  // namespace

LnSum FiniteRandomEnergy::ln_sum(double h) const {
  check_bandwidth(h);
  const Grid g = grid(h);
  const Transform l(g.u, g.probability, h, n_);
  const double t0 = l.where(-1), from = std::min(t0, l.v(0)) - 42, to = l.where(-46);
  // T against the Gumbel law at t0, T0 = t0 + ln E: mean and mean square about t0 are -gamma and pi^2/6 + gamma^2.
  double first = 0, second = 0;
  const auto steps = static_cast<std::size_t>(std::ceil((std::max(to, t0 + 4) - from) / t_step));
  for (std::size_t i = 0; i <= steps; ++i) {
    const double t = from + t_step * static_cast<double>(i), gap = t - t0, e = std::exp(gap), power = l.ln_power(t, n_);
    // Where both are close to one their difference is that of the exponents.
    const double difference = e < 0.5 && power > -0.5 ? std::expm1(power) - std::expm1(-e) : std::exp(power) - std::exp(-e);
    first += difference;
    second += gap * difference;
  }
  first *= t_step;
  second *= 2 * t_step;
  const double mean = -euler + first;  // of T - t0
  return {-t0 - first, zeta2 + euler * euler + second - mean * mean - zeta2};
}

double FiniteRandomEnergy::participation(double h) const {
  check_bandwidth(h);
  const Grid g = grid(h);
  const Transform l(g.u, g.probability, h, n_);
  const double to = l.where(-46), from = std::min(l.where(-1), l.v(0)) - 42;
  double sum = 0;
  for (double t = from; t <= to; t += t_step) {
    const double rest = std::exp(l.ln_power(t, n_ - 1));
    if (rest == 0) continue;
    double inner = 0;
    for (std::size_t i = l.from(t - 4.5), end = l.from(t + 45); i < end; ++i) {
      const double y = t - l.v(i);
      inner += g.probability[i] * std::exp(2 * y - std::exp(y));
    }
    sum += n_ * inner * rest;
  }
  return t_step * sum;
}

std::vector<double> FiniteRandomEnergy::top_shares(double h, const std::vector<std::size_t>& k) const {
  check_bandwidth(h);
  const Grid g = grid(h);
  const Transform l(g.u, g.probability, h, n_);
  const double to = l.where(-46), from = std::min(l.where(-1), l.v(0)) - 42;
  std::vector<std::size_t> order_of(k.size());  // k upwards
  std::iota(order_of.begin(), order_of.end(), std::size_t{0});
  std::sort(order_of.begin(), order_of.end(), [&](std::size_t a, std::size_t b) { return k[a] < k[b]; });
  std::vector<double> sum(k.size());
  std::array<double, order> part{};
  for (double t = from; t <= to; t += t_step) {
    const double outside = l.one_minus(t);
    if (n_ > 1 && outside < 1 && (n_ - 1) * std::log1p(-outside) < -46) continue;
    double nearer = 0;  // A at the left end of the panel
    for (std::size_t panel = l.from(t - 6) / order; panel < g.half.size(); ++panel) {  // before, e^{-s w} is zero
      const std::size_t first = panel * order;
      if (l.v(first) > t + 45) break;  // and here s w is
      for (std::size_t i = 0; i < order; ++i) part[i] = g.probability[first + i] * std::exp(-std::exp(t - l.v(first + i)));
      for (std::size_t i = 0; i < order; ++i) {
        double a = nearer;
        for (std::size_t j = 0; j < order; ++j) a += rules().into[i][j] * part[j] / rules().w[j];
        const double y = t - l.v(first + i), direct = n_ * g.probability[first + i] * std::exp(y - std::exp(y));
        if (direct < 1e-30) continue;
        // sum_{j<k} C(n-1, j) A^j B^{n-1-j}, B = L - A
        const double b = std::max(0.0, 1 - outside - a), ratio = b > 0 ? a / b : 0;
        double term = n_ > 1 ? std::exp((n_ - 1) * std::log1p(-std::min(1.0, outside + a))) : 1.0, total = 0;
        std::size_t j = 0;
        if (const double mean = (n_ - 1) * a / (a + b); mean > 500) {  // the first term may be too small for a double: begin below the bulk
          j = static_cast<std::size_t>(mean - 12 * std::sqrt(mean * b / (a + b)) - 10);
          const double count = static_cast<double>(j);
          term = std::exp(ln_choose(n_ - 1, count) + count * std::log(a) + (n_ - 1 - count) * std::log1p(-(outside + a)));
        }
        for (const std::size_t q : order_of) {
          for (; j < k[q] && term > 0; ++j) {
            total += term;
            const double growth = std::max(0.0, n_ - 1 - static_cast<double>(j)) / static_cast<double>(j + 1) * ratio;
            term = growth < 0.9 && term < 1e-18 * total ? 0 : term * growth;
          }
          sum[q] += direct * total;
        }
      }
      for (std::size_t j = 0; j < order; ++j) nearer += part[j];
    }
  }
  for (double& s : sum) s *= t_step;
  return sum;
}

double FiniteRandomEnergy::level(double points) const {
  if (!(points > 0) || !(std::log(points) < ln_n_)) throw ParameterError(fmt::format("a level that {} of n = {} points exceed; it must lie between 0 and n", exact(points), brief(n_)));
  return law_.quantile(std::log(points) - ln_n_);
}

double FiniteRandomEnergy::tail_index(double h, double points) const {
  check_bandwidth(h);
  const double u = level(points);
  return 2 * h * h * std::exp(law_.ln_density(u) - law_.ln_below(u));
}

double FiniteRandomEnergy::hill_index(double h, double points) const {
  check_bandwidth(h);
  const double u = level(points), scale = law_.ln_below(u);
  // int_0^u P(x) dx/P(u) with x = u e^{-z}: analytic and falling exponentially.
  double excess = 0;
  for (std::size_t panel = 0; panel < 400; ++panel) {
    double part = 0;
    for (std::size_t i = 0; i < order; ++i) {
      const double z = 0.05 * (static_cast<double>(panel) + 0.5 * (1 + rules().x[i])), x = u * std::exp(-z);
      part += 0.025 * rules().w[i] * x * std::exp(law_.ln_below(x) - scale);
    }
    excess += part;
    if (part < 1e-13 * excess) break;
  }
  return 2 * h * h / excess;
}

double FiniteRandomEnergy::nearest() const {
  const Grid g = grid(std::numeric_limits<double>::infinity());
  double sum = g.u.front() - g.half.front() * (1 + rules().x[0]);  // up to the first panel no point lies
  for (std::size_t i = 0; i < g.u.size(); ++i) sum += g.weight[i] * std::exp(n_ * std::log1p(-std::min(1.0, g.below[i])));
  return sum;
}

}  // namespace meso::learning

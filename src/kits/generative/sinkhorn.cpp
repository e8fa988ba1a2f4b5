#include "kits/generative/sinkhorn.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "kits/sde/mixture.h"

namespace meso::generative {
namespace {

constexpr double nothing = -1e30;  // log of no mass, small enough to vanish and large enough to subtract from

/// Soft minima of the kernel: out(x) = log sum_y exp(in(y) - |x - y|^2 / eps), one axis after the other.
class Kernel {
 public:
  Kernel(const PlaneNodes& nodes, double epsilon) : largest_(std::max(nodes.nx, nodes.ny)), nx_(nodes.nx), ny_(nodes.ny), middle_(nx_ * ny_) {
    const auto table = [epsilon](std::size_t n, double h) {
      std::vector<double> t(n * n);
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) t[i * n + j] = -std::pow(h * (static_cast<double>(i) - static_cast<double>(j)), 2) / epsilon;
      return t;
    };
    along_x_ = table(nx_, nodes.x(1) - nodes.x(0));
    along_y_ = table(ny_, nodes.y(1) - nodes.y(0));
  }
  void apply(const std::vector<double>& in, std::vector<double>& out) {
    for (std::size_t j = 0; j < ny_; ++j)  // transposed on the way, so that both passes read along rows
      for (std::size_t i = 0; i < nx_; ++i) middle_[i * ny_ + j] = soft(&in[j * nx_], &along_x_[i * nx_], nx_);
    for (std::size_t i = 0; i < nx_; ++i)
      for (std::size_t j = 0; j < ny_; ++j) out[j * nx_ + i] = soft(&middle_[i * ny_], &along_y_[j * ny_], ny_);
  }

 private:
  // Blocks of eight; a block whose largest term is below e^-37 of the largest of all is not summed (64 e^-37 is rounding).
  double soft(const double* v, const double* c, std::size_t n) {
    const std::size_t blocks = n / 8;
    double top = nothing * 2;
    for (std::size_t b = 0; b < blocks; ++b) {
      double here[8];
      for (std::size_t q = 0; q < 8; ++q) here[q] = v[8 * b + q] + c[8 * b + q];
      for (std::size_t q = 0; q < 4; ++q) here[q] = here[q] < here[q + 4] ? here[q + 4] : here[q];
      const double x = std::max(here[0], here[1]), y = std::max(here[2], here[3]);
      largest_[b] = std::max(x, y);
      top = std::max(top, largest_[b]);
    }
    for (std::size_t k = 8 * blocks; k < n; ++k) top = std::max(top, v[k] + c[k]);
    double part[8] = {};  // sums in lanes, in a fixed order
    for (std::size_t b = 0; b < blocks; ++b) {
      if (largest_[b] < top - 37) continue;
      for (std::size_t q = 0; q < 8; ++q) part[q] += sde::fast_exp(v[8 * b + q] + c[8 * b + q] - top);
    }
    double sum = ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
    for (std::size_t k = 8 * blocks; k < n; ++k) sum += sde::fast_exp(v[k] + c[k] - top);
    return top + std::log(sum);
  }
  std::vector<double> largest_;
  std::size_t nx_, ny_;
  std::vector<double> along_x_, along_y_, middle_;
};

std::vector<double> logs(std::span<const double> mass) {
  std::vector<double> l;
  for (const double m : mass) l.push_back(m > 0 ? std::log(m) : nothing);
  return l;
}

struct Value {
  double coarse = 0, cost = 0, marginal = 0;  // at 2 eps and at eps
  std::size_t iterations = 0;
};

/// From the size of the box down, then 2 eps and eps.
std::vector<double> stages(const SinkhornOptions& o) {
  std::vector<double> all;
  for (double e = std::max(o.from, 2 * o.epsilon); e > 3 * o.epsilon; e *= 0.5) all.push_back(e);
  all.push_back(2 * o.epsilon);
  all.push_back(o.epsilon);
  return all;
}

/// OT(a, b) with potentials f, g kept from stage to stage.
Value between(const PlaneNodes& nodes, std::span<const double> a, std::span<const double> b, const SinkhornOptions& o) {
  const std::size_t n = a.size();
  const std::vector<double> log_a = logs(a), log_b = logs(b);
  std::vector<double> f(n, 0.0), g(n, 0.0), in(n), soft(n);
  Value value;
  const std::vector<double> eps = stages(o);
  for (const double e : eps) {
    Kernel kernel(nodes, e);
    const double tolerance = e > 3 * o.epsilon ? std::max(o.tolerance, 1e-3) : o.tolerance;
    for (std::size_t k = 0; k < o.most; ++k) {
      for (std::size_t i = 0; i < n; ++i) in[i] = g[i] / e + log_b[i];
      kernel.apply(in, soft);
      for (std::size_t i = 0; i < n; ++i) f[i] = -e * soft[i];
      for (std::size_t i = 0; i < n; ++i) in[i] = f[i] / e + log_a[i];
      kernel.apply(in, soft);
      value.marginal = 0;
      for (std::size_t i = 0; i < n; ++i) {
        const double next = -e * soft[i];
        if (b[i] > 0) value.marginal += b[i] * std::abs(std::expm1((g[i] - next) / e));
        g[i] = next;
      }
      ++value.iterations;
      if (value.marginal < tolerance) break;
    }
    value.coarse = value.cost;
    value.cost = 0;
    for (std::size_t i = 0; i < n; ++i) value.cost += a[i] * f[i] + b[i] * g[i];
  }
  return value;
}

/// OT(a, a): one potential, averaged with its image, which converges in a few steps (Feydy et al. 2019, section 3.1).
Value self(const PlaneNodes& nodes, std::span<const double> a, const SinkhornOptions& o) {
  const std::size_t n = a.size();
  const std::vector<double> log_a = logs(a);
  std::vector<double> f(n, 0.0), in(n), soft(n);
  Value value;
  const std::vector<double> eps = stages(o);
  for (const double e : eps) {
    Kernel kernel(nodes, e);
    const double tolerance = e > 3 * o.epsilon ? std::max(o.tolerance, 1e-3) : o.tolerance;
    for (std::size_t k = 0; k < o.most; ++k) {
      for (std::size_t i = 0; i < n; ++i) in[i] = f[i] / e + log_a[i];
      kernel.apply(in, soft);
      value.marginal = 0;
      for (std::size_t i = 0; i < n; ++i) {
        const double image = -e * soft[i];
        if (a[i] > 0) value.marginal += a[i] * std::abs(std::expm1((f[i] - image) / e));
        f[i] = 0.5 * (f[i] + image);
      }
      ++value.iterations;
      if (value.marginal < tolerance) break;
    }
    value.coarse = value.cost;
    value.cost = 0;
    for (std::size_t i = 0; i < n; ++i) value.cost += 2 * a[i] * f[i];
  }
  return value;
}

}  // namespace

PlaneHistogram histogram(std::span<const double> points, const PlaneNodes& nodes) {
  PlaneHistogram h;
  h.mass.assign(nodes.nx * nodes.ny, 0.0);
  h.count = points.size() / 2;
  if (h.count == 0) throw InputError("a histogram needs a sample: an empty one was given");
  const double dx = nodes.x(1) - nodes.x(0), dy = nodes.y(1) - nodes.y(0);
  std::size_t outside = 0;
  for (std::size_t k = 0; k < h.count; ++k) {
    const double i = std::round((points[2 * k] - nodes.low_x) / dx), j = std::round((points[2 * k + 1] - nodes.low_y) / dy);
    if (!(i >= 0 && i < static_cast<double>(nodes.nx) && j >= 0 && j < static_cast<double>(nodes.ny))) ++outside;
    else h.mass[static_cast<std::size_t>(j) * nodes.nx + static_cast<std::size_t>(i)] += 1;
  }
  for (double& m : h.mass) m /= static_cast<double>(h.count);
  h.outside = static_cast<double>(outside) / static_cast<double>(h.count);
  return h;
}

void require_inside(const PlaneHistogram& h, const PlaneNodes& nodes, double allowed) {
  if (h.outside <= allowed) return;
  throw ModelError(fmt::format("{} % of the {} samples lie outside the box [{}, {}] x [{}, {}]; up to {} % is allowed. Distances would be those of what is left: widen the box", brief(100 * h.outside, 3), with_commas(h.count),
                               brief(nodes.low_x), brief(nodes.high_x), brief(nodes.low_y), brief(nodes.high_y), brief(100 * allowed)));
}

Transport sinkhorn(const PlaneNodes& nodes, std::span<const double> a, std::span<const double> b, const SinkhornOptions& o) {
  const std::size_t n = nodes.nx * nodes.ny;
  if (nodes.nx < 2 || nodes.ny < 2 || a.size() != n || b.size() != n) throw ModelError(fmt::format("two histograms on {} x {} nodes have {} numbers each: {} and {} are given", nodes.nx, nodes.ny, n, a.size(), b.size()));
  if (!(o.epsilon > 0)) throw ModelError(fmt::format("the regularisation of a transport plan is {}; it must be above 0", exact(o.epsilon)));
  std::vector<double> p(a.begin(), a.end()), q(b.begin(), b.end());
  for (const auto* h : {&p, &q})
    for (const double m : *h)
      if (!(m >= 0) || !std::isfinite(m)) throw ModelError(fmt::format("a histogram has the mass {}; masses are finite and not negative", brief(m)));
  const double mass_a = std::accumulate(p.begin(), p.end(), 0.0), mass_b = std::accumulate(q.begin(), q.end(), 0.0);
  if (!(std::abs(mass_a - mass_b) <= 1e-6 * std::max(mass_a, mass_b)) || !(mass_a > 0))
    throw ModelError(fmt::format("W_2 is between equal masses: {} and {} are given. Divide each by its sum if what is missing does not matter", brief(mass_a, 8), brief(mass_b, 8)));
  for (double& m : p) m /= mass_a;
  for (double& m : q) m /= mass_b;
  Transport result;
  const Value ab = between(nodes, p, q, o), aa = self(nodes, p, o), bb = self(nodes, q, o);
  result.iterations = ab.iterations + aa.iterations + bb.iterations;
  result.marginal = ab.marginal + 0.5 * (aa.marginal + bb.marginal);
  const double coarse = ab.coarse - 0.5 * (aa.coarse + bb.coarse);
  result.squared = ab.cost - 0.5 * (aa.cost + bb.cost);
  // What the marginals are off moves mass by the lengths that the plan moves any: sqrt(W_2^2) and the blur sqrt(eps), squared.
  result.error = std::abs(result.squared - coarse) / 3 + result.marginal * (std::max(0.0, result.squared) + o.epsilon);
  return result;
}

double sampling_floor(const PlaneNodes& nodes, std::span<const double> mass, std::uint64_t n, Stream stream, std::size_t pairs, const SinkhornOptions& options) {
  const double total = std::accumulate(mass.begin(), mass.end(), 0.0);
  const auto draw = [&] {  // multinomial, by binomials in turn
    std::vector<double> h(mass.size());
    auto left = static_cast<std::int64_t>(n);
    double rest = total;
    for (std::size_t k = 0; k < mass.size() && left > 0; ++k) {
      const std::int64_t here = rest > mass[k] ? stream.binomial(left, std::clamp(mass[k] / rest, 0.0, 1.0)) : left;
      h[k] = static_cast<double>(here) / static_cast<double>(n);
      left -= here;
      rest -= mass[k];
    }
    return h;
  };
  double sum = 0;
  for (std::size_t k = 0; k < pairs; ++k) {
    const std::vector<double> a = draw(), b = draw();
    sum += sinkhorn(nodes, a, b, options).squared;
  }
  return sum / static_cast<double>(pairs);
}

}  // namespace meso::generative

#include "kits/learning/tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"

namespace meso::learning {
namespace {

constexpr std::size_t lanes = 8;

double double_factorial(std::size_t n) {  // n!!, 1 for n <= 1
  double product = 1;
  for (; n > 1; n -= 2) product *= static_cast<double>(n);
  return product;
}

std::string bytes_text(double bytes) {
  const std::array<const char*, 6> unit{"bytes", "kB", "MB", "GB", "TB", "PB"};
  std::size_t u = 0;
  while (bytes >= 1000 && u + 1 < unit.size()) bytes /= 1000, ++u;
  return brief(bytes, 3) + " " + unit[u];
}

}  // namespace

double packed_size(std::size_t order, std::size_t dimension) {
  double size = 1;
  for (std::size_t j = 1; j <= order; ++j) size *= static_cast<double>(dimension + j - 1) / static_cast<double>(j);
  return std::round(size);
}

double landscape_bytes(std::size_t order, std::size_t dimension) {
  const double rows = static_cast<double>((dimension + lanes - 1) / lanes * lanes);
  return 8 * (packed_size(order, dimension) + rows * packed_size(order - 1, dimension));
}

void check_memory(std::size_t order, std::size_t dimension, double limit, const std::string& owner) {
  const double bytes = landscape_bytes(order, dimension);
  if (bytes <= limit) return;
  const double full = std::pow(static_cast<double>(dimension), static_cast<double>(order));
  throw ParameterError(fmt::format("{}: a tensor of order k = {} in d = {} dimensions is too large: d^k * 8 bytes = {} in full, {} stored by symmetry with its gradient, and the limit is {} a trajectory. "
                                   "Lower d or k", owner, order, dimension, bytes_text(8 * full), bytes_text(bytes), bytes_text(limit)));
}

SymmetricTensor::SymmetricTensor(std::size_t order, std::size_t dimension) : k_(order), d_(dimension) {
  if (order < 1 || dimension < 1) throw ParameterError(fmt::format("a tensor of order {} in {} dimensions; both must be at least 1", order, dimension));
  // before_[r][v] = sum_{u < v} C(d - u + r - 1, r)
  before_.assign(k_, std::vector<std::size_t>(d_ + 1, 0));
  for (std::size_t r = 0; r < k_; ++r)
    for (std::size_t v = 0; v < d_; ++v) before_[r][v + 1] = before_[r][v] + static_cast<std::size_t>(packed_size(r, d_ - v));
  entry_.assign(static_cast<std::size_t>(packed_size(k_, d_)), 0.0);
}

double SymmetricTensor::distinct_orders(std::span<const std::size_t> ascending) {
  double orders = 1, run = 0;
  for (std::size_t p = 0; p < ascending.size(); ++p) {
    run = p > 0 && ascending[p] == ascending[p - 1] ? run + 1 : 1;
    orders *= static_cast<double>(p + 1) / run;
  }
  return std::round(orders);
}

std::size_t SymmetricTensor::position(std::span<const std::size_t> ascending) const {
  std::size_t at = 0, previous = 0;
  for (std::size_t p = 0; p < k_; ++p) {
    at += before_[k_ - 1 - p][ascending[p]] - before_[k_ - 1 - p][previous];
    previous = ascending[p];
  }
  return at;
}

double SymmetricTensor::at(std::span<const std::size_t> index) const {
  std::vector<std::size_t> sorted(index.begin(), index.end());
  std::sort(sorted.begin(), sorted.end());
  return entry_[position(sorted)];
}

SymmetricTensor SymmetricTensor::from_full(std::size_t order, std::size_t dimension, std::span<const double> full) {
  SymmetricTensor t(order, dimension);
  if (static_cast<double>(full.size()) != std::pow(static_cast<double>(dimension), static_cast<double>(order)))
    throw ModelError(fmt::format("a full tensor of order {} in {} dimensions has d^k = {} entries; {} were given", order, dimension, brief(std::pow(static_cast<double>(dimension), static_cast<double>(order)), 12), full.size()));
  std::vector<std::size_t> index(order), sorted;
  for (std::size_t flat = 0; flat < full.size(); ++flat) {
    std::size_t rest = flat;
    for (std::size_t p = order; p-- > 0; rest /= dimension) index[p] = rest % dimension;
    sorted = index;
    std::sort(sorted.begin(), sorted.end());
    t.entry_[t.position(sorted)] += full[flat] / distinct_orders(sorted);
  }
  return t;
}

SymmetricTensor SymmetricTensor::spike(std::size_t order, std::span<const double> direction) {
  SymmetricTensor t(order, direction.size());
  t.for_each([&](std::span<const std::size_t> index, std::size_t at) {
    double product = 1;
    for (const std::size_t i : index) product *= direction[i];
    t.entry_[at] = product;
  });
  return t;
}

void SymmetricTensor::add(const SymmetricTensor& other, double scale) {
  if (other.k_ != k_ || other.d_ != d_) throw ModelError(fmt::format("a tensor of order {} in {} dimensions cannot be added to one of order {} in {}", other.k_, other.d_, k_, d_));
  for (std::size_t at = 0; at < entry_.size(); ++at) entry_[at] += scale * other.entry_[at];
}

double SymmetricTensor::value(std::span<const double> theta) const {
  double sum = 0;
  for_each([&](std::span<const std::size_t> index, std::size_t at) {
    double product = entry_[at] * distinct_orders(index);
    for (const std::size_t i : index) product *= theta[i];
    sum += product;
  });
  return sum;
}

SymmetricTensor SymmetricTensor::trace() const {
  if (k_ < 3) throw ModelError(fmt::format("the partial trace of a tensor of order {} is no tensor; the order must be at least 3", k_));
  SymmetricTensor out(k_ - 2, d_);
  std::vector<std::size_t> sorted(k_);
  out.for_each([&](std::span<const std::size_t> index, std::size_t at) {
    double sum = 0;
    for (std::size_t a = 0; a < d_; ++a) {
      const auto split = std::upper_bound(index.begin(), index.end(), a);
      auto to = std::copy(index.begin(), split, sorted.begin());
      *to++ = a;
      *to++ = a;
      std::copy(split, index.end(), to);
      sum += entry_[position(sorted)];
    }
    out.entry_[at] = sum;
  });
  return out;
}

std::vector<double> SymmetricTensor::uniform_mean() const {
  if (k_ % 2 == 0) throw ModelError(fmt::format("a landscape of even order ({}) has no mean direction: theta and -theta are alike. Take the second moment", k_));
  SymmetricTensor t = *this;
  while (t.order() > 1) t = t.trace();
  // Isserlis: (k)!! pairings in which theta_j meets one slot; the moments of the sphere are those of normals over d (d+2) ... (d+k-1).
  double scale = double_factorial(k_);
  for (std::size_t j = 0; j <= k_; j += 2) scale /= j < k_ ? static_cast<double>(d_ + j) : 1.0;
  std::vector<double> v(t.packed().begin(), t.packed().end());
  for (double& x : v) x *= scale;
  return v;
}

std::vector<double> SymmetricTensor::uniform_second_moment() const {
  if (k_ % 2 == 1) throw ModelError(fmt::format("the second moment of a landscape of odd order ({}) carries no signal at first order. Take the mean", k_));
  SymmetricTensor t = *this;
  while (t.order() > 2) t = t.trace();
  double scale = static_cast<double>(k_) * double_factorial(k_ - 1);
  for (std::size_t j = 0; j <= k_; j += 2) scale /= static_cast<double>(d_ + j);
  std::vector<double> m(d_ * d_);
  double trace = 0;
  t.for_each([&](std::span<const std::size_t> index, std::size_t at) {
    m[index[0] * d_ + index[1]] = m[index[1] * d_ + index[0]] = scale * t.packed()[at];
    if (index[0] == index[1]) trace += scale * t.packed()[at];
  });
  for (std::size_t i = 0; i < d_; ++i) m[i * d_ + i] -= trace / static_cast<double>(d_);
  return m;
}

TensorLandscape::TensorLandscape(const SymmetricTensor& tensor) : k_(tensor.order()), d_(tensor.dimension()), blocks_((d_ + lanes - 1) / lanes) {
  if (k_ < 2) throw ModelError("a landscape needs a tensor of order 2 or more");
  // Monomials of degree r in the packed order of SymmetricTensor(r, d): theta_i times the tail of degree r - 1 from i on.
  tail_.assign(k_, {});
  count_.assign(k_, 1);
  for (std::size_t r = 1; r < k_; ++r) {
    count_[r] = static_cast<std::size_t>(packed_size(r, d_));
    tail_[r].assign(d_ + 1, count_[r]);
    std::size_t at = 0;
    for (std::size_t i = 0; i < d_; ++i) {
      tail_[r][i] = at;
      at += static_cast<std::size_t>(packed_size(r - 1, d_ - i));
    }
  }
  monomials_ = count_[k_ - 1];
  a_.assign(monomials_, 0.0);
  b_.assign(monomials_, 0.0);
  matrix_.assign(blocks_ * lanes * monomials_, 0.0);
  const SymmetricTensor shape(k_ - 1, d_);
  std::vector<std::size_t> sorted(k_);
  shape.for_each([&](std::span<const std::size_t> index, std::size_t j) {
    const double orders = static_cast<double>(k_) * SymmetricTensor::distinct_orders(index);
    for (std::size_t i = 0; i < d_; ++i) {
      const auto split = std::upper_bound(index.begin(), index.end(), i);
      auto to = std::copy(index.begin(), split, sorted.begin());
      *to++ = i;
      std::copy(split, index.end(), to);
      matrix_[(i / lanes * monomials_ + j) * lanes + i % lanes] = orders * tensor.packed()[tensor.position(sorted)];
    }
  });
}

double TensorLandscape::gradient(const double* theta, double* out) {
  double *now = a_.data(), *before = b_.data();
  std::copy_n(theta, d_, now);
  for (std::size_t r = 2; r < k_; ++r) {
    std::swap(now, before);
    double* to = now;
    for (std::size_t i = 0; i < d_; ++i) {
      const double factor = theta[i];
      const double* from = before + tail_[r - 1][i];
      const std::size_t n = count_[r - 1] - tail_[r - 1][i];
      for (std::size_t j = 0; j < n; ++j) to[j] = factor * from[j];
      to += n;
    }
  }
  for (std::size_t b = 0; b < blocks_; ++b) {
    // Even and odd monomials apart: twice as many independent sums as lanes.
    std::array<double, lanes> even{}, odd{};
    const double* row = matrix_.data() + b * monomials_ * lanes;
    std::size_t j = 0;
    for (; j + 1 < monomials_; j += 2, row += 2 * lanes) {
      for (std::size_t l = 0; l < lanes; ++l) even[l] += row[l] * now[j];
      for (std::size_t l = 0; l < lanes; ++l) odd[l] += row[lanes + l] * now[j + 1];
    }
    if (j < monomials_)
      for (std::size_t l = 0; l < lanes; ++l) even[l] += row[l] * now[j];
    for (std::size_t l = 0; l < lanes && b * lanes + l < d_; ++l) out[b * lanes + l] = even[l] + odd[l];
  }
  double value = 0;
  for (std::size_t i = 0; i < d_; ++i) value += theta[i] * out[i];
  return value / static_cast<double>(k_);
}

void TensorLandscape::power_iterations(std::span<double> theta, int steps) {
  std::vector<double> g(d_);
  for (int s = 0; s < steps; ++s) {
    gradient(theta.data(), g.data());
    double norm = 0;
    for (const double x : g) norm += x * x;
    norm = std::sqrt(norm);
    if (!(norm > 0)) return;
    for (std::size_t i = 0; i < d_; ++i) theta[i] = g[i] / norm;
  }
}

}  // namespace meso::learning

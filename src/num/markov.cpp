#include "num/markov.h"

#include <Eigen/Dense>
#include <Eigen/Sparse>
#include <Eigen/SparseLU>
#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "num/no_tiny.h"
#include "num/pade.h"

namespace meso::num {

double Generator::exit(std::size_t j) const {
  double sum = leak[j];
  for (std::size_t k = start[j]; k < start[j + 1]; ++k) sum += rate[k];
  return sum;
}

std::size_t Generator::bandwidth() const {
  std::size_t width = 0;
  for (std::size_t j = 0; j < size(); ++j)
    for (std::size_t k = start[j]; k < start[j + 1]; ++k) width = std::max(width, target[k] > j ? target[k] - j : j - target[k]);
  return width;
}

std::vector<std::vector<std::uint32_t>> closed_classes(const Generator& g) {
  const std::size_t n = g.size();
  constexpr std::uint32_t unseen = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> order(n, unseen), low(n), component(n, unseen), stack;
  std::vector<std::pair<std::uint32_t, std::size_t>> path;  // state, next transition to look at
  std::uint32_t clock = 0, components = 0;
  for (std::uint32_t root = 0; root < n; ++root) {
    if (order[root] != unseen) continue;
    path.push_back({root, g.start[root]});
    order[root] = low[root] = clock++;
    stack.push_back(root);
    while (!path.empty()) {
      auto& [j, k] = path.back();
      if (k < g.start[j + 1]) {
        const std::uint32_t i = g.target[k++];
        if (order[i] == unseen) {
          order[i] = low[i] = clock++;
          stack.push_back(i);
          path.push_back({i, g.start[i]});
        } else if (component[i] == unseen) {
          low[j] = std::min(low[j], order[i]);
        }
        continue;
      }
      const std::uint32_t done = j;
      path.pop_back();
      if (!path.empty()) low[path.back().first] = std::min(low[path.back().first], low[done]);
      if (low[done] != order[done]) continue;
      while (true) {
        const std::uint32_t member = stack.back();
        stack.pop_back();
        component[member] = components;
        if (member == done) break;
      }
      ++components;
    }
  }
  std::vector<char> open(components, 0);
  for (std::size_t j = 0; j < n; ++j)
    for (std::size_t k = g.start[j]; k < g.start[j + 1]; ++k)
      if (component[g.target[k]] != component[j]) open[component[j]] = 1;
  std::vector<std::vector<std::uint32_t>> classes;
  std::vector<std::size_t> place(components, n);
  for (std::uint32_t j = 0; j < n; ++j) {
    if (open[component[j]]) continue;
    if (place[component[j]] == n) {
      place[component[j]] = classes.size();
      classes.emplace_back();
    }
    classes[place[component[j]]].push_back(j);
  }
  return classes;
}

Generator restricted(const Generator& g, std::span<const std::uint32_t> states) {
  constexpr std::uint32_t outside = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> place(g.size(), outside);
  for (std::size_t i = 0; i < states.size(); ++i) place[states[i]] = static_cast<std::uint32_t>(i);
  Generator part;
  part.start.reserve(states.size() + 1);
  for (const std::uint32_t j : states) {
    for (std::size_t k = g.start[j]; k < g.start[j + 1]; ++k) {
      if (place[g.target[k]] == outside) continue;
      part.target.push_back(place[g.target[k]]);
      part.rate.push_back(g.rate[k]);
    }
    part.start.push_back(part.target.size());
    part.leak.push_back(0);
  }
  return part;
}

// ---------------------------------------------------------------------------------------------------- uniformisation

PoissonWindow poisson_window(double mean, double cut) {
  PoissonWindow window;
  if (!(mean > 0)) {
    window.weight = {1.0};
    return window;
  }
  // From the mode outwards, each side until a geometric bound of the rest is below cut / 2.
  const auto mode = static_cast<std::size_t>(mean);
  const double log_mode = static_cast<double>(mode) * std::log(mean) - mean - std::lgamma(static_cast<double>(mode) + 1);
  const double top = std::exp(log_mode);
  std::vector<double> left, right;
  double w = top;
  for (std::size_t k = mode; k > 0; --k) {
    const double ratio = static_cast<double>(k) / mean;  // weight(k-1) / weight(k), falling with k
    w *= ratio;
    left.push_back(w);
    if (ratio < 1 && w * ratio / (1 - ratio) < 0.5 * cut) break;
  }
  w = top;
  for (std::size_t k = mode + 1;; ++k) {
    const double ratio = mean / static_cast<double>(k);
    w *= ratio;
    right.push_back(w);
    if (ratio < 1 && w * ratio / (1 - ratio) < 0.5 * cut) break;
  }
  window.first = mode - left.size();
  window.weight.assign(left.rbegin(), left.rend());
  window.weight.push_back(top);
  window.weight.insert(window.weight.end(), right.begin(), right.end());
  // lgamma costs a few units of its large argument; the sum is known to be 1 within `cut`, so the error is taken out.
  const double sum = std::accumulate(window.weight.begin(), window.weight.end(), 0.0);
  if (window.weight.size() > 1) for (double& x : window.weight) x *= (1 - cut) / sum;
  return window;
}

namespace {
constexpr std::size_t rows = 256;  // of a block: its sums stay in the nearest cache
}

Uniformised::Uniformised(const Generator& g) : leak_(g.leak) {
  const std::size_t n = g.size();
  std::vector<double> exit(n);
  for (std::size_t j = 0; j < n; ++j) {
    exit[j] = g.exit(j);
    rate_ = std::max(rate_, exit[j]);
  }
  std::vector<std::uint32_t> width(n, 0);
  for (const std::uint32_t i : g.target) ++width[i];
  block_.push_back(0);
  for (std::size_t first = 0; first < n; first += rows) {
    const std::size_t last = std::min(n, first + rows);
    block_.push_back(block_.back() + (last - first) * *std::max_element(width.begin() + static_cast<std::ptrdiff_t>(first), width.begin() + static_cast<std::ptrdiff_t>(last)));
  }
  source_.resize(block_.back());
  value_.assign(block_.back(), 0.0);
  for (std::size_t b = 0; b + 1 < block_.size(); ++b) {
    const std::size_t height = std::min(rows, n - b * rows);
    for (std::size_t k = block_[b]; k < block_[b + 1]; ++k) source_[k] = static_cast<std::uint32_t>(b * rows + (k - block_[b]) % height);
  }
  std::fill(width.begin(), width.end(), 0u);
  const double inverse = rate_ > 0 ? 1 / rate_ : 0;
  for (std::size_t j = 0; j < n; ++j)
    for (std::size_t k = g.start[j]; k < g.start[j + 1]; ++k) {
      const std::uint32_t i = g.target[k];
      const std::size_t b = i / rows, height = std::min(rows, n - b * rows);
      const std::size_t at = block_[b] + width[i]++ * height + (i - b * rows);
      source_[at] = static_cast<std::uint32_t>(j);
      value_[at] = g.rate[k] * inverse;
    }
  stay_.resize(n);
  for (std::size_t j = 0; j < n; ++j) stay_[j] = std::max(0.0, 1 - exit[j] * inverse);
  x_.resize(n);
  y_.resize(n);
}

void Uniformised::advance(std::span<double> p, double h, double cut, std::span<double> leaked) {
  const NoTinyNumbers scope;
  const std::size_t n = p.size();
  if (rate_ == 0 || h == 0) return;
  const PoissonWindow window = poisson_window(rate_ * h, cut);
  std::copy(p.begin(), p.end(), x_.begin());
  std::fill(p.begin(), p.end(), 0.0);
  // Leak through state j up to time h: sum_k P(at least k + 1 events) (leak_j / rate) (P^k p)_j.
  std::vector<std::size_t> gates;
  if (!leaked.empty())
    for (std::size_t j = 0; j < n; ++j)
      if (leak_[j] > 0) gates.push_back(j);
  double later = 1;  // probability of at least k events
  const std::size_t last = window.first + window.weight.size() - 1;
  for (std::size_t k = 0;; ++k) {
    if (k >= window.first) {
      const double w = window.weight[k - window.first];
      later = std::max(0.0, later - w);
      for (std::size_t i = 0; i < n; ++i) p[i] += w * x_[i];
    }
    for (const std::size_t j : gates) leaked[j] += later * leak_[j] / rate_ * x_[j];
    if (k == last) break;
    for (std::size_t b = 0; b + 1 < block_.size(); ++b) {
      const std::size_t first = b * rows, height = std::min(rows, n - first);
      const double* const x = x_.data();
      double* const y = y_.data() + first;
      for (std::size_t r = 0; r < height; ++r) y[r] = stay_[first + r] * x[first + r];
      for (std::size_t e = block_[b]; e < block_[b + 1]; e += height) {
        const double* const value = value_.data() + e;
        const std::uint32_t* const source = source_.data() + e;
        for (std::size_t r = 0; r < height; ++r) y[r] += value[r] * x[source[r]];
      }
    }
    x_.swap(y_);
  }
}

// ------------------------------------------------------------------------------------------------ banded exponential

namespace {

double norm1(std::span<const double> x) {
  double s = 0;
  for (const double v : x) s += std::abs(v);
  return s;
}

}  // namespace

BandedExponential::BandedExponential(const Generator& g) : n_(g.size()) {
  for (std::size_t j = 0; j < n_; ++j)
    for (std::size_t k = g.start[j]; k < g.start[j + 1]; ++k) {
      if (g.target[k] > j) lower_ = std::max(lower_, g.target[k] - j);
      else upper_ = std::max(upper_, j - g.target[k]);
    }
  const std::size_t width = lower_ + upper_ + 1;
  band_.assign(n_ * width, 0.0);
  for (std::size_t j = 0; j < n_; ++j) {
    const double exit = g.exit(j);
    rate_ = std::max(rate_, exit);
    band_[j * width + upper_] = -exit;
    for (std::size_t k = g.start[j]; k < g.start[j + 1]; ++k) band_[j * width + (g.target[k] + upper_ - j)] += g.rate[k];
  }
  re_.resize(band_.size());
  im_.resize(band_.size());
  xr_.resize(n_);
  xi_.resize(n_);
  full_.resize(n_);
  half_.resize(n_);
  twice_.resize(n_);
}

/// out = r(h A) p = sum over poles of residue (h A - pole)^-1 p.
void BandedExponential::apply(std::span<const double> p, double h, std::vector<double>& out) {
  std::fill(out.begin(), out.end(), 0.0);
  const std::size_t width = lower_ + upper_ + 1;
  for (const PadeTerm& term : pade45()) {
    ++solves_;
    const bool is_real = std::abs(term.pole.imag()) < 1e-12;
    // Matrix M = pole - h A; then residue (h A - pole)^-1 p = -residue M^-1 p.
    if (is_real) {
      for (std::size_t k = 0; k < band_.size(); ++k) re_[k] = -h * band_[k];
      for (std::size_t j = 0; j < n_; ++j) re_[j * width + upper_] += term.pole.real();
      std::copy(p.begin(), p.end(), xr_.begin());
      for (std::size_t j = 0; j < n_; ++j) {
        const double inverse = 1 / re_[j * width + upper_];
        const std::size_t below = std::min(lower_, n_ - 1 - j), right = std::min(upper_, n_ - 1 - j);
        for (std::size_t a = 1; a <= below; ++a) {
          const double factor = re_[j * width + upper_ + a] * inverse;
          if (factor == 0) continue;
          for (std::size_t b = 1; b <= right; ++b) re_[(j + b) * width + upper_ + a - b] -= factor * re_[(j + b) * width + upper_ - b];
          xr_[j + a] -= factor * xr_[j];
        }
      }
      for (std::size_t j = n_; j-- > 0;) {
        xr_[j] /= re_[j * width + upper_];
        const std::size_t above = std::min(upper_, j);
        for (std::size_t b = 1; b <= above; ++b) xr_[j - b] -= re_[j * width + upper_ - b] * xr_[j];
      }
      const double c = -term.residue.real();
      for (std::size_t i = 0; i < n_; ++i) out[i] += c * xr_[i];
      continue;
    }
    for (std::size_t k = 0; k < band_.size(); ++k) {
      re_[k] = -h * band_[k];
      im_[k] = 0;
    }
    for (std::size_t j = 0; j < n_; ++j) {
      re_[j * width + upper_] += term.pole.real();
      im_[j * width + upper_] = term.pole.imag();
    }
    std::copy(p.begin(), p.end(), xr_.begin());
    std::fill(xi_.begin(), xi_.end(), 0.0);
    for (std::size_t j = 0; j < n_; ++j) {
      const double dr = re_[j * width + upper_], di = im_[j * width + upper_], size = dr * dr + di * di;
      const double vr = dr / size, vi = -di / size;
      const std::size_t below = std::min(lower_, n_ - 1 - j), right = std::min(upper_, n_ - 1 - j);
      for (std::size_t a = 1; a <= below; ++a) {
        const double er = re_[j * width + upper_ + a], ei = im_[j * width + upper_ + a];
        if (er == 0 && ei == 0) continue;
        const double fr = er * vr - ei * vi, fi = er * vi + ei * vr;
        for (std::size_t b = 1; b <= right; ++b) {
          const std::size_t from = (j + b) * width + upper_ - b, to = from + a;
          const double ur = re_[from], ui = im_[from];
          re_[to] -= fr * ur - fi * ui;
          im_[to] -= fr * ui + fi * ur;
        }
        xr_[j + a] -= fr * xr_[j] - fi * xi_[j];
        xi_[j + a] -= fr * xi_[j] + fi * xr_[j];
      }
    }
    for (std::size_t j = n_; j-- > 0;) {
      const double dr = re_[j * width + upper_], di = im_[j * width + upper_], size = dr * dr + di * di;
      const double r = (xr_[j] * dr + xi_[j] * di) / size, s = (xi_[j] * dr - xr_[j] * di) / size;
      xr_[j] = r;
      xi_[j] = s;
      const std::size_t above = std::min(upper_, j);
      for (std::size_t b = 1; b <= above; ++b) {
        const double ur = re_[j * width + upper_ - b], ui = im_[j * width + upper_ - b];
        xr_[j - b] -= ur * r - ui * s;
        xi_[j - b] -= ur * s + ui * r;
      }
    }
    const double cr = -2 * term.residue.real(), ci = -2 * term.residue.imag();  // the conjugate pole gives the same real part
    for (std::size_t i = 0; i < n_; ++i) out[i] += cr * xr_[i] - ci * xi_[i];
  }
}

double BandedExponential::advance(std::span<double> p, double t, double tolerance, double& step) {
  if (rate_ == 0 || t <= 0) return 0;
  if (!(step > 0)) step = 1 / rate_;
  constexpr double order = 9, floor = 3e-14;  // 1-norm rounding of one step; asking for less would only shrink the steps
  double done = 0, error = 0;
  while (done < t) {
    double h = std::min(step, t - done);
    if (t - done - h < 1e-3 * h) h = t - done;
    apply(p, h, full_);
    apply(p, 0.5 * h, half_);
    apply(half_, 0.5 * h, twice_);
    double difference = 0;
    for (std::size_t i = 0; i < n_; ++i) difference += std::abs(full_[i] - twice_[i]);
    // Two half steps err by difference / (2^9 - 1) in the limit of small h; 31 in place of 511 covers the order reduction
    // that stiff problems show.
    const double estimate = difference / 31;
    const double allowed = std::max(tolerance * h / t, floor);
    if (!std::isfinite(estimate)) throw NumericalBreakdown("the implicit solver of the master equation met a number that is not finite");
    const double factor = estimate > 0 ? 0.85 * std::pow(allowed / estimate, 1 / (order + 1)) : 4;
    if (estimate > allowed && h * rate_ > 1e-6) {
      step = h * std::clamp(factor, 0.1, 0.7);
      continue;
    }
    std::copy(twice_.begin(), twice_.end(), p.begin());
    error += estimate + 2e-14 * norm1(p);  // the residues reach a few hundred: each step rounds at that times 1e-16
    done = h == t - done ? t : done + h;
    if (done < t || h >= step) step = h * std::clamp(factor, 0.3, 4.0);
  }
  return error;
}

// --------------------------------------------------------------------------------------------------- stationary laws

std::vector<double> stationary_gth(const Generator& g) {
  const std::size_t n = g.size(), width = g.bandwidth(), row = 2 * width + 1;
  // rate from j to i = j + d at q[j * row + d + width]
  std::vector<double> q(n * row, 0.0), total(n, 0.0);
  for (std::size_t j = 0; j < n; ++j)
    for (std::size_t k = g.start[j]; k < g.start[j + 1]; ++k) q[j * row + (g.target[k] + width - j)] += g.rate[k];
  // Censor states from the last one down: paths through m become direct rates among the states below it.
  for (std::size_t m = n; m-- > 1;) {
    const std::size_t first = m > width ? m - width : 0;
    double down = 0;
    for (std::size_t i = first; i < m; ++i) down += q[m * row + (i + width - m)];
    total[m] = down;
    if (!(down > 0)) throw NumericalBreakdown("the stationary law was asked of a chain that is not irreducible");
    for (std::size_t j = first; j < m; ++j) {
      const double up = q[j * row + (m + width - j)];
      if (up == 0) continue;
      const double share = up / down;
      for (std::size_t i = first; i < m; ++i)
        if (i != j) q[j * row + (i + width - j)] += share * q[m * row + (i + width - m)];
    }
  }
  std::vector<double> p(n, 0.0);
  p[0] = 1;
  for (std::size_t m = 1; m < n; ++m) {
    const std::size_t first = m > width ? m - width : 0;
    double in = 0;
    for (std::size_t j = first; j < m; ++j) in += p[j] * q[j * row + (m + width - j)];
    p[m] = in / total[m];
    if (p[m] > 1e200)
      for (std::size_t i = 0; i <= m; ++i) p[i] *= 1e-200;
  }
  double sum = 0;
  for (const double x : p) sum += x;
  for (double& x : p) x /= sum;
  return p;
}

QuasiStationary quasi_stationary(const Generator& g) {
  const auto n = static_cast<Eigen::Index>(g.size());
  double leak = 0, fastest = 0;
  for (std::size_t j = 0; j < g.size(); ++j) fastest = std::max(fastest, g.exit(j));
  const double shift = 1e-13 * fastest;  // leaks below rounding would leave a singular matrix; the eigenvectors do not mind
  std::vector<Eigen::Triplet<double>> entries;
  for (std::size_t j = 0; j < g.size(); ++j) {
    leak += g.leak[j];
    for (std::size_t k = g.start[j]; k < g.start[j + 1]; ++k) entries.emplace_back(static_cast<int>(g.target[k]), static_cast<int>(j), -g.rate[k]);
    entries.emplace_back(static_cast<int>(j), static_cast<int>(j), g.exit(j) + shift);
  }
  if (!(leak > 0)) throw NumericalBreakdown("nothing leaks from these states: they have a stationary law, and no quasi-stationary one");
  Eigen::SparseMatrix<double> minus_a(n, n);
  minus_a.setFromTriplets(entries.begin(), entries.end());
  minus_a.makeCompressed();
  Eigen::SparseLU<Eigen::SparseMatrix<double>, Eigen::COLAMDOrdering<int>> lu;
  lu.setPivotThreshold(0.0);  // columns are diagonally dominant
  lu.compute(minus_a);
  if (lu.info() != Eigen::Success) throw NumericalBreakdown("sparse LU of the leaking generator failed (" + lu.lastErrorMessage() + "): some states may never leak");
  QuasiStationary result;
  Eigen::VectorXd law = Eigen::VectorXd::Constant(n, 1.0 / static_cast<double>(n));
  double last = 1;
  for (result.iterations = 1; result.iterations <= 10000; ++result.iterations) {
    Eigen::VectorXd next = lu.solve(law).cwiseMax(0.0);  // positive but for rounding far in the tails
    next /= next.sum();
    const double change = (next - law).lpNorm<1>(), ratio = std::min(change / last, 0.999999);
    law = next;
    last = change;
    result.correction = change / (1 - ratio);
    if (!(change > 1e-15) || (change < 1e-12 && ratio > 0.9)) break;  // what is left moves by rounding
  }
  if (!law.allFinite() || !(result.correction < 1e-10)) throw NumericalBreakdown("the quasi-stationary law does not settle: the two slowest decay rates are too close");
  result.law.assign(law.data(), law.data() + n);
  for (std::size_t j = 0; j < g.size(); ++j) result.decay_rate += g.leak[j] * result.law[j];
  return result;
}

}  // namespace meso::num

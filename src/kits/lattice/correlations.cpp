#include "kits/lattice/correlations.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "stat/fit.h"
#include "stat/jackknife.h"

namespace meso::lattice {
namespace {

using Transform = num::FftVector<std::complex<double>>;

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

void require(bool fits, const char* what) {
  if (!fits) throw Error(fmt::format("correlations: {} has the wrong size", what));
}

// Visits every site with its distance per side along each direction (nearest image).
template <class Visit>
void each_site(const std::vector<std::size_t>& extent, Visit visit) {
  std::vector<std::size_t> at(extent.size(), 0);
  std::size_t sites = 1;
  for (const std::size_t n : extent) sites *= n;
  for (std::size_t i = 0; i < sites; ++i) {
    visit(i, at);
    for (std::size_t d = extent.size(); d-- > 0;) {
      if (++at[d] < extent[d]) break;
      at[d] = 0;
    }
  }
}

/// @param length  |.| of the vector whose nearest-image components are given
template <class Length>
Shells shells_of(const std::vector<std::size_t>& extent, double width, double largest, Length length) {
  std::size_t sites = 1;
  for (const std::size_t n : extent) sites *= n;
  Shells shells;
  shells.of.assign(sites, Shells::outside);
  const auto bins = static_cast<std::size_t>(std::floor(largest / width + 0.5)) + 1;
  std::vector<double> sum(bins, 0.0);
  std::vector<std::size_t> members(bins, 0);
  each_site(extent, [&](std::size_t i, const std::vector<std::size_t>& at) {
    const double size = length(at);
    if (size > largest * (1 + 1e-12)) return;
    const auto bin = static_cast<std::size_t>(std::floor(size / width + 0.5 - 1e-9));
    sum[bin] += size;
    ++members[bin];
    shells.of[i] = static_cast<std::uint32_t>(bin);
  });
  std::vector<std::uint32_t> rank(bins, Shells::outside);  // empty bins are dropped
  for (std::size_t b = 0; b < bins; ++b) {
    if (members[b] == 0) continue;
    rank[b] = static_cast<std::uint32_t>(shells.radius.size());
    shells.radius.push_back(sum[b] / static_cast<double>(members[b]));
    shells.members.push_back(members[b]);
  }
  for (std::uint32_t& shell : shells.of)
    if (shell != Shells::outside) shell = rank[shell];
  return shells;
}

double mean_of(std::span<const double> x) {
  double sum = 0;
  for (const double v : x) sum += v;
  return sum / static_cast<double>(x.size());
}

double real_product(std::complex<double> a, std::complex<double> b) { return a.real() * b.real() + a.imag() * b.imag(); }

}  // namespace

std::vector<std::pair<std::size_t, std::size_t>> field_pairs(std::size_t fields) {
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (std::size_t a = 0; a < fields; ++a)
    for (std::size_t b = a; b < fields; ++b) pairs.emplace_back(a, b);
  return pairs;
}

CorrelationLattice::CorrelationLattice(std::vector<std::size_t> extent) : fft_(std::move(extent)) {
  const std::vector<std::size_t>& n = fft_.extent();
  if (sites() < 2) throw ParameterError("correlations need a lattice of at least 2 sites");
  const std::size_t longest = *std::max_element(n.begin(), n.end());
  std::size_t shortest = longest;
  for (const std::size_t side : n)
    if (side > 1) shortest = std::min(shortest, side);
  const auto nearest = [](std::size_t j, std::size_t side) { return static_cast<double>(std::min(j, side - j)); };
  distances_ = shells_of(n, 1.0, 0.5 * static_cast<double>(shortest), [&](const std::vector<std::size_t>& at) {
    double square = 0;
    for (std::size_t d = 0; d < n.size(); ++d) square += nearest(at[d], n[d]) * nearest(at[d], n[d]);
    return std::sqrt(square);
  });
  constexpr double tau = 2 * std::numbers::pi;
  wavenumbers_ = shells_of(n, tau / static_cast<double>(longest), std::numbers::pi, [&](const std::vector<std::size_t>& at) {
    double square = 0;
    for (std::size_t d = 0; d < n.size(); ++d) {
      const double q = tau * nearest(at[d], n[d]) / static_cast<double>(n[d]);
      square += q * q;
    }
    return std::sqrt(square);
  });
  const std::size_t last = n.back(), half = last / 2 + 1, rows = sites() / last;
  half_shell_.resize(fft_.complex_size());
  half_weight_.resize(fft_.complex_size());
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t k = 0; k < half; ++k) {
      half_shell_[row * half + k] = wavenumbers_.of[row * last + k];
      half_weight_[row * half + k] = k == 0 || 2 * k == last ? 1.0 : 2.0;
    }
}

std::size_t CorrelationLattice::dimension() const {
  std::size_t count = 0;
  for (const std::size_t side : extent()) count += side > 1;
  return count;
}

void CorrelationLattice::transform(std::span<const double> field, const double* subtract, Transform& out, Workspace& work) const {
  work.real.resize(sites());
  out.resize(fft_.complex_size());
  const double constant = subtract ? *subtract : mean_of(field);
  for (std::size_t i = 0; i < sites(); ++i) work.real[i] = field[i] - constant;
  fft_.forward(work.real, out);
  if (!subtract) out[0] = 0;  // what rounding leaves of the mean
}

void CorrelationLattice::shell_structure_factor(const Transform& a, const Transform& b, std::span<double> out) const {
  std::fill(out.begin(), out.end(), 0.0);
  for (std::size_t k = 0; k < a.size(); ++k)
    if (half_shell_[k] != Shells::outside) out[half_shell_[k]] += half_weight_[k] * real_product(a[k], b[k]);
  for (std::size_t shell = 0; shell < out.size(); ++shell) out[shell] /= static_cast<double>(wavenumbers_.members[shell]) * static_cast<double>(sites());
}

// Leaves C_ab at every displacement in work.real.
void CorrelationLattice::back_to_correlation(const Transform& a, const Transform& b, Workspace& work) const {
  work.product.resize(fft_.complex_size());
  work.real.resize(sites());
  const double size = static_cast<double>(sites());
  for (std::size_t k = 0; k < a.size(); ++k) work.product[k] = real_product(a[k], b[k]) / (size * size);  // S/N, and 1/N of the way back
  fft_.backward(work.product, work.real);
}

void CorrelationLattice::both(std::span<const double> fields, std::span<const double> subtract, std::span<double> structure_factor, std::span<double> correlation,
                              Workspace& work) const {
  const std::size_t count = fields.size() / sites(), pairs = count * (count + 1) / 2;
  require(count > 0 && fields.size() == count * sites(), "`fields`");
  require(subtract.empty() || subtract.size() == count, "`subtract`");
  const std::size_t nq = structure_factor.empty() ? 0 : wavenumbers_.count(), nr = correlation.empty() ? 0 : distances_.count();
  require(structure_factor.size() == pairs * nq && correlation.size() == pairs * nr && nq + nr > 0, "the result");
  if (work.transform.size() < count) work.transform.resize(count);
  for (std::size_t m = 0; m < count; ++m) transform(fields.subspan(m * sites(), sites()), subtract.empty() ? nullptr : &subtract[m], work.transform[m], work);
  std::size_t pair = 0;
  for (std::size_t a = 0; a < count; ++a)
    for (std::size_t b = a; b < count; ++b, ++pair) {
      if (nq > 0) shell_structure_factor(work.transform[a], work.transform[b], structure_factor.subspan(pair * nq, nq));
      if (nr == 0) continue;
      back_to_correlation(work.transform[a], work.transform[b], work);
      const std::span<double> out = correlation.subspan(pair * nr, nr);
      std::fill(out.begin(), out.end(), 0.0);
      for (std::size_t i = 0; i < sites(); ++i)
        if (distances_.of[i] != Shells::outside) out[distances_.of[i]] += work.real[i];
      for (std::size_t shell = 0; shell < nr; ++shell) out[shell] /= static_cast<double>(distances_.members[shell]);
    }
}

void CorrelationLattice::structure_factors(std::span<const double> fields, std::span<const double> subtract, std::span<double> out, Workspace& work) const {
  both(fields, subtract, out, {}, work);
}

void CorrelationLattice::correlations(std::span<const double> fields, std::span<const double> subtract, std::span<double> out, Workspace& work) const {
  both(fields, subtract, {}, out, work);
}

void CorrelationLattice::full_structure_factor(std::span<const double> a, std::span<const double> b, double subtract_a, double subtract_b, std::span<double> out, Workspace& work) const {
  require(a.size() == sites() && b.size() == sites(), "a field");
  require(out.size() == sites(), "the result");
  if (work.transform.size() < 2) work.transform.resize(2);
  transform(a, &subtract_a, work.transform[0], work);
  transform(b, &subtract_b, work.transform[1], work);
  const std::vector<std::size_t>& n = extent();
  const std::size_t last = n.back(), half = last / 2 + 1;
  each_site(n, [&](std::size_t i, const std::vector<std::size_t>& at) {
    std::size_t row = 0;  // the entry itself, or its conjugate at -q where only that is stored
    const bool stored = at.back() < half;
    for (std::size_t d = 0; d + 1 < n.size(); ++d) row = row * n[d] + (stored ? at[d] : (n[d] - at[d]) % n[d]);
    const std::size_t k = row * half + (stored ? at.back() : last - at.back());
    out[i] = real_product(work.transform[0][k], work.transform[1][k]) / static_cast<double>(sites());
  });
}

void CorrelationLattice::full_correlation(std::span<const double> a, std::span<const double> b, double subtract_a, double subtract_b, std::span<double> out, Workspace& work) const {
  require(a.size() == sites() && b.size() == sites(), "a field");
  require(out.size() == sites(), "the result");
  if (work.transform.size() < 2) work.transform.resize(2);
  transform(a, &subtract_a, work.transform[0], work);
  transform(b, &subtract_b, work.transform[1], work);
  back_to_correlation(work.transform[0], work.transform[1], work);
  std::copy(work.real.begin(), work.real.end(), out.begin());
}

Estimate row_of(const Estimate& estimate, std::size_t row) {
  if (estimate.axes.size() != 2) throw Error(fmt::format("'{}' has {} axes; a row is taken of two", estimate.observable, estimate.axes.size()));
  const std::size_t rows = estimate.axes[0].points.size(), columns = estimate.axes[1].points.size();
  if (row >= rows) throw Error(fmt::format("'{}' has {} rows; row {} was asked", estimate.observable, rows, row));
  const auto cut = [&](const std::vector<double>& x) {
    if (x.empty()) return x;
    const auto first = x.begin() + static_cast<std::ptrdiff_t>(row * columns);
    return std::vector<double>(first, first + static_cast<std::ptrdiff_t>(columns));
  };
  Estimate e = estimate;
  e.axes = {estimate.axes[1]};
  e.value = cut(estimate.value);
  e.std_error = cut(estimate.std_error);
  e.error_bound = cut(estimate.error_bound);
  e.skewness = cut(estimate.skewness);
  e.no_variation = cut(estimate.no_variation);
  e.signal_range = cut(estimate.signal_range);
  e.exact = cut(estimate.exact);
  if (estimate.batches) {
    e.batches->replicate.clear();
    for (std::size_t b = 0; b < estimate.batches->count(); ++b) {
      const auto first = estimate.batches->replicate.begin() + static_cast<std::ptrdiff_t>(b * estimate.size() + row * columns);
      e.batches->replicate.insert(e.batches->replicate.end(), first, first + static_cast<std::ptrdiff_t>(columns));
    }
  }
  return e;
}

Peak structure_peak(std::span<const double> q, std::span<const double> s) {
  require(q.size() == s.size(), "S(q)");
  std::size_t first = 0;
  while (first < q.size() && !(q[first] > 0)) ++first;
  if (first == q.size()) throw Error("a peak of S(q) needs a wavenumber above 0");
  std::size_t top = first;
  for (std::size_t i = first; i < q.size(); ++i)
    if (s[i] > s[top]) top = i;
  Peak peak{.q = q[top], .height = s[top], .at_edge = top == first || top + 1 == q.size()};
  if (!peak.at_edge) {  // Newton's form of the parabola through three points, spacing not assumed equal
    const double left = (s[top] - s[top - 1]) / (q[top] - q[top - 1]), right = (s[top + 1] - s[top]) / (q[top + 1] - q[top]);
    const double curvature = (right - left) / (q[top + 1] - q[top - 1]);
    if (curvature < 0) {
      peak.q = 0.5 * (q[top - 1] + q[top]) - 0.5 * left / curvature;
      peak.height = s[top - 1] + (peak.q - q[top - 1]) * (left + curvature * (peak.q - q[top]));
    }
  }
  peak.wavelength = 2 * std::numbers::pi / peak.q;
  return peak;
}

double mean_wavenumber(const Shells& wavenumbers, std::span<const double> s) {
  require(s.size() == wavenumbers.count(), "S(q)");
  double top = 0, bottom = 0;
  for (std::size_t i = 1; i < s.size(); ++i) {
    const double weight = static_cast<double>(wavenumbers.members[i]) * s[i];
    top += weight * wavenumbers.radius[i];
    bottom += weight;
  }
  return top / bottom;
}

LengthEstimate second_moment_length(std::span<const double> q, const Estimate& s) {
  require(q.size() == s.size(), "S(q)");
  if (q.size() < 2) return {nan_value, nan_value, 0, "two wavenumbers are needed"};
  const auto lattice_square = [](double x) { return 4 * std::sin(0.5 * x) * std::sin(0.5 * x); };
  const std::size_t low = q[0] > 0 || s.value[0] > 0 ? 0 : 1;  // S(0) = 0: the means over the sites were taken off
  if (low + 1 >= q.size()) return {nan_value, nan_value, 0, "S(0) is 0: two wavenumbers above 0 are needed"};
  const double x = lattice_square(q[low]), y = lattice_square(q[low + 1]);
  // S_x / S_y = (1 + xi^2 y) / (1 + xi^2 x)
  const auto square = [&](double at_x, double at_y) { return (at_x - at_y) / (at_y * y - at_x * x); };
  const double value = square(s.value[low], s.value[low + 1]);
  if (!(value >= 0) || !std::isfinite(value))
    return {nan_value, nan_value, 0, "S(q) does not fall over the smallest wavenumbers, or falls faster than 1/q^2: no correlation length below the size of the lattice"};
  const Estimate* one[] = {&s};
  const Jackknifed length = jackknife(one, [&](const std::vector<std::vector<double>>& v) { return std::sqrt(std::max(0.0, square(v[0][low], v[0][low + 1]))); });
  return {length.value, length.std_error, length.dof, ""};
}

LengthEstimate exponential_length(std::span<const double> r, const Estimate& c, double from, double to) {
  require(r.size() == c.size(), "C(r)");
  std::size_t usable = 0;
  for (std::size_t i = 0; i < r.size(); ++i) usable += r[i] >= from && r[i] <= to && c.value[i] > 0;
  if (usable < 2) return {nan_value, nan_value, 0, fmt::format("{} positive values of C(r) between {} and {}; two are needed", usable, from, to)};
  // exp(-r / xi) is the power -to / xi of exp(r / to): one regression for both kinds of law.
  std::vector<double> x(r.size());
  for (std::size_t i = 0; i < r.size(); ++i) x[i] = std::exp(std::min(r[i] / to, 700.0));
  constexpr double slack = 1e-12;
  const PowerFit fit = fit_power(x, c, std::exp(from / to) * (1 - slack), std::exp(1.0) * (1 + slack));
  if (!(fit.exponent < 0)) return {nan_value, nan_value, fit.dof, "C(r) does not decay over the window"};
  const double length = -to / fit.exponent;
  return {length, fit.std_error * length / -fit.exponent, fit.dof, ""};
}

}  // namespace meso::lattice

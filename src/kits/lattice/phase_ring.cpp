#include "kits/lattice/phase_ring.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "num/wide.h"

namespace meso::lattice {
namespace {

// sin and cos of half the angle on [-pi/2, pi/2], then sin x = 2 s c and cos x - 1 = -2 s^2. The first terms left out of the
// series are h^21/21! < 3e-16 and h^22/22! < 2e-17.
MESO_INLINE void sine_cosine_kernel(double x, double& sine, double& cosine_minus_one) {
  const double turns = num::nearest_integer(x * (0.5 / std::numbers::pi));
  const double h = 0.5 * num::off_half_turns(x, 2.0 * turns);
  const double s = num::sine_series<19>(h);
  sine = 2.0 * s * num::cosine_series<20>(h);
  cosine_minus_one = -2.0 * s * s;
}

constexpr std::size_t kBlock = 128;  // bonds whose intermediate values stay in the first cache

// force[i] = even + odd of bond i (site i feels the neighbour ahead); behind[i] = even - odd (what site i + 1 feels from i).
MESO_INLINE void bonds_kernel(const double* here, const double* next, std::size_t count, const double* b, const double* a, std::size_t harmonics, double* ahead,
                              double* behind) {
  double s1[kBlock], c1[kBlock], even[kBlock], odd[kBlock];
  if (harmonics == 1) {
    const double b1 = b[0], a1 = a[0];
    for (std::size_t i = 0; i < count; ++i) {
      double s, c;
      sine_cosine_kernel(next[i] - here[i], s, c);
      ahead[i] = a1 * c + b1 * s;
      behind[i] = a1 * c - b1 * s;
    }
    return;
  }
  double s[kBlock], c[kBlock];
  for (std::size_t i = 0; i < count; ++i) {
    sine_cosine_kernel(next[i] - here[i], s1[i], c1[i]);
    s[i] = s1[i];
    c[i] = c1[i];
    even[i] = a[0] * c1[i];
    odd[i] = b[0] * s1[i];
  }
  for (std::size_t m = 1; m < harmonics; ++m) {  // angle addition; c is cos(m x) - 1, so that small x loses nothing
    const double bm = b[m], am = a[m];
    for (std::size_t i = 0; i < count; ++i) {
      const double s_next = s[i] + s1[i] + s[i] * c1[i] + c[i] * s1[i];
      const double c_next = c[i] + c1[i] + c[i] * c1[i] - s[i] * s1[i];
      s[i] = s_next;
      c[i] = c_next;
      even[i] += am * c_next;
      odd[i] += bm * s_next;
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    ahead[i] = even[i] + odd[i];
    behind[i] = even[i] - odd[i];
  }
}

MESO_INLINE void oscillator_force(const double* h, std::size_t n, const double* b, const double* a, std::size_t harmonics, double* force) {
  double behind[kBlock];
  double last_ahead, last_behind;
  bonds_kernel(h + n - 1, h, 1, b, a, harmonics, &last_ahead, &last_behind);  // the bond that closes the ring
  double carry = last_behind;                                                 // what the first site of a block feels from behind
  for (std::size_t first = 0; first + 1 < n; first += kBlock) {
    const std::size_t count = std::min(kBlock, n - 1 - first);
    bonds_kernel(h + first, h + first + 1, count, b, a, harmonics, force + first, behind);
    force[first] += carry;
    for (std::size_t i = 1; i < count; ++i) force[first + i] += behind[i - 1];
    carry = behind[count - 1];
  }
  force[n - 1] = last_ahead + carry;
}

MESO_WIDE void oscillator_force_wide(const double* h, std::size_t n, const double* b, const double* a, std::size_t harmonics, double* force) {
  oscillator_force(h, n, b, a, harmonics, force);
}
void oscillator_force_plain(const double* h, std::size_t n, const double* b, const double* a, std::size_t harmonics, double* force) {
  oscillator_force(h, n, b, a, harmonics, force);
}

MESO_INLINE void kpz_force(const double* h, std::size_t n, double nu, double g, double* force) {
  const auto site = [&](double before, double at, double after) {
    const double a = after - at, b = at - before;
    return nu * (a - b) + g * (a * a + a * b + b * b);
  };
  force[0] = site(h[n - 1], h[0], h[1]);
  for (std::size_t i = 1; i + 1 < n; ++i) force[i] = site(h[i - 1], h[i], h[i + 1]);
  force[n - 1] = site(h[n - 2], h[n - 1], h[0]);
}
MESO_WIDE void kpz_force_wide(const double* h, std::size_t n, double nu, double g, double* force) { kpz_force(h, n, nu, g, force); }
void kpz_force_plain(const double* h, std::size_t n, double nu, double g, double* force) { kpz_force(h, n, nu, g, force); }

// cos(h_{i+1} - h_i) - 1 of `count` bonds.
MESO_INLINE void bond_cosines(const double* here, const double* next, std::size_t count, double* out) {
  for (std::size_t i = 0; i < count; ++i) {
    double s;
    sine_cosine_kernel(next[i] - here[i], s, out[i]);
  }
}
MESO_WIDE void bond_cosines_wide(const double* here, const double* next, std::size_t count, double* out) { bond_cosines(here, next, count, out); }
void bond_cosines_plain(const double* here, const double* next, std::size_t count, double* out) { bond_cosines(here, next, count, out); }

}  // namespace

SineCosine sine_cosine(double x) {
  SineCosine result;
  sine_cosine_kernel(x, result.sine, result.cosine_minus_one);
  return result;
}

FourierCoupling FourierCoupling::sakaguchi(double K, double delta) { return {{K * std::cos(delta)}, {K * std::sin(delta)}}; }

double FourierCoupling::operator()(double x) const {
  double sum = 0;
  for (std::size_t m = 1; m <= sine.size(); ++m) sum += sine[m - 1] * std::sin(static_cast<double>(m) * x);
  for (std::size_t m = 1; m <= cosine.size(); ++m) sum += cosine[m - 1] * (std::cos(static_cast<double>(m) * x) - 1.0);
  return sum;
}

double FourierCoupling::slope() const { return gaussian_slope(0); }

double FourierCoupling::curvature() const {
  double sum = 0;
  for (std::size_t m = 1; m <= cosine.size(); ++m) sum -= cosine[m - 1] * static_cast<double>(m * m);
  return sum;
}

double FourierCoupling::steepest() const {
  double sum = 0;
  for (std::size_t m = 1; m <= harmonics(); ++m)
    sum += static_cast<double>(m) * std::hypot(m <= sine.size() ? sine[m - 1] : 0.0, m <= cosine.size() ? cosine[m - 1] : 0.0);
  return sum;
}

double FourierCoupling::gaussian_slope(double variance) const {  // <cos(m x)> = exp(-m^2 variance / 2)
  double sum = 0;
  for (std::size_t m = 1; m <= sine.size(); ++m) sum += sine[m - 1] * static_cast<double>(m) * std::exp(-0.5 * static_cast<double>(m * m) * variance);
  return sum;
}

double FourierCoupling::gaussian_mean(double variance) const {
  double sum = 0;
  for (std::size_t m = 1; m <= cosine.size(); ++m) sum += cosine[m - 1] * std::expm1(-0.5 * static_cast<double>(m * m) * variance);
  return sum;
}

OscillatorForce::OscillatorForce(FourierCoupling coupling) : coupling_(std::move(coupling)) {
  const std::size_t harmonics = std::max<std::size_t>(1, coupling_.harmonics());
  coupling_.sine.resize(harmonics);
  coupling_.cosine.resize(harmonics);
}

void OscillatorForce::operator()(std::span<const double> h, std::span<double> force) const {
  detail::oscillator_force(detail::widest_registers(), coupling_, h, force);
}

void KpzForce::operator()(std::span<const double> h, std::span<double> force) const {
  detail::kpz_force(detail::widest_registers(), nu_, lambda_, h, force);
}

namespace detail {

Registers widest_registers() { return num::wide_registers() ? Registers::wide : Registers::narrow; }

void oscillator_force(Registers registers, const FourierCoupling& coupling, std::span<const double> h, std::span<double> force) {
  (registers == Registers::wide ? oscillator_force_wide : oscillator_force_plain)(h.data(), h.size(), coupling.sine.data(), coupling.cosine.data(), coupling.sine.size(),
                                                                                  force.data());
}

void kpz_force(Registers registers, double nu, double lambda, std::span<const double> h, std::span<double> force) {
  (registers == Registers::wide ? kpz_force_wide : kpz_force_plain)(h.data(), h.size(), nu, lambda / 6.0, force.data());
}

double mean_bond_cosine(Registers registers, std::span<const double> h) {
  const std::size_t n = h.size();
  double values[kBlock], sum = 0;
  const auto kernel = registers == Registers::wide ? bond_cosines_wide : bond_cosines_plain;
  for (std::size_t first = 0; first + 1 < n; first += kBlock) {
    const std::size_t count = std::min(kBlock, n - 1 - first);
    kernel(h.data() + first, h.data() + first + 1, count, values);
    for (std::size_t i = 0; i < count; ++i) sum += values[i];
  }
  sum += sine_cosine(h[0] - h[n - 1]).cosine_minus_one;
  return 1.0 + sum / static_cast<double>(n);
}

void add_scaled(std::span<double> y, std::span<const double> x, double a) {
  double* __restrict to = y.data();
  const double* __restrict from = x.data();
  const std::size_t n = y.size();
  for (std::size_t i = 0; i < n; ++i) to[i] += a * from[i];
}

void set_sum(std::span<double> y, std::span<const double> x, std::span<const double> z, double a) {
  double* __restrict to = y.data();
  const double* __restrict one = x.data();
  const double* __restrict two = z.data();
  const std::size_t n = y.size();
  for (std::size_t i = 0; i < n; ++i) to[i] = one[i] + a * two[i];
}

void fill_normal(std::span<double> out, double amplitude, FastStream& noise) {
  FastStream local = noise;  // the state stays in registers
  for (double& x : out) x = amplitude * local.normal();
  noise = local;
}

}  // namespace detail

double mean_bond_cosine(std::span<const double> h) { return detail::mean_bond_cosine(detail::widest_registers(), h); }

double mean_height(std::span<const double> h) {
  double sum = 0;
  for (const double x : h) sum += x;
  return sum / static_cast<double>(h.size());
}

RingMoments measure(std::span<const double> h) {
  const std::size_t n = h.size();
  const double size = static_cast<double>(n);
  RingMoments m;
  m.mean = mean_height(h);
  double sum_sine = 0, sum_cosine = 0;
  std::size_t slipped = 0;
  m.m2 = m.m3 = m.m4 = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double x = h[i] - m.mean, square = x * x;
    m.m2 += square;
    m.m3 += square * x;
    m.m4 += square * square;
    if (std::abs(h[i + 1 < n ? i + 1 : 0] - h[i]) > std::numbers::pi) ++slipped;
    const SineCosine at = sine_cosine(x);  // a common rotation changes no |mean of exp(i h)|
    sum_sine += at.sine;
    sum_cosine += 1.0 + at.cosine_minus_one;
  }
  m.m2 /= size;
  m.m3 /= size;
  m.m4 /= size;
  m.slips = static_cast<double>(slipped) / size;
  m.order = std::hypot(sum_sine, sum_cosine) / size;
  m.cosine = mean_bond_cosine(h);
  return m;
}

}  // namespace meso::lattice

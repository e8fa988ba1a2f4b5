// Keyed random streams. A stream is named by (seed, trajectory, purpose, lane), never by a thread, so results do not
// depend on who computes them.
//
// Key (64 bit) = mix(seed, hash(purpose)); counter (128 bit) = 48 bit block | 48 bit trajectory | 32 bit lane.
// `uniform()` is on the open interval (0,1). All samplers are our own: those of the standard library differ between
// libraries, and with them the results.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/hash.h"
#include "rng/philox.h"

namespace meso {

namespace detail {
// Marsaglia-Tsang ziggurat for the normal law (256 layers), tables built once from the layer area.
struct Ziggurat {
  std::array<double, 257> x;  // x[0] is the width of the base strip, x[256] = 0
  std::array<double, 257> y;  // density at x (unnormalised exp(-x^2/2))
  Ziggurat();
};
const Ziggurat& ziggurat();
double unit_open(std::uint64_t bits);
}  // namespace detail

/// (0,1) open, 52 bits: never 0, never 1.
inline double detail::unit_open(std::uint64_t bits) { return (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52; }

/// Samplers shared by Stream and FastStream; Derived gives `std::uint64_t bits()`.
template <class Derived>
class Samplers {
 public:
  /// Uniform on the open interval (0,1).
  double uniform() { return detail::unit_open(self().bits()); }
  /// Uniform integer in [0, n), without bias (Lemire 2019). n > 0.
  std::uint64_t below(std::uint64_t n) {
    auto product = static_cast<unsigned __int128>(self().bits()) * n;
    auto low = static_cast<std::uint64_t>(product);
    if (low < n) {
      const std::uint64_t threshold = (0 - n) % n;
      while (low < threshold) {
        product = static_cast<unsigned __int128>(self().bits()) * n;
        low = static_cast<std::uint64_t>(product);
      }
    }
    return static_cast<std::uint64_t>(product >> 64);
  }
  /// True with probability p.
  bool bernoulli(double p) { return uniform() < p; }
  /// Exponential with mean 1.
  double exponential() { return -std::log(uniform()); }
  /// Standard normal: ziggurat with 256 layers (Marsaglia and Tsang 2000, doi:10.18637/jss.v005.i08), 53-bit abscissa.
  double normal();
  /// Gamma with shape > 0 and scale 1 (Marsaglia and Tsang 2000, doi:10.1145/358407.358414).
  double gamma(double shape);
  /// Poisson with mean >= 0: inversion below 10, PTRS above (Hoermann 1993, doi:10.1016/0167-6687(93)90997-4).
  std::int64_t poisson(double mean);
  /// Binomial(n, p): inversion by sequential search for small n p, else by halving with beta order statistics.
  std::int64_t binomial(std::int64_t n, double p);

 private:
  Derived& self() { return static_cast<Derived&>(*this); }
};

/// Fast generator for hot kernels: xoshiro256++ (Blackman and Vigna 2021), seeded by one Philox block per (trajectory, purpose).
class FastStream : public Samplers<FastStream> {
 public:
  explicit FastStream(std::array<std::uint64_t, 4> state) : s_(state) {}
  std::uint64_t bits() {
    const std::uint64_t result = std::rotl(s_[0] + s_[3], 23) + s_[0];
    const std::uint64_t t = s_[1] << 17;
    s_[2] ^= s_[0];
    s_[3] ^= s_[1];
    s_[1] ^= s_[2];
    s_[0] ^= s_[3];
    s_[2] ^= t;
    s_[3] = std::rotl(s_[3], 45);
    return result;
  }
  [[nodiscard]] const std::array<std::uint64_t, 4>& state() const { return s_; }

 private:
  std::array<std::uint64_t, 4> s_;
};

/// A counter-based stream: the same (seed, trajectory, purpose, lane) gives the same numbers, on any thread, in any order.
class Stream : public Samplers<Stream> {
 public:
  /// @param seed        the study's seed, all 64 bits used
  /// @param trajectory  index of the realisation, below 2^48
  /// @param purpose     "<system>/<level>[/<use>]"; hashed, so that no central list of ids exists
  Stream(std::uint64_t seed, std::uint64_t trajectory, std::string_view purpose, std::uint32_t lane = 0)
      : key_(mix64(seed + 0x9e3779b97f4a7c15ULL * (fnv1a(purpose) | 1)) ^ mix64(fnv1a(purpose))), trajectory_(trajectory), lane_(lane) {}

  /// An independent stream for a site, particle or replica of the same trajectory.
  [[nodiscard]] Stream lane(std::uint32_t index) const { return Stream(key_, trajectory_, index, Raw{}); }

  /// The fast generator seeded from this stream's next blocks.
  [[nodiscard]] FastStream fast() { return FastStream({bits(), bits(), bits(), bits() | 1}); }

  std::uint64_t bits() {
    if (have_ == 0) refill();
    --have_;
    return have_ == 1 ? first_ : second_;
  }

  /// State as five integers: key, trajectory, lane, block, words left (ARCHITECTURE: a Stream saves as five integers).
  [[nodiscard]] std::array<std::uint64_t, 5> save() const { return {key_, trajectory_, lane_, block_, have_}; }
  [[nodiscard]] static Stream load(const std::array<std::uint64_t, 5>& state);

 private:
  struct Raw {};
  Stream(std::uint64_t key, std::uint64_t trajectory, std::uint32_t lane, Raw) : key_(key), trajectory_(trajectory), lane_(lane) {}
  void refill() {
    const auto out = philox4x32({static_cast<std::uint32_t>(block_), static_cast<std::uint32_t>(block_ >> 32 & 0xffff) | static_cast<std::uint32_t>(trajectory_ << 16),
                                 static_cast<std::uint32_t>(trajectory_ >> 16), lane_},
                                {static_cast<std::uint32_t>(key_), static_cast<std::uint32_t>(key_ >> 32)});
    first_ = std::uint64_t{out[1]} << 32 | out[0];
    second_ = std::uint64_t{out[3]} << 32 | out[2];
    ++block_;
    have_ = 2;
  }

  std::uint64_t key_, trajectory_;
  std::uint32_t lane_ = 0;
  std::uint64_t block_ = 0, have_ = 0, first_ = 0, second_ = 0;
};

template <class Derived>
double Samplers<Derived>::normal() {
  const detail::Ziggurat& z = detail::ziggurat();
  while (true) {
    const std::uint64_t b = self().bits();
    const auto layer = static_cast<std::size_t>(b & 255);
    const double u = 2.0 * detail::unit_open(b & ~std::uint64_t{0xfff}) - 1.0;  // the low bits chose the layer
    const double x = u * z.x[layer];
    if (std::abs(x) < z.x[layer + 1]) return x;
    if (layer == 0) {  // tail beyond r = x[1] (Marsaglia 1964)
      const double r = z.x[1];
      double tail_x, tail_y;
      do {
        tail_x = -std::log(uniform()) / r;
        tail_y = -std::log(uniform());
      } while (2.0 * tail_y < tail_x * tail_x);
      return u < 0 ? -(r + tail_x) : r + tail_x;
    }
    if (z.y[layer] + uniform() * (z.y[layer + 1] - z.y[layer]) < std::exp(-0.5 * x * x)) return x;
  }
}

template <class Derived>
double Samplers<Derived>::gamma(double shape) {
  if (shape < 1.0) {  // boost: Gamma(a) = Gamma(a + 1) U^(1/a)
    const double u = uniform();
    return gamma(shape + 1.0) * std::pow(u, 1.0 / shape);
  }
  const double d = shape - 1.0 / 3.0, c = 1.0 / std::sqrt(9.0 * d);
  while (true) {
    const double x = normal();
    const double v1 = 1.0 + c * x;
    if (v1 <= 0) continue;
    const double v = v1 * v1 * v1;
    const double u = uniform();
    if (std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

template <class Derived>
std::int64_t Samplers<Derived>::poisson(double mean) {
  if (!(mean > 0)) return 0;
  if (mean < 10) {
    double p = std::exp(-mean), cumulative = p;
    const double u = uniform();
    std::int64_t k = 0;
    while (u > cumulative && k < 1000) {
      ++k;
      p *= mean / static_cast<double>(k);
      cumulative += p;
    }
    return k;
  }
  const double b = 0.931 + 2.53 * std::sqrt(mean), a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2.0);
  while (true) {
    const double u = uniform() - 0.5, v = uniform();
    const double us = 0.5 - std::abs(u);
    const double k = std::floor((2.0 * a / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= v_r) return static_cast<std::int64_t>(k);
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (std::log(v * inverse_alpha / (a / (us * us) + b)) <= -mean + k * std::log(mean) - std::lgamma(k + 1.0)) return static_cast<std::int64_t>(k);
  }
}

template <class Derived>
std::int64_t Samplers<Derived>::binomial(std::int64_t n, double p) {
  if (n <= 0 || !(p > 0)) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - binomial(n, 1.0 - p);
  std::int64_t successes = 0;
  while (static_cast<double>(n) * p > 30) {  // split at the median order statistic: Beta(i, n + 1 - i)
    const std::int64_t i = (n + 1) / 2;
    const double g1 = gamma(static_cast<double>(i)), g2 = gamma(static_cast<double>(n + 1 - i));
    const double beta = g1 / (g1 + g2);
    if (beta <= p) {
      successes += i;
      n -= i;
      p = (p - beta) / (1.0 - beta);
    } else {
      n = i - 1;
      p /= beta;
    }
    if (n <= 0 || p <= 0) return successes;
  }
  if (p > 0.5) return successes + n - binomial(n, 1.0 - p);
  double probability = std::exp(static_cast<double>(n) * std::log1p(-p)), cumulative = probability;
  const double odds = p / (1.0 - p), u = uniform();
  std::int64_t k = 0;
  while (u > cumulative && k < n) {
    probability *= odds * static_cast<double>(n - k) / static_cast<double>(k + 1);
    cumulative += probability;
    ++k;
  }
  return successes + k;
}

}  // namespace meso

#include "kits/lattice/ising_theory.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "base/error.h"

namespace meso::lattice {
namespace {

constexpr double pi = std::numbers::pi;

// A number with its first and second derivative by beta = 1/T.
struct Dual {
  double v = 0, d = 0, dd = 0;
  friend Dual operator+(Dual a, Dual b) { return {a.v + b.v, a.d + b.d, a.dd + b.dd}; }
  friend Dual operator-(Dual a, Dual b) { return {a.v - b.v, a.d - b.d, a.dd - b.dd}; }
  friend Dual operator*(Dual a, Dual b) { return {a.v * b.v, a.d * b.v + a.v * b.d, a.dd * b.v + 2 * a.d * b.d + a.v * b.dd}; }
  friend Dual operator*(double a, Dual b) { return {a * b.v, a * b.d, a * b.dd}; }
  Dual& operator+=(Dual b) { return *this = *this + b; }
};
Dual apply(Dual x, double f, double f1, double f2) { return {f, f1 * x.d, f2 * x.d * x.d + f1 * x.dd}; }
Dual dual_exp(Dual x) { const double e = std::exp(x.v); return apply(x, e, e, e); }
Dual dual_log(Dual x) { return apply(x, std::log(x.v), 1 / x.v, -1 / (x.v * x.v)); }
Dual dual_cosh(Dual x) { return apply(x, std::cosh(x.v), std::sinh(x.v), std::cosh(x.v)); }
Dual dual_sinh(Dual x) { return apply(x, std::sinh(x.v), std::cosh(x.v), std::sinh(x.v)); }
Dual dual_sqrt(Dual x) {
  const double r = std::sqrt(x.v);
  return apply(x, r, 0.5 / r, -0.25 / (r * x.v));
}
Dual dual_acosh(Dual x) {
  const double r = std::sqrt(x.v * x.v - 1);
  return apply(x, std::acosh(x.v), 1 / r, -x.v / (r * r * r));
}
Dual constant(double c) { return {c, 0, 0}; }

// exp(beta (e - e_best)) as a dual number: a Boltzmann factor that never exceeds 1.
Dual boltzmann(double minus_energy, double beta) {
  const double w = std::exp(beta * minus_energy);
  return {w, minus_energy * w, minus_energy * minus_energy * w};
}

// From the weights of k up spins; the partition function is their sum times exp(log_scale).
IsingLaw law_of(const std::vector<Dual>& weight, Dual log_scale, double T) {
  const std::size_t n = weight.size() - 1;
  const double beta = 1 / T, N = static_cast<double>(n);
  Dual total;
  double m1 = 0, m2 = 0, m4 = 0;
  IsingLaw law;
  for (std::size_t k = 0; k <= n; ++k) {
    const double m = 2.0 * static_cast<double>(k) / N - 1.0, w = weight[k].v;
    total += weight[k];
    m1 += std::abs(m) * w, m2 += m * m * w, m4 += m * m * m * m * w;
    law.magnetisation.push_back(w);
  }
  for (double& p : law.magnetisation) p /= total.v;
  m1 /= total.v, m2 /= total.v, m4 /= total.v;
  const Dual log_z = dual_log(total) + log_scale;
  law.state.energy = -log_z.d / N;
  law.state.specific_heat = beta * beta * log_z.dd / N;
  law.state.abs_magnetisation = m1;
  law.state.susceptibility = N * (m2 - m1 * m1) * beta;
  law.state.binder = 1 - m4 / (3 * m2 * m2);
  return law;
}

// Every site is divided by the largest eigenvalue of the transfer matrix, so that nothing overflows and the derivatives are
// fluctuations, not sums of order N.
std::vector<Dual> ring_by_magnetisation(std::size_t L, double beta, double h, Dual& log_scale) {
  const Dual K{beta, 1, 0}, b{h * beta, h, 0}, field = dual_sinh(b);
  const Dual lambda = dual_exp(K) * dual_cosh(b) + dual_sqrt(dual_exp(2.0 * K) * field * field + dual_exp(-2.0 * K));
  const Dual scale = dual_exp(-1.0 * dual_log(lambda));
  log_scale = static_cast<double>(L) * dual_log(lambda);
  const auto step = [&](int from, int to) { return dual_exp((from == to ? 1.0 : -1.0) * K + (to == 1 ? 1.0 : -1.0) * b) * scale; };
  const Dual dd = step(0, 0), du = step(0, 1), ud = step(1, 0), uu = step(1, 1);
  std::vector<Dual> result(L + 1);
  for (const int first : {0, 1}) {  // the first spin's own field is paid by the step that closes the ring
    std::vector<Dual> down(L + 1), up(L + 1);
    (first == 1 ? up : down)[static_cast<std::size_t>(first)] = Dual{1, 0, 0};
    for (std::size_t i = 1; i < L; ++i)
      for (std::size_t k = i + 2; k-- > 0;) {
        const Dual was_down = down[k], was_up = up[k];
        const Dual below_down = k > 0 ? down[k - 1] : Dual{}, below_up = k > 0 ? up[k - 1] : Dual{};
        down[k] = was_down * dd + was_up * ud;
        up[k] = below_down * du + below_up * uu;
      }
    for (std::size_t k = 0; k <= L; ++k) result[k] += down[k] * (first == 0 ? dd : du) + up[k] * (first == 0 ? ud : uu);
  }
  return result;
}

// All rows that are turns or reversals of `row`: their smallest is counted once, with their number as weight.
std::size_t orbit(unsigned row, std::size_t L, unsigned& smallest) {
  std::vector<unsigned> seen;
  const unsigned mask = (1u << L) - 1;
  unsigned reversed = 0;
  for (std::size_t i = 0; i < L; ++i) reversed |= (row >> i & 1) << (L - 1 - i);
  for (unsigned start : {row, reversed})
    for (std::size_t s = 0; s < L; ++s) seen.push_back((start << s | start >> (L - s)) & mask);
  std::sort(seen.begin(), seen.end());
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  smallest = seen.front();
  return seen.size();
}

std::vector<Dual> torus_by_magnetisation(std::size_t L, double beta) {
  const std::size_t n = L * L, rows = std::size_t{1} << L;
  const Dual unlike = boltzmann(-2, beta);
  Dual weight[4] = {constant(1), unlike, unlike * unlike, unlike * unlike * unlike};  // by number of broken bonds
  std::vector<Dual> result(n + 1), now(rows * (n + 1)), next(rows * (n + 1));
  const auto power = [&](int broken) { return boltzmann(-2.0 * broken, beta); };
  for (unsigned first = 0; first < rows; ++first) {
    unsigned smallest = 0;
    const std::size_t times = orbit(first, L, smallest);
    if (smallest != first) continue;
    std::fill(now.begin(), now.end(), Dual{});
    const unsigned turned = (first << 1 | first >> (L - 1)) & static_cast<unsigned>(rows - 1);
    const auto ups = static_cast<std::size_t>(__builtin_popcount(first));
    now[first * (n + 1) + ups] = power(__builtin_popcount(first ^ turned));
    for (std::size_t site = L; site < n; ++site) {  // one site at a time: it replaces the one below it
      const std::size_t x = site % L;
      std::fill(next.begin(), next.end(), Dual{});
      for (unsigned row = 0; row < rows; ++row)
        for (unsigned s = 0; s < 2; ++s) {
          int broken = (row >> x & 1) != s ? 1 : 0;
          if (x > 0) broken += (row >> (x - 1) & 1) != s ? 1 : 0;
          if (x + 1 == L) broken += (row & 1) != s ? 1 : 0;
          const unsigned to = (row & ~(1u << x)) | s << x;
          const Dual w = weight[broken];
          const Dual* from = &now[row * (n + 1)];
          Dual* into = &next[to * (n + 1) + s];
          for (std::size_t k = 0; k <= site; ++k) into[k] += from[k] * w;
        }
      now.swap(next);
    }
    for (unsigned row = 0; row < rows; ++row) {
      const Dual w = static_cast<double>(times) * power(__builtin_popcount(row ^ first));
      for (std::size_t k = 0; k <= n; ++k) result[k] += now[row * (n + 1) + k] * w;
    }
  }
  return result;
}

// What an infinite lattice gives from its order m >= 0 without field, or its magnetisation in a field, and dm/dh.
void give_order(IsingState& s, double m, double response, double h) {
  const bool ordered = m != 0;
  s.abs_magnetisation = std::abs(m);
  s.susceptibility = ordered || h != 0 ? response : (1 - 2 / pi) * response;
  s.binder = ordered ? 2.0 / 3 : 0.0;
}

}  // namespace

IsingLaw ising_exact(int d, std::size_t L, double T, double h) {
  const double beta = 1 / T;
  if (d == 1 && L >= 3 && L <= 4096) {
    Dual log_scale;
    const std::vector<Dual> weight = ring_by_magnetisation(L, beta, h, log_scale);
    return law_of(weight, log_scale, T);
  }
  if (d == 2 && L >= 3 && L <= 8) {  // weights relative to a ground state of energy -2 N - |h| N
    std::vector<Dual> weight = torus_by_magnetisation(L, beta);
    const double N = static_cast<double>(L * L), ground = 2 * N + std::abs(h) * N;
    for (std::size_t k = 0; k < weight.size(); ++k) weight[k] = weight[k] * boltzmann(h * (2.0 * static_cast<double>(k) - N) - std::abs(h) * N, beta);
    return law_of(weight, {ground * beta, ground, 0}, T);
  }
  throw ParameterError("the exact law of the magnetisation is computed for rings of 3 to 4096 spins and for L x L tori with 3 <= L <= 8, not for d = " + std::to_string(d) +
                       ", L = " + std::to_string(L));
}

IsingState ising_torus(std::size_t L, double T) {
  const double n = static_cast<double>(L), beta = 1 / T;
  const Dual K{beta, 1, 0};
  const Dual two_k = 2.0 * K, s = dual_sinh(two_k), c = dual_cosh(two_k);
  const Dual log_s = dual_log(s);
  const Dual a = c * c * dual_exp(-1.0 * log_s);                                   // cosh 2K coth 2K
  const Dual gamma0 = two_k + dual_log(dual_sinh(K)) - dual_log(dual_cosh(K));     // changes sign where the lattice orders
  // log of 2 cosh(n g / 2) and of |2 sinh(n g / 2)| without overflow, of |g|: cosh is even, the sign of sinh is kept apart.
  const auto log_cosh = [&](Dual g) { const Dual x = (0.5 * n * (g.v < 0 ? -1.0 : 1.0)) * g; return x + dual_log(constant(1) + dual_exp(-2.0 * x)); };
  const auto log_sinh = [&](Dual g) { const Dual x = (0.5 * n * (g.v < 0 ? -1.0 : 1.0)) * g; return x + dual_log(constant(1) - dual_exp(-2.0 * x)); };
  Dual logs[4];
  for (std::size_t r = 0; r < L; ++r) {
    const auto gamma = [&](std::size_t k) { return k == 0 ? gamma0 : dual_acosh(a - constant(std::cos(pi * static_cast<double>(k) / n))); };
    const Dual odd = gamma(2 * r + 1), even = gamma(2 * r);
    logs[0] += log_cosh(odd);
    logs[1] += log_sinh(odd);
    logs[2] += log_cosh(even);
    if (!(r == 0 && std::abs(gamma0.v) * n < 1e-8)) logs[3] += log_sinh(even);
  }
  // The last product vanishes where gamma_0 does; there it is written as gamma_0 times the rest.
  const bool at_zero = std::abs(gamma0.v) * n < 1e-8;
  const double top = std::max({logs[0].v, logs[1].v, logs[2].v, logs[3].v});
  Dual sum;
  for (int i = 0; i < 3; ++i) sum += dual_exp(logs[i] - constant(top));
  Dual last = dual_exp(logs[3] - constant(top));
  if (at_zero) last = last * (n * gamma0);
  sum = gamma0.v > 0 || at_zero ? sum + last : sum - last;
  const Dual log_z = (0.5 * n * n) * log_s + dual_log(sum);
  IsingState state;
  state.energy = -log_z.d / (n * n);
  state.specific_heat = beta * beta * log_z.dd / (n * n);
  return state;
}

IsingState ising_infinite(int d, double T, double h) {
  const double K = 1 / T;
  IsingState s;
  if (d == 1) return ising_bethe(2, T, h);
  if (d != 2 || h != 0) return s;
  const double t = std::tanh(2 * K), k = 2 * std::sinh(2 * K) / std::pow(std::cosh(2 * K), 2), q = 2 * t * t - 1;
  const double first = k < 1 ? std::comp_ellint_1(k) : std::numeric_limits<double>::infinity();
  const double weighted = std::abs(q) < 1e-15 ? 0.0 : q * first;  // q K1 -> 0 at the critical point
  s.energy = -(1 / t) * (1 + 2 / pi * weighted);
  s.specific_heat = 4 / pi * std::pow(K / t, 2) * (first - std::comp_ellint_2(std::min(k, 1.0)) - (1 - t * t) * (pi / 2 + weighted));
  const double m = std::sinh(2 * K) > 1 ? std::pow(1 - std::pow(std::sinh(2 * K), -4), 0.125) : 0.0;
  s.abs_magnetisation = m;
  s.binder = m > 0 ? 2.0 / 3 : 0.0;
  return s;
}

double bethe_temperature(int z) { return z > 2 ? 2 / std::log(static_cast<double>(z) / (z - 2)) : 0.0; }

IsingState ising_bethe(int z, double T, double h) {
  // Cavity field: c(u) = atanh(tanh(K) tanh(h/T + (z - 1) u)); the state of largest |u| on the side of the field.
  const double K = 1 / T, t = std::tanh(K), b = h / T;
  const auto cavity = [&](double u, double field) { return std::atanh(t * std::tanh(field + (z - 1) * u)); };
  double u = h < 0 ? -K : K;
  if (h == 0 && (z - 1) * t <= 1) u = 0;
  for (int i = 0; i < 200000 && u != 0; ++i) {
    const double next = cavity(u, b), slope = t * (z - 1) * (1 - std::pow(std::tanh(b + (z - 1) * u), 2)) / (1 - std::pow(t * std::tanh(b + (z - 1) * u), 2));
    double better = u - (next - u) / (slope - 1);  // Newton from outside: monotone
    if (!std::isfinite(better) || (u > 0) != (better > 0)) better = next;
    if (std::abs(better - u) <= 1e-16 * std::abs(u)) break;
    u = better;
  }
  // Derivatives of u by b and by K follow from u = cavity(u).
  const double inner = std::tanh(b + (z - 1) * u), g = 1 - inner * inner, w = 1 - t * t * inner * inner, sech2 = 1 - t * t;
  const double cu = t * (z - 1) * g / w, cb = t * g / w, ck = inner * sech2 / w;
  const double ub = cb / (1 - cu), uk = ck / (1 - cu);
  const double m = std::tanh(b + z * u);
  const double pair = (t + inner * inner) / (1 + t * inner * inner);  // <s_i s_j>
  const double pair_t = (1 - std::pow(inner, 4)) / std::pow(1 + t * inner * inner, 2), pair_inner = 2 * inner * (1 - t * t) / std::pow(1 + t * inner * inner, 2);
  // In d/dK at fixed h, b = h K.
  const double inner_k = g * (h + (z - 1) * (uk + h * ub)), m_k = (1 - m * m) * (h + z * (uk + h * ub));
  IsingState s;
  s.energy = -0.5 * z * pair - h * m;
  s.specific_heat = K * K * (0.5 * z * (pair_t * sech2 + pair_inner * inner_k) + h * m_k);
  give_order(s, u == 0 && h == 0 ? 0.0 : m, K * (1 - m * m) * (1 + z * ub), h);
  return s;
}

IsingState ising_mean_field(int z, double T, double h) {
  const double K = 1 / T;
  double m = h < 0 ? -1 : 1;
  if (h == 0 && z * K <= 1) m = 0;
  for (int i = 0; i < 200000 && m != 0; ++i) {
    const double next = std::tanh(K * (z * m + h)), slope = K * z * (1 - next * next);
    double better = m - (next - m) / (slope - 1);
    if (!std::isfinite(better) || (better > 0) != (m > 0)) better = next;
    if (std::abs(better - m) <= 1e-16 * std::abs(m)) break;
    m = better;
  }
  const double g = 1 - m * m, response = K * g / (1 - K * z * g);
  IsingState s;
  s.energy = -0.5 * z * m * m - h * m;
  s.specific_heat = K * K * std::pow(z * m + h, 2) * g / (1 - K * z * g);  // -(dE/dK) K^2, dm/dK = (z m + h) g / (1 - K z g)
  give_order(s, m, response, h);
  return s;
}

}  // namespace meso::lattice

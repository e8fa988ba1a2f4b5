#include "kits/sde/scheme.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"

namespace meso::sde {

const char* to_text(Scheme scheme) {
  switch (scheme) {
    case Scheme::euler_maruyama: return "euler-maruyama";
    case Scheme::milstein: return "milstein";
    case Scheme::heun: return "heun";
    case Scheme::platen: return "platen";
  }
  return "";
}

std::vector<std::string> scheme_names() { return {"euler-maruyama", "milstein", "heun", "platen"}; }

Scheme scheme_from_text(const std::string& text) {
  for (const Scheme s : {Scheme::euler_maruyama, Scheme::milstein, Scheme::heun, Scheme::platen})
    if (text == to_text(s)) return s;
  throw ParameterError(fmt::format("unknown scheme '{}'.{} Known: {}", text, did_you_mean(text, scheme_names()), join(scheme_names())));
}

double weak_order(Scheme scheme, const NoiseStructure& noise) {
  if (scheme == Scheme::platen) return 2;
  return scheme == Scheme::heun && noise.additive ? 2 : 1;
}

Integrator::Integrator(const Process& process, Scheme scheme)
    : process_(process), scheme_(scheme), n_(process.size()), m_(process.ito.noises), separate_(process.noise.separate), additive_(process.noise.additive), bounded_(process.bounded()) {
  std::vector<std::string> slots = process.ito.variables;
  slots.emplace_back("t");
  const auto is_zero = [](const num::Formula& f) {
    double value = 1;
    return f.is_constant(&value) && value == 0;
  };
  if (scheme == Scheme::milstein && !process.noise.commutative)
    throw ModelError("the noise does not commute, so milstein would need Lévy areas: take euler-maruyama, heun or platen");
  const std::vector<num::Formula> drift = scheme == Scheme::heun ? to_stratonovich(process.ito).drift : process.ito.drift;
  for (const num::Formula& f : drift) drift_.emplace_back(f, slots);
  fixed_amplitude_.assign(n_ * m_, 0.0);
  for (std::size_t at = 0; at < n_ * m_; ++at) {
    const num::Formula& b = process.ito.amplitude[at];
    if (is_zero(b)) continue;
    if (additive_) static_cast<void>(b.is_constant(&fixed_amplitude_[at]));
    amplitude_.emplace_back(at, num::Program(b, slots));
  }
  if (scheme == Scheme::milstein && !additive_)
    for (std::size_t i = 0; i < n_; ++i)
      for (std::size_t k = 0; k < m_; ++k)
        for (std::size_t l = k; l < m_; ++l)
          if (const num::Formula f = noise_derivative(process.ito, k, i, l); !is_zero(f)) corrections_.push_back({i, k, l, num::Program(f, slots)});
}

Integrator::Scratch Integrator::scratch() const {
  Scratch s;
  s.a.resize(n_);
  s.a1.resize(n_);
  s.b = s.b1 = s.b2 = fixed_amplitude_;
  s.y.resize(n_ + 1);
  s.y1.resize(n_ + 1);
  return s;
}

void Integrator::step(double* z, double dt, const double* dw, std::uint64_t signs, Scratch& s) const {
  const double t = z[n_];
  drift(z, s.a.data());
  if (!additive_) amplitude(z, s.b.data());
  const auto noise = [&](const std::vector<double>& b, std::size_t i) {
    double sum = 0;
    for (std::size_t k = 0; k < m_; ++k) sum += b[i * m_ + k] * dw[k];
    return sum;
  };
  switch (scheme_) {
    case Scheme::euler_maruyama:
      for (std::size_t i = 0; i < n_; ++i) z[i] += s.a[i] * dt + noise(s.b, i);
      break;

    case Scheme::milstein: {
      for (const Correction& c : corrections_) {  // before z moves: the corrections belong to its start
        const double value = c.program.run(z);
        s.a[c.i] += c.k == c.l ? 0.5 * value * (dw[c.k] * dw[c.k] / dt - 1) : value * dw[c.k] * dw[c.l] / dt;
      }
      for (std::size_t i = 0; i < n_; ++i) z[i] += s.a[i] * dt + noise(s.b, i);
      break;
    }

    case Scheme::heun:
      for (std::size_t i = 0; i < n_; ++i) s.y[i] = z[i] + s.a[i] * dt + noise(s.b, i);
      s.y[n_] = t + dt;
      fold(s.y.data());
      drift(s.y.data(), s.a1.data());
      if (!additive_) amplitude(s.y.data(), s.b1.data());
      for (std::size_t i = 0; i < n_; ++i) z[i] += 0.5 * (s.a[i] + s.a1[i]) * dt + 0.5 * (noise(s.b, i) + noise(s.b1, i));
      break;

    case Scheme::platen: {  // Kloeden and Platen (15.1.3), time as one more variable with drift 1
      for (std::size_t i = 0; i < n_; ++i) s.y[i] = z[i] + s.a[i] * dt + noise(s.b, i);
      s.y[n_] = t + dt;
      fold(s.y.data());
      drift(s.y.data(), s.a1.data());
      for (std::size_t i = 0; i < n_; ++i) s.y1[i] = z[i] + 0.5 * (s.a[i] + s.a1[i]) * dt + noise(s.b, i);
      if (!additive_) {
        const double root = std::sqrt(dt);
        // Column j of b at two points on either side along noise r; `base` is z + a dt for r = j and z for r != j.
        const auto sides = [&](std::size_t r, bool own) {
          for (const double side : {1.0, -1.0}) {
            for (std::size_t i = 0; i < n_; ++i) s.y[i] = z[i] + (own ? s.a[i] * dt : 0.0) + side * s.b[i * m_ + r] * root;
            s.y[n_] = own ? t + dt : t;
            fold(s.y.data());
            amplitude(s.y.data(), side > 0 ? s.b1.data() : s.b2.data());
          }
        };
        for (std::size_t r = 0; r < m_; ++r) {
          sides(r, true);
          for (std::size_t i = 0; i < n_; ++i) {
            const double plus = s.b1[i * m_ + r], minus = s.b2[i * m_ + r];
            s.y1[i] += 0.25 * ((plus + minus - 2 * s.b[i * m_ + r]) * dw[r] + (plus - minus) * (dw[r] * dw[r] - dt) / root);
          }
          if (separate_) continue;
          sides(r, false);
          for (std::size_t j = 0; j < m_; ++j) {
            if (j == r) continue;
            const std::size_t low = std::min(j, r), high = std::max(j, r), pair = high * (high - 1) / 2 + low;
            const double v = ((signs >> (pair & 63) & 1) != 0 ? dt : -dt) * (r > j ? 1 : -1);  // V_rj = -V_jr = +-dt
            for (std::size_t i = 0; i < n_; ++i) {
              const double plus = s.b1[i * m_ + j], minus = s.b2[i * m_ + j];
              s.y1[i] += 0.25 * ((plus + minus - 2 * s.b[i * m_ + j]) * dw[j] + (plus - minus) * (dw[j] * dw[r] + v) / root);
            }
          }
        }
      }
      std::copy_n(s.y1.begin(), n_, z);
      break;
    }
  }
  z[n_] = t + dt;
  fold(z);
}

}  // namespace meso::sde

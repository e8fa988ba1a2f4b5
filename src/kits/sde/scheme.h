// One-step schemes for drift-diffusion processes, with their strong and weak orders.
//
//   scheme            calculus       strong order               weak order
//   euler-maruyama    Itô            1/2 (1: additive noise)    1
//   milstein          Itô            1 (commutative noise)      1
//   heun              Stratonovich   1 (commutative), else 1/2  1 (2: additive noise)
//   platen            Itô            1 (separate), else 1/2     2
//
// Sources: Kloeden and Platen (1992), sections 10.2, 10.3 and 15.1 (eq. 15.1.3 for platen); Rümelin (1982), doi:10.1137/0719041 (Heun).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kits/sde/description.h"

namespace meso::sde {

enum class Scheme { euler_maruyama, milstein, heun, platen };
[[nodiscard]] const char* to_text(Scheme scheme);
[[nodiscard]] std::vector<std::string> scheme_names();
/// @throws ParameterError with the nearest name
[[nodiscard]] Scheme scheme_from_text(const std::string& text);

/// Order in the step of the error of means that theory gives.
[[nodiscard]] double weak_order(Scheme scheme, const NoiseStructure& noise);

/// A scheme compiled for one process. States are z = (x_1 ... x_n, t). Thread-safe; scratch is passed in.
class Integrator {
 public:
  struct Scratch {
    std::vector<double> a, a1, b, b1, b2, y, y1;
  };
  /// @throws ModelError  milstein for noise that does not commute
  Integrator(const Process& process, Scheme scheme);

  [[nodiscard]] std::size_t size() const { return n_; }
  [[nodiscard]] std::size_t noises() const { return m_; }
  [[nodiscard]] Scheme scheme() const { return scheme_; }
  /// Random signs are needed besides the increments (platen with several noises that mix).
  [[nodiscard]] bool uses_signs() const { return scheme_ == Scheme::platen && !separate_; }
  [[nodiscard]] Scratch scratch() const;
  /// Advances z by dt. @param dw  m Wiener increments over dt
  /// @param signs  random bits for the two-point variables of platen: one bit for each pair of noises (modulo 64)
  void step(double* z, double dt, const double* dw, std::uint64_t signs, Scratch& s) const;

 private:
  void drift(const double* z, double* out) const {
    for (std::size_t i = 0; i < n_; ++i) out[i] = drift_[i].run(z);
  }
  void amplitude(const double* z, double* out) const {
    for (const auto& [at, program] : amplitude_) out[at] = program.run(z);
  }
  void fold(double* z) const {
    if (bounded_) process_.reflect(z);
  }

  Process process_;
  Scheme scheme_;
  std::size_t n_ = 0, m_ = 0;
  bool separate_ = false, additive_ = false, bounded_ = false;
  std::vector<num::Program> drift_;
  std::vector<std::pair<std::size_t, num::Program>> amplitude_;      // those that are not zero
  std::vector<double> fixed_amplitude_;                              // additive noise: evaluated once
  struct Correction {
    std::size_t i, k, l;  // k <= l
    num::Program program;
  };
  std::vector<Correction> corrections_;                              // milstein: L^k b_il where it is not zero
};

}  // namespace meso::sde

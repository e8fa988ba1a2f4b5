// Drift-diffusion processes: what a user writes, and the typed description that schemes and levels read.
//
// Convention: dx_i = a_i(x, t) dt + sum_k b_ik(x, t) dW_k with independent standard Wiener processes W_k, so that b is an
// *amplitude* (unit of x per square root of time) and the diffusion tensor of the Fokker-Planck equation is D = b b^T / 2.
// Whether the product b dW is Itô's or Stratonovich's is a type: `ItoSde` and `StratonovichSde` have different drifts for
// the same process, and only the conversions below turn one into the other.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "model/schema.h"
#include "num/formula.h"

namespace meso::sde {

enum class Interpretation { ito, stratonovich };

/// A process with the interpretation of its noise in the type. Formulas are in the variables and t.
template <Interpretation I>
struct Sde {
  std::vector<std::string> variables;    ///< n names
  std::size_t noises = 0;                ///< m Wiener processes
  std::vector<num::Formula> drift;       ///< n
  std::vector<num::Formula> amplitude;   ///< n x m, row-major: b_ik
  [[nodiscard]] std::size_t size() const { return variables.size(); }
  [[nodiscard]] const num::Formula& b(std::size_t i, std::size_t k) const { return amplitude[i * noises + k]; }
};
using ItoSde = Sde<Interpretation::ito>;
using StratonovichSde = Sde<Interpretation::stratonovich>;

/// The same process in the other calculus: a_i (Itô) = a_i (Stratonovich) + 1/2 sum_jk b_jk d b_ik / dx_j, by symbolic derivatives.
/// Source: Kloeden and Platen, Numerical Solution of Stochastic Differential Equations (1992), eq. (4.9.11).
[[nodiscard]] ItoSde to_ito(const StratonovichSde& sde);
[[nodiscard]] StratonovichSde to_stratonovich(const ItoSde& sde);
inline const ItoSde& to_ito(const ItoSde& sde) { return sde; }
inline const StratonovichSde& to_stratonovich(const StratonovichSde& sde) { return sde; }

/// L^k b_il = sum_j b_jk d b_il / dx_j.
[[nodiscard]] num::Formula noise_derivative(const ItoSde& sde, std::size_t k, std::size_t i, std::size_t l);

/// D_ij = 1/2 sum_k b_ik b_jk.
[[nodiscard]] num::Formula diffusion_tensor(const ItoSde& sde, std::size_t i, std::size_t j);

/// How the noise enters, which decides what schemes and levels may do.
struct NoiseStructure {
  bool additive = false;     ///< b depends on neither x nor t
  bool separate = false;     ///< L^k b_il = 0 for k != l: scalar noise, or each variable's own noise with its own amplitude
  bool commutative = false;  ///< L^k b_il = L^l b_ik: strong order 1 needs no Lévy areas. Tested at 64 points around `at`, to 1e-9.
};
[[nodiscard]] NoiseStructure noise_structure(const ItoSde& sde, const std::vector<double>& at);

/// A process with its start: what the levels of the kit read.
struct Process {
  ItoSde ito;
  Interpretation written = Interpretation::ito;   ///< as the user wrote it
  std::vector<double> initial, initial_sd;        ///< point (sd 0) or independent Gaussians
  std::vector<std::array<double, 2>> domain;      ///< reflecting walls, or natural boundaries; +-infinity without
  std::string time_unit = "1";
  bool time_dependent = false;
  NoiseStructure noise;

  [[nodiscard]] std::size_t size() const { return ito.size(); }
  [[nodiscard]] bool point_start() const;
  /// x folded back into the domain at the walls (mirror).
  void reflect(double* x) const;
  [[nodiscard]] bool bounded() const { return bounded_; }

 private:
  friend struct SdeSpec;
  bool bounded_ = false;
};

/// What a user writes.
struct SdeSpec {
  std::vector<std::string> variables;
  std::map<std::string, std::string> drift;                       ///< one formula a variable
  std::map<std::string, std::vector<std::string>> diffusion;      ///< see `shared_noise`
  bool shared_noise = false;  ///< true: diffusion[x] lists the amplitudes of W_1 ... W_m; false: one amplitude, of the variable's own W
  Interpretation interpretation = Interpretation::ito;
  std::map<std::string, double> constants;
  std::map<std::string, double> initial, initial_sd;              ///< missing: 0
  std::map<std::string, std::array<double, 2>> domain;            ///< missing: the whole line
  std::map<std::string, std::string> where;                       ///< place of "drift.x", "diffusion.x", ... for messages
  std::string time_unit = "1";

  /// Constants, `<x>0` and, where a standard deviation was given, `<x>0_sd`.
  [[nodiscard]] std::vector<ParameterInfo> parameters() const;
  /// @param values  of every parameter
  /// @throws ModelError  with the place: missing or unknown variables, names that clash, formulas that do not read or are not finite at the start
  [[nodiscard]] Process bind(const std::map<std::string, double>& values) const;
  /// Binds with its own values. @throws ModelError
  void check() const;
};

}  // namespace meso::sde

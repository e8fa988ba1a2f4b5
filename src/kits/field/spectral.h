// Spectral operators on a grid: Laplacian and derivatives through Fourier modes, and the modes themselves.
//
// On a ring the Laplacian takes two complex transforms of half the length: even and odd points are the real and the
// imaginary part of one complex field, and a real even symbol of the wavenumber acts on its transform Z as
//     Z_k <- alpha_k Z_k + i beta_k conj(Z_(n/2-k)),  alpha = s - d sin(2 pi k/n), beta = d cos(2 pi k/n),
// s, d = (symbol_k +- symbol_(n/2-k))/2. An antiperiodic field of n points is the complex field
// (phi_j - i phi_(j+n/2)) exp(-i pi j/n) of half the length, whose transform holds the half-integer modes 2p + 1/2. Both are about a third
// faster than a real transform and back.
#pragma once

#include <complex>
#include <optional>
#include <span>
#include <vector>

#include "kits/field/grid.h"
#include "num/fft.h"

namespace meso::field {

/// Memory of a field: aligned for the transforms.
using FieldVector = num::FftVector<double>;
using ModeVector = num::FftVector<std::complex<double>>;

/// Not thread-safe (it holds its buffers): one per trajectory. Copies share plans and cost two buffers.
class Spectral {
 public:
  explicit Spectral(Grid grid);  ///< @throws ParameterError as Grid::check
  [[nodiscard]] const Grid& grid() const { return grid_; }

  /// out = Laplacian of phi times `stiffness` (given at construction of the symbol: set_stiffness; 1 by default). Sizes grid().size().
  void laplacian(std::span<const double> phi, std::span<double> out);
  void set_stiffness(double stiffness);

  /// d phi / d x_axis; the mode at the Nyquist wavenumber, whose derivative is no field, is left out.
  void derivative(std::span<const double> phi, std::size_t axis, std::span<double> out);

  /// Modes: a_i = (1/n) sum_j phi_j exp(-i k_i (x_j - x_min)) for one of each pair k, -k. (1/n) sum_j phi_j^2 = sum_i weight_i |a_i|^2.
  [[nodiscard]] std::size_t modes() const { return k2_.size(); }
  [[nodiscard]] std::span<const double> k_squared() const { return k2_; }
  [[nodiscard]] std::span<const double> weight() const { return weight_; }
  /// |k| on a ring, in the order of modes(); in two dimensions sqrt(k2).
  [[nodiscard]] double wavenumber(std::size_t i) const;
  void to_modes(std::span<const double> phi, std::span<std::complex<double>> modes);
  void from_modes(std::span<const std::complex<double>> modes, std::span<double> phi);

 private:
  Grid grid_;
  double stiffness_ = 1;
  std::optional<num::ComplexFft> half_;  // rings
  std::optional<num::RealFft> real_;     // modes of periodic grids; the Laplacian of tori
  std::vector<double> k2_, weight_;
  FieldVector a_, b_;                    // rings: symbol of the Laplacian, per double
  FieldVector cosine_, sine_;            // antiperiodic: the factor exp(-i pi j/n)
  ModeVector z_, y_;
};

}  // namespace meso::field

// Correlation functions C(r) and structure factors S(q) of fields on periodic hypercubic lattices in 1 to 3 dimensions, by FFT:
// heights, phases, or the occupation of several species. Shell averages, peak and wavelength, correlation lengths.
//
// Conventions, for fields a, b on N sites, A_q = sum_x a_x exp(-i q.x), q = 2 pi k / n in every direction, lattice spacing 1:
//   S_ab(q) = Re[A_q conj(B_q)] / N          per site: white noise of variance v has S = v at every q
//   C_ab(r) = (1/N) sum_x a_x b_{x+r}        averaged over r and -r;  C(r) = (1/N) sum_q S(q) cos(q.r)   (Wiener-Khinchin)
// Both are of ONE configuration. Connected or not is the caller's choice: `subtract` holds one constant per field that is taken
// off first. 0: not connected (C(r) -> <a><b>, S(0) = N <a><b>). The ensemble mean: connected. The mean over the sites of this very
// configuration: connected too, but S(0) = 0 and C is lowered by Var(mean) everywhere; right for conserved fields and for
// heights. The pair correlation g_ab(r) of occupation numbers is C_ab(r) of kept means over <a><b>, without the term
// delta_ab delta_r0 <a> for particles with themselves.
//
// Shells: distances |r| (nearest image) and wavenumbers |q| are collected in bins of width 1 and 2 pi / (longest side), centred on the
// multiples of these; a shell's radius is the mean over its members. On a ring every shell is one |r| or |q| exactly.
#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "num/fft.h"
#include "stat/estimate.h"

namespace meso::lattice {

/// Lattice sites grouped by distance from the origin, or wavevectors by size.
struct Shells {
  std::vector<double> radius;        ///< mean |r| or |q| of the members, increasing; radius[0] = 0 is the origin alone
  std::vector<std::size_t> members;  ///< sites or wavevectors in each, both of +r and -r
  std::vector<std::uint32_t> of;     ///< shell of every site (row-major) or wavevector (FFT order, all n of them); `outside` beyond the last
  static constexpr std::uint32_t outside = 0xffffffff;
  [[nodiscard]] std::size_t count() const { return radius.size(); }
};

/// The species pairs of M fields in the order of all results below: (0,0), (0,1), ..., (0,M-1), (1,1), ...: M (M + 1) / 2 of them.
[[nodiscard]] std::vector<std::pair<std::size_t, std::size_t>> field_pairs(std::size_t fields);

/// One lattice with its transform and shells. Immutable: threads share it, each with a Workspace of its own.
class CorrelationLattice {
 public:
  /// @param extent  sides, row-major with the last fastest, 1 to 3 of them; a side of 1 is no dimension
  /// @throws ParameterError for an extent that no transform has, or for a single site
  explicit CorrelationLattice(std::vector<std::size_t> extent);

  [[nodiscard]] const std::vector<std::size_t>& extent() const { return fft_.extent(); }
  [[nodiscard]] std::size_t sites() const { return fft_.real_size(); }
  /// Number of sides longer than 1.
  [[nodiscard]] std::size_t dimension() const;
  /// Shells of |r| up to half the shortest side above 1: beyond, a shell is no longer whole.
  [[nodiscard]] const Shells& distances() const { return distances_; }
  /// Shells of |q| up to pi, the edge of the Brillouin zone along an axis.
  [[nodiscard]] const Shells& wavenumbers() const { return wavenumbers_; }

  /// Buffers; reused, so that no call allocates after the first with as many fields.
  struct Workspace {
    num::FftVector<double> real;
    std::vector<num::FftVector<std::complex<double>>> transform;
    num::FftVector<std::complex<double>> product;
  };

  /// Shell averages of S_ab(q) of all pairs of fields.
  /// @param fields    M fields one after the other, M sites() values
  /// @param subtract  M constants (see above), or empty for the mean over the sites of each field
  /// @param out       pairs x wavenumbers().count(), row-major; overwritten
  /// @throws Error    if a size is wrong
  void structure_factors(std::span<const double> fields, std::span<const double> subtract, std::span<double> out, Workspace& work) const;
  /// Shell averages of C_ab(r); out is pairs x distances().count().
  void correlations(std::span<const double> fields, std::span<const double> subtract, std::span<double> out, Workspace& work) const;
  /// Both from the same transforms.
  void both(std::span<const double> fields, std::span<const double> subtract, std::span<double> structure_factor, std::span<double> correlation, Workspace& work) const;
  /// S_ab at every wavevector, in FFT order over the whole extent (num::wave_index gives the signed index along a side): for
  /// snapshots of anisotropic patterns.
  /// @param out  sites() values
  void full_structure_factor(std::span<const double> a, std::span<const double> b, double subtract_a, double subtract_b, std::span<double> out, Workspace& work) const;
  /// C_ab at every displacement (row-major, periodic; negative ones wrap to the end of each side).
  void full_correlation(std::span<const double> a, std::span<const double> b, double subtract_a, double subtract_b, std::span<double> out, Workspace& work) const;

 private:
  void transform(std::span<const double> field, const double* subtract, num::FftVector<std::complex<double>>& out, Workspace& work) const;
  void shell_structure_factor(const num::FftVector<std::complex<double>>& a, const num::FftVector<std::complex<double>>& b, std::span<double> out) const;
  void back_to_correlation(const num::FftVector<std::complex<double>>& a, const num::FftVector<std::complex<double>>& b, Workspace& work) const;

  num::RealFft fft_;
  Shells distances_, wavenumbers_;
  std::vector<std::uint32_t> half_shell_;  // shell of each entry of the half transform
  std::vector<double> half_weight_;        // 2 where the entry stands for its conjugate too, else 1
};

/// Occupation of one species on a lattice of states: field = 1 where state == species, else 0.
template <class State>
void occupation(std::span<const State> state, State species, std::span<double> field) {
  for (std::size_t i = 0; i < state.size(); ++i) field[i] = state[i] == species ? 1.0 : 0.0;
}

/// One row of an estimate with two axes: the estimate over the second axis at point `row` of the first, errors and batches included.
/// @throws Error if the estimate has not two axes or the row does not exist
[[nodiscard]] Estimate row_of(const Estimate& estimate, std::size_t row);

/// Largest value of S(q) at q > 0, refined by the parabola through it and its neighbours.
struct Peak {
  double q = 0, height = 0;
  double wavelength = 0;   ///< 2 pi / q
  bool at_edge = false;    ///< at the first or last q > 0: no peak inside, nothing was refined (coarsening: the largest size)
};
/// @param q  increasing, at least one positive
/// @throws Error if no q is positive or the sizes differ
[[nodiscard]] Peak structure_peak(std::span<const double> q, std::span<const double> s);
/// Mean wavenumber sum q S / sum S over shells q > 0, weighted by members: an inverse length for coarsening patterns that has no
/// jumps between shells.
[[nodiscard]] double mean_wavenumber(const Shells& wavenumbers, std::span<const double> s);

/// A length with its delete-a-batch error (0 for solved estimates). `value` is NaN, and `why` says why, where there is none.
struct LengthEstimate {
  double value = 0, std_error = 0, dof = 0;
  std::string why;
};

/// Second-moment correlation length of the lattice propagator S(q) = chi / (1 + xi^2 4 sin^2(q/2)) from its smallest wavenumbers on an axis:
/// with S(0) (connected by the ensemble mean): xi = sqrt(S(0)/S(q1) - 1) / (2 sin(q1/2)); where S(0) is 0 or not given (means over
/// the sites taken off, conserved fields) from q1 and q2.
/// Source: Cooper, Freedman, Preston (1982), doi:10.1016/0550-3213(82)90240-1.
/// @param q  wavenumbers of S, the first may be 0; at least q1, q2 (or 0, q1) must be there
[[nodiscard]] LengthEstimate second_moment_length(std::span<const double> q, const Estimate& s);

/// xi of C(r) ~ exp(-r / xi) by weighted regression of log C over from <= r <= to (stat/fit.h). On a lattice of side L take `to` well
/// below L/2: there C is a sum of both ways round.
[[nodiscard]] LengthEstimate exponential_length(std::span<const double> r, const Estimate& c, double from, double to);

}  // namespace meso::lattice

// Coupling matrices J of networks: drawn from a law, or the user's own; and what their spectrum and structure say.
//
// J_ij is the weight from unit j to unit i. Matrices are dense, column-major: entry (i, j) at i + n j. Entries are rounded to single precision
// once, where the matrix is made, so that simulations (single precision) and theory (double) speak of the same matrix.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rng/stream.h"

namespace meso::neuron {

struct CouplingLaw {
  enum class Kind {
    gaussian,  ///< N(0, g^2/N), entry by entry
    signs,     ///< +-g/sqrt(N), equally likely
    sparse     ///< zero, or with probability `connectivity` N(0, g^2/(connectivity N))
  };
  Kind kind = Kind::gaussian;
  double g = 3;
  double connectivity = 0.1;  ///< sparse only
  double symmetry = 0;        ///< correlation of J_ij with J_ji, in [-1, 1]; gaussian only
  bool self = true;           ///< the diagonal is drawn too; false: zero
};

struct Couplings {
  std::size_t n = 0;
  std::vector<double> entry;  ///< n x n, column-major
  double g = 0;               ///< entries have variance g^2/n: of the law, or (own) root mean square of rows
  bool own = false;
  [[nodiscard]] double operator()(std::size_t i, std::size_t j) const { return entry[i + n * j]; }
};

/// @throws ParameterError  symmetry outside [-1, 1] or with another law than gaussian, connectivity outside (0, 1]
[[nodiscard]] Couplings draw_couplings(const CouplingLaw& law, std::size_t n, Stream stream);

/// Rows of numbers separated by commas, semicolons or blanks; '#' begins a comment. Row i holds the inputs of unit i.
/// @param where  of the text, for messages
/// @throws ModelError  no rows, rows of different lengths, not square, what is no number
[[nodiscard]] Couplings parse_couplings(std::string_view text, const std::string& where);
/// Own couplings from rows of numbers. @throws ModelError as parse_couplings
[[nodiscard]] Couplings couplings_of(const std::vector<std::vector<double>>& rows, const std::string& where);

/// How a matrix differs from independent entries.
struct Structure {
  double symmetry = 0;        ///< sum J_ij J_ji / sum J_ij^2 over i != j
  double leading = 0;         ///< largest singular value over 2 g, the edge for independent entries
  double heterogeneity = 0;   ///< relative variance of the rows' squared lengths, times n/2: 1 for Gaussian entries
  bool structured = false;    ///< one of them is beyond what chance gives at this n
  std::string text;           ///< which, with numbers; "" if none
};
[[nodiscard]] Structure structure(const Couplings& j);

/// Spectral radius by repeated squaring, |J^(2^k)|^(1/2^k) (Gelfand): no eigenvalue is computed. Relative error below 1e-4.
[[nodiscard]] double spectral_radius(const Couplings& j);

}  // namespace meso::neuron

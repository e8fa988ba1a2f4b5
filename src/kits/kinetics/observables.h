// What can be asked of a reaction network, defined once with its formula, unit and margin scale, so that a name means the
// same on every level of the ladder (ssa, fsp, closures, lna, rate equation).
//
//   <s>.mean <s>.variance <s>.cumulant3 <s>.cumulant4 <s>.fano <s>.cv <s>.distribution    one species
//   <a>.<b>.covariance                                                                    two species, either order
//   <s>.extinction.<what> <name>.passage.<what>                                           first-passage times: passage.h
//   <s>.autocovariance <s>.spectrum                                                       correlations in time: correlations.h
//
// Amounts are molecules everywhere.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kits/kinetics/network.h"
#include "model/system.h"

namespace meso::kinetics {

/// What an observable's name says.
struct ObservableName {
  enum class Kind { mean, variance, covariance, cumulant3, cumulant4, fano, cv, distribution };
  Kind kind = Kind::mean;
  std::size_t a = 0, b = 0;  ///< species; b differs from a for a covariance only
  /// Order of the moments it is made from: mean 1, variance, covariance, fano and cv 2, cumulants 3 and 4; a distribution 0.
  [[nodiscard]] int order() const;
};

/// The parts of `name`, or nothing if it is not an observable of this network.
[[nodiscard]] std::optional<ObservableName> parse_observable(const Network& network, const std::string& name);

/// Unit, formula, scale of the margin (covariance: sqrt of the product of the two peak variances; k-th cumulant: peak
/// variance^(k/2); else the observable's own peak); nothing if it is not an observable of this network.
[[nodiscard]] std::optional<ObservableInfo> observable_info(const Network& network, const std::string& name);

/// Every <species>.mean and <species>.variance, asked when the user names none.
[[nodiscard]] std::vector<ObservableInfo> default_observables(const Network& network);

}  // namespace meso::kinetics

// Moment equations as people read them: text and LaTeX, amounts in molecules.
#pragma once

#include <string>

#include "kits/kinetics/closure.h"
#include "kits/kinetics/moments.h"

namespace meso::kinetics {

/// "<X>", "Var(X)", "Cov(X,Y)", "K(X,X,Y)" of a cumulant; LaTeX: \langle X\rangle, \sigma^2_{X}, ..., \kappa_{XXY}.
[[nodiscard]] std::string cumulant_name(const std::vector<std::string>& species, const MultiIndex& i, bool latex);

/// One equation a line: d<X>/dt = 22.5 - 6.75 <X> + ...; symbols of laws as da/dX(...), listed below them.
[[nodiscard]] std::string equations_text(const MomentEquations& equations, bool latex);

/// The exact hierarchy up to the order, what the closure puts for the cumulants above it, and the closed equations.
[[nodiscard]] std::string closure_text(const ReducedNetwork& network, const ClosureFamily& family, int order, int taylor, bool latex);
[[nodiscard]] std::string rate_equation_text(const ReducedNetwork& macroscopic, bool latex);
[[nodiscard]] std::string linear_noise_text(const ReducedNetwork& macroscopic, bool latex);

}  // namespace meso::kinetics

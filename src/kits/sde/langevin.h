// The level `langevin`: an ensemble of trajectories by one of the schemes of scheme.h, each with its own step error.
//
// Every trajectory is integrated three times along one Brownian path, with steps h, 2h and 4h. The differences D of the asked
// observables between neighbours give the order p that the scheme really has here, and the bound |D| / (2^p - 1) + 3 se(D) of the
// error at step h. p is measured where both differences are resolved, and never taken above the scheme's own order.
//
// Stationary questions: raw signals averaged over the window after the burn-in; trajectories with even id start at the study's
// initial law, those with odd id at a dispersed start; `<x>.distribution` is that of the last state (one draw a trajectory).
#pragma once

#include "kits/sde/description.h"
#include "model/level.h"

namespace meso::sde {

/// Options: scheme (platen by default), step (0: from the fastest rate of the drift and noise where trajectories go).
[[nodiscard]] Level langevin_level(const Process& process);

/// Step that resolves the process: 1/20 of the shortest time scale 1 / |da/dx|, 1 / |db/dx|^2 seen where the pilot went.
[[nodiscard]] double natural_step(const Process& process, double end);

/// A start far from the initial one. One dimension: the 2.5 % or 97.5 % quantile of the stationary law, whichever is farther;
/// several: three quarters of the way to the far corner of the pilot's reach.
[[nodiscard]] std::vector<double> dispersed_start(const Process& process);

}  // namespace meso::sde

// MPI: one run in several processes, started by `mpirun -n R meso ...`.
#pragma once

#include <memory>

#include "exec/ranks.h"

namespace meso::mpi {

/// True if this build knows MPI (MESO_MPI).
[[nodiscard]] bool available();

/// Processes that a launcher (mpirun, srun) says it has started for this run, by its environment variables; 1 without one.
[[nodiscard]] unsigned launched();
/// Of these on this machine, as far as the launcher says; else all of them.
[[nodiscard]] unsigned launched_here();

/// Joins the ranks: MPI is begun only where a launcher's environment is there; else, or with one process, null.
/// @throws InputError  several processes, but a build without MPI
[[nodiscard]] std::unique_ptr<Ranks> start();

/// Ends MPI and the process with this exit status. Waits for the other ranks 5 s at most: one that has died never comes.
[[noreturn]] void finish(std::unique_ptr<Ranks> ranks, int status);

}  // namespace meso::mpi

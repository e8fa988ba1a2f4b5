#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "exec/mpi/launch.h"

namespace meso::mpi {
namespace {

/// The first of these environment variables that is a positive number, else 0.
unsigned number_from(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* text = std::getenv(name);
    unsigned value = 0;
    if (text && std::from_chars(text, text + std::strlen(text), value).ec == std::errc() && value > 0) return value;
  }
  return 0;
}

}  // namespace

// Open MPI's mpirun; MPICH's and Intel's; any launcher that speaks PMIx, under Slurm.
unsigned launched() {
  const unsigned size = number_from({"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"});
  return std::max({1u, size, std::getenv("PMIX_RANK") ? number_from({"SLURM_STEP_NUM_TASKS"}) : 0u});
}

unsigned launched_here() {
  const unsigned here = number_from({"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"});
  return here > 0 ? here : launched();
}

}  // namespace meso::mpi

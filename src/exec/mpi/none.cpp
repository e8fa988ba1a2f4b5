// A build without MPI (MESO_MPI=OFF, or no MPI was found).
#include <unistd.h>

#include <cstdio>
#include <string>

#include "exec/mpi/launch.h"

namespace meso::mpi {

bool available() { return false; }

std::unique_ptr<Ranks> start() {
  if (launched() > 1)
    throw InputError("the launcher has started " + std::to_string(launched()) + " processes, but this build knows no MPI: each would do the whole run. Install libopenmpi-dev and build again (MESO_MPI)");
  return nullptr;
}

void finish(std::unique_ptr<Ranks>, int status) {
  std::fflush(stdout);
  std::fflush(stderr);
  _exit(status);
}

}  // namespace meso::mpi

#include "exec/mpi/launch.h"

#define OMPI_SKIP_MPICXX 1  // the C interface alone
#include <mpi.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <limits>
#include <list>
#include <string>
#include <thread>

#include "base/error.h"

namespace meso::mpi {
namespace {

/// Errors of MPI end the run (its default handler): a message that is lost is not to be mended.
class MpiRanks final : public Ranks {
 public:
  MpiRanks() {
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    int rank = 0, size = 1;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    rank_ = static_cast<unsigned>(rank);
    size_ = static_cast<unsigned>(size);
  }
  [[nodiscard]] unsigned rank() const override { return rank_; }
  [[nodiscard]] unsigned size() const override { return size_; }

  void send(unsigned to, std::string bytes) override {
    if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
      throw RunError("a message between ranks of " + std::to_string(bytes.size() >> 20) + " MB is larger than MPI takes (2 GB): ask for fewer times or bins, or use threads instead of ranks");
    on_their_way_.push_back({std::move(bytes), {}});
    Outgoing& one = on_their_way_.back();
    MPI_Isend(one.bytes.data(), static_cast<int>(one.bytes.size()), MPI_BYTE, static_cast<int>(to), 0, MPI_COMM_WORLD, &one.request);
    forget_delivered();
  }

  [[nodiscard]] std::optional<Message> receive() override {
    forget_delivered();
    int there = 0;
    MPI_Message message;
    MPI_Status status;
    MPI_Improbe(MPI_ANY_SOURCE, 0, MPI_COMM_WORLD, &there, &message, &status);
    if (there == 0) return std::nullopt;
    int size = 0;
    MPI_Get_count(&status, MPI_BYTE, &size);
    Message got{static_cast<unsigned>(status.MPI_SOURCE), std::string(static_cast<std::size_t>(size), '\0')};
    MPI_Mrecv(got.bytes.data(), size, MPI_BYTE, &message, &status);
    return got;
  }

  /// Waits until everything that was sent has left.
  void deliver() {
    for (Outgoing& one : on_their_way_) MPI_Wait(&one.request, MPI_STATUS_IGNORE);
    on_their_way_.clear();
  }

 private:
  struct Outgoing {
    std::string bytes;
    MPI_Request request;
  };
  void forget_delivered() {
    for (auto one = on_their_way_.begin(); one != on_their_way_.end();) {
      int done = 0;
      MPI_Test(&one->request, &done, MPI_STATUS_IGNORE);
      one = done != 0 ? on_their_way_.erase(one) : std::next(one);
    }
  }

  unsigned rank_ = 0, size_ = 1;
  std::list<Outgoing> on_their_way_;
};

}  // namespace

bool available() { return true; }

std::unique_ptr<Ranks> start() {
  if (launched() == 1) return nullptr;
  auto ranks = std::make_unique<MpiRanks>();
  if (ranks->size() > 1) return ranks;
  MPI_Finalize();
  throw InputError("the launcher has started " + std::to_string(launched()) + " processes that do not find each other: it is of another MPI than this build");
}

void finish(std::unique_ptr<Ranks> ranks, int status) {
  std::fflush(stdout);
  std::fflush(stderr);
  std::thread([status] {
    std::this_thread::sleep_for(std::chrono::seconds(5));
    _exit(status);
  }).detach();
  if (auto* own = dynamic_cast<MpiRanks*>(ranks.get())) own->deliver();
  MPI_Finalize();
  _exit(status);
}

}  // namespace meso::mpi

// Ranks: the processes of one run, and what they say to each other.
//
// Rank 0 owns the study: it alone reads, decides, prints and writes. The others are hands without a memory: they hold the study and
// do what rank 0 orders - a grain of an ensemble, or a whole point of a sweep - so that nothing but results travels and nothing can diverge.
// All calls of one rank come from one thread.
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>

#include "base/archive.h"
#include "base/error.h"

namespace meso {

/// The way messages travel. Two implementations: MPI (exec/mpi), and queues between threads for tests (ranks_fixture.h).
class Ranks {
 public:
  struct Message {
    unsigned from = 0;
    std::string bytes;
  };
  virtual ~Ranks() = default;
  [[nodiscard]] virtual unsigned rank() const = 0;
  [[nodiscard]] virtual unsigned size() const = 0;
  /// Does not wait for the receiver. Messages from one rank to another arrive in their order.
  virtual void send(unsigned to, std::string bytes) = 0;
  /// The next message that has arrived, or nothing; does not wait.
  [[nodiscard]] virtual std::optional<Message> receive() = 0;

  void send_to_others(const std::string& bytes) {
    for (unsigned to = 0; to < size(); ++to)
      if (to != rank()) send(to, bytes);
  }

  std::uint64_t turn = 0;  ///< ensembles begun so far: by it rank 0 knows an answer to an earlier one
};

/// The first thing in every message.
enum class Word : std::uint8_t {
  // rank 0 to the others
  study,     ///< the resolved study as text, threads, seconds between two savings
  level,     ///< take part in a level at a point: point, number of the level, trajectories
  ensemble,  ///< the level's next ensemble: turn, name, trajectories that are there, trajectories wanted
  grain,     ///< compute this one
  merged,    ///< the ensemble is complete: its result
  point,     ///< compute a whole point: its number, the point, pictures, unfinished work to go on from
  stop,      ///< give up what you are doing, hand over what is unfinished, say `stopped`
  end,       ///< the program ends
  // the others to rank 0
  ready,       ///< for an ensemble: turn, how many grains at once
  grain_done,  ///< number, sums, paths
  point_done,  ///< number, outcome
  kept,        ///< unfinished work at a point: number, checkpoint
  failed,      ///< number of the grain or point, what was thrown
  stopped,
};

/// Begins a message.
[[nodiscard]] ArchiveWriter say(Word word);

struct Heard {
  unsigned from;
  Word word;
  ArchiveReader in;  ///< behind the word
};
/// The next message, if one has arrived.
[[nodiscard]] std::optional<Heard> hear(Ranks& ranks);

/// An exception on its way to another rank.
void save_failure(ArchiveWriter& out, const std::exception_ptr& error);
/// The same error here: the same kind (it decides the exit status), "rank 2: " before its text.
[[nodiscard]] std::exception_ptr load_failure(ArchiveReader& in, unsigned from);

/// Thrown on another rank when rank 0 says `stop`.
class Released : public Error {
 public:
  Released() : Error("rank 0 has ended this work") {}
};

}  // namespace meso

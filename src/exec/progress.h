// Progress goes to a sink: terminal bar, JSON lines, callback, none. Cancelling is an exception thrown from update().
#pragma once

#include <functional>
#include <string>

namespace meso {

/// Where a study stands. `remaining` is an estimate in seconds, negative while unknown.
struct Progress {
  double fraction = 0, seconds = 0, remaining = -1;
  std::string what;
};

/// Called from one thread at a time, at most every 50 ms. May throw Cancelled.
using ProgressSink = std::function<void(const Progress&)>;

}  // namespace meso

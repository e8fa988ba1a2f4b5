#include "terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/text.h"

namespace meso::app {
namespace {

std::atomic<int> interrupts{0};
bool bar_shown = false;

extern "C" void on_signal(int) {
  if (++interrupts > 1) _exit(3);
}

}  // namespace

void catch_interrupts() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is then met as a full disk is: by an error from write
}

void end_progress() {
  if (bar_shown) fmt::print(stderr, "\r\033[K");
  bar_shown = false;
}

ProgressSink progress_sink(const std::string& kind) {
  const bool terminal = isatty(STDERR_FILENO) != 0;
  struct State {
    double last = -1;
  };
  auto state = std::make_shared<State>();
  return [kind, terminal, state](const Progress& p) {
    if (interrupts > 0) throw Cancelled();
    if (kind == "none") return;
    const double every = kind == "json" ? 1.0 : terminal ? 0.1 : 10.0;
    const double first = kind == "json" ? 0.0 : terminal ? 0.5 : 2.0;  // anything over two seconds shows where it stands
    if (p.seconds < first || (state->last >= 0 && p.seconds - state->last < every)) return;
    state->last = p.seconds;
    if (kind == "json") {
      fmt::print(stderr, "{{\"progress\":{:.4f},\"seconds\":{:.1f},\"remaining\":{},\"what\":\"{}\"}}\n", p.fraction, p.seconds, p.remaining < 0 ? "null" : fmt::format("{:.1f}", p.remaining), p.what);
      return;
    }
    const std::string left = p.remaining < 0 ? "" : fmt::format("about {} left", duration(p.remaining));
    if (terminal) {
      const int full = static_cast<int>(p.fraction * 30);
      fmt::print(stderr, "\r\033[K{:3.0f} % [{:#<{}}{:.<{}}] {}  {}", 100 * p.fraction, "", full, "", 30 - full, left, p.what);
      bar_shown = true;
    } else {
      fmt::print(stderr, "{:3.0f} %  {}  {}\n", 100 * p.fraction, left, p.what);
    }
    std::fflush(stderr);
  };
}

std::size_t terminal_width() {
  winsize size{};
  if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return std::max<std::size_t>(60, size.ws_col);
  return 100;
}

}  // namespace meso::app

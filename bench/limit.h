// What benchmarks share that print a ratio to a limit program (bench/limits): the program's lines, run in the same call, and the processor's clock.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

namespace meso::bench {

/// What a command prints, by lines; none if it cannot be run.
inline std::vector<std::string> lines_of(const std::string& command) {
  std::vector<std::string> lines;
  if (FILE* pipe = popen(command.c_str(), "r")) {
    char line[512];
    while (std::fgets(line, sizeof line, pipe) != nullptr) lines.emplace_back(line);
    pclose(pipe);
  }
  return lines;
}

/// The number behind `mark` in the last line that holds `row` and `mark`; 0 if there is none.
inline double number_after(const std::vector<std::string>& lines, const std::string& row, const std::string& mark) {
  double found = 0;
  for (const std::string& line : lines)
    if (const std::size_t at = line.find(mark); at != std::string::npos && line.find(row) != std::string::npos) found = std::atof(line.c_str() + at + mark.size());
  return found;
}

/// Processor time of this process in seconds.
inline double cpu() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace meso::bench

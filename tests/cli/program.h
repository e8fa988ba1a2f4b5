// Runs the built program as a user would, in a folder of its own.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/files.h"

namespace meso {

struct Ran {
  int status = -1;       ///< exit status; -1 if a signal ended it
  std::string out, err;  ///< standard output and standard error
};

/// A test with an empty folder, removed afterwards.
class ProgramTest : public ::testing::Test {
 protected:
  ProgramTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mesoscope-cli-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder = pattern;
  }
  ~ProgramTest() override { std::filesystem::remove_all(folder); }

  /// A shell command in the test's folder.
  [[nodiscard]] Ran shell(const std::string& command) const {
    const std::string out = (folder / ".out").string(), err = (folder / ".err").string();
    const int raw = std::system(("cd '" + folder.string() + "' && ( " + command + " ) > '" + out + "' 2> '" + err + "' < /dev/null").c_str());
    Ran ran;
    ran.status = WIFEXITED(raw) ? WEXITSTATUS(raw) : -1;
    ran.out = read_file(out);
    ran.err = read_file(err);
    return ran;
  }
  /// The program with these arguments (shell syntax).
  [[nodiscard]] Ran meso(const std::string& arguments) const { return shell(std::string("'") + MESO_PROGRAM + "' " + arguments); }

  void write(const std::string& name, const std::string& text) const { write_file_atomically(folder / name, text); }
  [[nodiscard]] bool exists(const std::string& name) const { return std::filesystem::exists(folder / name); }

  /// Wrong input: status 2, every fragment in the one message on standard error, nothing on standard output, no folder made.
  void expect_refused(const std::string& arguments, std::initializer_list<const char*> fragments) const {
    const Ran ran = meso(arguments);
    EXPECT_EQ(ran.status, 2) << arguments << "\n" << ran.out << ran.err;
    EXPECT_EQ(ran.out, "") << arguments;
    for (const char* fragment : fragments) EXPECT_NE(ran.err.find(fragment), std::string::npos) << arguments << "\n  does not say: " << fragment << "\n" << ran.err;
    EXPECT_FALSE(exists("out")) << arguments << ": something was written although nothing was run";
  }

  std::filesystem::path folder;
};

}  // namespace meso

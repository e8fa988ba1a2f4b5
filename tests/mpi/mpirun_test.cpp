// The program under mpirun: whoever computes a grain or a point, results.h5 is the same up to /provenance; whatever ends the run, it can go on.
#include <fmt/format.h>

#include <random>

#include "io/random_results.h"
#include "io/results_file.h"
#include "tests/cli/program.h"

namespace meso {
namespace {

/// Adaptive looks, a solved and two sampled levels.
const char* study = R"([study]
system = "schlogl"
seed = 3
[times]
from = 0
to = 4
count = 5
[reference]
level = "ssa"
[[candidate]]
level = "fsp"
[[candidate]]
level = "tau-leap"
[compare]
relative = 0.02
SWEEP
[budget]
trajectories = { first = 1024, max = 4096 }
)";
/// The same for longer: several seconds, into which a kill can fall.
std::string longer(std::string text) {
  for (const auto& [was, is] : {std::pair("to = 4", "to = 40"), std::pair("max = 4096", "max = 32768")}) text.replace(text.find(was), std::string(was).size(), is);
  return text;
}
const char* three_points = "[sweep]\nvolume = [10, 20, 30]";  // with 2 and 3 ranks: points are shared, with 5: grains

class Mpirun : public ProgramTest {
 protected:
  void write_study(const std::string& sweep, std::string text = study) const {
    write("study.toml", text.replace(text.find("SWEEP"), 5, sweep));
  }
  static std::string program() { return std::string("'") + MESO_PROGRAM + "'"; }
  /// The launcher's part of a command line: several ranks on few processors, also as root.
  static std::string mpirun(unsigned ranks) {
    return fmt::format("env OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_base_warn_component_unused=0 OMPI_MCA_mpi_yield_when_idle=1 '{}' --oversubscribe --bind-to none -n {} ", MESO_MPIEXEC, ranks);
  }
  [[nodiscard]] Ran run(unsigned ranks, const std::string& arguments) const { return shell(mpirun(ranks) + program() + " " + arguments + " --progress none"); }
  void expect_same(const std::string& a, const std::string& b) const {
    EXPECT_EQ(testing::Difference(false).of(read_results(folder / a / "results.h5"), read_results(folder / b / "results.h5")), "") << b;
    const Ran diff = shell(fmt::format("h5diff --exclude-path /provenance {0}/results.h5 {1}/results.h5 && cmp {0}/study.toml {1}/study.toml && cmp {0}/verdicts.csv {1}/verdicts.csv", a, b));
    EXPECT_EQ(diff.status, 0) << b << ": " << diff.out << diff.err;
    EXPECT_FALSE(exists(b + "/checkpoint")) << "a finished run keeps no checkpoint";
  }
  /// A shell command that waits until the run in `out` has begun, then does `what` with the processes of this test's program.
  [[nodiscard]] std::string while_running(unsigned ranks, const std::string& arguments, double seconds, const std::string& what) const {
    return fmt::format("{}{} {} --progress none & m=$!; until [ -e out/checkpoint/study.toml ] || ! kill -0 $m; do sleep 0.01; done; sleep {:.3f}; {}; wait $m", mpirun(ranks), program(), arguments, seconds, what);
  }
};

TEST_F(Mpirun, RanksAndThreadsChangeNoBit) {
  for (const char* sweep : {"", three_points}) {
    write_study(sweep);
    ASSERT_EQ(shell(program() + " run study.toml -o whole --threads 2 --progress none").status, 0);
    const std::string alone = meso("run study.toml --threads 1 --progress none").out;
    for (const auto& [ranks, threads] : {std::pair(1, 1), std::pair(2, 1), std::pair(2, 2), std::pair(3, 1), std::pair(5, 1)}) {
      const std::string out = fmt::format("out-{}-{}", ranks, threads);
      const Ran ran = run(static_cast<unsigned>(ranks), fmt::format("run study.toml -o {} --threads {}", out, threads));
      ASSERT_EQ(ran.status, 0) << ran.err;
      expect_same("whole", out);
      const std::string table = alone.substr(0, alone.find("\nseed "));
      EXPECT_EQ(ran.out.substr(0, table.size()), table) << "one rank prints, and the same";
      EXPECT_EQ(ran.out.find(table, 1), std::string::npos) << "only one";
      if (ranks > 1) {
        EXPECT_NE(ran.out.find(fmt::format("{} ranks x {} thread", ranks, threads)), std::string::npos) << ran.out;
      }
      EXPECT_EQ(shell("rm -r " + out).status, 0);
    }
    EXPECT_EQ(shell("rm -r whole").status, 0);
  }
}

TEST_F(Mpirun, OneRankKilledEndsTheRunAndResumeGivesTheSameBits) {
  std::mt19937 random(20261130);  // moments of the kills: they decide nothing about the bits
  for (const char* sweep : {"", three_points}) {
    write_study(sweep, longer(study));
    ASSERT_EQ(shell(program() + " run study.toml -o whole --threads 2 --progress none").status, 0);
    int killed = 0;
    for (int k = 0; k < 4; ++k) {
      const double seconds = 0.4 * static_cast<double>(random() % 1000) / 1000;
      const unsigned victim = k % 2 == 0 ? 1 + static_cast<unsigned>(random() % 2) : 0;
      // The ranks of this mpirun are its children; each knows its number by its environment.
      const std::string kill = fmt::format("for p in $(cat /proc/$m/task/*/children); do if tr '\\0' '\\n' < /proc/$p/environ | grep -qx OMPI_COMM_WORLD_RANK={}; then kill -KILL $p; fi; done", victim);
      const Ran ran = shell("timeout 60 sh -c \"" + [&] {
        std::string command = while_running(3, (exists("out") ? "resume out" : "run study.toml -o out") + std::string(" --threads 1 --checkpoint-every 0.02"), seconds, kill);
        std::string escaped;
        for (const char c : command) {
          if (c == '"' || c == '$' || c == '\\' || c == '`') escaped += '\\';
          escaped += c;
        }
        return escaped;
      }() + "\"");
      if (ran.status == 0) {  // finished before the kill
        if (!exists("out/checkpoint")) {
          expect_same("whole", "out");
          ASSERT_EQ(shell("rm -rf out").status, 0);
        }
        continue;
      }
      ++killed;
      EXPECT_NE(ran.status, 124) << "it hangs";
      EXPECT_EQ(ran.status, 128 + 9) << "mpirun passes on how the rank died; its words are its own, and now and then cut short: " << ran.err;
    }
    EXPECT_GE(killed, 2) << "the kills came too late to mean anything";
    if (!exists("out/checkpoint/study.toml")) {
      ASSERT_EQ(shell("rm -rf out").status, 0);
      ASSERT_EQ(shell(fmt::format("timeout -s KILL 0.4 {} run study.toml -o out --threads 1 --progress none --checkpoint-every 0.02", program())).status, 137);
    }
    const Ran last = run(2, "resume out --threads 1");
    ASSERT_EQ(last.status, 0) << last.err;
    expect_same("whole", "out");
    EXPECT_EQ(shell("ls -A out | grep part").status, 1) << "no half-written file is left";
    EXPECT_EQ(shell("rm -r out whole").status, 0);
  }
}

TEST_F(Mpirun, AskedToStopItSaysHowToGoOn) {
  write_study(three_points, longer(study));
  ASSERT_EQ(shell(program() + " run study.toml -o whole --threads 2 --progress none").status, 0);
  for (const char* signal : {"TERM", "INT"}) {
    const Ran ran = shell(while_running(2, "run study.toml -o out --threads 1", 0.1, fmt::format("kill -{} $m", signal)));
    EXPECT_NE(ran.status, 0);
    EXPECT_NE(ran.err.find("meso resume out"), std::string::npos) << ran.err;
    ASSERT_TRUE(exists("out/checkpoint/study.toml"));
    const Ran again = run(3, "resume out --threads 1");
    ASSERT_EQ(again.status, 0) << again.err;
    expect_same("whole", "out");
    EXPECT_EQ(shell("rm -r out").status, 0);
  }
}

TEST_F(Mpirun, WhatIsAskedOnceIsAnsweredOnceWithItsStatus) {
  const Ran list = shell(mpirun(3) + program() + " list");
  EXPECT_EQ(list.out, meso("list").out);
  const Ran wrong = run(2, "run no-such-system --level ssa");
  EXPECT_EQ(wrong.status, 2) << wrong.err;
  EXPECT_EQ(wrong.err.find("no-such-system"), wrong.err.rfind("no-such-system")) << wrong.err;
  const Ran disagrees = run(2, "compare schlogl --against fsp --level rate-equation --times 0:4:5 --margin 0.01% --expect agrees --threads 1");
  EXPECT_EQ(disagrees.status, 10) << disagrees.out << disagrees.err;
}

}  // namespace
}  // namespace meso

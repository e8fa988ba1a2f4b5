// A run that is stopped by anything goes on to the bits of a run that never stopped.
#include <fmt/format.h>
#include <sys/resource.h>

#include <random>

#include "io/random_results.h"
#include "io/results_file.h"
#include "program.h"

namespace meso {
namespace {

/// Adaptive looks, a solved and two sampled levels, several points: every kind of state that a checkpoint keeps.
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
level = "rate-equation"
[compare]
relative = 0.02
[sweep]
volume = [10, 20, 30]
[budget]
trajectories = { first = 16384, max = 131072 }
)";

class Endurance : public ProgramTest {
 protected:
  std::string difference(const std::string& a, const std::string& b) const {
    return testing::Difference(false).of(read_results(folder / a / "results.h5"), read_results(folder / b / "results.h5"));
  }
  std::string program() const { return std::string("'") + MESO_PROGRAM + "'"; }
};

TEST_F(Endurance, KilledAtTwentyRandomMomentsAndResumed) {
  write("study.toml", study);
  ASSERT_EQ(meso("run study.toml -o whole --threads 2 --progress none").status, 0);
  std::mt19937 random(20261123);  // moments of the kills: they decide nothing about the bits
  int killed = 0, with_checkpoint = 0;
  for (int k = 0; k < 20; ++k) {
    const double seconds = 0.02 + 0.35 * static_cast<double>(random() % 1000) / 1000;
    const std::string verb = k == 0 ? "run study.toml -o out" : "resume out";
    const Ran ran = shell(fmt::format("timeout -s KILL {:.3f} {} {} --threads {} --progress none --checkpoint-every 0.02", seconds, program(), verb, 1 + k % 3));
    killed += ran.status == 137;
    with_checkpoint += exists("out/checkpoint/point.bin");
    if (!exists("out/checkpoint/study.toml")) {  // finished, or killed before it began: start again, so that all twenty are kills of a run
      const Ran again = shell("rm -rf out");
      ASSERT_EQ(again.status, 0);
      ASSERT_EQ(shell(fmt::format("timeout -s KILL 0.15 {} run study.toml -o out --threads 2 --progress none --checkpoint-every 0.02", program())).status, 137);
    }
  }
  EXPECT_GE(killed, 15) << "the kills came too late to mean anything";
  EXPECT_GE(with_checkpoint, 5);
  const Ran last = meso("resume out --threads 2 --progress none");
  ASSERT_EQ(last.status, 0) << last.err;
  EXPECT_EQ(difference("whole", "out"), "");
  EXPECT_FALSE(exists("out/checkpoint")) << "a finished run keeps no checkpoint";
  EXPECT_EQ(shell("cmp whole/study.toml out/study.toml && cmp whole/verdicts.csv out/verdicts.csv").status, 0);
  EXPECT_EQ(shell("ls -A out | grep part").status, 1) << "no half-written file is left";
  const Ran nothing = meso("resume out");
  EXPECT_EQ(nothing.status, 0);
  EXPECT_NE(nothing.out.find("nothing to resume"), std::string::npos) << nothing.out;
}

TEST_F(Endurance, AskedToStopItSaysHowToGoOn) {
  write("study.toml", study);
  ASSERT_EQ(meso("run study.toml -o whole --threads 2 --progress none").status, 0);
  for (const char* signal : {"TERM", "INT"}) {
    const std::string out = std::string("out-") + signal;
    // Asked once it has begun: on a busy machine that takes a while.
    const Ran ran = shell(fmt::format("{0} run study.toml -o {1} --threads 1 --progress none & p=$!; until [ -e {1}/checkpoint/study.toml ]; do sleep 0.01; done; sleep 0.15; kill -{2} $p; wait $p", program(), out, signal));
    ASSERT_EQ(ran.status, 3) << ran.err;
    EXPECT_NE(ran.err.find("meso resume " + out), std::string::npos) << ran.err;
    ASSERT_TRUE(exists(out + "/checkpoint/point.bin")) << "the point in work is kept";
    const Ran again = meso(std::string("run study.toml -o ") + out + " --threads 1 --progress none");  // the same command goes on, too
    ASSERT_EQ(again.status, 0) << again.err;
    EXPECT_NE(again.err.find("unfinished run"), std::string::npos);
    EXPECT_EQ(difference("whole", out), "");
  }
}

TEST_F(Endurance, AFullDiskLosesNothing) {
  write("study.toml", study);
  ASSERT_EQ(meso("run study.toml -o whole --threads 2 --progress none").status, 0);
  const auto size = std::filesystem::file_size(folder / "whole" / "results.h5");
  // A limit on the size of files stands for the full disk: the first point fits, the second does not.
  const Ran full = shell(fmt::format("ulimit -f {}; {} run study.toml -o out --threads 2 --progress none --checkpoint-every 0.02", size * 6 / 10 / 512, program()));
  ASSERT_EQ(full.status, 1) << full.err;
  EXPECT_NE(full.err.find("cannot be written"), std::string::npos) << full.err;
  EXPECT_NE(full.err.find("out/"), std::string::npos) << full.err;
  const Ran resumed = meso("resume out --threads 1 --progress none");
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_EQ(difference("whole", "out"), "");
}

TEST_F(Endurance, AChangedStudyIsRefusedWithTheDifference) {
  write("study.toml", study);
  ASSERT_EQ(shell(fmt::format("timeout -s KILL 0.3 {} run study.toml -o out --threads 2 --progress none --checkpoint-every 0.02", program())).status, 137);
  ASSERT_EQ(shell("sed -i 's/^seed = 3/seed = 4/; s/^relative = 0.02/relative = 0.1/' out/study.toml").status, 0);
  const Ran refused = meso("resume out");
  EXPECT_EQ(refused.status, 2);
  for (const char* said : {"was changed", "was seed = 3", "is  seed = 4", "was relative = 0.02", "is  relative = 0.1"}) EXPECT_NE(refused.err.find(said), std::string::npos) << said << "\n" << refused.err;
  ASSERT_EQ(shell("cp out/checkpoint/study.toml out/study.toml && printf x >> out/checkpoint/point.bin").status, 0);
  const Ran damaged = meso("resume out --progress none");
  if (exists("out/checkpoint/point.bin")) {
    EXPECT_EQ(damaged.status, 1);
    EXPECT_NE(damaged.err.find("damaged"), std::string::npos) << damaged.err;
  }
}

TEST_F(Endurance, WrongFoldersAreNamed) {
  EXPECT_EQ(meso("resume nowhere").status, 2);
  ASSERT_EQ(shell("mkdir empty").status, 0);
  const Ran empty = meso("resume empty");
  EXPECT_EQ(empty.status, 2);
  EXPECT_NE(empty.err.find("holds no run"), std::string::npos) << empty.err;
}

TEST_F(Endurance, PausesAndGoesOn) {
  std::string text = study;
  text += "pause-after = \"0.3 s\"\n";
  write("study.toml", text);
  const Ran paused = meso("run study.toml -o out --threads 1 --progress none");
  ASSERT_EQ(paused.status, 3) << paused.err;
  for (int k = 0; k < 100; ++k) {
    const Ran ran = meso("resume out --threads 2 --progress none");
    if (ran.status == 0) return;
    ASSERT_EQ(ran.status, 3) << ran.err;
  }
  FAIL() << "a paused run never ends";
}

}  // namespace
}  // namespace meso

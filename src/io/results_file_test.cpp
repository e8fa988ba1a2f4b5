#include "io/results_file.h"

#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "io/random_results.h"

namespace meso {
namespace {

namespace fs = std::filesystem;
using testing::Difference;
using testing::RandomResults;

class ResultsFile : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fs::temp_directory_path() / ("mesoscope-results-test-" + std::to_string(::getpid()));
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }
  static std::string error_of(const fs::path& path) {
    try {
      (void)read_results(path);
    } catch (const InputError& error) {
      return error.what();
    }
    return "(no error)";
  }
  /// Exit status and output of a command, or nullopt where the tool is missing.
  static std::optional<std::pair<int, std::string>> run(const std::string& tool, const std::string& arguments) {
    if (std::system(("command -v " + tool + " >/dev/null 2>&1").c_str()) != 0) return std::nullopt;
    FILE* pipe = ::popen((tool + " " + arguments + " 2>&1").c_str(), "r");
    std::string out;
    for (char block[4096]; const std::size_t n = std::fread(block, 1, sizeof block, pipe);) out.append(block, n);
    return std::pair{WEXITSTATUS(::pclose(pipe)), out};
  }
  fs::path folder;
};

/// Something small that a person would write: for looking at the layout from outside.
Results dimer() {
  Results r;
  r.study = "[study]\nsystem = \"dimer\"\n";
  r.system = "dimer";
  r.kind = "compare";
  r.observables = {{"X.mean", "molecules", "mean number of X", {}, true}};
  LevelResult ssa;
  ssa.info = {.name = "ssa", .rung = Rung::micro, .source = "Gillespie 1977", .sampled = true};
  ssa.label = "ssa";
  ssa.is_reference = true;
  ssa.samples = 1024;
  Estimate mean = solved_estimate("X.mean", "molecules", {{"t", "s", {0, 1, 2}}}, {0, 2.5, 3.25});
  mean.std_error = {0, 0.1, 0.2};
  mean.samples = 1024;
  mean.batches = Batches{{512, 512}, {0, 2.4, 3.2, 0, 2.6, 3.3}};
  ssa.answer.estimates = {mean};
  ssa.answer.paths = {{7, "X", {0, 2, 3}}, {8, "X", {0, 3, 4}}};
  LevelResult closure;
  closure.info = {.name = "closure", .rung = Rung::moments, .parent = "ssa", .approximation = "third cumulant zero"};
  closure.label = "normal-2";
  closure.options = {{"kind", "normal"}, {"order", 2}};
  closure.answer.estimates = {solved_estimate("X.mean", "molecules", {{"t", "s", {0, 1, 2}}}, {0, 2.5, 3.0})};
  closure.answer.flags = {{"negative-variance", "X.variance", {{"t", 3.21}}, "Var(X) = -4.7 < 0 at t = 3.21", true}};
  r.points = {{{{"volume", 10.0}, {"combinatoric", false}}, {ssa, closure}}};
  Verdict v;
  v.level = "closure";
  v.label = "normal-2";
  v.observable = "X.mean";
  v.outcome = Outcome::disagrees;
  v.low = 1.2;
  v.high = 2.3;
  v.where = {{"t", 2}};
  r.verdicts = {v};
  r.provenance.host = "here";
  return r;
}

TEST_F(ResultsFile, EveryFieldOfRandomResultsReadsBackToTheBit) {
  const fs::path path = folder / "results.h5";
  std::size_t estimates = 0, paths = 0, flags = 0, states = 0, batches = 0;
  for (std::uint64_t i = 0; i < 25; ++i) {
    const Results written = RandomResults(i).make();
    write_results(path, written);
    const Results back = read_results(path);
    ASSERT_EQ(Difference().of(written, back), "") << "results " << i;
    for (const PointResult& point : written.points)
      for (const LevelResult& level : point.levels) {
        estimates += level.answer.estimates.size();
        paths += level.answer.paths.size();
        flags += level.answer.flags.size();
        states += level.answer.steady_states.size();
        for (const Estimate& e : level.answer.estimates) batches += e.batches.has_value();
      }
  }
  EXPECT_GT(estimates, 400u);
  EXPECT_GT(batches, 150u);
  EXPECT_GT(std::min({paths, flags, states}), 60u);
}

TEST_F(ResultsFile, TheComparisonOfThisTestSeesOneBit) {
  const Results a = dimer();
  Results b = a;
  b.points[0].levels[0].answer.estimates[0].value[1] = std::nextafter(2.5, 3);
  EXPECT_EQ(Difference().of(a, b), "/points/0/levels/0/estimates/0/value/1");
  b = a;
  b.points[0].levels[0].answer.estimates[0].value[0] = -0.0;
  EXPECT_EQ(Difference().of(a, b), "/points/0/levels/0/estimates/0/value/0");
}

TEST_F(ResultsFile, EmptyResultsAndManyPointsReadBack) {
  const fs::path path = folder / "results.h5";
  write_results(path, Results());
  EXPECT_EQ(Difference().of(Results(), read_results(path)), "");
  Results many;
  for (int i = 0; i < 1200; ++i) {  // beyond what a group keeps in its header
    many.points.push_back({{{"volume", i}}, {}});
  }
  write_results(path, many);
  EXPECT_EQ(Difference().of(many, read_results(path)), "");
}

TEST_F(ResultsFile, TwoWritesGiveTheSameBytesAndOnlyProvenanceMayDiffer) {
  for (std::uint64_t i = 100; i < 105; ++i) {
    Results results = RandomResults(i).make();
    write_results(folder / "a.h5", results);
    { std::vector<std::string> dirt(1000, std::string(1000, '\xAA')); }  // freed memory that is not zero
    write_results(folder / "b.h5", results);
    const std::string a = read_file(folder / "a.h5");
    ASSERT_EQ(a, read_file(folder / "b.h5")) << "results " << i;
    results.provenance.host = std::string(200, 'h');
    results.provenance.seconds = 1234;
    for (PointResult& point : results.points)
      for (LevelResult& level : point.levels) level.seconds = 99;
    write_results(folder / "b.h5", results);
    ASSERT_NE(a, read_file(folder / "b.h5"));
    ASSERT_EQ(Difference(/*with_provenance=*/false).of(read_results(folder / "a.h5"), read_results(folder / "b.h5")), "");
    const std::string files = (folder / "a.h5").string() + " " + (folder / "b.h5").string();
    const auto outside = run("h5diff", "--exclude-path /provenance " + files);
    if (!outside) continue;
    ASSERT_EQ(outside->first, 0) << "results " << i << ": " << outside->second;
    ASSERT_EQ(run("h5diff", files)->first, 1) << "h5diff sees provenance when it is not told otherwise";
  }
}

TEST_F(ResultsFile, H5diffSeesEveryKindOfDifference) {
  write_results(folder / "a.h5", dimer());
  const std::string command = "--exclude-path /provenance " + (folder / "a.h5").string() + " " + (folder / "b.h5").string();
  const std::vector<std::pair<const char*, std::function<void(Results&)>>> changes{
      {"value", [](Results& r) { r.points[0].levels[0].answer.estimates[0].value[1] = std::nextafter(2.5, 3); }},
      {"std_error", [](Results& r) { r.points[0].levels[0].answer.estimates[0].std_error[1] = 0.11; }},
      {"axis", [](Results& r) { r.points[0].levels[0].answer.estimates[0].axes[0].points[1] = 1.5; }},
      {"unit", [](Results& r) { r.points[0].levels[0].answer.estimates[0].unit = "1"; }},
      {"batches", [](Results& r) { r.points[0].levels[0].answer.estimates[0].batches->weight[0] = 511; }},
      {"path", [](Results& r) { r.points[0].levels[0].answer.paths[0].value[1] = 1; }},
      {"path id", [](Results& r) { r.points[0].levels[0].answer.paths[0].trajectory = 9; }},
      {"samples", [](Results& r) { r.points[0].levels[0].samples = 1; }},
      {"option", [](Results& r) { r.points[0].levels[1].options["order"] = 3; }},
      {"parameter", [](Results& r) { r.points[0].parameters["volume"] = 11.0; }},
      {"flag", [](Results& r) { r.points[0].levels[1].answer.flags[0].text = "other"; }},
      {"verdict", [](Results& r) { r.verdicts[0].outcome = Outcome::agrees; }},
      {"low", [](Results& r) { r.verdicts[0].low = 1.25; }},
      {"study", [](Results& r) { r.study += "# \n"; }},
      {"seed", [](Results& r) { r.seed = 2; }},
      {"one level less", [](Results& r) { r.points[0].levels.pop_back(); }},
  };
  for (const auto& [name, change] : changes) {
    Results other = dimer();
    change(other);
    write_results(folder / "b.h5", other);
    EXPECT_NE(read_file(folder / "a.h5"), read_file(folder / "b.h5")) << name;
    const auto outside = run("h5diff", command);
    if (!outside) GTEST_SKIP() << "h5diff is not installed (Debian: hdf5-tools); the bytes were compared";
    EXPECT_EQ(outside->first, 1) << name << ": " << outside->second;
  }
}

TEST_F(ResultsFile, OpensInH5dumpWithTheLayoutOfTheHandbook) {
  write_results(folder / "r.h5", dimer());
  const std::string path = (folder / "r.h5").string();
  const auto all = run("h5dump", path);
  if (!all) GTEST_SKIP() << "h5dump is not installed (Debian: hdf5-tools)";
  EXPECT_EQ(all->first, 0) << all->second;
  const auto shows = [&](const std::string& arguments, const std::vector<std::string>& parts) {
    const auto out = run("h5dump", arguments + " " + path);
    EXPECT_EQ(out->first, 0) << arguments << out->second;
    for (const std::string& part : parts) EXPECT_NE(out->second.find(part), std::string::npos) << arguments << " lacks " << part << ":\n" << out->second;
  };
  shows("-a /format", {"mesoscope-results"});
  shows("-a /format_version", {"(0): 1"});
  shows("-a /study", {"[study]"});
  shows("-a /points/0000/volume", {"H5T_IEEE_F64LE", "(0): 10"});
  shows("-a /points/0000/combinatoric", {"FALSE"});
  shows("-d /points/0000/ssa/X.mean/value", {"H5T_IEEE_F64LE", "( 3 )", "0, 2.5, 3.25", "molecules", "mean number of X", "DIMENSION_LIST", "/points/0000/ssa/X.mean/axes/t"});
  shows("-d /points/0000/ssa/X.mean/std_error", {"0, 0.1, 0.2"});
  shows("-d /points/0000/ssa/X.mean/axes/t", {"DIMENSION_SCALE", "0, 1, 2", "\"s\""});
  shows("-d /points/0000/ssa/X.mean/batches/replicate", {"( 2, 3 )"});
  shows("-d /points/0000/ssa/trajectories/X", {"( 2, 3 )", "(0): 7, 8"});
  for (const char* name : {"rung", "parent", "approximation", "source", "samples", "options.kind", "options.order"})
    shows(std::string("-a /points/0000/normal-2/") + name, {name});
  shows("-d /points/0000/normal-2/flags", {"negative-variance", "t = 3.21", "TRUE"});
  shows("-d /verdicts", {"\"point\"", "\"outcome\"", "disagrees", "t = 2", "\"look\""});
  shows("-a /provenance/host", {"here"});
}

TEST_F(ResultsFile, WhatIsNotAResultsFileIsRefusedWithTheReason) {
  const fs::path path = folder / "results.h5";
  EXPECT_NE(error_of(path).find("cannot be read"), std::string::npos);
  EXPECT_NE(error_of(folder).find("is a folder; the results of a study are in its file results.h5"), std::string::npos);
  write_file_atomically(path, "");
  EXPECT_EQ(error_of(path), path.string() + ": is empty, not a Mesoscope results file");
  write_file_atomically(path, "time,value\n0,1\n");
  EXPECT_EQ(error_of(path), path.string() + ": is not a Mesoscope results file (not HDF5)");
  const auto alter = [&](const std::function<void(hid_t)>& change, bool fresh) {
    if (!fresh) write_results(path, dimer());
    const hid_t file = fresh ? H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT) : H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    change(file);
    H5Fclose(file);
    return error_of(path);
  };
  EXPECT_NE(alter([](hid_t) {}, true).find("is HDF5, but not a Mesoscope results file"), std::string::npos);
  EXPECT_EQ(alter([](hid_t file) {
              const hid_t a = H5Aopen(file, "format_version", H5P_DEFAULT);
              const std::int64_t other = 2;
              H5Awrite(a, H5T_NATIVE_INT64, &other);
              H5Aclose(a);
            }, false),
            path.string() + ": has format version 2; Mesoscope 0.1.0 understands version 1");
  // Whole HDF5 of the right version, but something we need is gone: the message names it.
  EXPECT_NE(alter([](hid_t file) { H5Ldelete(file, "/points/0000/ssa/X.mean/value", H5P_DEFAULT); }, false).find("in /points/0000: dataset value"), std::string::npos);
  EXPECT_NE(alter([](hid_t file) { H5Adelete(file, "seed"); }, false).find("attribute seed"), std::string::npos);
  EXPECT_NE(alter([](hid_t file) { H5Ldelete(file, "/points", H5P_DEFAULT); }, false).find("group points"), std::string::npos);
  EXPECT_EQ(alter([](hid_t file) { H5Ldelete(file, "/provenance", H5P_DEFAULT); }, false), "(no error)") << "results without their provenance can be read";
}

TEST_F(ResultsFile, ATruncatedFileIsOneErrorAtEveryLengthAndNothingIsPrinted) {
  const fs::path path = folder / "results.h5", cut = folder / "cut.h5";
  write_results(path, dimer());
  const std::string whole = read_file(path);
  ::testing::internal::CaptureStderr();
  for (std::size_t n = 0; n < whole.size(); n += 61) {
    std::ofstream(cut, std::ios::binary) << whole.substr(0, n);
    ASSERT_NE(error_of(cut).find(cut.string() + ": is "), std::string::npos) << n << ": " << error_of(cut);
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_NE(error_of(cut).find("truncated"), std::string::npos) << error_of(cut);
}

TEST_F(ResultsFile, AFullDiskIsARunErrorAndTheEarlierFileStays) {
  const fs::path path = folder / "results.h5";
  write_results(path, dimer());
  const std::string before = read_file(path);
  Results large = dimer();
  large.points[0].levels[0].answer.paths = {{0, "X", std::vector<double>(100000, 1.0)}};
  // A limit on the size of files stands in for the full disk: the write stops half way, as it would there.
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{before.size() + 4096, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  std::string message;
  try {
    write_results(path, large);
  } catch (const RunError& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(message.starts_with(path.string() + ": cannot be written: ")) << message;
  EXPECT_EQ(read_file(path), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1) << "no temporary file is left behind";
  try {
    write_results(folder / "no" / "such" / "results.h5", large);
    FAIL();
  } catch (const RunError& error) {
    EXPECT_NE(std::string(error.what()).find("such"), std::string::npos);
  }
}

TEST_F(ResultsFile, AnEstimateThatContradictsItselfIsNamed) {
  const auto message = [&](const std::function<void(Results&)>& spoil) -> std::string {
    Results results = dimer();
    spoil(results);
    try {
      write_results(folder / "r.h5", results);
    } catch (const RunError& error) {
      return error.what();
    }
    return "(no error)";
  };
  EXPECT_NE(message([](Results& r) { r.points[0].levels[0].answer.estimates[0].value.pop_back(); })
                .find("point 0: 'X.mean' of level 'ssa' has 2 numbers in its values, but its axes make 3"), std::string::npos);
  EXPECT_NE(message([](Results& r) { r.points[0].levels[0].answer.estimates[0].skewness = {1}; }).find("skewness"), std::string::npos);
  EXPECT_NE(message([](Results& r) { r.points[0].levels[0].answer.estimates[0].batches->weight.pop_back(); }).find("6 replicates for 1 batches of 3"), std::string::npos);
  EXPECT_NE(message([](Results& r) { r.points[0].levels[1].label = "ssa"; }).find("level 'ssa' stands there twice"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder / "r.h5"));
}

TEST_F(ResultsFile, ThreadsMayWriteAndReadAtOnce) {
  std::vector<std::jthread> threads;
  std::atomic<int> good = 0;
  for (int k = 0; k < 4; ++k)
    threads.emplace_back([&, k] {
      const fs::path path = folder / ("r" + std::to_string(k) + ".h5");
      for (std::uint64_t i = 0; i < 5; ++i) {
        const Results results = RandomResults(200 + 10 * static_cast<std::uint64_t>(k) + i).make(1);
        write_results(path, results);
        good += Difference().of(results, read_results(path)).empty();
      }
    });
  threads.clear();
  EXPECT_EQ(good, 20);
}

TEST_F(ResultsFile, AGrowingFileIsWholeAtEveryMomentAndCostsLittle) {
  Results results = dimer();
  results.points[0].levels[0].answer.estimates[0].batches.reset();
  RollingResults file(folder / "results.h5");
  EXPECT_TRUE(file.point_done(results)) << "the first point is there at once";
  int written = 0;
  for (int i = 1; i < 300; ++i) {
    results.points.push_back(results.points[0]);
    written += file.point_done(results);
    if (i % 50 != 0) continue;
    const std::size_t seen = read_results(folder / "results.h5").points.size();
    ASSERT_TRUE(seen >= 1 && seen <= results.points.size());
  }
  EXPECT_LT(written, 290) << "not every point of a fast sweep";
  file.finish(results);
  EXPECT_EQ(Difference().of(results, read_results(folder / "results.h5")), "");
}

}  // namespace
}  // namespace meso

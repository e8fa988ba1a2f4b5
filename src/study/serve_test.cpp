// Ranks as threads of this process: whoever computes a grain or a point, the results are the same to the bit.
#include "study/serve.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>

#include "base/error.h"
#include "exec/ranks_fixture.h"
#include "io/random_results.h"
#include "io/toml.h"

namespace meso {
namespace {

using testing::with_ranks;

struct Params {
  double size = 10, k = 1;
};
const Schema<Params> schema{{"size", &Params::size, {.doc = "system size", .min = 0, .min_excluded = true}}, {"k", &Params::k, {.doc = "rate", .min = 0}}};

std::atomic<int> drawn_there{0}, solved_there{0};  // by other ranks
std::atomic<int> slow_microseconds{0};
std::atomic<double> fails_at{-1}, memory_ends_at{-1};  // k at which a trajectory fails; size at which a solved level does

struct Draws {
  Params p;
  bool there;
  Plan plan(const Ask&) const {
    Plan plan;
    plan.signals = {{.name = "x", .path = true}, {.name = "x2"}};
    plan.derived = {{"X.mean", "1", {0}}, {"X.variance", "1", {0, 1}, [](std::span<const double> m) { return m[1] - m[0] * m[0]; }}};
    return plan;
  }
  void sample(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t k, Tape& tape) const {
    if (slow_microseconds > 0) std::this_thread::sleep_for(std::chrono::microseconds(slow_microseconds));
    drawn_there += there;
    if (there && p.k == fails_at) throw ModelError("trajectory " + std::to_string(k) + " left the domain");
    Stream rng(seed, k, purpose);
    const double x = p.k + rng.exponential();
    tape.record(0, 0, x);
    tape.record(1, 0, x * x);
  }
};

/// Two sampled levels - one with a second ensemble that needs the first one's result - and a solved one.
System toy(bool there) {
  return Define<Params>("toy", "A toy", "tests", schema)
      .no_time()
      .observe({"X.mean", "1", "mean of x"})
      .observe({"X.variance", "1", "variance of x"})
      .level({.name = "draws", .sampled = true}, [there](const Params& p) { return sampled(Draws{p, there}, 16); })
      .level({.name = "twice", .sampled = true},
             [there](const Params& p) {
               return [p, there](const Ask& ask, Context& context) {
                 const Draws draws{p, there};
                 const Plan plan = draws.plan(ask);
                 const auto run = [&](const std::string& name, double shift) {
                   return context.ensemble(name, plan, 8, one_by_one([&](std::uint64_t k, Tape& tape) {
                     draws.sample(ask, plan, context.seed(), context.purpose() + "/" + name, k, tape);
                     tape.record(0, 0, tape.at(0, 0) + shift);
                   }));
                 };
                 const EnsembleResult first = run("first", 0), second = run("second", first.signal_mean[0]);
                 Answer answer;
                 answer.estimates = second.estimates;
                 answer.paths = first.paths;
                 return answer;
               };
             })
      .level({.name = "exact", .rung = Rung::master}, [there](const Params& p) {
        return [p, there](const Ask&, Context& context) {
          context.progress(0);
          solved_there += there;
          if (there && p.size == memory_ends_at) throw std::bad_alloc();
          Answer answer;
          answer.estimates = {solved_estimate("X.mean", "1", {}, {p.k + 1}), solved_estimate("X.variance", "1", {}, {1 + 1e-3 / p.size})};
          return answer;
        };
      });
}

ModelSource source(bool there) {
  return [there](const ModelRequest&) { return toy(there); };
}

const char* text = R"([study]
system = "toy"
seed = 5
[reference]
level = "exact"
[[candidate]]
level = "draws"
[[candidate]]
level = "twice"
[compare]
relative = 0.05
[sweep]
size = { log = [10, 1000], count = COUNT }
[budget]
trajectories = { first = 512, max = 4096 }
)";

Study study(int count, const std::string& also = "") {
  std::string document = text;
  document.replace(document.find("COUNT"), 5, std::to_string(count));
  return read_study(parse_toml(document + also, "s.toml"), source(false));
}

Results run_with(unsigned ranks, unsigned threads, const Study& what, RunOptions options = {}) {
  Results results;
  options.threads = threads;
  with_ranks(
      ranks,
      [&](Ranks& own) {
        options.ranks = &own;
        results = run_study(what, options);
      },
      [](Ranks& own) { serve(own, source(true), [] {}); });
  return results;
}

std::string difference(const Results& a, const Results& b) { return testing::Difference(false).of(a, b); }

TEST(Ranks, ShareTheGrainsOfAPointAndChangeNoBit) {
  const Study one = study(1);
  const Results alone = run_study(one, {.threads = 2});
  slow_microseconds = 5;
  for (const unsigned ranks : {2u, 3u, 5u})
    for (const unsigned threads : {1u, 3u}) {
      drawn_there = 0;
      solved_there = 0;
      const Results shared = run_with(ranks, threads, one);
      EXPECT_EQ(difference(alone, shared), "") << ranks << " ranks of " << threads;
      EXPECT_EQ(shared.provenance.ranks, ranks);
      EXPECT_GT(drawn_there, 0) << "the others did nothing";
      EXPECT_EQ(solved_there, 0) << "a solved level of the only point belongs to rank 0";
    }
  slow_microseconds = 0;
}

TEST(Ranks, ShareThePointsOfASweepAndChangeNoBit) {
  const Study sweep = study(7);
  const Results alone = run_study(sweep, {.threads = 2});
  for (const unsigned ranks : {2u, 3u, 7u}) {
    drawn_there = 0;
    solved_there = 0;
    std::size_t seen = 0;
    RunOptions options;
    options.on_point = [&](const Results& so_far) {
      EXPECT_GE(so_far.points.size(), seen) << "points come in their order";
      seen = so_far.points.size();
    };
    const Results shared = run_with(ranks, 2, sweep, options);
    EXPECT_EQ(difference(alone, shared), "") << ranks << " ranks";
    EXPECT_EQ(seen, 7u);
    EXPECT_GT(drawn_there, 0);
    EXPECT_GT(solved_there, 0);
  }
  EXPECT_EQ(difference(run_study(study(3), {.threads = 2}), run_with(5, 1, study(3))), "") << "fewer points than ranks: grains are shared";
}

TEST(Ranks, AnErrorOnOneRankIsSaidByRank0AsWhatItIs) {
  fails_at = 1;
  slow_microseconds = 5;  // so that the others get some
  try {
    (void)run_with(3, 1, study(1));
    ADD_FAILURE() << "a failed trajectory on another rank went unnoticed";
  } catch (const ModelError& error) {
    EXPECT_EQ(std::string(error.what()).substr(0, 5), "rank ");
    EXPECT_NE(std::string(error.what()).find("left the domain"), std::string::npos) << error.what();
  }
  fails_at = -1;
  slow_microseconds = 0;
  memory_ends_at = 100;  // of a sweep's points, whichever rank has it
  bool somewhere_else = false;
  for (int k = 0; k < 20 && !somewhere_else; ++k) {
    try {
      (void)run_with(3, 1, study(3));
    } catch (const RunError& error) {
      somewhere_else = true;
      EXPECT_NE(std::string(error.what()).find(": out of memory"), std::string::npos) << error.what();
      EXPECT_EQ(std::string(error.what()).substr(0, 5), "rank ") << error.what();
    }
  }
  EXPECT_TRUE(somewhere_else);
  memory_ends_at = -1;
}

/// Cancels again and again, at any moment, with as many ranks as it happens; each time the next goes on.
TEST(Ranks, ACancelledRunGoesOnToTheSameBits) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("mesoscope-ranks-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  for (const int points : {1, 6}) {
    const Study what = study(points);
    const Results alone = run_study(what, {.threads = 2});
    slow_microseconds = 5;
    Results known;
    bool kept = false;
    for (int k = 0;; ++k) {
      ASSERT_LT(k, 200) << "it gets nowhere";
      const auto begin = std::chrono::steady_clock::now();
      RunOptions options;
      options.checkpoint = folder / "point.bin";
      options.checkpoint_every = 0.005;
      const Results known_before = known;
      if (!known_before.points.empty()) options.known = &known_before;
      options.on_point = [&](const Results& so_far) { known = so_far; };
      options.progress = [&](const Progress&) {
        if (std::chrono::steady_clock::now() - begin > std::chrono::milliseconds(60 + 23 * (k % 7))) throw Cancelled();
      };
      try {
        const Results whole = run_with(1 + static_cast<unsigned>(k % 4), 1 + static_cast<unsigned>(k % 2), what, options);
        EXPECT_EQ(difference(alone, whole), "");
        EXPECT_GT(k, 2) << "it was not cancelled often enough to mean anything";
        break;
      } catch (const Cancelled&) {
        for (const auto& file : std::filesystem::directory_iterator(folder)) kept = kept || file.path().filename() != "point.bin" || points == 1;
      }
    }
    EXPECT_TRUE(kept) << "no unfinished work was kept";
    slow_microseconds = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder)) std::filesystem::remove(file.path());
  }
  std::filesystem::remove_all(folder);
}

TEST(Ranks, OneThatIsAskedToStopEndsTheRunOfAll) {
  slow_microseconds = 100;
  EXPECT_THROW(with_ranks(
                   3, [&](Ranks& own) { (void)run_study(study(1), {.threads = 1, .ranks = &own}); },
                   [](Ranks& own) {
                     const auto begin = std::chrono::steady_clock::now();
                     serve(own, source(true), [&] {
                       if (own.rank() == 2 && std::chrono::steady_clock::now() - begin > std::chrono::milliseconds(50)) throw Cancelled();
                     });
                   }),
               Cancelled);
  slow_microseconds = 0;
}

}  // namespace
}  // namespace meso

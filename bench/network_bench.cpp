// Reaction networks at the end times and output points of their files (networks/): reactions per second of CPU time on one core, trajectories one by
// one and in lanes, beside the limit programs run in the same call (limits/ssa_scalar_network.cpp on the same network; limits/ssa_lanes_*.cpp, which are made
// for their networks and need AVX-512) and the stored figure of the best peer (2026-11, on a Zen 5 machine: StochKit2's best method; BioNetGen's run_network 3.0
// where StochKit2 has none). A machine where the limit program is slower than it was there runs the peer slower too: `of-best-peer-here` is the ratio to the peer's
// figure times (limit here) / (limit there). Then the level `ssa` with two threads
// over one in wall time, and a generated network of 25,000 reactions: how long it takes to bind and compile, and every way to find the next reaction.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "bench/limit.h"
#include "exec/engine.h"
#include "kits/kinetics/leaping.h"
#include "kits/kinetics/next_reaction.h"
#include "kits/kinetics/ssa.h"
#include "kits/kinetics/ssa_lanes.h"
#include "kits/kinetics/ssa_level.h"

namespace {

using namespace meso;
using namespace meso::kinetics;

struct Model {
  Network network;
  std::vector<double> times;
  double end = 0;
  std::string limit_text;  // as the scalar limit program reads it
};

// One side of a reaction: "2 S1 + S2" or "0".
std::vector<std::pair<std::string, int>> side(const std::string& text) {
  std::vector<std::pair<std::string, int>> out;
  std::istringstream in(text);
  std::string word;
  int count = 1;
  while (in >> word) {
    if (word == "+" || word == "0") continue;
    if (std::isdigit(static_cast<unsigned char>(word[0])) != 0 && word.find_first_not_of("0123456789") == std::string::npos) count = std::atoi(word.c_str());
    else out.emplace_back(word, count), count = 1;
  }
  return out;
}

Model load(const std::string& name) {
  std::ifstream file(std::string(MESO_SOURCE_DIR) + "/bench/networks/" + name + ".rxn.txt");
  NetworkSpec spec;
  double end = 0;
  int points = 1;
  std::string line;
  std::ostringstream reactions, starts;
  std::map<std::string, std::size_t> index;
  std::size_t count = 0;
  while (std::getline(file, line)) {
    std::istringstream in(line);
    std::string word;
    if (!(in >> word) || word[0] == '#') continue;
    if (word == "end") in >> end;
    else if (word == "points") in >> points;
    else if (word == "species") {
      std::string species;
      double start = 0;
      in >> species >> start;
      index[species] = spec.species.size();
      spec.species.push_back(species);
      spec.initial[species] = start;
      starts << start << ' ';
    } else if (word == "reaction") {
      const std::size_t colon = line.find(" : "), arrow = line.find("->");
      std::string label;
      double c = 0;
      in >> label >> c;
      const auto left = side(line.substr(colon + 3, arrow - colon - 3)), right = side(line.substr(arrow + 2));
      double k = c;  // propensity c * prod binomial(x, s): ours has falling factorials
      reactions.precision(17);
      reactions << c << ' ' << left.size();
      for (const auto& [s, n] : left) {
        reactions << ' ' << index.at(s) << ' ' << n;
        for (int i = 2; i <= n; ++i) k /= i;
      }
      reactions << ' ' << right.size();
      for (const auto& [s, n] : right) reactions << ' ' << index.at(s) << ' ' << n;
      reactions << '\n';
      ++count;
      const std::string rate = "k" + std::to_string(count);
      spec.constants[rate] = k;
      spec.reactions.push_back(line.substr(colon + 3) + ", " + rate);
    }
  }
  Model model;
  model.network = spec.bind({});
  model.end = end;
  for (int i = 1; i <= points; ++i) model.times.push_back(end * i / points);
  std::ostringstream text;
  text << spec.species.size() << ' ' << count << ' ' << end << ' ' << points << '\n' << starts.str() << '\n' << reactions.str();
  model.limit_text = text.str();
  return model;
}

double figure_of(const std::string& command, const std::string& row, const std::string& before) {
  double rate = 0;
  for (const std::string& line : bench::lines_of(command)) {
    const std::size_t end = line.find(before);
    if (end != std::string::npos && line.find(row) != std::string::npos) rate = std::atof(line.substr(line.rfind(' ', end - 1)).c_str());
  }
  return rate;
}
double scalar_limit(const std::string& name, const Model& model, int trajectories) {
  const std::filesystem::path path = std::filesystem::temp_directory_path() / ("meso-limit-" + name + ".txt");
  std::ofstream(path) << model.limit_text;
  const double rate = figure_of(std::string(MESO_LIMIT_SCALAR) + " " + path.string() + " " + std::to_string(trajectories) + " 1", "traj=", " ev/s");
  std::filesystem::remove(path);
  return rate;
}

struct Case {
  const char* name;
  int trajectories;  // of one measurement: about 0.2 s by the scalar limit
  double best_peer, scalar_limit, lane_limit;  // figures of 2026-11, all on one machine; 0 where there is none
};
const Case cases[] = {{"dsmts-birth-death", 8192, 3.6e7, 5.1e7, 0}, {"stochkit-dimer", 512, 2.8e7, 4.3e7, 6.0e8}, {"stochkit-schlogl", 256, 2.3e7, 3.8e7, 1.05e9},
                      {"michaelis-menten", 16384, 2.7e7, 4.8e7, 6.4e8},
                      {"lacz-lacy", 32, 1.9e7, 2.9e7, 1.7e8}, {"stochkit-hs", 32, 1.2e7, 2.1e7, 5.8e7},
                      {"stochkit-hs10", 16, 2.8e6, 1.6e7, 0}, {"chain-1000", 32, 1.8e6, 1.5e7, 0}, {"bionetgen-egfr", 1, 7.0e5, 4.7e6, 0}};

// 0 where there is no program for the network, or no register for it.
double lane_limit(const Case& c) {
  const std::string name(c.name);
  if (c.lane_limit == 0 || !lanes::registers().starts_with("AVX3")) return 0;
  if (name == "stochkit-schlogl") return figure_of(std::string(MESO_LIMIT_LANES_SCHLOGL) + " 20000", "avx512 f64 8x4", " ev/s (best");
  return figure_of(std::string(MESO_LIMIT_LANES) + " " + name + " " + std::to_string(std::max(48, c.trajectories)), "limit of", " ev/s");
}

void measure(benchmark::State& state, const Case& c, bool in_lanes) {
  const Model model = load(c.name);
  std::vector<double> rates;
  double seen = 0;
  std::uint64_t trajectory = 0;
  const auto look = [&](std::span<const double> x) { seen += x[0]; };
  const Ssa ssa(model.network);
  const auto limit_now = [&] { return in_lanes ? lane_limit(c) : scalar_limit(c.name, model, c.trajectories); };
  double limit = limit_now();
  for (auto _ : state) {
    const double start = bench::cpu();
    std::uint64_t events = 0;
    if (in_lanes) {
      const std::uint64_t first = trajectory, count = c.trajectories < 64 ? 128 : 8 * static_cast<std::uint64_t>(c.trajectories);
      for (const SsaResult& r : SsaLanes(model.network).run_paths(model.times, count, [&](std::uint64_t k) { return Stream(1, first + k, "bench/lanes").fast(); },
                                                                  [&](std::uint64_t, std::size_t, std::span<const double> x) { look(x); }))
        events += r.events;
      trajectory += count;
    } else {
      for (int k = 0; k < c.trajectories; ++k)
        events += ssa.run_path(model.times, model.network.initial, Stream(1, trajectory++, "bench/lanes").fast(), [&](std::size_t, std::span<const double> x) { look(x); }).events;
    }
    const double seconds = bench::cpu() - start;
    rates.push_back(static_cast<double>(events) / seconds);
    state.SetIterationTime(seconds);
  }
  benchmark::DoNotOptimize(seen);
  // A neighbour on the core only ever takes away: the best of ours against the best of the limit, measured before and after.
  const double rate = *std::max_element(rates.begin(), rates.end()), limit_there = in_lanes ? c.lane_limit : c.scalar_limit;
  if (limit > 0) limit = std::max(limit, limit_now());
  state.counters["reactions/s"] = rate;
  if (limit > 0) {
    state.counters["limit"] = limit;
    state.counters["of-limit"] = rate / limit;
  }
  state.counters["best-peer"] = c.best_peer;
  state.counters["of-best-peer"] = rate / c.best_peer;
  if (limit > 0 && limit_there > 0) state.counters["of-best-peer-here"] = rate / (c.best_peer * limit / limit_there);
  state.SetLabel(std::string("best peer 2026-11: ") + (c.best_peer == 7.0e5 ? "BioNetGen run_network 3.0" : "StochKit2"));
}

// The other ways to draw a trajectory, in trajectories per second and against the faster of the two above, measured in turns in the same call:
// `gain` above 1 is a level that pays. What `tau-leap` is offered by (leaping.cpp) are constants fitted to these.
void measure_other(benchmark::State& state, const Case& c, const std::function<std::function<SsaResult(const Model&, FastStream)>(const Model&)>& make) {
  const Model model = load(c.name);
  const auto other = make(model);
  const Ssa ssa(model.network);
  const bool lanes = SsaLanes::fits(model.network);
  const int exact_count = lanes ? 2 * static_cast<int>(lanes::width) * std::max(1, c.trajectories / 8) : std::max(1, c.trajectories / 4);
  const int count = std::max(1, c.trajectories / 4);
  std::vector<double> seconds, exact_seconds;
  std::uint64_t trajectory = 0;
  double events = 0;
  for (auto _ : state) {
    double start = bench::cpu();
    if (lanes)
      (void)SsaLanes(model.network).run_paths(model.times, static_cast<std::uint64_t>(exact_count), [&](std::uint64_t k) { return Stream(2, trajectory + k, "bench/exact").fast(); },
                                              [](std::uint64_t, std::size_t, std::span<const double>) {});
    else
      for (int k = 0; k < exact_count; ++k) (void)ssa.run_path(model.times, model.network.initial, Stream(2, trajectory + static_cast<std::uint64_t>(k), "bench/exact").fast(), [](std::size_t, std::span<const double>) {});
    exact_seconds.push_back((bench::cpu() - start) / exact_count);
    start = bench::cpu();
    for (int k = 0; k < count; ++k) events += static_cast<double>(other(model, Stream(2, trajectory++, "bench/other").fast()).events);
    seconds.push_back((bench::cpu() - start) / count);
    state.SetIterationTime(seconds.back() * count);
  }
  if (!(events > 0)) state.SkipWithError("no reaction fired");
  std::sort(seconds.begin(), seconds.end());
  std::sort(exact_seconds.begin(), exact_seconds.end());
  state.counters["trajectories/s"] = 1 / seconds[seconds.size() / 2];
  state.counters["gain"] = exact_seconds[exact_seconds.size() / 2] / seconds[seconds.size() / 2];
}

using Other = std::function<SsaResult(const Model&, FastStream)>;
Other next_reaction(const Model& model) {
  return [simulator = std::make_shared<const NextReaction>(model.network)](const Model& m, FastStream rng) { return simulator->run_path(m.times, rng, [](std::size_t, std::span<const double>) {}); };
}
std::function<Other(const Model&)> leaps(Leaping::Kind kind, double epsilon) {
  return [=](const Model& model) -> Other {
    return [simulator = std::make_shared<const Leaping>(model.network, kind, LeapOptions{.epsilon = epsilon})](const Model& m, FastStream rng) {
      return simulator->run_path(m.times, rng, [](std::size_t, std::span<const double>) {}, Ssa::default_max_events);
    };
  };
}

// The level `ssa` as a study runs it, on one thread and on two in turn: wall time.
void two_threads(benchmark::State& state, const Case& c) {
  const Model model = load(c.name);
  const Level level = ssa_level(model.network);
  const Ask ask{Times{model.times}, {model.network.species[0] + ".mean"}};
  double seconds[3] = {};
  for (auto _ : state)
    for (const unsigned threads : {1u, 2u}) {
      const auto start = std::chrono::steady_clock::now();
      LevelRun run({.seed = 1, .threads = threads}, "bench/threads");
      run.set_trajectories(static_cast<std::uint64_t>(c.trajectories) * 32);
      if (level.run(ask, run).estimates.empty()) state.SkipWithError("no estimate");
      seconds[threads] += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
  state.counters["two-over-one"] = seconds[1] / seconds[2];
}

// Chains, dimerisation, exchange and decay among 5,000 species; rate constants over four decades.
NetworkSpec generated() {
  constexpr int n_species = 5000, n_reactions = 25000;
  NetworkSpec spec;
  const auto name = [](int i) { return "S" + std::to_string(i); };
  for (int i = 0; i < n_species; ++i) {
    spec.species.push_back(name(i));
    spec.initial[name(i)] = i % 7;
  }
  for (int i = 0; i < n_reactions; ++i) {
    const int kind = i / n_species, a = i % n_species, b = (7 * a + 13 * kind + 1) % n_species, c = (11 * a + 29 * kind + 3) % n_species;
    const std::string rate = ", " + std::to_string(std::pow(10.0, (i % 97) / 24.0 - 2));
    const std::string texts[] = {"0 -> " + name(a), name(a) + " -> " + name(b), name(a) + " + " + name(b) + " -> " + name(c), name(a) + " -> 0", "2" + name(a) + " -> " + name(b)};
    spec.reactions.push_back(texts[kind] + rate);
  }
  return spec;
}

void bind_generated(benchmark::State& state) {
  const NetworkSpec spec = generated();
  for (auto _ : state) {
    const Network network = spec.bind({});
    const Ssa ssa(network);
    if (ssa.method() != SsaMethod::composition_rejection || network.reactions.size() != 25000) state.SkipWithError("not the network that was meant");
    benchmark::DoNotOptimize(ssa);
  }
}

void by_method(benchmark::State& state, const Network& network, SsaMethod method) {
  const Ssa ssa(network, method);
  const std::vector<double> end{1e300};
  std::uint64_t events = 0, k = 0;
  double seconds = 0;
  for (auto _ : state) {
    const double start = bench::cpu();
    events += ssa.run_path(end, network.initial, Stream(1, k++, "bench/method").fast(), [](std::size_t, std::span<const double>) {}, 300'000).events;
    const double now = bench::cpu() - start;
    seconds += now;
    state.SetIterationTime(now);
  }
  state.counters["reactions/s"] = static_cast<double>(events) / seconds;
}

const int registered = [] {
  const auto add = [](const std::string& name, auto&& f) { return benchmark::RegisterBenchmark(name.c_str(), f)->UseManualTime()->Unit(benchmark::kMillisecond); };
  for (const Case& c : cases) {
    add(std::string("BM_OneByOne/") + c.name, [&c](benchmark::State& s) { measure(s, c, false); })->Iterations(3);
    if (SsaLanes::fits(load(c.name).network)) add(std::string("BM_InLanes/") + c.name, [&c](benchmark::State& s) { measure(s, c, true); })->Iterations(3);
    const auto add_other = [&](const std::string& way, const std::function<Other(const Model&)>& make) {
      add("BM_" + way + "/" + c.name, [&c, make](benchmark::State& s) { measure_other(s, c, make); });
    };
    add_other("NextReaction", next_reaction);
    add_other("TauLeap0.1", leaps(Leaping::Kind::tau, 0.1));
    add_other("TauLeap0.2", leaps(Leaping::Kind::tau, 0.2));
    add_other("Hybrid0.1", leaps(Leaping::Kind::hybrid, 0.1));
  }
  for (const Case& c : {cases[2], cases[4]})
    benchmark::RegisterBenchmark((std::string("BM_TwoThreads/") + c.name).c_str(), [c](benchmark::State& s) { two_threads(s, c); })->UseRealTime()->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("BM_BindGenerated/25000", bind_generated)->Unit(benchmark::kMillisecond);
  for (const auto& [word, method] : {std::pair{"dependency-graph", SsaMethod::dependency_graph}, std::pair{"composition-rejection", SsaMethod::composition_rejection}}) {
    for (const char* model : {"chain-1000", "bionetgen-egfr"}) add(std::string("BM_Method/") + model + "/" + word, [model, m = method](benchmark::State& s) { by_method(s, load(model).network, m); });
    add(std::string("BM_Method/generated-25000/") + word, [m = method](benchmark::State& s) { by_method(s, generated().bind({}), m); });
  }
  return 0;
}();

}  // namespace

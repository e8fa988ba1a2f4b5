#include "exec/engine.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <exception>
#include <limits>
#include <map>
#include <thread>

#include "base/error.h"
#include "exec/crew.h"
#include "model/archive.h"
#include "stat/jackknife.h"

namespace meso {
namespace {

constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
constexpr double infinity = std::numeric_limits<double>::infinity();

void merge_into(SumNode& a, const SumNode& b) {
  for (std::size_t i = 0; i < a.sum.size(); ++i) a.sum[i] += b.sum[i];
  for (std::size_t i = 0; i < a.low.size(); ++i) {
    a.low[i] = std::min(a.low[i], b.low[i]);
    a.high[i] = std::max(a.high[i], b.high[i]);
  }
  a.count += b.count;
}

/// Equal neighbours that together are an aligned range of at most `limit`.
bool mergeable(const SumNode& before, const SumNode& last, std::uint64_t limit) {
  return before.count == last.count && 2 * last.count <= limit && before.first % (2 * last.count) == 0;
}

/// Pushes a node onto a chain in which equal neighbours merge.
void push_aligned(std::vector<SumNode>& chain, SumNode node, std::uint64_t limit) {
  chain.push_back(std::move(node));
  while (chain.size() >= 2 && mergeable(chain[chain.size() - 2], chain.back(), limit)) {
    merge_into(chain[chain.size() - 2], chain.back());
    chain.pop_back();
  }
}

void put_node(ArchiveWriter& out, const SumNode& node) {
  out.put(node.first);
  out.put(node.count);
  out.put(node.sum);
  out.put(node.low);
  out.put(node.high);
}

void get_node(ArchiveReader& in, SumNode& node) {
  in.get(node.first);
  in.get(node.count);
  in.get(node.sum);
  in.get(node.low);
  in.get(node.high);
}

}  // namespace

Monomials::Monomials(const Plan& plan) : points_(plan.points()) {
  std::vector<bool> wide;
  for (const Signal& signal : plan.signals) {
    offset_.push_back(stride_);
    stride_ += signal.width;
    wide.push_back(signal.width > 1);
  }
  per_point_ = stride_;
  const auto need = [&](std::array<std::size_t, 3> key, Product product) {
    if (index_.emplace(key, per_point_).second) {
      products_.push_back(product);
      ++per_point_;
    }
  };
  for (const Derived& derived : plan.derived) {
    for (const std::size_t s : derived.signals) {
      if (wide[s]) {  // bins: squares only
        for (std::size_t b = 0; b < plan.signals[s].width; ++b) need({offset_[s] + b, offset_[s] + b, none}, {offset_[s] + b, offset_[s] + b, none});
        continue;
      }
      for (const std::size_t t : derived.signals) {
        if (t < s || wide[t]) continue;
        need({offset_[s], offset_[t], none}, {offset_[s], offset_[t], none});
        for (const std::size_t u : derived.signals)
          if (u >= t && !wide[u]) need({offset_[s], offset_[t], offset_[u]}, {offset_[s], offset_[t], offset_[u]});
      }
    }
  }
}

void Monomials::add(std::span<const double> tape, std::span<double> sum) const {
  for (std::size_t i = 0; i < points_; ++i) {
    const double* x = tape.data() + i * stride_;
    double* s = sum.data() + i * per_point_;
    for (std::size_t j = 0; j < stride_; ++j) s[j] += x[j];
    s += stride_;
    for (const Product& p : products_) *s++ += p.c == none ? x[p.a] * x[p.b] : x[p.a] * x[p.b] * x[p.c];
  }
}

std::size_t Monomials::second_order(std::size_t s, std::size_t t) const {
  std::array<std::size_t, 3> key{offset_[s], offset_[t], none};
  if (key[0] > key[1]) std::swap(key[0], key[1]);
  return index_.at(key);
}

std::size_t Monomials::square_of_bin(std::size_t s, std::size_t b) const { return index_.at({offset_[s] + b, offset_[s] + b, none}); }

std::size_t Monomials::third_order(std::size_t s, std::size_t t, std::size_t u) const {
  std::array<std::size_t, 3> key{offset_[s], offset_[t], offset_[u]};
  std::sort(key.begin(), key.end());
  return index_.at(key);
}

std::uint64_t Accumulator::batch_size(std::uint64_t n) {
  std::uint64_t size = 1;
  while ((n + size - 1) / size > max_batches) size *= 2;
  return size;
}

void Accumulator::grow_to(std::uint64_t n) {
  const std::uint64_t wanted = batch_size(n);
  while (size_ < wanted) {
    size_ *= 2;
    std::vector<SumNode> chain;
    for (SumNode& node : nodes_) push_aligned(chain, std::move(node), size_);
    nodes_ = std::move(chain);
  }
}

void Accumulator::push(SumNode node) {
  n_ = node.first + node.count;
  push_aligned(nodes_, std::move(node), size_);
}

void Accumulator::save(ArchiveWriter& out) const {
  out.put(n_);
  out.put(size_);
  out.list(nodes_, put_node);
}

void Accumulator::load(ArchiveReader& in) {
  in.get(n_);
  in.get(size_);
  in.list(nodes_, get_node);
}

std::vector<SumNode> Accumulator::batches() const {
  std::vector<SumNode> result;
  for (const SumNode& node : nodes_) {
    if (!result.empty() && result.back().first / size_ == node.first / size_) merge_into(result.back(), node);
    else result.push_back(node);
  }
  return result;
}

namespace {

/// Total over all batches by a balanced tree over their index: deterministic and accurate.
SumNode total_of(const std::vector<SumNode>& batches) {
  std::vector<SumNode> chain = batches;
  while (chain.size() > 1) {
    std::vector<SumNode> next;
    for (std::size_t i = 0; i < chain.size(); i += 2) {
      if (i + 1 < chain.size()) merge_into(chain[i], chain[i + 1]);
      next.push_back(std::move(chain[i]));
    }
    chain = std::move(next);
  }
  return std::move(chain.front());
}

/// Central difference gradient of f at m, steps scaled by the signals' spread.
std::vector<double> gradient(const std::function<double(std::span<const double>)>& f, std::vector<double> m, const std::vector<double>& spread) {
  std::vector<double> g(m.size(), 0.0);
  for (std::size_t a = 0; a < m.size(); ++a) {
    const double step = std::max({1e-5 * spread[a], 1e-9 * std::abs(m[a]), 1e-300});
    const double keep = m[a];
    m[a] = keep + step;
    const double up = f(m);
    m[a] = keep - step;
    const double down = f(m);
    m[a] = keep;
    g[a] = (up - down) / (2 * step);
  }
  return g;
}

}  // namespace

EnsembleResult estimates_from(const Plan& plan, const Monomials& monomials, const Accumulator& sums, const std::string& stream) {
  const std::size_t points = plan.points(), per_point = monomials.per_point(), stride = monomials.stride();
  const std::vector<SumNode> batches = sums.batches();
  const SumNode total = total_of(batches);
  const double n = static_cast<double>(total.count);

  EnsembleResult result;
  result.trajectories = total.count;
  result.signal_mean.resize(points * stride);
  for (std::size_t i = 0; i < points; ++i)
    for (std::size_t j = 0; j < stride; ++j) result.signal_mean[i * stride + j] = total.sum[i * per_point + j] / n;
  result.signal_se.assign(points * stride, std::numeric_limits<double>::quiet_NaN());

  for (const Derived& derived : plan.derived) {
    Estimate estimate;
    estimate.observable = derived.observable;
    estimate.unit = derived.unit;
    estimate.axes = plan.axes;
    estimate.samples = total.count;
    estimate.stream = stream;
    estimate.is_distribution = derived.is_distribution;
    const std::size_t s0 = derived.signals.front();
    const std::size_t width = plan.signals[s0].width;
    const bool identity = !derived.f;
    if (width > 1 || derived.support) {
      if (!identity || derived.signals.size() != 1) throw Error("plan of '" + derived.observable + "': a signal with bins gives their means only");
      estimate.axes.push_back(*derived.support);
      for (std::size_t i = 0; i < points; ++i)
        for (std::size_t b = 0; b < width; ++b) {
          const double mean = total.sum[i * per_point + monomials.first_order(s0, b)] / n;
          const std::size_t square = width > 1 ? monomials.square_of_bin(s0, b) : monomials.second_order(s0, s0);
          const double variance = std::max(0.0, total.sum[i * per_point + square] / n - mean * mean);
          estimate.value.push_back(mean);
          estimate.std_error.push_back(n > 1 ? std::sqrt(variance / (n - 1)) : std::numeric_limits<double>::quiet_NaN());
        }
      estimate.dof = n - 1;
      result.estimates.push_back(std::move(estimate));
      continue;
    }

    const std::size_t g = derived.signals.size();
    if (batches.size() > 1) estimate.batches.emplace();
    if (estimate.batches)
      for (const SumNode& batch : batches) estimate.batches->weight.push_back(static_cast<double>(batch.count));
    const auto f = identity ? std::function<double(std::span<const double>)>([](std::span<const double> m) { return m[0]; }) : derived.f;
    if (estimate.batches) estimate.batches->replicate.resize(batches.size() * points);
    for (std::size_t i = 0; i < points; ++i) {
      const auto at = [&](const SumNode& node, std::size_t index) { return node.sum[i * per_point + index]; };
      std::vector<double> mean(g), spread(g);
      bool varied = false;
      for (std::size_t a = 0; a < g; ++a) {
        const std::size_t s = derived.signals[a];
        mean[a] = at(total, monomials.first_order(s)) / n;
        const double variance = at(total, monomials.second_order(s, s)) / n - mean[a] * mean[a];
        spread[a] = std::sqrt(std::max(0.0, variance));
        const std::size_t element = i * stride + monomials.first_order(s);
        varied = varied || total.low[element] != total.high[element];
        result.signal_se[element] = n > 1 ? spread[a] / std::sqrt(n - 1) : std::numeric_limits<double>::quiet_NaN();
      }
      estimate.value.push_back(f(mean));
      std::vector<double> replicate;
      for (std::size_t j = 0; j < batches.size() && estimate.batches; ++j) {
        std::vector<double> rest(g);
        for (std::size_t a = 0; a < g; ++a) {
          const std::size_t index = monomials.first_order(derived.signals[a]);
          rest[a] = (at(total, index) - at(batches[j], index)) / (n - static_cast<double>(batches[j].count));
        }
        replicate.push_back(f(rest));
        estimate.batches->replicate[j * points + i] = replicate.back();
      }
      // Influence function y = sum_a grad_a s_a: its variance (for the identity) and its skewness (the guard of the verdict).
      const std::vector<double> slope = gradient(f, mean, spread);
      double variance = 0, third = 0;
      const auto m1 = [&](std::size_t a) { return mean[a]; };
      const auto m2 = [&](std::size_t a, std::size_t b) { return at(total, monomials.second_order(derived.signals[a], derived.signals[b])) / n; };
      const auto m3 = [&](std::size_t a, std::size_t b, std::size_t c) { return at(total, monomials.third_order(derived.signals[a], derived.signals[b], derived.signals[c])) / n; };
      for (std::size_t a = 0; a < g; ++a)
        for (std::size_t b = 0; b < g; ++b) {
          variance += slope[a] * slope[b] * (m2(a, b) - m1(a) * m1(b));
          for (std::size_t c = 0; c < g; ++c)
            third += slope[a] * slope[b] * slope[c] *
                     (m3(a, b, c) - m1(a) * m2(b, c) - m1(b) * m2(a, c) - m1(c) * m2(a, b) + 2 * m1(a) * m1(b) * m1(c));
        }
      variance = std::max(variance, 0.0);
      double se = std::numeric_limits<double>::quiet_NaN();
      if (!varied) se = 0;
      else if (identity && n > 1) se = std::sqrt(variance / (n - 1));
      else if (estimate.batches) se = delete_batch_error(estimate.value.back(), replicate, estimate.batches->weight);
      estimate.std_error.push_back(se);
      estimate.skewness.push_back(varied && variance > 0 ? third / std::pow(variance, 1.5) : 0.0);
      estimate.no_variation.push_back(varied ? 0.0 : 1.0);
      const Signal& signal = plan.signals[s0];
      estimate.signal_range.push_back(identity ? signal.hi - signal.lo : infinity);
    }
    estimate.exact = derived.exact;
    estimate.dof = identity ? n - 1 : static_cast<double>(batches.size()) - 1;
    result.estimates.push_back(std::move(estimate));
  }
  return result;
}

LevelRun::LevelRun(EngineOptions options, std::string purpose) : options_(std::move(options)), purpose_(std::move(purpose)) {
  if (options_.threads == 0) options_.threads = 1;
}

void LevelRun::save(ArchiveWriter& out) const {
  out.put(static_cast<std::uint64_t>(states_.size()));
  for (const auto& [name, state] : states_) {
    out.put(name);
    state.sums.save(out);
    out.list(state.paths, [](ArchiveWriter& to, const Path& path) { meso::save(to, path); });
  }
}

void LevelRun::load(ArchiveReader& in) {
  states_.clear();
  const std::size_t count = in.length(1);
  for (std::size_t i = 0; i < count; ++i) {
    std::string name;
    in.get(name);
    State& state = states_[name];
    state.sums.load(in);
    in.list(state.paths, [](ArchiveReader& from, Path& path) { meso::load(from, path); });
  }
}

std::uint64_t LevelRun::trajectories() const {
  std::uint64_t n = 0;
  for (const auto& [name, state] : states_) n = std::max(n, state.sums.trajectories());
  return n;
}

void LevelRun::progress(double fraction) {
  if (options_.on_progress) options_.on_progress(std::clamp(fraction, 0.0, 1.0));
}

std::filesystem::path LevelRun::artefact(const std::string& key) {
  if (options_.artefacts.empty()) options_.artefacts = std::filesystem::temp_directory_path() / "mesoscope-artefacts";
  std::filesystem::create_directories(options_.artefacts);
  return options_.artefacts / key;
}

namespace {

/// Sums over [first, last) as aligned nodes of at most `limit`; the first `kept_paths` trajectories' path signals are kept.
std::vector<SumNode> compute(const Plan& plan, const Monomials& monomials, std::uint64_t first, std::uint64_t last, std::uint64_t limit,
                             const BatchSample& sample, std::vector<Path>& paths) {
  const auto count = static_cast<std::size_t>(last - first);
  const std::size_t size = plan.tape_size();
  std::vector<double> data(count * size, 0.0);
  std::vector<Tape> tapes;
  tapes.reserve(count);
  for (std::size_t k = 0; k < count; ++k) tapes.emplace_back(plan, std::span<double>(data).subspan(k * size, size));
  sample(first, tapes);

  // The chain of push_aligned, with the nodes' memory reused: trajectories may take a microsecond.
  std::vector<SumNode> chain;
  std::size_t depth = 0;
  for (std::size_t k = 0; k < count; ++k) {
    const std::span<const double> tape(data.data() + k * size, size);
    if (depth == chain.size()) chain.emplace_back();
    SumNode& leaf = chain[depth++];
    leaf.first = first + k;
    leaf.count = 1;
    leaf.sum.assign(monomials.size(), 0.0);
    monomials.add(tape, leaf.sum);
    leaf.low.assign(tape.begin(), tape.end());
    leaf.high.assign(tape.begin(), tape.end());
    while (depth >= 2 && mergeable(chain[depth - 2], chain[depth - 1], limit)) {
      merge_into(chain[depth - 2], chain[depth - 1]);
      --depth;
    }
    if (first + k >= kept_paths) continue;
    for (std::size_t s = 0; s < plan.signals.size(); ++s) {
      if (!plan.signals[s].path) continue;
      Path path{first + k, plan.signals[s].name, {}};
      for (std::size_t i = 0; i < plan.points(); ++i) path.value.push_back(tapes[k].at(s, i));
      paths.push_back(std::move(path));
    }
  }
  chain.resize(depth);
  return chain;
}

}  // namespace

namespace {

/// What a grain leaves: sums as aligned nodes, and the kept paths of its trajectories.
struct Grain {
  std::vector<SumNode> nodes;
  std::vector<Path> paths;
};

void put_grain(ArchiveWriter& out, const Grain& grain) {
  out.list(grain.nodes, put_node);
  out.list(grain.paths, [](ArchiveWriter& to, const Path& path) { meso::save(to, path); });
}

void get_grain(ArchiveReader& in, Grain& grain) {
  in.list(grain.nodes, get_node);
  in.list(grain.paths, [](ArchiveReader& from, Path& path) { meso::load(from, path); });
}

void put_result(ArchiveWriter& out, const EnsembleResult& result) {
  Answer carrier;
  carrier.estimates = result.estimates;
  carrier.paths = result.paths;
  meso::save(out, carrier);
  out.put(result.trajectories);
  out.put(result.signal_mean);
  out.put(result.signal_se);
}

EnsembleResult get_result(ArchiveReader& in) {
  Answer carrier;
  meso::load(in, carrier);
  EnsembleResult result;
  result.estimates = std::move(carrier.estimates);
  result.paths = std::move(carrier.paths);
  in.get(result.trajectories);
  in.get(result.signal_mean);
  in.get(result.signal_se);
  return result;
}

constexpr std::chrono::milliseconds local_patience{50}, message_patience{1};
constexpr std::uint64_t nowhere = std::numeric_limits<std::uint64_t>::max();

}  // namespace

/// The grains of one round, trajectories [done, target): on aligned boundaries, the first may begin in the middle of one.
struct LevelRun::Round {
  Round(std::uint64_t trajectories_done, std::uint64_t trajectories_wanted, std::uint64_t size)
      : done(trajectories_done), target(trajectories_wanted), grain(size), first(done / grain), tasks(target > done ? (target + grain - 1) / grain - first : 0) {}
  [[nodiscard]] std::uint64_t start(std::uint64_t t) const { return std::clamp((first + t) * grain, done, target); }
  [[nodiscard]] Grain computed(std::uint64_t t, const Plan& plan, const Monomials& monomials, const BatchSample& sample) const {
    Grain result;
    result.nodes = compute(plan, monomials, start(t), start(t + 1), Accumulator::batch_size(target), sample, result.paths);
    return result;
  }
  std::uint64_t done, target, grain, first, tasks;
};

EnsembleResult LevelRun::ensemble(const std::string& name, const Plan& plan, std::uint64_t grain, const BatchSample& sample) {
  if (grain == 0 || (grain & (grain - 1)) != 0) throw Error("the grain of '" + purpose_ + "' is not a power of two");
  // Wide tapes (histograms over many times) are computed in smaller pieces: 32 MB a thread, and the bits are the same.
  while (grain > 64 && grain * plan.tape_size() > (std::uint64_t{1} << 22)) grain /= 2;
  if (solo_) return solo(name, plan, sample);
  if (options_.ranks && options_.ranks->rank() > 0) return help(name, plan, grain, sample);
  const Monomials monomials(plan);

  State& state = states_[name];
  for (const SumNode& node : state.sums.nodes())
    if (node.sum.size() != monomials.size() || node.low.size() != plan.tape_size()) throw RunError("the checkpoint of '" + stream(name) + "' is of another plan");
  Ranks* const ranks = options_.ranks && options_.ranks->size() > 1 ? options_.ranks : nullptr;
  const Round round(state.sums.trajectories(), target_, grain);
  if (ranks) {
    if (options_.on_ensemble) options_.on_ensemble();
    ArchiveWriter order = say(Word::ensemble);
    order.put(++ranks->turn);
    order.put(name);
    order.put(round.done);
    order.put(round.target);
    ranks->send_to_others(order.sealed());
  }
  if (round.tasks > 0) {
    state.sums.grow_to(target_);
    gather(state, round, plan, monomials, sample, ranks);
  }
  EnsembleResult result = estimates_from(plan, monomials, state.sums, stream(name));
  result.paths = state.paths;
  if (ranks) {
    ArchiveWriter news = say(Word::merged);
    put_result(news, result);
    ranks->send_to_others(news.sealed());
  }
  return result;
}

std::string LevelRun::stream(const std::string& name) const { return purpose_ + (name.empty() ? "" : "/" + name); }

EnsembleResult LevelRun::solo(const std::string& name, const Plan& plan, const BatchSample& sample) const {
  const Monomials monomials(plan);
  Accumulator sums;
  const std::size_t size = plan.tape_size();
  std::vector<double> data(size, 0.0);
  std::vector<Tape> tape;
  tape.emplace_back(plan, std::span<double>(data));
  sample(*solo_, tape);
  SumNode leaf{0, 1, std::vector<double>(monomials.size(), 0.0), data, data};
  monomials.add(data, leaf.sum);
  sums.push(std::move(leaf));
  EnsembleResult result = estimates_from(plan, monomials, sums, stream(name));
  for (std::size_t s = 0; s < plan.signals.size(); ++s) {
    if (plan.signals[s].width > 1) continue;
    Path path{*solo_, plan.signals[s].name, {}};
    for (std::size_t i = 0; i < plan.points(); ++i) path.value.push_back(tape[0].at(s, i));
    result.paths.push_back(std::move(path));
  }
  return result;
}

/// Hands the grains out to the threads here and to the other ranks as they are free, and merges what comes back in order of the grains.
void LevelRun::gather(State& state, const Round& round, const Plan& plan, const Monomials& monomials, const BatchSample& sample, Ranks* ranks) {
  const std::uint64_t threads = std::min<std::uint64_t>(options_.threads, round.tasks);
  Crew<Grain> crew(static_cast<unsigned>(threads), [&](std::uint64_t t) { return round.computed(t, plan, monomials, sample); });
  std::vector<std::uint64_t> idle(ranks ? ranks->size() : 0, 0);  // grains that another rank would take now
  std::map<std::uint64_t, Grain> waiting;                         // finished out of order
  std::uint64_t next_task = 0, next_merge = 0;
  const std::uint64_t ahead = 64 * options_.threads * (ranks ? ranks->size() : 1);  // bounds the memory of results that wait for an earlier grain
  std::exception_ptr failure;
  std::uint64_t failed = nowhere;
  const auto fail = [&](std::uint64_t task, std::exception_ptr error) {
    if (failure && task >= failed) return;  // the error of the earliest trajectory is reported, whoever was faster
    failed = task;
    failure = std::move(error);
  };
  const auto receive = [&](std::vector<Crew<Grain>::Done> done) {
    for (auto& one : done) {
      if (one.error) fail(one.job, one.error);
      else waiting.emplace(one.job, std::move(*one.result));
    }
  };
  const auto left = [&] { return next_task < std::min(round.tasks, next_merge + ahead); };
  try {
    while (next_merge < round.tasks && !failure) {
      // Each thread's next grain lies ready when it ends one; the other ranks have theirs from further on.
      while (left() && crew.load() < 2 * threads) crew.add(next_task++);
      for (unsigned r = 1; r < idle.size(); ++r)
        for (; left() && idle[r] > 0; --idle[r]) {
          ArchiveWriter order = say(Word::grain);
          order.put(next_task++);
          ranks->send(r, order.sealed());
        }
      receive(crew.take(ranks ? message_patience : local_patience));
      while (ranks) {
        auto heard = hear(*ranks);
        if (!heard) break;
        if (heard->word == Word::ready) {
          if (heard->in.get<std::uint64_t>() == ranks->turn) idle[heard->from] += heard->in.get<std::uint64_t>();
        } else if (heard->word == Word::grain_done) {
          const auto task = heard->in.get<std::uint64_t>();
          get_grain(heard->in, waiting[task]);
          ++idle[heard->from];
        } else if (heard->word == Word::failed) {
          const auto task = heard->in.get<std::uint64_t>();
          fail(task, load_failure(heard->in, heard->from));
        } else {
          throw Error("rank " + std::to_string(heard->from) + " answers what was not asked");
        }
      }
      while (!waiting.empty() && waiting.begin()->first == next_merge) {
        for (SumNode& node : waiting.begin()->second.nodes) state.sums.push(std::move(node));
        for (Path& path : waiting.begin()->second.paths) state.paths.push_back(std::move(path));
        waiting.erase(waiting.begin());
        ++next_merge;
      }
      if (failure) break;
      if (options_.on_consistent) options_.on_consistent();
      progress(static_cast<double>(next_merge) / static_cast<double>(round.tasks));
    }
  } catch (...) {
    fail(nowhere, std::current_exception());
  }
  receive(crew.dismiss());
  if (failure) std::rethrow_exception(failure);
}

/// The part of another rank: computes the grains that rank 0 hands out, and learns the result of the whole.
EnsembleResult LevelRun::help(const std::string& name, const Plan& plan, std::uint64_t grain, const BatchSample& sample) {
  Ranks& ranks = *options_.ranks;
  const Monomials monomials(plan);
  const auto next = [&](std::chrono::microseconds patience) {
    auto heard = hear(ranks);
    if (!heard && patience.count() > 0) std::this_thread::sleep_for(patience);
    if (heard && heard->word == Word::stop) throw Released();
    return heard;
  };
  std::optional<Heard> order;
  while (!order) {
    progress(0);
    order = next(message_patience);
  }
  if (order->word != Word::ensemble) throw Error("rank 0 is not where this rank is: another ensemble of '" + purpose_ + "' was expected");
  const auto turn = order->in.get<std::uint64_t>();
  std::string asked;
  order->in.get(asked);
  if (asked != name) throw Error("rank 0 asks for the ensemble '" + asked + "' of '" + purpose_ + "', this rank has come to '" + name + "'");
  const auto done = order->in.get<std::uint64_t>();
  const Round round(done, order->in.get<std::uint64_t>(), grain);
  Crew<Grain> crew(options_.threads, [&](std::uint64_t t) { return round.computed(t, plan, monomials, sample); });
  if (round.tasks > 0) {
    ArchiveWriter answer = say(Word::ready);
    answer.put(turn);
    answer.put(std::uint64_t{2} * options_.threads);
    ranks.send(0, answer.sealed());
  }
  while (true) {
    progress(0);
    const bool busy = crew.load() > 0;
    for (const auto& one : crew.take(busy ? message_patience : std::chrono::milliseconds(0))) {
      ArchiveWriter answer = say(one.error ? Word::failed : Word::grain_done);
      answer.put(one.job);
      if (one.error) save_failure(answer, one.error);
      else put_grain(answer, *one.result);
      ranks.send(0, answer.sealed());
    }
    while (auto heard = next(busy ? std::chrono::milliseconds(0) : message_patience)) {
      if (heard->word == Word::merged) return get_result(heard->in);
      if (heard->word != Word::grain) throw Error("rank 0 is not where this rank is: a grain of '" + stream(name) + "' was expected");
      crew.add(heard->in.get<std::uint64_t>());
    }
  }
}

}  // namespace meso

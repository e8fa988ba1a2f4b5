#include "exec/engine.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>

#include "base/error.h"
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
  out.list(nodes_, [](ArchiveWriter& to, const SumNode& node) {
    to.put(node.first);
    to.put(node.count);
    to.put(node.sum);
    to.put(node.low);
    to.put(node.high);
  });
}

void Accumulator::load(ArchiveReader& in) {
  in.get(n_);
  in.get(size_);
  in.list(nodes_, [](ArchiveReader& from, SumNode& node) {
    from.get(node.first);
    from.get(node.count);
    from.get(node.sum);
    from.get(node.low);
    from.get(node.high);
  });
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

EnsembleResult LevelRun::ensemble(const std::string& name, const Plan& plan, std::uint64_t grain, const BatchSample& sample) {
  if (grain == 0 || (grain & (grain - 1)) != 0) throw Error("the grain of '" + purpose_ + "' is not a power of two");
  // Wide tapes (histograms over many times) are computed in smaller pieces: 32 MB a thread, and the bits are the same.
  while (grain > 64 && grain * plan.tape_size() > (std::uint64_t{1} << 22)) grain /= 2;
  const Monomials monomials(plan);
  const std::string stream = purpose_ + (name.empty() ? "" : "/" + name);

  if (solo_) {
    Accumulator sums;
    const std::size_t size = plan.tape_size();
    std::vector<double> data(size, 0.0);
    std::vector<Tape> tape;
    tape.emplace_back(plan, std::span<double>(data));
    sample(*solo_, tape);
    SumNode leaf{0, 1, std::vector<double>(monomials.size(), 0.0), data, data};
    monomials.add(data, leaf.sum);
    sums.push(std::move(leaf));
    EnsembleResult result = estimates_from(plan, monomials, sums, stream);
    for (std::size_t s = 0; s < plan.signals.size(); ++s) {
      if (plan.signals[s].width > 1) continue;
      Path path{*solo_, plan.signals[s].name, {}};
      for (std::size_t i = 0; i < plan.points(); ++i) path.value.push_back(tape[0].at(s, i));
      result.paths.push_back(std::move(path));
    }
    return result;
  }

  State& state = states_[name];
  for (const SumNode& node : state.sums.nodes())
    if (node.sum.size() != monomials.size() || node.low.size() != plan.tape_size()) throw RunError("the checkpoint of '" + stream + "' is of another plan");
  const std::uint64_t done = state.sums.trajectories();
  if (target_ > done) {
    state.sums.grow_to(target_);
    const std::uint64_t limit = Accumulator::batch_size(target_);
    // Task t covers [start(t), start(t + 1)): grains on aligned boundaries, the first may begin in the middle of one.
    const std::uint64_t first_grain = done / grain, last_grain = (target_ + grain - 1) / grain;
    const std::uint64_t tasks = last_grain - first_grain;
    const auto start = [&](std::uint64_t t) { return std::clamp((first_grain + t) * grain, done, target_); };

    struct Finished {
      std::vector<SumNode> nodes;
      std::vector<Path> paths;
    };
    std::mutex mutex;
    std::condition_variable merged_some, finished_some;
    std::map<std::uint64_t, Finished> waiting;  // finished out of order
    std::uint64_t next_task = 0, next_merge = 0;
    bool stop = false;
    std::exception_ptr failure;
    std::uint64_t failed_task = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t ahead = 64 * options_.threads;  // bounds the memory of results that wait for an earlier grain

    const auto work = [&] {
      while (true) {
        std::uint64_t task;
        {
          std::unique_lock lock(mutex);
          merged_some.wait(lock, [&] { return stop || next_task >= tasks || next_task < next_merge + ahead; });
          if (stop || next_task >= tasks) return;
          task = next_task++;
        }
        Finished result;
        try {
          result.nodes = compute(plan, monomials, start(task), start(task + 1), limit, sample, result.paths);
        } catch (...) {
          const std::lock_guard lock(mutex);
          if (task < failed_task) {  // the error of the earliest trajectory is reported, whoever was faster
            failed_task = task;
            failure = std::current_exception();
          }
          stop = true;
          finished_some.notify_all();
          merged_some.notify_all();
          return;
        }
        const std::lock_guard lock(mutex);
        waiting.emplace(task, std::move(result));
        while (!waiting.empty() && waiting.begin()->first == next_merge) {
          for (SumNode& node : waiting.begin()->second.nodes) state.sums.push(std::move(node));
          for (Path& path : waiting.begin()->second.paths) state.paths.push_back(std::move(path));
          waiting.erase(waiting.begin());
          ++next_merge;
        }
        merged_some.notify_all();
        finished_some.notify_all();
      }
    };

    {
      std::vector<std::jthread> pool;
      for (unsigned i = 0; i < std::min<std::uint64_t>(options_.threads, tasks); ++i) pool.emplace_back(work);
      std::unique_lock lock(mutex);
      while (!stop && next_merge < tasks) {
        finished_some.wait_for(lock, std::chrono::milliseconds(50));
        const double fraction = static_cast<double>(next_merge) / static_cast<double>(tasks);
        try {
          if (options_.on_consistent) options_.on_consistent();  // under the lock: nobody merges now
          lock.unlock();
          progress(fraction);
        } catch (...) {
          if (!lock.owns_lock()) lock.lock();
          if (!failure) failure = std::current_exception();
          stop = true;
          merged_some.notify_all();
          break;
        }
        lock.lock();
      }
      if (lock.owns_lock()) lock.unlock();
      merged_some.notify_all();
    }  // threads join here
    if (failure) std::rethrow_exception(failure);
  }
  EnsembleResult result = estimates_from(plan, monomials, state.sums, stream);
  result.paths = state.paths;
  return result;
}

}  // namespace meso

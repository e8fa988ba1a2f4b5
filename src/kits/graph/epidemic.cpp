#include "kits/graph/epidemic.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace meso::graph {
namespace {

constexpr double never = std::numeric_limits<double>::infinity();

/// Changes of the numbers of nodes, by the output time at which they are first seen; summed up at the end.
class Counts {
 public:
  Counts(std::span<const double> times, std::size_t compartments) : times_(times), compartments_(compartments), change_((times.size() + 1) * compartments, 0) {}
  void move(double t, State from, State to) {
    const std::size_t i = slot(t) * compartments_;
    --change_[i + from], ++change_[i + to];
  }
  void begin(State c) { ++change_[slot(-1.0) * compartments_ + c]; }
  [[nodiscard]] std::vector<std::uint32_t> totals() const {
    std::vector<std::uint32_t> at(times_.size() * compartments_);
    std::vector<std::int64_t> sum(compartments_, 0);
    for (std::size_t i = 0; i < times_.size(); ++i)
      for (std::size_t c = 0; c < compartments_; ++c) at[i * compartments_ + c] = static_cast<std::uint32_t>(sum[c] += change_[i * compartments_ + c]);
    return at;
  }

 private:
  [[nodiscard]] std::size_t slot(double t) const {
    if (times_.empty() || t <= times_.front()) return 0;
    if (t > times_.back()) return times_.size();
    return static_cast<std::size_t>(std::lower_bound(times_.begin(), times_.end(), t) - times_.begin());
  }
  std::span<const double> times_;
  std::size_t compartments_;
  std::vector<std::int64_t> change_;
};

struct Segment {
  double from, to, infectivity;
  State compartment;
};

}  // namespace

FirstPassage::FirstPassage(const Compartments& model) : model_(model) {
  const auto rules = single_infection(model);
  if (!rules) throw ModelError("first passage needs a model in which a node is infected once and never returns");
  rules_ = *rules;
}

Course FirstPassage::run(const Graph& graph, std::span<const State> initial, std::span<const double> times, double until, FastStream& random) {
  const std::size_t n = graph.nodes();
  Course course;
  Counts counts(times, model_.size());
  best_.assign(n, never);
  if (keep_ends) ended_.assign(n, never);

  // Buckets of equal width over the expected course; the last one takes everything later. Their width decides the speed only.
  double fastest = 0, mean_degree = n > 0 ? 2.0 * static_cast<double>(graph.edges()) / static_cast<double>(n) : 0;
  for (std::size_t c = 0; c < model_.size(); ++c) fastest = std::max(fastest, rules_.infectivity[c] * std::max(1.0, 0.5 * mean_degree) + (rules_.infectivity[c] > 0 ? rules_.exit[c] : 0));
  const std::size_t size = std::clamp<std::size_t>(n / 128, 16, 1 << 16);
  const double horizon = std::min(until, 40.0 / fastest);
  const double per_width = static_cast<double>(size) / horizon;
  if (buckets_.size() < size) buckets_.resize(size);
  for (auto& bucket : buckets_) bucket.clear();
  const auto slot = [&](double t) { return std::min(size - 1, static_cast<std::size_t>(std::min(t * per_width, 1e9))); };

  const auto later = [](const Event& a, const Event& b) { return a.t > b.t || (a.t == b.t && a.node > b.node); };
  const std::uint32_t* const start = graph.start();
  const Node* const neighbour = graph.neighbour();
  double* const best = best_.data();
  std::size_t now = 0;
  std::vector<Event> heap;
  std::vector<Segment> course_of;
  course_of.reserve(model_.size());
  const auto push = [&](double t, Node node, State entry) {
    best[node] = t;
    const std::size_t b = slot(t);
    if (b > now) {
      buckets_[b].push_back({t, node, entry});
    } else {
      heap.push_back({t, node, entry});
      std::push_heap(heap.begin(), heap.end(), later);
    }
  };

  // The course of a node from entering compartment c at time t, and the infections it sends out.
  const auto spread = [&](Node node, double t, State c) {
    course_of.clear();
    double at = t;
    State last = c;
    bool infectious = false;
    while (true) {
      const double rate = rules_.exit[c];
      const double hold = rate > 0 ? random.exponential() / rate : never;
      if (rules_.infectivity[c] > 0) course_of.push_back({at, at + hold, rules_.infectivity[c], c}), infectious = true;
      at += hold;
      if (keep_ends && rules_.infectivity[c] > 0) ended_[node] = at;
      if (!(at <= until) || at == never) break;
      const std::vector<Spontaneous>& ways = rules_.next[c];
      std::size_t w = 0;
      if (ways.size() > 1)
        for (double u = random.uniform() * rate; w + 1 < ways.size() && u > ways[w].rate; ++w) u -= ways[w].rate;
      last = c, c = ways[w].to;
      counts.move(at, last, c);
      ++course.events;
      course.end = std::max(course.end, at);
      if (rules_.exit[c] == 0 && rules_.infectivity[c] == 0) break;
    }
    if (!infectious) return;
    if (course_of.size() == 1) {
      // A contact comes after Exp(beta); it is in time if u > exp(-beta D), so that the logarithm is taken only then.
      const Segment& s = course_of[0];
      const double reach = std::min(s.to, until) - s.from, late = std::exp(-s.infectivity * reach), mean = 1 / s.infectivity;
      const State entry = rules_.entry[s.compartment];
      for (std::uint32_t q = start[node]; q < start[node + 1]; ++q) {
        const Node m = neighbour[q];
        if (best[m] <= s.from) continue;
        const double u = random.uniform();
        if (u <= late) continue;
        const double arrival = s.from - mean * std::log(u);
        if (arrival < best[m]) push(arrival, m, entry);
      }
      return;
    }
    for (std::uint32_t q = start[node]; q < start[node + 1]; ++q) {
      const Node m = neighbour[q];
      if (best[m] <= t) continue;
      double left = random.exponential();
      for (const Segment& s : course_of) {
        const double hazard = s.infectivity * (s.to - s.from);
        if (left < hazard) {
          const double arrival = s.from + left / s.infectivity;
          if (arrival < best[m] && arrival <= until) push(arrival, m, rules_.entry[s.compartment]);
          break;
        }
        left -= hazard;
      }
    }
  };

  for (std::size_t i = 0; i < n; ++i) {
    counts.begin(initial[i]);
    if (initial[i] != rules_.susceptible) best[i] = 0;
  }
  for (std::size_t i = 0; i < n; ++i)
    if (initial[i] != rules_.susceptible && (rules_.exit[initial[i]] > 0 || rules_.infectivity[initial[i]] > 0)) spread(static_cast<Node>(i), 0, initial[i]);
  for (; now < size; ++now) {
    std::vector<Event>& bucket = buckets_[now];
    if (now > 0 || !bucket.empty()) {
      heap.insert(heap.end(), bucket.begin(), bucket.end());
      bucket.clear();
      if (now + 1 < size) {  // memory first: the nodes of this bucket, their neighbours, and what is known of these
        for (const Event& e : heap) __builtin_prefetch(start + e.node), __builtin_prefetch(best + e.node);
        for (const Event& e : heap) __builtin_prefetch(neighbour + start[e.node]);
        for (const Event& e : heap)
          if (best[e.node] == e.t)
            for (std::uint32_t q = start[e.node]; q < start[e.node + 1]; ++q) __builtin_prefetch(best + neighbour[q]);
      }
      std::make_heap(heap.begin(), heap.end(), later);
    }
    while (!heap.empty()) {
      const Event e = heap.front();
      std::pop_heap(heap.begin(), heap.end(), later);
      heap.pop_back();
      if (best[e.node] != e.t) continue;  // an earlier contact was found since
      if (e.t > until) {
        best[e.node] = never;
        continue;
      }
      counts.move(e.t, rules_.susceptible, e.entry);
      ++course.events;
      course.end = std::max(course.end, e.t);
      spread(e.node, e.t, e.entry);
    }
  }
  course.at = counts.totals();
  return course;
}

Course simulate(const Compartments& model, const Graph& graph, std::span<const EdgeChange> changes, std::span<const State> initial, std::span<const double> times,
                double until, FastStream& random) {
  const std::size_t n = graph.nodes(), K = model.size();
  Course course;
  Counts counts(times, K);
  std::vector<State> state(initial.begin(), initial.end());
  for (const State c : state) counts.begin(c);

  std::vector<std::vector<Node>> moving;  // adjacency that can change
  if (!changes.empty()) {
    moving.resize(n);
    for (std::size_t i = 0; i < n; ++i) moving[i].assign(graph.neighbours(i).begin(), graph.neighbours(i).end());
  }
  const auto neighbours = [&](Node i) { return moving.empty() ? graph.neighbours(i) : std::span<const Node>(moving[i]); };

  struct Driven {
    State a, to_a, to_b;
    double rate;
  };
  std::vector<double> alone(K, 0), most(K, 0);
  std::vector<std::vector<Driven>> driven(K);  // contacts driven by a node in b, tried from its side
  std::vector<std::vector<double>> by_target(K, std::vector<double>(K, 0));
  for (const Spontaneous& s : model.spontaneous) alone[s.from] += s.rate;
  for (const Contact& c : model.contacts) {
    const double rate = c.a == c.b ? 0.5 * c.rate : c.rate;  // an edge of equals is tried from both its ends
    driven[c.b].push_back({c.a, c.to_a, c.to_b, rate});
    most[c.b] = std::max(most[c.b], by_target[c.b][c.a] += rate);
  }

  // Octaves of activity: a node of activity a lies in the group with 2^(g-1) < a <= 2^g.
  constexpr int lowest = -60, groups = 160;
  std::vector<std::vector<Node>> members(groups);
  std::vector<std::uint32_t> place(n, 0);
  std::vector<std::int16_t> group(n, -1);
  std::vector<double> activity(n, 0), bound(groups);
  for (int g = 0; g < groups; ++g) bound[g] = std::ldexp(1.0, g + lowest);
  int top = -1, bottom = groups;
  const auto settle = [&](Node i) {
    const double a = alone[state[i]] + static_cast<double>(neighbours(i).size()) * most[state[i]];
    activity[i] = a;
    int g = -1;
    if (a > 0) {
      int exponent = 0;
      const double mantissa = std::frexp(a, &exponent);
      g = std::clamp((mantissa == 0.5 ? exponent - 1 : exponent) - lowest, 0, groups - 1);
    }
    if (g == group[i]) return;
    if (group[i] >= 0) {
      std::vector<Node>& old = members[static_cast<std::size_t>(group[i])];
      place[old.back()] = place[i];
      old[place[i]] = old.back();
      old.pop_back();
    }
    group[i] = static_cast<std::int16_t>(g);
    if (g >= 0) {
      place[i] = static_cast<std::uint32_t>(members[g].size());
      members[g].push_back(i);
      top = std::max(top, g), bottom = std::min(bottom, g);
    }
  };
  for (std::size_t i = 0; i < n; ++i) settle(static_cast<Node>(i));

  double t = 0;
  std::size_t next_change = 0;
  const auto become = [&](Node i, State to) {
    counts.move(t, state[i], to);
    state[i] = to;
    settle(i);
  };
  while (true) {
    double total = 0;
    for (int g = bottom; g <= top; ++g) total += static_cast<double>(members[g].size()) * bound[g];
    const double step = total > 0 ? random.exponential() / total : never;
    if (next_change < changes.size() && t + step > changes[next_change].t) {  // exponential waiting times have no memory: start anew there
      const EdgeChange& change = changes[next_change++];
      if (change.t > until) break;
      t = change.t;
      const auto [i, j] = change.edge;
      if (change.add) {
        moving[i].push_back(j), moving[j].push_back(i);
      } else {
        std::erase(moving[i], j), std::erase(moving[j], i);
      }
      settle(i), settle(j);
      continue;
    }
    t += step;
    if (!(t <= until)) break;
    double u = random.uniform() * total;
    int g = top;
    for (; g > bottom; --g) {
      const double part = static_cast<double>(members[g].size()) * bound[g];
      if (u < part) break;
      u -= part;
    }
    const std::vector<Node>& candidates = members[g];
    if (candidates.empty()) continue;
    const Node j = candidates[random.below(candidates.size())];
    double v = random.uniform() * bound[g];
    const State c = state[j];
    if (v < alone[c]) {
      for (const Spontaneous& s : model.spontaneous) {
        if (s.from != c) continue;
        if (v < s.rate) {
          become(j, s.to);
          ++course.events;
          break;
        }
        v -= s.rate;
      }
    } else if (v < activity[j]) {
      const std::span<const Node> around = neighbours(j);
      const Node m = around[random.below(around.size())];
      double w = random.uniform() * most[c];
      for (const Driven& d : driven[c]) {
        if (d.a != state[m]) continue;
        if (w < d.rate) {
          become(m, d.to_a);
          if (d.to_b != c) become(j, d.to_b);
          ++course.events;
          break;
        }
        w -= d.rate;
      }
    }
  }
  course.end = std::isfinite(t) ? t : 0;
  course.at = counts.totals();
  return course;
}

}  // namespace meso::graph

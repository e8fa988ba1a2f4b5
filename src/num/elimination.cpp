#include "num/elimination.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstring>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "num/no_tiny.h"
#include "num/wide.h"

namespace meso::num {
namespace {

constexpr std::size_t leaf_size = 20;  // sets of at most so many states are one front
constexpr std::size_t panel = 32;      // pivots whose effect on the rest of the front is added at once
constexpr std::size_t strip = 8;       // rows of one register block; columns of a front start at multiples of it

/// Transitions by target.
struct Incoming {
  std::vector<std::size_t> start;
  std::vector<std::uint32_t> source;
  std::vector<double> rate;
  explicit Incoming(const Generator& g) : start(g.size() + 1, 0), source(g.target.size()), rate(g.target.size()) {
    for (const std::uint32_t i : g.target) ++start[i + 1];
    std::partial_sum(start.begin(), start.end(), start.begin());
    std::vector<std::size_t> next(start.begin(), start.end() - 1);
    for (std::size_t j = 0; j < g.size(); ++j)
      for (std::size_t k = g.start[j]; k < g.start[j + 1]; ++k) {
        const std::size_t at = next[g.target[k]]++;
        source[at] = static_cast<std::uint32_t>(j);
        rate[at] = g.rate[k];
      }
  }
};

// Vectors of four numbers: two registers on plain machines, one with AVX2, the same bits on both.
using Four = double __attribute__((vector_size(32), aligned(8), may_alias));
MESO_INLINE const Four& load(const double* p) { return *reinterpret_cast<const Four*>(p); }
MESO_INLINE void store(double* p, const Four& x) { *reinterpret_cast<Four*>(p) = x; }

/// y += a x on [0, n).
MESO_INLINE void add_multiple(double* y, const double* x, double a, std::size_t n) {
  const Four b = {a, a, a, a};
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4) store(y + i, load(y + i) + load(x + i) * b);
  for (; i < n; ++i) y[i] += x[i] * a;
}

MESO_INLINE double sum_of(const double* x, std::size_t n) {
  Four s = {0, 0, 0, 0};
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4) s += load(x + i);
  double sum = (s[0] + s[1]) + (s[2] + s[3]);
  for (; i < n; ++i) sum += x[i];
  return sum;
}

/// c (8 x Columns, leading dimension ld) += packed (depth x 8) * s (depth x Columns, leading dimension ld).
template <int Columns>
MESO_INLINE void update_block(double* c, std::size_t ld, const double* packed, const double* s, std::size_t depth) {
  Four low[Columns], high[Columns];
#pragma GCC unroll 4
  for (int j = 0; j < Columns; ++j) {
    low[j] = load(c + j * ld);
    high[j] = load(c + j * ld + 4);
  }
  for (std::size_t m = 0; m < depth; ++m) {
    const Four a = load(packed + m * strip), b = load(packed + m * strip + 4);
#pragma GCC unroll 4
    for (int j = 0; j < Columns; ++j) {
      const double f = s[m + j * ld];
      const Four x = {f, f, f, f};
      low[j] += a * x;
      high[j] += b * x;
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < Columns; ++j) {
    store(c + j * ld, low[j]);
    store(c + j * ld + 4, high[j]);
  }
}

/// Eliminates the first `pivots` of the `size` states of a front; column j at f + j ld holds the rates out of state j. `excess` is per state of the front.
/// @returns the first pivot without a way out, or `pivots`
MESO_INLINE std::size_t eliminate(double* f, std::size_t ld, std::size_t size, std::size_t pivots, double* excess, double* diagonal, double* pack) {
  for (std::size_t p0 = 0; p0 < pivots; p0 += panel) {
    const std::size_t p1 = std::min(pivots, p0 + panel);
    for (std::size_t m = p0; m < p1; ++m) {
      double* const from = f + m * ld;
      const double d = diagonal[m] = excess[m] + sum_of(from + m + 1, size - m - 1);
      if (!(d > 0)) return m;
      for (std::size_t j = m + 1; j < p1; ++j) {
        double* const column = f + j * ld;
        if (column[m] == 0) continue;
        column[m] /= d;
        excess[j] += column[m] * excess[m];
        add_multiple(column + m + 1, from + m + 1, column[m], size - m - 1);
      }
    }
    if (p1 == size) break;
    for (std::size_t j = p1; j < size; ++j) {
      double* const column = f + j * ld;
      for (std::size_t m = p0; m < p1; ++m) {
        if (column[m] == 0) continue;
        const double share = column[m] /= diagonal[m];
        excess[j] += share * excess[m];
        const double* const from = f + m * ld;
        for (std::size_t i = m + 1; i < p1; ++i) column[i] += from[i] * share;
      }
    }
    // Rows p1 and later of columns p1 and later, in bands of rows that stay in the nearest cache.
    const std::size_t depth = p1 - p0, begin = p1 / strip * strip;
    constexpr std::size_t rows = 128;
    for (std::size_t band = begin; band < size; band += rows) {
      const std::size_t end = std::min(ld, band + rows);
      for (std::size_t i = band; i < end; i += strip)
        for (std::size_t m = 0; m < depth; ++m)
          for (std::size_t r = 0; r < strip; ++r) pack[(i - band) * depth + m * strip + r] = i + r >= p1 ? f[(p0 + m) * ld + i + r] : 0.0;
      std::size_t j = p1;
      for (; j + 4 <= size; j += 4)
        for (std::size_t i = band; i < end; i += strip) update_block<4>(f + j * ld + i, ld, pack + (i - band) * depth, f + j * ld + p0, depth);
      for (; j < size; ++j)
        for (std::size_t i = band; i < end; i += strip) update_block<1>(f + j * ld + i, ld, pack + (i - band) * depth, f + j * ld + p0, depth);
    }
  }
  return pivots;
}
MESO_WIDE std::size_t eliminate_wide(double* f, std::size_t ld, std::size_t size, std::size_t pivots, double* excess, double* diagonal, double* pack) {
  return eliminate(f, ld, size, pivots, excess, diagonal, pack);
}
std::size_t eliminate_plain(double* f, std::size_t ld, std::size_t size, std::size_t pivots, double* excess, double* diagonal, double* pack) {
  return eliminate(f, ld, size, pivots, excess, diagonal, pack);
}

constexpr std::size_t padded(std::size_t n) { return (n + strip - 1) / strip * strip; }

}  // namespace

Dissection::Dissection(const Generator& g, std::span<const std::int32_t> positions, std::size_t dimensions, std::optional<std::size_t> last_state)
    : order_(g.size()), place_(g.size()) {
  const std::size_t n = g.size();
  std::vector<std::int32_t> own;
  if (positions.empty()) {
    dimensions = 1;
    own.resize(n);
    std::iota(own.begin(), own.end(), 0);
    positions = own;
  }
  std::iota(order_.begin(), order_.end(), 0u);
  if (last_state) {
    order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(*last_state));
    order_.push_back(static_cast<std::uint32_t>(*last_state));
  }
  const Incoming in(g);
  const auto at = [&](std::uint32_t state, std::size_t d) { return positions[state * dimensions + d]; };
  std::vector<std::int64_t> reach(dimensions, 0);  // longest step along each coordinate
  for (std::uint32_t j = 0; j < n; ++j)
    for (std::size_t k = g.start[j]; k < g.start[j + 1]; ++k)
      for (std::size_t d = 0; d < dimensions; ++d) reach[d] = std::max(reach[d], std::abs(static_cast<std::int64_t>(at(g.target[k], d)) - at(j, d)));

  // Bisection, children before parents. `part` says which open piece a state belongs to; those of separators belong to none.
  struct Piece {
    std::uint32_t first, last, pivots;
    int stage;  // 0: to be cut, 1: its two parts are done
  };
  constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> part(n, 0), spare(n);
  std::vector<std::int32_t> values;
  std::uint32_t pieces = 1;
  std::vector<Piece> open;
  const auto cut_up = static_cast<std::uint32_t>(last_state ? n - 1 : n);
  if (last_state) part[*last_state] = none;
  if (cut_up > 0) open.push_back({0, cut_up, 0, 0});
  while (!open.empty()) {
    const Piece piece = open.back();
    open.pop_back();
    const std::uint32_t first = piece.first, last = piece.last, size = last - first;
    if (piece.stage == 1) {
      nodes_.push_back({last - piece.pivots, piece.pivots, 2, 0, 0});
      continue;
    }
    const std::uint32_t id = size > 0 ? part[order_[first]] : 0;
    std::size_t best_axis = dimensions, best = size;
    std::int64_t best_cut = 0;
    bool best_upper = true;
    if (size > leaf_size) {
      for (std::size_t d = 0; d < dimensions; ++d) {
        values.clear();
        for (std::uint32_t k = first; k < last; ++k) values.push_back(at(order_[k], d));
        const auto middle = values.begin() + size / 2;
        std::nth_element(values.begin(), middle, values.end());
        const std::int32_t median = *middle;
        const auto below = static_cast<std::size_t>(std::count_if(values.begin(), values.end(), [&](std::int32_t v) { return v < median; }));
        const auto upto = static_cast<std::size_t>(std::count_if(values.begin(), values.end(), [&](std::int32_t v) { return v <= median; }));
        if (below == 0 && upto == size) continue;  // all alike
        const bool after = below == 0 || (upto < size && 2 * upto < 2 * size - 2 * below);
        const std::int64_t cut = static_cast<std::int64_t>(median) + (after ? 1 : 0);
        std::size_t on_upper = 0, on_lower = 0;  // states of either side with a transition from or to the other
        for (std::uint32_t k = first; k < last; ++k) {
          const std::uint32_t j = order_[k];
          const std::int64_t x = at(j, d);
          if (x < cut - reach[d] || x >= cut + reach[d]) continue;
          const auto crosses = [&](std::uint32_t i) { return part[i] == id && (at(i, d) < cut) != (x < cut); };
          bool touches = false;
          for (std::size_t e = g.start[j]; e < g.start[j + 1] && !touches; ++e) touches = crosses(g.target[e]);
          for (std::size_t e = in.start[j]; e < in.start[j + 1] && !touches; ++e) touches = crosses(in.source[e]);
          if (touches) ++(x < cut ? on_lower : on_upper);
        }
        if (std::min(on_upper, on_lower) < best) {
          best = std::min(on_upper, on_lower);
          best_axis = d;
          best_cut = cut;
          best_upper = on_upper <= on_lower;
        }
      }
    }
    if (best_axis == dimensions || 2 * best > size) {  // small, or everything touches everything
      nodes_.push_back({first, size, 0, 0, 0});
      continue;
    }
    // [lower | upper | separator], each in its old order.
    const std::size_t d = best_axis;
    const auto role = [&](std::uint32_t j) {  // 0 lower, 1 upper, 2 separator
      const std::int64_t x = at(j, d);
      const bool upper = x >= best_cut;
      if (upper == best_upper && x >= best_cut - reach[d] && x < best_cut + reach[d]) {
        const auto crosses = [&](std::uint32_t i) { return part[i] == id && (at(i, d) < best_cut) == upper; };
        for (std::size_t e = g.start[j]; e < g.start[j + 1]; ++e)
          if (crosses(g.target[e])) return 2;
        for (std::size_t e = in.start[j]; e < in.start[j + 1]; ++e)
          if (crosses(in.source[e])) return 2;
      }
      return upper ? 1 : 0;
    };
    std::vector<char> roles(size);
    std::uint32_t count[3] = {0, 0, 0};
    for (std::uint32_t k = 0; k < size; ++k) ++count[static_cast<std::size_t>(roles[k] = static_cast<char>(role(order_[first + k])))];
    std::uint32_t next[3] = {first, first + count[0], first + count[0] + count[1]};
    std::copy(order_.begin() + first, order_.begin() + last, spare.begin() + first);
    const std::uint32_t lower_id = pieces++, upper_id = pieces++;
    for (std::uint32_t k = 0; k < size; ++k) {
      const std::uint32_t j = spare[first + k];
      const auto r = static_cast<std::size_t>(roles[k]);
      order_[next[r]++] = j;
      part[j] = r == 0 ? lower_id : r == 1 ? upper_id : none;
    }
    open.push_back({first, last, count[2], 1});
    open.push_back({first + count[0], first + count[0] + count[1], 0, 0});
    open.push_back({first, first + count[0], 0, 0});
  }
  if (last_state) nodes_.push_back({cut_up, 1, cut_up > 0 ? 1u : 0u, 0, 0});
  for (std::uint32_t k = 0; k < n; ++k) place_[order_[k]] = k;

  // What stands around each subtree, and the cost of its front.
  std::vector<std::uint32_t> seen(n, none), waiting;
  double stacked = 0;
  for (std::uint32_t id = 0; id < nodes_.size(); ++id) {
    Node& node = nodes_[id];
    const std::uint32_t end = node.first + node.pivots;
    node.edge = around_.size();
    const auto note = [&](std::uint32_t p) {
      if (p < end || seen[p] == id) return;
      seen[p] = id;
      around_.push_back(p);
    };
    for (std::uint32_t c = 0; c < node.children; ++c) {
      const Node& child = nodes_[waiting.back()];
      waiting.pop_back();
      for (std::size_t k = 0; k < child.edges; ++k) note(around_[child.edge + k]);
      stacked -= static_cast<double>(child.edges) * static_cast<double>(child.edges);
    }
    for (std::uint32_t p = node.first; p < end; ++p) {
      const std::uint32_t j = order_[p];
      for (std::size_t e = g.start[j]; e < g.start[j + 1]; ++e) note(place_[g.target[e]]);
      for (std::size_t e = in.start[j]; e < in.start[j + 1]; ++e) note(place_[in.source[e]]);
    }
    node.edges = around_.size() - node.edge;
    std::sort(around_.begin() + static_cast<std::ptrdiff_t>(node.edge), around_.end());
    waiting.push_back(id);
    const std::size_t front = node.pivots + node.edges;
    largest_ = std::max(largest_, front);
    entries_ += static_cast<double>(node.pivots) * static_cast<double>(front);
    stacked += static_cast<double>(node.edges) * static_cast<double>(node.edges);
    stack_ = std::max(stack_, stacked);
    for (std::uint32_t m = 0; m < node.pivots; ++m) {
      const double rest = static_cast<double>(front - m - 1);
      work_ += rest * rest;
    }
  }
}

double Dissection::bytes(bool solver) const {
  const double front = static_cast<double>(padded(largest_)) * static_cast<double>(largest_);
  return 8 * ((solver ? 2 : 1) * entries_ + front + stack_ + 4 * static_cast<double>(size())) + 4 * static_cast<double>(around_.size() + 4 * size()) +
         static_cast<double>(nodes_.size() * sizeof(Node));
}

Elimination::Elimination(const Generator& g, const Dissection& order, double shift, Leaks leaks, bool solver, const std::function<void(double)>& progress)
    : order_(&order), solver_(solver), diagonal_(g.size(), 0.0) {
  const NoTinyNumbers scope;
  const std::size_t n = g.size();
  const Incoming in(g);
  upper_.reserve(static_cast<std::size_t>(order.entries_));
  if (solver) lower_.reserve(static_cast<std::size_t>(order.entries_));
  std::vector<double> excess(n), front(padded(order.largest_) * order.largest_), local(order.largest_), pack(128 * panel);
  for (std::size_t p = 0; p < n; ++p) excess[p] = shift + (leaks == Leaks::counted ? g.leak[order.order_[p]] : 0.0);
  const bool all_closed = std::all_of(excess.begin(), excess.end(), [](double e) { return e == 0; });
  std::vector<std::uint32_t> where(n), waiting;
  std::vector<double> stack;
  stack.reserve(static_cast<std::size_t>(order.stack_));
  double done = 0, told = 0;
  for (std::uint32_t id = 0; id < order.nodes_.size(); ++id) {
    const Dissection::Node& node = order.nodes_[id];
    const std::size_t size = node.pivots + node.edges, ld = padded(size);
    const std::uint32_t* const around = order.around_.data() + node.edge;
    const std::uint32_t end = node.first + node.pivots;
    for (std::uint32_t m = 0; m < node.pivots; ++m) where[node.first + m] = m;
    for (std::size_t k = 0; k < node.edges; ++k) where[around[k]] = static_cast<std::uint32_t>(node.pivots + k);
    double* const f = front.data();
    std::memset(f, 0, ld * size * sizeof(double));
    for (std::uint32_t c = 0; c < node.children; ++c) {  // the last child waits on top
      const Dissection::Node& child = order.nodes_[waiting.back()];
      waiting.pop_back();
      const std::size_t m = child.edges;
      const double* const update = stack.data() + stack.size() - m * m;
      const std::uint32_t* const its = order.around_.data() + child.edge;
      for (std::size_t j = 0; j < m; ++j) {
        double* const column = f + where[its[j]] * ld;
        for (std::size_t i = 0; i < m; ++i) column[where[its[i]]] += update[j * m + i];
      }
      stack.resize(stack.size() - m * m);
    }
    for (std::uint32_t p = node.first; p < end; ++p) {
      const std::uint32_t j = order.order_[p];
      for (std::size_t e = g.start[j]; e < g.start[j + 1]; ++e) {
        const std::uint32_t to = order.place_[g.target[e]];
        if (to >= node.first) f[(p - node.first) * ld + where[to]] += g.rate[e];
      }
      for (std::size_t e = in.start[j]; e < in.start[j + 1]; ++e) {
        const std::uint32_t from = order.place_[in.source[e]];
        if (from >= end) f[where[from] * ld + (p - node.first)] += in.rate[e];
      }
    }
    for (std::size_t k = 0; k < size; ++k) local[k] = excess[k < node.pivots ? node.first + k : around[k - node.pivots]];
    double* const d = diagonal_.data() + node.first;
    const std::size_t stopped = (wide_registers() ? eliminate_wide : eliminate_plain)(f, ld, size, node.pivots, local.data(), d, pack.data());
    if (stopped < node.pivots) {
      if (!all_closed || end != n || stopped + 1 != node.pivots)
        throw NumericalBreakdown("the equations of a Markov chain were asked to be solved, and no transition leads out of some of its states: it is not irreducible");
      singular_ = true;  // the last state of a closed chain: its equation follows from the others
    }
    for (std::size_t k = 0; k < node.edges; ++k) excess[around[k]] = local[node.pivots + k];
    for (std::size_t j = 0; j < size; ++j) upper_.insert(upper_.end(), f + j * ld, f + j * ld + node.pivots);
    if (solver)
      for (std::size_t m = 0; m < node.pivots; ++m) lower_.insert(lower_.end(), f + m * ld, f + m * ld + size);
    for (std::size_t j = node.pivots; j < size; ++j) stack.insert(stack.end(), f + j * ld + node.pivots, f + j * ld + size);
    waiting.push_back(id);
    done += static_cast<double>(node.pivots) * static_cast<double>(size) * static_cast<double>(size);
    if (progress && done - told > 1e8) {
      told = done;
      progress(std::min(1.0, done / (1.5 * order.work_)));
    }
  }
}

// y(m) += sum over later j of share(m, j) y(j), from the last place to the first. A law (`free_scale`) may span more orders of magnitude than numbers do, and the
// last place may be an unlikely state: y is then scaled down as it grows.
void Elimination::back(std::vector<double>& y, bool free_scale) const {
  const NoTinyNumbers scope;
  std::size_t at = upper_.size();
  for (std::size_t id = order_->nodes_.size(); id-- > 0;) {
    const Dissection::Node& node = order_->nodes_[id];
    const std::uint32_t* const around = order_->around_.data() + node.edge;
    const std::size_t pivots = node.pivots;
    at -= pivots * (pivots + node.edges);
    double* const own = y.data() + node.first;
    for (std::size_t k = 0; k < node.edges; ++k) {
      const double x = y[around[k]];
      const double* const column = upper_.data() + at + (pivots + k) * pivots;
      for (std::size_t m = 0; m < pivots; ++m) own[m] += column[m] * x;
    }
    for (std::size_t j = pivots; j-- > 0;) {
      if (free_scale && own[j] > 1e150)
        for (double& v : y) v *= 1e-150;
      const double x = own[j];
      const double* const column = upper_.data() + at + j * pivots;
      for (std::size_t m = 0; m < j; ++m) own[m] += column[m] * x;
    }
  }
}

std::vector<double> Elimination::stationary() const {
  if (!singular_) throw NumericalBreakdown("a stationary law was asked of states that probability leaves");
  const std::size_t n = order_->size();
  std::vector<double> y(n, 0.0), law(n);
  y[n - 1] = 1;
  back(y, true);
  double sum = 0;
  for (const double x : y) sum += x;
  for (std::size_t p = 0; p < n; ++p) law[order_->order_[p]] = y[p] / sum;
  return law;
}

void Elimination::solve(std::span<double> x) const {
  const std::size_t n = order_->size();
  const NoTinyNumbers scope;
  std::vector<double> y(n);
  for (std::size_t p = 0; p < n; ++p) y[p] = x[order_->order_[p]];
  std::size_t at = 0;
  for (const Dissection::Node& node : order_->nodes_) {
    const std::uint32_t* const around = order_->around_.data() + node.edge;
    const std::size_t pivots = node.pivots, size = pivots + node.edges;
    for (std::size_t m = 0; m < pivots; ++m, at += size) {
      const std::size_t p = node.first + m;
      if (singular_ && p + 1 == n) {
        y[p] = 0;
        continue;
      }
      const double v = y[p] /= diagonal_[p];
      const double* const column = lower_.data() + at;
      double* const own = y.data() + node.first;
      for (std::size_t i = m + 1; i < pivots; ++i) own[i] += column[i] * v;
      for (std::size_t k = 0; k < node.edges; ++k) y[around[k]] += column[pivots + k] * v;
    }
  }
  back(y, false);
  for (std::size_t p = 0; p < n; ++p) x[order_->order_[p]] = y[p];
}

std::vector<double> Elimination::group_inverse(std::span<const double> x, std::span<const double> law) const {
  std::vector<double> y(x.begin(), x.end());
  for (double& v : y) v = -v;
  solve(y);
  const double sum = std::accumulate(y.begin(), y.end(), 0.0);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] -= sum * law[i];
  return y;
}

std::optional<double> spectral_gap(const Elimination& factors, std::span<const double> law, const std::vector<std::vector<double>>& starts) {
  const auto n = static_cast<Eigen::Index>(law.size());
  if (n < 2) return std::nullopt;
  const Eigen::Map<const Eigen::VectorXd> pi(law.data(), n);
  // Work in y = x / sqrt(pi): there a reversible chain is symmetric, and others are far less non-normal than in x.
  const Eigen::VectorXd root = pi.cwiseMax(1e-200).cwiseSqrt();
  Eigen::VectorXd v = Eigen::VectorXd::Zero(n);
  for (const std::vector<double>& start : starts) {
    const Eigen::VectorXd s = Eigen::Map<const Eigen::VectorXd>(start.data(), n).cwiseQuotient(root);
    if (s.norm() > 0) v += s / s.norm();
  }
  for (Eigen::Index i = 0; i < n; ++i)  // a fixed irregular part, so that no symmetry hides the slow mode
    v[i] += 0.3 * root[i] * std::sin(1.0 + 12.9898 * static_cast<double>(i) + 0.1 * static_cast<double>(i % 7));
  v -= v.dot(root) / root.squaredNorm() * root;
  v.normalize();
  const int most = static_cast<int>(std::min<Eigen::Index>(80, n - 1));
  Eigen::MatrixXd basis(n, most + 1);
  Eigen::MatrixXd h = Eigen::MatrixXd::Zero(most + 1, most);
  basis.col(0) = v;
  std::vector<double> x(law.size());
  double previous = 0;
  for (int k = 0; k < most; ++k) {
    for (Eigen::Index i = 0; i < n; ++i) x[static_cast<std::size_t>(i)] = basis(i, k) * root[i];
    const std::vector<double> y = factors.group_inverse(x, law);
    Eigen::VectorXd w = Eigen::Map<const Eigen::VectorXd>(y.data(), n).cwiseQuotient(root);
    for (int pass = 0; pass < 2; ++pass) {
      const Eigen::VectorXd c = basis.leftCols(k + 1).transpose() * w;
      w -= basis.leftCols(k + 1) * c;
      h.col(k).head(k + 1) += c;
    }
    const double beta = w.norm();
    h(k + 1, k) = beta;
    const bool complete = beta < 1e-13 * h.col(k).head(k + 1).norm() || k + 1 == static_cast<int>(n) - 1;
    if (k >= 3 || complete) {
      const Eigen::EigenSolver<Eigen::MatrixXd> solver(h.topLeftCorner(k + 1, k + 1));
      double slowest = std::numeric_limits<double>::infinity(), residual = 0;
      for (Eigen::Index i = 0; i <= k; ++i) {
        const std::complex<double> theta = solver.eigenvalues()[i];
        if (std::abs(theta) == 0) continue;
        const double r = beta * std::abs(solver.eigenvectors()(k, i)) / std::abs(theta);
        if (!complete && r > 1e-4) continue;  // Ritz values that have not settled say nothing yet
        const double decay = -(1.0 / theta).real();
        if (decay > 0 && decay < slowest) {
          slowest = decay;
          residual = r;
        }
      }
      if (std::isfinite(slowest) && (complete || (residual < 1e-9 && std::abs(slowest - previous) < 1e-9 * slowest))) return slowest;
      previous = slowest;
    }
    if (complete) break;
    basis.col(k + 1) = w / beta;
  }
  return std::nullopt;
}

}  // namespace meso::num

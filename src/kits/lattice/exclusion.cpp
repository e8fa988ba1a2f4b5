#include "kits/lattice/exclusion.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.h"

namespace meso::lattice {
namespace {

constexpr std::size_t width = ExclusionRules::width;

// Rules that start something need an active end.
bool can_be_inert(const Model& model, const std::vector<PairRule>& pairs, const std::array<bool, width>& inert, State s) {
  for (const SiteRule& rule : model.sites)
    if (rule.rate > 0 && rule.from == s) return false;
  const auto quiet = [&](State x) { return x == s || inert[x]; };
  for (const PairRule& rule : pairs)
    if (quiet(rule.from[0]) && quiet(rule.from[1])) return false;
  return true;
}

}  // namespace

ExclusionRules::ExclusionRules(const Model& model, State inert_first, Picking picking) : model_(model), picking_(picking) {
  model_.check();
  if (model_.occupation != Occupation::exclusion) throw ModelError("these kinetics are for lattices with exclusion; bosonic occupation has its own");
  if (model_.box.boundary == Boundary::periodic && model_.box.shortest() < 2)
    throw ModelError("a periodic side needs at least 2 sites: with 1 a site would be its own neighbour");
  const std::size_t states = model_.states(), z = model_.box.neighbours();
  const std::vector<PairRule> pairs = all_pair_rules(model_);

  if (picking != Picking::dense) {
    if (can_be_inert(model_, pairs, inert_, inert_first)) inert_[inert_first] = true;
    for (std::size_t s = 0; s < states; ++s)
      if (!inert_[s] && can_be_inert(model_, pairs, inert_, static_cast<State>(s))) inert_[s] = true;
  }
  dense_ = picking == Picking::dense || (picking == Picking::automatic && std::none_of(inert_.begin(), inert_.end(), [](bool x) { return x; }));
  inert_[wall] = true;

  for (std::size_t s = 0; s < width; ++s) {
    single_start_[s] = static_cast<std::uint16_t>(singles_.size());
    double below = 0;
    for (const SiteRule& rule : model_.sites)
      if (rule.rate > 0 && rule.from == s) singles_.push_back({below += rule.rate, rule.to});
    site_end_[s] = below;
  }
  single_start_[width] = static_cast<std::uint16_t>(singles_.size());

  // Each rule belongs to one active end, those that only move to both: the bound W is then smallest.
  std::vector<std::vector<Outcome>> table(width * width);
  const auto add = [&](State first, State second, State to_first, State to_second, double rate) {
    auto& list = table[first * width + second];
    const double below = (list.empty() ? 0.0 : list.back().below) + rate;
    list.push_back({below, to_first, to_second, to_first == second && to_second == first});
    const bool gone = !inert_[second] && inert_[to_second];
    if (!dense_ && gone) needs_positions_ = true;
    const int more = (inert_[to_first] ? 0 : 1) + (inert_[to_second] ? 0 : 1) - 1 - (inert_[second] ? 0 : 1);
    if (!dense_ && more > 0) growth_ = std::max(growth_, static_cast<std::size_t>(more));
  };
  for (const PairRule& rule : pairs) {
    const auto [x, y] = rule.from;
    const auto [u, v] = rule.to;
    if (x == y) {
      add(x, x, u, v, 0.5 * rule.rate);
      continue;
    }
    const bool both = !inert_[x] && !inert_[y] && u == y && v == x;
    if (both) {
      add(x, y, u, v, 0.5 * rule.rate);
      add(y, x, v, u, 0.5 * rule.rate);
    } else if (!inert_[x]) {
      add(x, y, u, v, rule.rate);
    } else {
      add(y, x, v, u, rule.rate);
    }
  }
  for (std::size_t i = 0; i < width * width; ++i) {
    pair_start_[i] = static_cast<std::uint16_t>(outcomes_.size());
    outcomes_.insert(outcomes_.end(), table[i].begin(), table[i].end());
  }
  pair_start_[width * width] = static_cast<std::uint16_t>(outcomes_.size());
  for (std::size_t s = 0; s < states; ++s) {
    for (std::size_t b = 0; b < states; ++b)
      if (!table[s * width + b].empty()) pair_size_[s] = std::max(pair_size_[s], table[s * width + b].back().below);
    pair_inverse_[s] = pair_size_[s] > 0 ? 1 / pair_size_[s] : 0;
    bound_ = std::max(bound_, site_end_[s] + static_cast<double>(z) * pair_size_[s]);
    for (std::size_t i = single_start_[s]; i < single_start_[s + 1]; ++i)
      if (!dense_ && inert_[s] && !inert_[singles_[i].to]) throw ModelError("an inert state has a site rule");  // can_be_inert forbids it
  }
}

ExclusionKinetics::ExclusionKinetics(const ExclusionRules& rules) : rules_(&rules) {
  const Box& box = rules.model().box;
  const std::size_t d = box.dimension();
  std::int64_t stride = 1;
  for (std::size_t a = d; a-- > 0;) {
    extent_[a] = box.extent[a];
    stride_[a] = stride;
    stride *= box.extent[a] + 2;
  }
  if (stride > 4294967295) throw ModelError("the lattice with its rim has more sites than can be numbered");
  cell_.assign(static_cast<std::size_t>(stride), 0);
  // Flags: the rim, and the layer next to it, whose changes the rim repeats.
  for (std::size_t c = 0; c < cell_.size(); ++c) {
    std::size_t rest = c;
    bool rim = false, edge = false;
    for (std::size_t a = 0; a < d; ++a) {
      const auto x = static_cast<std::int64_t>(rest / static_cast<std::size_t>(stride_[a]));
      rest %= static_cast<std::size_t>(stride_[a]);
      rim = rim || x == 0 || x == extent_[a] + 1;
      edge = edge || x == 1 || x == extent_[a];
    }
    if (rim) cell_[c] = rim_flag | static_cast<std::uint8_t>(ExclusionRules::wall);
    else if (edge) cell_[c] = edge_flag;
  }
  if (rules.needs_positions()) position_.assign(cell_.size(), 0);
}

std::size_t ExclusionKinetics::padded(std::size_t site) const {
  const std::size_t d = rules_->model().box.dimension();
  std::size_t c = 0;
  for (std::size_t a = d; a-- > 0;) {
    const auto n = static_cast<std::size_t>(extent_[a]);
    c += (site % n + 1) * static_cast<std::size_t>(stride_[a]);
    site /= n;
  }
  return c;
}

std::size_t ExclusionKinetics::inner(std::size_t cell) const {
  std::size_t site = 0;
  for (std::size_t a = 0; a < rules_->model().box.dimension(); ++a) {
    site = site * static_cast<std::size_t>(extent_[a]) + cell / static_cast<std::size_t>(stride_[a]) - 1;
    cell %= static_cast<std::size_t>(stride_[a]);
  }
  return site;
}

// The cell inside that a rim cell repeats.
std::size_t ExclusionKinetics::real_cell(std::size_t cell) const {
  std::size_t rest = cell;
  for (std::size_t a = 0; a < rules_->model().box.dimension(); ++a) {
    const auto stride = static_cast<std::size_t>(stride_[a]), n = static_cast<std::size_t>(extent_[a]);
    const std::size_t x = rest / stride;
    rest %= stride;
    if (x == 0) return cell + n * stride;
    if (x == n + 1) return cell - n * stride;
  }
  return cell;
}

void ExclusionKinetics::write_rim(std::size_t cell, State s) {
  if (s != rules_->model().initial.background) touched_edge_ = true;
  if (rules_->model().box.boundary == Boundary::reflecting) return;
  std::size_t rest = cell;
  for (std::size_t a = 0; a < rules_->model().box.dimension(); ++a) {
    const auto stride = static_cast<std::size_t>(stride_[a]), n = static_cast<std::size_t>(extent_[a]);
    const std::size_t x = rest / stride;
    rest %= stride;
    if (x == 1) cell_[cell + n * stride] = rim_flag | s;
    if (x == n) cell_[cell - n * stride] = rim_flag | s;
  }
}

inline void ExclusionKinetics::write(std::size_t cell, State s) {
  const std::uint8_t flag = cell_[cell] & edge_flag;
  cell_[cell] = s | flag;
  if (flag) [[unlikely]]
    write_rim(cell, s);
}

void ExclusionKinetics::clear() {
  time_ = 0;
  events_ = attempts_ = 0;
  touched_edge_ = absorbed_ = composed_ = false;
  count_.fill(0);
  gone_at_.fill(0);
  active_.clear();
}

// Counts, rim and list from the cells inside.
void ExclusionKinetics::settle() {
  for (std::size_t c = 0; c < cell_.size(); ++c) {
    if (cell_[c] & rim_flag) continue;
    const State s = cell_[c] & state_mask;
    ++count_[s];
    if (cell_[c] & edge_flag) write_rim(c, s);
    if (!rules_->dense() && !rules_->inert(s)) {
      if (!position_.empty()) position_[c] = static_cast<std::uint32_t>(active_.size());
      active_.push_back(static_cast<std::uint32_t>(c));
    }
  }
  touched_edge_ = false;
  if (rules_->picking() == Picking::composition) compose();
}

void ExclusionKinetics::start(FastStream& random) {
  const Initial& initial = rules_->model().initial;
  const std::size_t species = rules_->model().species.size();
  clear();
  const auto fill = [&](auto&& choose) {
    for (std::uint8_t& c : cell_)
      if (!(c & rim_flag)) c = static_cast<std::uint8_t>((c & edge_flag) | choose());
  };
  switch (initial.kind) {
    case Initial::Kind::full: fill([&] { return initial.species; }); break;
    case Initial::Kind::seed:
      fill([&] { return initial.background; });
      cell_[padded(rules_->model().box.centre())] = static_cast<std::uint8_t>((cell_[padded(rules_->model().box.centre())] & edge_flag) | initial.species);
      break;
    case Initial::Kind::product:
    case Initial::Kind::poisson:  // refused with exclusion
      fill([&]() -> State {
        double u = random.uniform();
        for (std::size_t i = 0; i < species; ++i)
          if ((u -= initial.density[i]) < 0) return static_cast<State>(i + 1);
        return empty_state;
      });
      break;
    case Initial::Kind::count: {  // selection sampling: every arrangement alike (Knuth, TAOCP 3.4.2, algorithm S)
      const auto sites = static_cast<double>(rules_->model().box.sites());
      std::vector<std::uint64_t> left(species);
      std::uint64_t room = rules_->model().box.sites();
      for (std::size_t i = 0; i < species; ++i) left[i] = static_cast<std::uint64_t>(std::llround(initial.density[i] * sites));
      fill([&]() -> State {
        std::uint64_t u = random.below(room--);
        for (std::size_t i = 0; i < species; ++i) {
          if (u < left[i]) {
            --left[i];
            return static_cast<State>(i + 1);
          }
          u -= left[i];
        }
        return empty_state;
      });
      break;
    }
  }
  settle();
}

void ExclusionKinetics::start(std::span<const State> sites) {
  if (sites.size() != rules_->model().box.sites()) throw Error(fmt::format("a configuration of {} sites for a lattice of {}", sites.size(), rules_->model().box.sites()));
  clear();
  std::size_t i = 0;
  for (std::uint8_t& c : cell_) {
    if (c & rim_flag) continue;
    if (sites[i] >= rules_->model().states()) throw Error(fmt::format("site {} is in state {}, but there are {} states", i, sites[i], rules_->model().states()));
    c = static_cast<std::uint8_t>((c & edge_flag) | sites[i++]);
  }
  settle();
}

void ExclusionKinetics::copy_to(std::span<State> sites) const {
  std::size_t i = 0;
  for (const std::uint8_t c : cell_)
    if (!(c & rim_flag)) sites[i++] = c & state_mask;
}

std::vector<std::size_t> ExclusionKinetics::active_sites() const {
  std::vector<std::size_t> sites;
  if (composed_) {
    for (std::size_t c = 0; c < cell_.size(); ++c)
      if (!(cell_[c] & rim_flag) && !rules_->inert(cell_[c] & state_mask)) sites.push_back(inner(c));
    return sites;
  }
  sites.reserve(active_.size());
  for (const std::uint32_t c : active_) sites.push_back(inner(c));
  return sites;
}

void ExclusionKinetics::pair_table(std::span<double> table) const {
  const std::size_t states = rules_->model().states(), d = rules_->model().box.dimension();
  std::array<std::uint64_t, width * width> n{};
  for (std::size_t c = 0; c < cell_.size(); ++c) {
    if (cell_[c] & rim_flag) continue;
    for (std::size_t a = 0; a < d; ++a) ++n[(cell_[c] & state_mask) * width + (cell_[c + static_cast<std::size_t>(stride_[a])] & state_mask)];
  }
  std::uint64_t total = 0;
  for (std::size_t s = 0; s < states; ++s)
    for (std::size_t t = 0; t < states; ++t) total += n[s * width + t];
  for (std::size_t s = 0; s < states; ++s)
    for (std::size_t t = 0; t < states; ++t)
      table[s * states + t] = total == 0 ? 0 : 0.5 * static_cast<double>(n[s * width + t] + n[t * width + s]) / static_cast<double>(total);
}

bool ExclusionKinetics::can_fire() const {
  for (std::size_t c = 0; c < cell_.size(); ++c) {
    if (cell_[c] & rim_flag) continue;
    const std::size_t s = cell_[c] & state_mask;
    if (rules_->single_start_[s] < rules_->single_start_[s + 1]) return true;
    for (std::size_t a = 0; a < rules_->model().box.dimension(); ++a)
      for (const std::int64_t step : {stride_[a], -stride_[a]}) {
        const std::size_t b = cell_[static_cast<std::size_t>(static_cast<std::int64_t>(c) + step)] & state_mask;
        if (rules_->pair_start_[s * width + b] < rules_->pair_start_[s * width + b + 1]) return true;
      }
  }
  return false;
}

// Rate of everything that this cell starts.
double ExclusionKinetics::propensity(std::size_t cell) const {
  const std::size_t s = cell_[cell] & state_mask;
  double a = rules_->site_end_[s];
  if (rules_->pair_inverse_[s] == 0) return a;
  for (std::size_t axis = 0; axis < rules_->model().box.dimension(); ++axis)
    for (const std::int64_t step : {stride_[axis], -stride_[axis]}) {
      const std::size_t at = s * width + (cell_[static_cast<std::size_t>(static_cast<std::int64_t>(cell) + step)] & state_mask);
      if (rules_->pair_start_[at] < rules_->pair_start_[at + 1]) a += rules_->outcomes_[rules_->pair_start_[at + 1] - 1u].below;
    }
  return a;
}

void ExclusionKinetics::compose() {
  composed_ = true;
  active_.clear();
  picker_.reset(cell_.size());
  for (std::size_t c = 0; c < cell_.size(); ++c)
    if (!(cell_[c] & rim_flag)) picker_.set(c, propensity(c));
}

// After a change of this cell: its own propensity and those of its neighbours.
void ExclusionKinetics::update(std::size_t cell) {
  picker_.set(cell, propensity(cell));
  for (std::size_t axis = 0; axis < rules_->model().box.dimension(); ++axis)
    for (const std::int64_t step : {stride_[axis], -stride_[axis]}) {
      auto c = static_cast<std::size_t>(static_cast<std::int64_t>(cell) + step);
      if (cell_[c] & rim_flag) {
        if (rules_->model().box.boundary == Boundary::reflecting) continue;
        c = real_cell(c);
      }
      picker_.set(c, propensity(c));
    }
}

template <int Z>
void ExclusionKinetics::run_composed(double until, FastStream& random, std::uint32_t stop) {
  const ExclusionRules& rules = *rules_;
  bool stopped = false;
  const auto left = [&](State s) {
    if (--count_[s] != 0) return;
    gone_at_[s] = time_;
    if (stop >> s & 1) stopped = true;
  };
  while (!stopped) {
    if (picker_.bound() <= 0) {
      time_ = until;
      return;
    }
    const double wait = random.exponential() / picker_.bound();
    if (time_ + wait > until) {
      time_ = until;
      return;
    }
    time_ += wait;
    ++attempts_;
    std::size_t c;
    double a;
    if (!picker_.pick(random, c, a)) continue;
    const State s = cell_[c] & state_mask;
    if (a < rules.site_end_[s]) {
      std::size_t i = rules.single_start_[s];
      while (a >= rules.singles_[i].below) ++i;
      const State to = rules.singles_[i].to;
      write(c, to);
      update(c);
      ++events_;
      ++count_[to];
      left(s);
      continue;
    }
    a -= rules.site_end_[s];
    for (int k = 0; k < Z; ++k) {
      const std::int64_t step = k % 2 == 0 ? stride_[static_cast<std::size_t>(k / 2)] : -stride_[static_cast<std::size_t>(k / 2)];
      auto c2 = static_cast<std::size_t>(static_cast<std::int64_t>(c) + step);
      const State b = cell_[c2] & state_mask;
      std::size_t i = rules.pair_start_[s * width + b];
      const std::size_t last = rules.pair_start_[s * width + b + 1];
      if (i == last) continue;
      if (a >= rules.outcomes_[last - 1].below) {
        a -= rules.outcomes_[last - 1].below;
        continue;
      }
      while (a >= rules.outcomes_[i].below) ++i;
      const ExclusionRules::Outcome& to = rules.outcomes_[i];
      if (cell_[c2] & rim_flag) c2 = real_cell(c2);
      if (to.first != s) write(c, to.first);
      if (to.second != b) write(c2, to.second);
      if (to.first != s) update(c);
      if (to.second != b) update(c2);
      ++events_;
      if (!to.moves) {
        ++count_[to.first];
        ++count_[to.second];
        left(s);
        left(b);
      }
      break;
    }
  }
}

template <int Z, bool Positions, bool Dense>
void ExclusionKinetics::run(double until, FastStream& random, std::uint32_t stop) {
  const ExclusionRules& rules = *rules_;
  const double W = rules.bound_, unit = W * 0x1p-53;
  std::array<std::int64_t, Z> step{};
  for (int k = 0; k < Z; ++k) step[static_cast<std::size_t>(k)] = k % 2 == 0 ? stride_[static_cast<std::size_t>(k / 2)] : -stride_[static_cast<std::size_t>(k / 2)];
  const std::size_t growth = std::max<std::size_t>(rules.growth_, 1);
  std::uint64_t idle = 0;
  while (time_ < until) {
    const std::size_t now = Dense ? cell_.size() : active_.size();
    if (now == 0 || absorbed_) {
      time_ = until;
      return;
    }
    // Block of ticks: short enough that the bound N + growth n costs few rejections, one tick at a time when few are left.
    const std::uint64_t n = Dense ? std::min<std::uint64_t>(1 << 16, now) : std::max<std::uint64_t>(1, now / 32 / growth);
    const std::uint64_t bound = Dense ? now : now + rules.growth_ * (n - 1);
    const Ticks ticks = next_ticks(time_, until, W * static_cast<double>(bound), n, random);
    Ticks rest = ticks;       // the part of the block after the last tick whose time was asked
    std::uint64_t asked = 0;  // number of that tick
    const std::uint64_t events_before = events_;
    std::uint64_t events = 0;
    std::uint8_t* const cell = cell_.data();
    std::size_t listed = active_.size();
    if constexpr (!Dense) active_.resize(bound + growth);  // room for the block; cut back below
    std::uint32_t* const active = active_.data();
    bool stopped = false;
    std::uint64_t k = 0;
    const auto remove = [&](std::size_t at) {
      active[at] = active[--listed];
      if constexpr (Positions) position_[active[at]] = static_cast<std::uint32_t>(at);
    };
    const auto append = [&](std::size_t c) {
      if constexpr (Positions) position_[c] = static_cast<std::uint32_t>(listed);
      active[listed++] = static_cast<std::uint32_t>(c);
    };
    const auto left = [&](State s) {  // one site less in state s
      if (--count_[s] != 0) [[likely]]
        return;
      gone_at_[s] = rest.time_of(k - asked, random);
      rest = {gone_at_[s], ticks.end, ticks.count - k, ticks.last_at_end};
      asked = k;
      if (stop >> s & 1) stopped = true;
    };
    for (k = 1; k <= ticks.count; ++k) {
      const auto word = static_cast<unsigned __int128>(random.bits()) * bound;
      const auto at = static_cast<std::size_t>(word >> 64);
      std::size_t c;
      if constexpr (Dense) {
        c = at;
        if (cell[c] & rim_flag) continue;
      } else {
        if (at >= listed) continue;
        c = active[at];
      }
      const State s = cell[c] & state_mask;
      double f = static_cast<double>(static_cast<std::int64_t>(static_cast<std::uint64_t>(word) >> 11)) * unit;  // signed: the conversion has no branch
      if (f < rules.site_end_[s]) {
        std::size_t i = rules.single_start_[s];
        while (f >= rules.singles_[i].below) ++i;
        const State to = rules.singles_[i].to;
        write(c, to);
        ++events;
        if constexpr (!Dense)
          if (rules.inert_[to]) remove(at);
        ++count_[to];
        left(s);
      } else {
        const double q = (f - rules.site_end_[s]) * rules.pair_inverse_[s];
        const int direction = static_cast<int>(q);
        if (direction >= Z) continue;
        std::size_t c2 = static_cast<std::size_t>(static_cast<std::int64_t>(c) + step[static_cast<std::size_t>(direction)]);
        const State b = cell[c2] & state_mask;
        std::size_t i = rules.pair_start_[s * width + b];
        const std::size_t last = rules.pair_start_[s * width + b + 1];
        if (i == last) continue;
        f = (q - direction) * rules.pair_size_[s];
        while (i < last && f >= rules.outcomes_[i].below) ++i;
        if (i == last) continue;
        const ExclusionRules::Outcome& to = rules.outcomes_[i];
        if (cell[c2] & rim_flag) [[unlikely]]
          c2 = real_cell(c2);
        if (to.first != s) write(c, to.first);
        if (to.second != b) write(c2, to.second);
        ++events;
        if constexpr (!Dense) {
          const bool stays = !rules.inert_[to.first], was = !rules.inert_[b], is = !rules.inert_[to.second];
          if (!stays && is && !was) {
            active[at] = static_cast<std::uint32_t>(c2);
            if constexpr (Positions) position_[c2] = static_cast<std::uint32_t>(at);
          } else {
            if (!stays) remove(at);
            if constexpr (Positions)
              if (was && !is) remove(position_[c2]);
            if (is && !was) append(c2);
          }
        }
        if (!to.moves) {
          ++count_[to.first];
          ++count_[to.second];
          left(s);
          left(b);
        }
      }
      if (stopped) [[unlikely]]
        break;
      if constexpr (!Dense)
        if (listed == 0) [[unlikely]] {
          ++k;
          break;
        }
    }
    attempts_ += std::min<std::uint64_t>(k, ticks.count);
    events_ = events_before + events;
    if constexpr (!Dense) active_.resize(listed);
    if (stopped) {
      time_ = rest.start;
      return;
    }
    time_ = ticks.end;
    idle = events > 0 ? 0 : idle + ticks.count;
    if (idle > 4 * now) {
      absorbed_ = !can_fire();
      idle = 0;
    }
    if (rules.picking_ == Picking::automatic && !absorbed_ && attempts_ > (1 << 17) && attempts_ > 128 * events_) [[unlikely]] {
      compose();
      return run_composed<Z>(until, random, stop);
    }
  }
}

void ExclusionKinetics::advance(double until, FastStream& random, std::uint32_t stop) {
  const auto go = [&]<int Z>() {
    if (composed_) run_composed<Z>(until, random, stop);
    else if (rules_->dense()) run<Z, false, true>(until, random, stop);
    else if (rules_->needs_positions()) run<Z, true, false>(until, random, stop);
    else run<Z, false, false>(until, random, stop);
  };
  switch (rules_->model().box.dimension()) {
    case 1: go.operator()<2>(); break;
    case 2: go.operator()<4>(); break;
    default: go.operator()<6>(); break;
  }
}

}  // namespace meso::lattice

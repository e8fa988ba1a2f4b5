// The kernels below are compiled once for every instruction set; what surrounds them, once.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kits/kinetics/ssa_lanes.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "kits/kinetics/ssa_lanes.h"

HWY_BEFORE_NAMESPACE();
namespace meso::kinetics::lanes {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<double, 8>;
using U = hn::RebindToUnsigned<D>;
using V = hn::Vec<D>;
using W = hn::Vec<U>;

// (bits >> 12 + 1/2) 2^-52, as detail::unit_open: 1 + k 2^-52 is put together, the rest is exact.
HWY_INLINE V unit_open(W bits) {
  const U u;
  const D d;
  const V one_and = hn::BitCast(d, hn::Or(hn::ShiftRight<12>(bits), hn::Set(u, 0x3ff0000000000000ULL)));
  return hn::Add(hn::Sub(one_and, hn::Set(d, 1.0)), hn::Set(d, 0x1p-53));
}

template <int K>
HWY_INLINE W rotated(W x) {
  return hn::Or(hn::ShiftLeft<K>(x), hn::ShiftRight<64 - K>(x));
}

struct Generator {  // xoshiro256++, as FastStream
  W s0, s1, s2, s3;
  HWY_INLINE W bits() {
    const W result = hn::Add(rotated<23>(hn::Add(s0, s3)), s0), t = hn::ShiftLeft<17>(s1);
    s2 = hn::Xor(s2, s0);
    s3 = hn::Xor(s3, s1);
    s1 = hn::Xor(s1, s2);
    s0 = hn::Xor(s0, s3);
    s2 = hn::Xor(s2, t);
    s3 = rotated<45>(s3);
    return result;
  }
};

// As detail::negative_log, operation by operation.
HWY_INLINE V negative_log(V x) {
  const U u;
  const D d;
  const auto number = [&](double value) { return hn::Set(d, value); };
  const W shifted = hn::Sub(hn::BitCast(u, x), hn::Set(u, 0x3fe6a09e667f3bcdULL));
  // The signed exponent as a double: added to the low bits of 1.5 2^52, from -2048 on so that the shift may be an unsigned one.
  const W biased = hn::ShiftRight<52>(hn::Add(shifted, hn::Set(u, 0x8000000000000000ULL)));
  const V exponent = hn::Sub(hn::BitCast(d, hn::Or(biased, hn::Set(u, 0x4338000000000000ULL))), number(0x1.8p52 + 2048));
  const V m = hn::BitCast(d, hn::Add(hn::And(shifted, hn::Set(u, 0x000fffffffffffffULL)), hn::Set(u, 0x3fe6a09e667f3bcdULL)));
  const V s = hn::Div(hn::Sub(m, number(1)), hn::Add(m, number(1))), z = hn::Mul(s, s), z2 = hn::Mul(z, z), z4 = hn::Mul(z2, z2);
  const auto pair = [&](double a, double b) { return hn::Add(number(a), hn::Mul(z, number(b))); };
  const V low = hn::Add(pair(1.0 / 3, 1.0 / 5), hn::Mul(z2, pair(1.0 / 7, 1.0 / 9)));
  const V high = hn::Add(hn::Add(pair(1.0 / 11, 1.0 / 13), hn::Mul(z2, pair(1.0 / 15, 1.0 / 17))), hn::Mul(z4, pair(1.0 / 19, 1.0 / 21)));
  const V series = hn::Mul(z, hn::Add(low, hn::Mul(z4, high)));
  const V twice = hn::Mul(number(2), s);
  const V rest = hn::Add(hn::Mul(twice, series), hn::Mul(exponent, number(0x1.ef35793c76730p-45)));
  return hn::Neg(hn::Add(hn::Mul(exponent, number(0x1.62e42fefa3800p-1)), hn::Add(twice, rest)));
}

HWY_INLINE V propensity(const Program::Reaction& r, const double* x) {
  const D d;
  const V c = hn::Set(d, r.c);
  const auto row = [&](int k) { return hn::Load(d, x + r.row[k] * width); };
  const auto rest = [&](int k) { return hn::Sub(row(k), hn::Set(d, r.taken[k])); };
  switch (r.order) {
    case 0: return c;
    case 1: return hn::Mul(c, row(0));
    case 2: return hn::Mul(hn::Mul(c, row(0)), rest(1));
    default: return hn::Mul(hn::Mul(c, row(0)), hn::Mul(rest(1), rest(2)));
  }
}

// One event in every lane of one register. R: reactions, padded; 0: as many as the program has.
template <std::size_t R>
HWY_INLINE void event(const Program& program, Work& work, std::size_t o) {
  const D d;
  const U u;
  const std::size_t n = R > 0 ? R : program.reactions.size();
  V prefix[R > 0 ? R : SsaLanes::most_reactions];
  double* const x = work.x + o;
  V total = hn::Zero(d);
  HWY_UNROLL(16)
  for (std::size_t r = 0; r < n; ++r) {
    total = hn::Add(total, propensity(program.reactions[r], x));
    prefix[r] = total;
  }
  Generator rng{hn::Load(u, work.rng[0] + o), hn::Load(u, work.rng[1] + o), hn::Load(u, work.rng[2] + o), hn::Load(u, work.rng[3] + o)};
  const V first = unit_open(rng.bits()), second = unit_open(rng.bits());
  hn::Store(rng.s0, u, work.rng[0] + o);
  hn::Store(rng.s1, u, work.rng[1] + o);
  hn::Store(rng.s2, u, work.rng[2] + o);
  hn::Store(rng.s3, u, work.rng[3] + o);
  const V t = hn::Load(d, work.t + o), next = hn::Load(d, work.next + o);
  const V t_next = hn::Add(t, hn::Div(negative_log(first), total));
  auto fires = hn::Le(t_next, next);  // false where nobody is
  const auto arrives = hn::Gt(t_next, next);
  if (HWY_UNLIKELY(!hn::AllFalse(d, arrives))) {
    HWY_ALIGN double at[8], when[8], sum[8];
    hn::Store(hn::IfThenElseZero(arrives, hn::Set(d, 1.0)), d, at);
    hn::Store(t_next, d, when);
    hn::Store(total, d, sum);
    for (std::size_t l = 0; l < hn::Lanes(d); ++l)
      if (at[l] != 0) at[l] = work.arrive(o + l, sum[l], when[l]) ? 1 : 0;
    fires = hn::Or(fires, hn::Ne(hn::Load(d, at), hn::Zero(d)));
  }
  const V target = hn::Mul(second, total);
  const std::size_t species = program.species();
  if constexpr (R > 0 && R < HWY_MAX_BYTES / sizeof(double)) {  // the changes of a species fit a register: looked up, the last entry for those that do not fire
    if (R < hn::Lanes(d)) {
      W chosen = hn::Zero(u);
      HWY_UNROLL(16)
      for (std::size_t r = 0; r + 1 < n; ++r) chosen = hn::Add(chosen, hn::IfThenElseZero(hn::RebindMask(u, hn::Ge(target, prefix[r])), hn::Set(u, 1)));
      const auto index = hn::IndicesFromVec(d, hn::IfThenElse(hn::RebindMask(u, fires), chosen, hn::Set(u, R)));
      for (std::size_t s = 0; s < species; ++s)
        hn::Store(hn::Add(hn::Load(d, x + s * width), hn::TableLookupLanes(hn::LoadU(d, program.table.data() + s * 8), index)), d, x + s * width);
      hn::Store(hn::IfThenElse(fires, t_next, hn::Load(d, work.t + o)), d, work.t + o);
      return;
    }
  }
  V chosen = hn::Zero(d);
  HWY_UNROLL(16)
  for (std::size_t r = 0; r + 1 < n; ++r) chosen = hn::Add(chosen, hn::IfThenElseZero(hn::Ge(target, prefix[r]), hn::Set(d, 1.0)));
  chosen = hn::IfThenElse(fires, chosen, hn::Set(d, -1.0));
  const Program::Change* change = program.changes.data();
  for (std::size_t s = 0; s < species; ++s) {
    const Program::Change* const end = program.changes.data() + program.first[s + 1];
    V row = hn::Load(d, x + s * width);
    for (; change != end; ++change) row = hn::Add(row, hn::IfThenElseZero(hn::Eq(chosen, hn::Set(d, change->reaction)), hn::Set(d, change->amount)));
    hn::Store(row, d, x + s * width);
  }
  hn::Store(hn::IfThenElse(fires, t_next, hn::Load(d, work.t + o)), d, work.t + o);
}

template <std::size_t R>
void advance_all(const Program& program, Work& work) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  while (work.live > 0) {
    std::uint64_t soonest = work.check_at[0];
    for (std::size_t l = 1; l < width; ++l) soonest = work.check_at[l] < soonest ? work.check_at[l] : soonest;
    // A lane that is refilled on the way is to be checked later than `soonest`: a whole interval lies ahead of it.
    while (work.step < soonest && work.live > 0) {
      for (std::size_t o = 0; o < width; o += lanes) event<R>(program, work, o);
      ++work.step;
    }
    for (std::size_t l = 0; l < width; ++l)
      if (work.check_at[l] == work.step) work.check(l);
  }
}

void advance_here(const Program& program, Work& work) {
  switch (program.reactions.size()) {
    case 1: return advance_all<1>(program, work);
    case 2: return advance_all<2>(program, work);
    case 3: return advance_all<3>(program, work);
    case 4: return advance_all<4>(program, work);
    case 5: return advance_all<5>(program, work);
    case 6: return advance_all<6>(program, work);
    case 7: return advance_all<7>(program, work);
    case 8: return advance_all<8>(program, work);
    default: return advance_all<0>(program, work);
  }
}

const char* registers_here() { return hwy::TargetName(HWY_TARGET); }

}  // namespace HWY_NAMESPACE
}  // namespace meso::kinetics::lanes
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace meso::kinetics {
namespace lanes {

HWY_EXPORT(advance_here);
HWY_EXPORT(registers_here);

void advance(const Program& program, Work& work) { HWY_DYNAMIC_DISPATCH(advance_here)(program, work); }
std::string registers() { return HWY_DYNAMIC_DISPATCH(registers_here)(); }

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::uint64_t check_every = 65536;  // as Ssa

using Look = std::function<void(std::uint64_t, std::size_t, std::span<const double>)>;

// The trajectories of one call: who is where, what they have seen, how they ended.
struct Paths : Work {
  std::span<const double> times;
  std::uint64_t count, started = 0, max_events;
  const std::function<FastStream(std::uint64_t)>& stream;
  const Look& at;
  const std::vector<double>& initial;
  std::vector<SsaResult> results;
  std::vector<double> state;
  struct Lane {
    std::uint64_t trajectory = 0, began = 0;  // began: a step
    std::size_t seen = 0;
    double t_checked = 0;
  };
  std::array<Lane, width> lane;
  hwy::AlignedFreeUniquePtr<double[]> owner;

  Paths(std::span<const double> when, std::uint64_t n, std::uint64_t most, const std::function<FastStream(std::uint64_t)>& from, const Look& look, const std::vector<double>& start)
      : times(when), count(n), max_events(most), stream(from), at(look), initial(start), results(n), state(start.size()), owner(hwy::AllocateAligned<double>(start.size() * width)) {
    x = owner.get();
    for (std::size_t l = 0; l < width; ++l) fill(l, 0);
  }

  /// The next trajectory enters lane l; its first event is at step `began`.
  void fill(std::size_t l, std::uint64_t began) {
    if (started == count) {
      t[l] = next[l] = std::numeric_limits<double>::quiet_NaN();
      check_at[l] = ~std::uint64_t{0};
      for (auto& word : rng) word[l] = 1;
      for (std::size_t s = 0; s < initial.size(); ++s) x[s * width + l] = 0;
      return;
    }
    ++live;
    lane[l] = {.trajectory = started, .began = began};
    for (std::size_t s = 0; s < initial.size(); ++s) x[s * width + l] = initial[s];
    t[l] = 0;
    next[l] = times.front();
    const std::array<std::uint64_t, 4> seed = stream(started).state();
    for (std::size_t k = 0; k < 4; ++k) rng[k][l] = seed[k];
    check_at[l] = began + std::min(check_every, max_events);
    ++started;
  }
  void end(std::size_t l, SsaResult result, std::uint64_t first_step) {
    results[lane[l].trajectory] = result;
    --live;
    fill(l, first_step);
  }
  bool arrive(std::size_t l, double total, double t_next) override {
    Lane& here = lane[l];
    const bool absorbed = !(total > 0);
    for (std::size_t s = 0; s < state.size(); ++s) state[s] = x[s * width + l];
    while (here.seen < times.size() && (absorbed || times[here.seen] < t_next)) at(here.trajectory, here.seen++, state);
    if (here.seen < times.size()) {
      next[l] = times[here.seen];
      return true;
    }
    end(l, {.events = step - here.began, .absorbed = absorbed, .t = times.back()}, step + 1);
    return false;
  }
  void check(std::size_t l) override {
    Lane& here = lane[l];
    const std::uint64_t events = step - here.began;
    const double ahead = (times.back() - t[l]) / (t[l] - here.t_checked) * static_cast<double>(check_every);
    if (events >= max_events || ahead > 1e13) {
      end(l, {.events = events, .runaway = true, .t = t[l]}, step);
      return;
    }
    here.t_checked = t[l];
    check_at[l] = here.began + std::min(events + check_every, max_events);
  }
};

}  // namespace
}  // namespace lanes

bool SsaLanes::fits(const Network& network) {
  return !network.reactions.empty() && network.reactions.size() <= most_reactions && network.species.size() <= most_species &&
         std::all_of(network.reactions.begin(), network.reactions.end(), [](const Reaction& r) { return r.simple(); });
}

SsaLanes::SsaLanes(const Network& network) : initial_(network.initial.begin(), network.initial.end()) {
  if (!fits(network)) throw ModelError("lanes: only mass action up to order 3 without random sizes, with at most 64 reactions and species");
  for (const Reaction& reaction : network.reactions) {
    lanes::Program::Reaction r{.c = reaction.stochastic};
    for (const auto& [s, number] : reaction.reactants)
      for (int taken = 0; taken < number; ++taken, ++r.order) {
        r.row[r.order] = static_cast<std::uint32_t>(s);
        r.taken[r.order] = taken;
      }
    program_.reactions.push_back(r);
  }
  program_.first.push_back(0);
  for (std::size_t s = 0; s < network.species.size(); ++s) {
    for (std::size_t j = 0; j < network.reactions.size(); ++j)
      for (const auto& [changed, amount] : network.reactions[j].change)
        if (changed == s && amount != 0) program_.changes.push_back({static_cast<double>(j), static_cast<double>(amount)});
    program_.first.push_back(static_cast<std::uint32_t>(program_.changes.size()));
  }
  program_.table.assign(8 * network.species.size(), 0.0);
  for (std::size_t s = 0; s < network.species.size(); ++s)
    for (std::uint32_t q = program_.first[s]; q < program_.first[s + 1]; ++q)
      if (program_.changes[q].reaction < 8) program_.table[8 * s + static_cast<std::size_t>(program_.changes[q].reaction)] = program_.changes[q].amount;
}

std::vector<SsaResult> SsaLanes::run_paths(std::span<const double> times, std::uint64_t count, const std::function<FastStream(std::uint64_t)>& stream,
                                           const std::function<void(std::uint64_t, std::size_t, std::span<const double>)>& at, std::uint64_t max_events) const {
  if (times.empty() || count == 0) return std::vector<SsaResult>(count);
  lanes::Paths paths(times, count, max_events, stream, at, initial_);
  lanes::advance(program_, paths);
  return std::move(paths.results);
}

}  // namespace meso::kinetics

#endif  // HWY_ONCE

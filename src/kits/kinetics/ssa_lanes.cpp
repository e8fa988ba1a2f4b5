// The kernels below are compiled once for every instruction set; what surrounds them, once.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kits/kinetics/ssa_lanes.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <cmath>
#include <type_traits>

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
  return hn::Sub(one_and, hn::Set(d, 1 - 0x1p-53));
}

template <int K>
HWY_INLINE W rotated(W x) {
  return hn::RotateRight<64 - K>(x);
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

// As detail::negative_log, to the same bits: signs are turned where that is exact.
HWY_INLINE V negative_log(V x) {
  const U u;
  const D d;
  const auto number = [&](double value) { return hn::Set(d, value); };
  const W shifted = hn::Sub(hn::BitCast(u, x), hn::Set(u, 0x3fe6a09e667f3bcdULL));
#if HWY_TARGET <= HWY_AVX3
  const hn::RebindToSigned<D> i;
  const V exponent = hn::ConvertTo(d, hn::ShiftRight<52>(hn::BitCast(i, shifted)));
#else
  // The signed exponent as a double: added to the low bits of 1.5 2^52, from -2048 on so that the shift may be an unsigned one.
  const W biased = hn::ShiftRight<52>(hn::Add(shifted, hn::Set(u, 0x8000000000000000ULL)));
  const V exponent = hn::Sub(hn::BitCast(d, hn::Or(biased, hn::Set(u, 0x4338000000000000ULL))), number(0x1.8p52 + 2048));
#endif
  const V m = hn::BitCast(d, hn::Add(hn::And(shifted, hn::Set(u, 0x000fffffffffffffULL)), hn::Set(u, 0x3fe6a09e667f3bcdULL)));
  const V s = hn::Div(hn::Sub(number(1), m), hn::Add(m, number(1))), z = hn::Mul(s, s), z2 = hn::Mul(z, z), z4 = hn::Mul(z2, z2);
  const auto pair = [&](double a, double b) { return hn::Add(number(a), hn::Mul(z, number(b))); };
  const V low = hn::Add(pair(1.0 / 3, 1.0 / 5), hn::Mul(z2, pair(1.0 / 7, 1.0 / 9)));
  const V high = hn::Add(hn::Add(pair(1.0 / 11, 1.0 / 13), hn::Mul(z2, pair(1.0 / 15, 1.0 / 17))), hn::Mul(z4, pair(1.0 / 19, 1.0 / 21)));
  const V series = hn::Mul(z, hn::Add(low, hn::Mul(z4, high)));
  const V twice = hn::Add(s, s);
  const V rest = hn::Add(hn::Mul(twice, series), hn::Mul(exponent, number(-0x1.ef35793c76730p-45)));
  return hn::Add(hn::Mul(exponent, number(-0x1.62e42fefa3800p-1)), hn::Add(twice, rest));
}

// Of mass action.
HWY_INLINE V propensity(const Program::Reaction& r, const double* x) {
  const D d;
  const V c = hn::Set(d, r.c);
  const auto row = [&](int k) { return hn::Load(d, x + r.row[k] * width); };
  const auto rest = [&](int k) { return hn::Sub(row(k), hn::Set(d, r.taken[k])); };
  switch (r.kind) {
    case Program::Kind::constant: return c;
    case Program::Kind::x: return hn::Mul(c, row(0));
    case Program::Kind::xy: return hn::Mul(hn::Mul(c, row(0)), row(1));
    case Program::Kind::two: return hn::Mul(hn::Mul(c, row(0)), rest(1));
    default: return hn::Mul(hn::Mul(c, row(0)), hn::Mul(rest(1), rest(2)));
  }
}

// The same of at most two factors, without a branch: what is missing reads the row of ones (Program::Reaction::two_row), exactly.
HWY_INLINE V propensity_of_two(const Program::Reaction& r, const double* x) {
  const D d;
  return hn::Mul(hn::Mul(hn::Set(d, r.c), hn::Load(d, x + r.two_row[0] * width)), hn::Sub(hn::Load(d, x + r.two_row[1] * width), hn::Set(d, r.taken[1])));
}

// x to the power n by squaring, as the scalar formula.
HWY_INLINE V whole_power(V x, int n) {
  const D d;
  V result = hn::Set(d, 1.0);
  for (unsigned k = static_cast<unsigned>(n < 0 ? -n : n); k != 0; k >>= 1) {
    if ((k & 1) != 0) result = hn::Mul(result, x);
    x = hn::Mul(x, x);
  }
  return n < 0 ? hn::Div(hn::Set(d, 1.0), result) : result;
}

// Runs f on every register of a row.
template <class F>
HWY_INLINE void each(F&& f) {
  const D d;
  for (std::size_t o = 0; o < width; o += hn::Lanes(d)) f(o);
}

// A rate law in all lanes: the value ends in row 0 of the stack.
void evaluate(const std::vector<Program::Step>& law, Work& work) {
  using num::Op;
  const D d;
  double* top = work.stack - width;  // row of the last value
  const auto nan = [](V x) { return hn::Not(hn::Eq(x, x)); };
  for (const Program::Step& step : law) {
    if (step.op == Op::number) {
      top += width;
      each([&](std::size_t o) { hn::Store(hn::Set(d, step.value), d, top + o); });
      continue;
    }
    if (step.op == Op::variable) {
      top += width;
      const double* const from = work.x + step.row * width;
      each([&](std::size_t o) { hn::Store(hn::Load(d, from + o), d, top + o); });
      continue;
    }
    if (step.whole_power) {
      each([&](std::size_t o) { hn::Store(whole_power(hn::Load(d, top + o), static_cast<int>(step.value)), d, top + o); });
      continue;
    }
    const auto unary = [&](auto&& f) { each([&](std::size_t o) { hn::Store(f(hn::Load(d, top + o)), d, top + o); }); };
    const auto binary = [&](auto&& f) {
      top -= width;
      each([&](std::size_t o) { hn::Store(f(hn::Load(d, top + o), hn::Load(d, top + width + o)), d, top + o); });
    };
    const auto condition = [&](auto&& holds) {
      binary([&](V a, V b) { return hn::IfThenElse(hn::Or(nan(a), nan(b)), hn::Add(a, b), hn::IfThenElseZero(holds(a, b), hn::Set(d, 1.0))); });
    };
    switch (step.op) {
      case Op::add: binary([](V a, V b) { return hn::Add(a, b); }); break;
      case Op::subtract: binary([](V a, V b) { return hn::Sub(a, b); }); break;
      case Op::multiply: binary([](V a, V b) { return hn::Mul(a, b); }); break;
      case Op::divide: binary([](V a, V b) { return hn::Div(a, b); }); break;
      case Op::negate: unary([](V a) { return hn::Neg(a); }); break;
      case Op::sqrt: unary([](V a) { return hn::Sqrt(a); }); break;
      case Op::abs: unary([](V a) { return hn::Abs(a); }); break;
      case Op::min: binary([&](V a, V b) { return hn::IfThenElse(hn::Or(hn::Lt(b, a), nan(b)), b, a); }); break;
      case Op::max: binary([&](V a, V b) { return hn::IfThenElse(hn::Or(hn::Gt(b, a), nan(b)), b, a); }); break;
      case Op::less: condition([](V a, V b) { return hn::Lt(a, b); }); break;
      case Op::less_equal: condition([](V a, V b) { return hn::Le(a, b); }); break;
      case Op::equal: condition([](V a, V b) { return hn::Eq(a, b); }); break;
      case Op::select:
        top -= 2 * width;
        each([&](std::size_t o) { hn::Store(hn::IfThenElse(hn::Eq(hn::Load(d, top + o), hn::Zero(d)), hn::Load(d, top + 2 * width + o), hn::Load(d, top + width + o)), d, top + o); });
        break;
      case Op::power:
        top -= width;
        for (std::size_t l = 0; l < width; ++l) top[l] = num::apply(step.op, top[l], top[width + l]);
        break;
      default:
        for (std::size_t l = 0; l < width; ++l) top[l] = num::apply(step.op, top[l], 0);
        break;
    }
  }
}

// Prefix sums of many reactions in all lanes. Four running sums stay in registers: a sum that went through memory would wait for its own store at every reaction.
void sum_up_mass_action(const Program& program, Work& work) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  static_assert(width % (4 * hn::MaxLanes(D())) == 0);
  for (std::size_t from = 0; from < width; from += 4 * lanes) {
    V s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    double* sums = work.prefix + from;
    for (const Program::Reaction& reaction : program.reactions) {
      const auto put = [&](auto&& value) {
        s0 = hn::Add(s0, value(0));
        s1 = hn::Add(s1, value(lanes));
        s2 = hn::Add(s2, value(2 * lanes));
        s3 = hn::Add(s3, value(3 * lanes));
        hn::Store(s0, d, sums);
        hn::Store(s1, d, sums + lanes);
        hn::Store(s2, d, sums + 2 * lanes);
        hn::Store(s3, d, sums + 3 * lanes);
        sums += width;
      };
      const auto row = [&](int k) { return work.x + reaction.row[k] * width + from; };
      const V c = hn::Set(d, reaction.c);
      switch (reaction.kind) {
        case Program::Kind::constant: put([&](std::size_t) { return c; }); break;
        case Program::Kind::x: put([&, a = row(0)](std::size_t o) { return hn::Mul(c, hn::Load(d, a + o)); }); break;
        case Program::Kind::xy: put([&, a = row(0), b = row(1)](std::size_t o) { return hn::Mul(hn::Mul(c, hn::Load(d, a + o)), hn::Load(d, b + o)); }); break;
        default: put([&](std::size_t o) { return propensity(reaction, work.x + from + o); }); break;
      }
    }
  }
}

// Prefix sums in all lanes, where some reactions are laws.
void sum_up(const Program& program, Work& work) {
  const D d;
  if (program.laws.empty()) return sum_up_mass_action(program, work);
  for (std::size_t r = 0; r < program.reactions.size(); ++r) {
    const Program::Reaction& reaction = program.reactions[r];
    double* const sums = work.prefix + r * width;
    const auto put = [&](auto&& value) {
      if (r == 0) each([&](std::size_t o) { hn::Store(hn::Add(hn::Zero(d), value(o)), d, sums + o); });
      else each([&](std::size_t o) { hn::Store(hn::Add(hn::Load(d, sums - width + o), value(o)), d, sums + o); });
    };
    const auto row = [&](int k) { return work.x + reaction.row[k] * width; };
    const V c = hn::Set(d, reaction.c), one = hn::Set(d, reaction.taken[1]), two = hn::Set(d, reaction.taken[2]);
    switch (reaction.kind) {
      case Program::Kind::constant: put([&](std::size_t) { return c; }); break;
      case Program::Kind::x: put([&, a = row(0)](std::size_t o) { return hn::Mul(c, hn::Load(d, a + o)); }); break;
      case Program::Kind::xy: put([&, a = row(0), b = row(1)](std::size_t o) { return hn::Mul(hn::Mul(c, hn::Load(d, a + o)), hn::Load(d, b + o)); }); break;
      case Program::Kind::two: put([&, a = row(0), b = row(1)](std::size_t o) { return hn::Mul(hn::Mul(c, hn::Load(d, a + o)), hn::Sub(hn::Load(d, b + o), one)); }); break;
      case Program::Kind::three:
        put([&, a = row(0), b = row(1), e = row(2)](std::size_t o) {
          return hn::Mul(hn::Mul(c, hn::Load(d, a + o)), hn::Mul(hn::Sub(hn::Load(d, b + o), one), hn::Sub(hn::Load(d, e + o), two)));
        });
        break;
      case Program::Kind::law:
        evaluate(program.laws[reaction.row[0]], work);
        each([&](std::size_t o) {
          const V value = hn::Load(d, work.stack + o);
          if (HWY_LIKELY(hn::AllTrue(d, hn::And(hn::Ge(value, hn::Zero(d)), hn::Lt(value, hn::Set(d, HUGE_VAL)))))) return;
          for (std::size_t l = o; l < o + hn::Lanes(d); ++l) {
            double& v = work.stack[l];
            if (v >= 0 && v < HUGE_VAL) continue;
            if (work.t[l] == work.t[l] && !(v > -1e-12 && v < 0)) work.refuse(l, r, v);
            v = 0;  // rounding of a law that vanishes here, or nobody is here
          }
        });
        put([&](std::size_t o) { return hn::Load(d, work.stack + o); });
        break;
    }
  }
}

// Time averages: the state that lanes are about to leave, for the time in the window that they spent in it.
void hold(Work& work, std::size_t o, hn::Mask<D> fires, V t, V t_next) {
  const D d;
  const V begin = hn::Set(d, work.begin);
  const auto counts = hn::And(fires, hn::Gt(t_next, begin));
  if (hn::AllFalse(d, counts)) return;
  const V dt = hn::Sub(t_next, hn::IfThenElse(hn::Gt(t, begin), t, begin));
  double* sum = work.sums + o;
  for (const Held& h : work.held) {
    const V from = hn::Sub(hn::Load(d, work.x + h.a * width + o), hn::Set(d, h.ca));
    V value = from;
    if (h.power == 0) value = hn::Mul(from, hn::Sub(hn::Load(d, work.x + h.b * width + o), hn::Set(d, h.cb)));
    for (int k = 1; k < h.power; ++k) value = hn::Mul(value, from);
    const V before = hn::Load(d, sum);
    hn::Store(hn::IfThenElse(counts, hn::Add(before, hn::Mul(value, dt)), before), d, sum);
    sum += width;
  }
  if (!work.wants_times) return;
  HWY_ALIGN double time[8];
  hn::Store(hn::IfThenElse(counts, dt, hn::Set(d, -1.0)), d, time);
  for (std::size_t l = 0; l < hn::Lanes(d); ++l)
    if (time[l] >= 0) work.held_by(o + l, time[l]);
}

// Lane l fires reaction j. Most: the number of changes, 0 where it is known at run time only.
template <std::size_t Most>
HWY_INLINE void move(const Program& program, double* x, std::size_t l, std::uint64_t j) {
  const std::size_t most = Most > 0 ? Most : program.most_moves;
  const Program::Move* const moves = program.moves.data() + j * most;
  for (std::size_t k = 0; k < most; ++k) x[moves[k].at + l] += moves[k].amount;
}

// One event in every lane of one register. R: number of reactions; 0: prefix sums are in work.prefix.
// Without `Look`, a lane that would pass its next time stays as it is, generator and all, and does the same again until it is looked at:
// one hard-to-predict branch for several events.
template <std::size_t R, bool Two, bool Look>
HWY_INLINE void event(const Program& program, Work& work, std::size_t o) {
  const D d;
  const U u;
  V prefix[R > 0 ? R : 1];
  double* const x = work.x + o;
  V total = hn::Zero(d);
  if constexpr (R > 0) {
    HWY_UNROLL(16)
    for (std::size_t r = 0; r < R; ++r) {
      total = hn::Add(total, Two ? propensity_of_two(program.reactions[r], x) : propensity(program.reactions[r], x));
      prefix[r] = total;
    }
  } else {
    total = hn::Load(d, work.prefix + (program.reactions.size() - 1) * width + o);
  }
  const W s0 = hn::Load(u, work.rng[0] + o), s1 = hn::Load(u, work.rng[1] + o), s2 = hn::Load(u, work.rng[2] + o), s3 = hn::Load(u, work.rng[3] + o);
  Generator rng{s0, s1, s2, s3};
  const V first = unit_open(rng.bits()), second = unit_open(rng.bits());
  const V t = hn::Load(d, work.t + o), next = hn::Load(d, work.next + o);
  const V t_next = hn::Add(t, hn::Div(negative_log(first), total));
  auto fires = hn::Le(t_next, next);  // false where nobody is
  if constexpr (Look) {
    hn::Store(rng.s0, u, work.rng[0] + o);
    hn::Store(rng.s1, u, work.rng[1] + o);
    hn::Store(rng.s2, u, work.rng[2] + o);
    hn::Store(rng.s3, u, work.rng[3] + o);
    const auto arrives = hn::Gt(t_next, next);
    if (HWY_UNLIKELY(!hn::AllFalse(d, arrives))) {
      HWY_ALIGN double goes_on[8], when[8], sum[8];
      std::uint8_t bits[8] = {};
      hn::Store(hn::Zero(d), d, goes_on);
      hn::Store(t_next, d, when);
      hn::Store(total, d, sum);
      hn::StoreMaskBits(d, arrives, bits);
      for (unsigned left = bits[0]; left != 0; left &= left - 1) {
        const auto l = static_cast<std::size_t>(__builtin_ctz(left));
        ++work.arrivals;
        if (work.arrive(o + l, sum[l], when[l])) goes_on[l] = 1;
      }
      fires = hn::Or(fires, hn::Gt(hn::Load(d, goes_on), hn::Zero(d)));
    }
  } else {
    const auto moved = hn::RebindMask(u, fires);
    hn::Store(hn::IfThenElse(moved, rng.s0, s0), u, work.rng[0] + o);
    hn::Store(hn::IfThenElse(moved, rng.s1, s1), u, work.rng[1] + o);
    hn::Store(hn::IfThenElse(moved, rng.s2, s2), u, work.rng[2] + o);
    hn::Store(hn::IfThenElse(moved, rng.s3, s3), u, work.rng[3] + o);
  }
  if (HWY_UNLIKELY(!work.held.empty() || work.wants_times)) hold(work, o, fires, t, t_next);
  hn::Store(hn::Add(hn::Load(u, work.fired + o), hn::IfThenElseZero(hn::RebindMask(u, fires), hn::Set(u, 1))), u, work.fired + o);
  hn::Store(hn::IfThenElse(fires, t_next, hn::Load(d, work.t + o)), d, work.t + o);
  const V target = hn::Mul(second, total);
  const std::size_t species = program.species;
  W chosen = hn::Zero(u);
  if constexpr (R > 0) {
    HWY_UNROLL(16)
    for (std::size_t r = 0; r + 1 < R; ++r) chosen = hn::Add(chosen, hn::IfThenElseZero(hn::RebindMask(u, hn::Ge(target, prefix[r])), hn::Set(u, 1)));
    chosen = hn::IfThenElse(hn::RebindMask(u, fires), chosen, hn::Set(u, R));
    if constexpr (R < HWY_MAX_BYTES / sizeof(double)) {
      if (R < hn::Lanes(d)) {  // the changes of a species fit a register: looked up, the last entry where nothing fires
        const auto index = hn::IndicesFromVec(d, chosen);
        for (std::size_t s = 0; s < species; ++s)
          hn::Store(hn::Add(hn::Load(d, x + s * width), hn::TableLookupLanes(hn::LoadU(d, program.table.data() + s * 8), index)), d, x + s * width);
        return;
      }
    }
  } else {
    const std::size_t blocks = (program.reactions.size() + 7) / 8;  // the block of 8 here, the reaction in it lane by lane below
    for (std::size_t b = 0; b + 1 < blocks; ++b)
      chosen = hn::Add(chosen, hn::IfThenElseZero(hn::RebindMask(u, hn::Ge(target, hn::Load(d, work.prefix + (8 * b + 7) * width + o))), hn::Set(u, 8)));
  }
  HWY_ALIGN std::uint64_t reaction[8];
  hn::Store(chosen, u, reaction);
  if constexpr (R == 0) {
    HWY_ALIGN double aim[8];
    HWY_ALIGN std::uint64_t fire[8];
    hn::Store(target, d, aim);
    hn::Store(hn::IfThenElseZero(hn::RebindMask(u, fires), hn::Set(u, ~std::uint64_t{0})), u, fire);
    for (std::size_t l = 0; l < hn::Lanes(d); ++l) {
      const double* p = work.prefix + reaction[l] * width + o + l;
      std::uint64_t in = aim[l] >= p[3 * width] ? 4 : 0;
      in += aim[l] >= p[(in + 1) * width] ? 2 : 0;
      in += aim[l] >= p[in * width] ? 1 : 0;
      const std::uint64_t found = reaction[l] + in, last = program.reactions.size() - 1;  // beyond it only where sums overflow
      reaction[l] = fire[l] == 0 ? last + 1 : found < last ? found : last;
    }
  }
  const auto all = [&](auto most) {
    for (std::size_t l = 0; l < hn::Lanes(d); ++l) move<decltype(most)::value>(program, x, l, reaction[l]);
  };
  switch (program.most_moves) {  // a loop of known length has no branch to miss
    case 2: all(std::integral_constant<std::size_t, 2>{}); break;
    case 3: all(std::integral_constant<std::size_t, 3>{}); break;
    case 4: all(std::integral_constant<std::size_t, 4>{}); break;
    default: all(std::integral_constant<std::size_t, 0>{}); break;
  }
  if (!program.laws.empty())
    for (std::size_t l = 0; l < hn::Lanes(d); ++l) {
      if (reaction[l] == program.reactions.size() || program.reactions[reaction[l]].kind != Program::Kind::law) continue;
      const Program::Move* const move = program.moves.data() + reaction[l] * program.most_moves;
      for (std::size_t k = 0; k < program.most_moves; ++k)
        if (x[move[k].at + l] < 0) work.refuse(o + l, reaction[l], -1);
    }
}

template <std::size_t R, bool Two>
void advance_all(const Program& program, Work& work) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  // Events between two looks. Where arrivals are rare every event may look: the branch is foreseen. Where trajectories are short or looked at
  // often, looks are made together: an arrival then waits for 1.5 events on average.
  std::uint64_t together = 1, looks = 0, arrivals = 0;
  while (work.live > 0) {
    for (std::size_t l = 0; l < width; ++l)
      if (work.fired[l] == work.check_at[l]) work.check(l);
    work.room = ~std::uint64_t{0};
    for (std::size_t l = 0; l < width; ++l) {
      const std::uint64_t ahead = work.check_at[l] - work.fired[l];
      work.room = ahead < work.room ? ahead : work.room;
    }
    while (work.room > 0 && work.live > 0) {
      const std::uint64_t steps = work.room < together ? work.room : together;
      work.room -= steps;  // a lane that is refilled makes it smaller where it must
      for (std::uint64_t i = 1; i < steps; ++i) {
        if constexpr (R == 0) sum_up(program, work);
        for (std::size_t o = 0; o < width; o += lanes) event<R, Two, false>(program, work, o);
      }
      if constexpr (R == 0) sum_up(program, work);
      for (std::size_t o = 0; o < width; o += lanes) event<R, Two, true>(program, work, o);
      if (++looks == 256) {
        together = work.arrivals - arrivals > 256 * together / 8 ? 4 : 1;
        arrivals = work.arrivals;
        looks = 0;
      }
    }
  }
}

template <std::size_t R>
void advance_small(const Program& program, Work& work) {
  for (const Program::Reaction& r : program.reactions)
    if (r.kind == Program::Kind::three) return advance_all<R, false>(program, work);
  return advance_all<R, true>(program, work);
}

void advance_here(const Program& program, Work& work) {
  if (!program.laws.empty()) return advance_all<0, false>(program, work);
  switch (program.reactions.size()) {
    case 1: return advance_small<1>(program, work);
    case 2: return advance_small<2>(program, work);
    case 3: return advance_small<3>(program, work);
    case 4: return advance_small<4>(program, work);
    case 5: return advance_small<5>(program, work);
    case 6: return advance_small<6>(program, work);
    case 7: return advance_small<7>(program, work);
    default: return advance_all<0, false>(program, work);
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

// The trajectories of one call: who is where and how they ended. What they have seen is up to the kind of question.
struct Trajectories : Work {
  const Network& network;
  std::uint64_t count, started = 0, max_events;
  const SsaLanes::StreamOf& stream;
  const SsaLanes::StartOf& start;
  double first_look = 0, end_time = 0;
  std::vector<double> state;
  struct Lane {
    std::uint64_t trajectory = 0;
    std::size_t seen = 0;
    double t_checked = 0;
  };
  std::array<Lane, width> lane;
  hwy::AlignedFreeUniquePtr<double[]> owner;

  Trajectories(const Network& of, const Program& program, std::uint64_t n, std::uint64_t most, const SsaLanes::StreamOf& from, const SsaLanes::StartOf& initial, std::size_t n_held)
      : network(of), count(n), max_events(most), stream(from), start(initial), state(program.species) {
    const std::size_t rows = program.species + 2, blocks = (program.reactions.size() + 7) / 8 * 8;
    owner = hwy::AllocateAligned<double>((rows + blocks + program.depth + n_held) * width);
    x = owner.get();
    prefix = x + rows * width;
    stack = prefix + blocks * width;
    sums = stack + program.depth * width;
    std::fill(x, x + rows * width, 0.0);
    std::fill(x + (program.species + 1) * width, x + rows * width, 1.0);
    std::fill(prefix, stack, infinity);
  }

  void fill_all() {
    for (std::size_t l = 0; l < width; ++l) fill(l);
  }
  /// The next trajectory enters lane l.
  void fill(std::size_t l) {
    if (started == count) {  // an empty lane keeps the state of its last trajectory
      t[l] = next[l] = std::numeric_limits<double>::quiet_NaN();
      fired[l] = 0;
      check_at[l] = ~std::uint64_t{0};
      for (auto& word : rng) word[l] = 1;
      if (count < width)
        for (std::size_t s = 0; s < state.size(); ++s) x[s * width + l] = static_cast<double>(network.initial[s]);
      return;
    }
    ++live;
    lane[l] = {.trajectory = started};
    const std::span<const std::int64_t> initial = start ? start(started) : std::span<const std::int64_t>(network.initial);
    for (std::size_t s = 0; s < state.size(); ++s) x[s * width + l] = static_cast<double>(initial[s]);
    t[l] = 0;
    next[l] = first_look;
    const std::array<std::uint64_t, 4> seed = stream(started).state();
    for (std::size_t k = 0; k < 4; ++k) rng[k][l] = seed[k];
    fired[l] = 0;
    check_at[l] = std::min(check_every, max_events);
    room = std::min(room, check_at[l]);
    for (std::size_t k = 0; k < held.size(); ++k) sums[k * width + l] = 0;
    ++started;
  }
  virtual void ended(std::size_t l, const SsaResult& result) = 0;
  void end(std::size_t l, const SsaResult& result) {
    ended(l, result);
    --live;
    fill(l);
  }
  std::span<const double> state_of(std::size_t l) {
    for (std::size_t s = 0; s < state.size(); ++s) state[s] = x[s * width + l];
    return state;
  }
  void check(std::size_t l) final {
    Lane& here = lane[l];
    const double ahead = (end_time - t[l]) / (t[l] - here.t_checked) * static_cast<double>(check_every);
    if (fired[l] >= max_events || ahead > 1e13) {
      end(l, {.events = fired[l], .runaway = true, .t = t[l]});
      return;
    }
    here.t_checked = t[l];
    check_at[l] = std::min(fired[l] + check_every, max_events);
  }
  [[noreturn]] void refuse(std::size_t l, std::size_t r, double value) final { refuse_propensity(network, r, value, state_of(l)); }
};

struct Paths final : Trajectories {
  std::span<const double> times;
  const std::function<void(std::uint64_t, std::size_t, std::span<const double>)>& at;
  std::vector<SsaResult> results;
  Paths(const Network& of, const Program& program, std::span<const double> when, std::uint64_t n, std::uint64_t most, const SsaLanes::StreamOf& from, const SsaLanes::StartOf& initial,
        const std::function<void(std::uint64_t, std::size_t, std::span<const double>)>& look)
      : Trajectories(of, program, n, most, from, initial, 0), times(when), at(look), results(n) {
    first_look = times.front();
    end_time = times.back();
    fill_all();
  }
  bool arrive(std::size_t l, double total, double t_next) override {
    Lane& here = lane[l];
    const bool absorbed = !(total > 0);
    const std::span<const double> seen = state_of(l);
    while (here.seen < times.size() && (absorbed || times[here.seen] < t_next)) at(here.trajectory, here.seen++, seen);
    if (here.seen < times.size()) {
      next[l] = times[here.seen];
      return true;
    }
    end(l, {.events = fired[l], .absorbed = absorbed, .t = times.back()});
    return false;
  }
  void held_by(std::size_t, double) override {}
  void ended(std::size_t l, const SsaResult& result) override { results[lane[l].trajectory] = result; }
};

struct Windows final : Trajectories {
  const std::function<void(std::uint64_t, const SsaResult&, std::span<const double>)>& done;
  const std::function<void(std::uint64_t, std::span<const double>, double)>& see;
  std::vector<double> own;
  Windows(const Network& of, const Program& program, double burn_in, double window, std::span<const Held> what, std::uint64_t n, std::uint64_t most, const SsaLanes::StreamOf& from,
          const SsaLanes::StartOf& initial, const std::function<void(std::uint64_t, const SsaResult&, std::span<const double>)>& when_done,
          const std::function<void(std::uint64_t, std::span<const double>, double)>& look)
      : Trajectories(of, program, n, most, from, initial, what.size()), done(when_done), see(look), own(what.size()) {
    held = what;
    begin = first_look = burn_in;
    end_time = burn_in + window;
    wants_times = static_cast<bool>(see);
    fill_all();
  }
  bool arrive(std::size_t l, double total, double t_next) override {
    if (t_next < end_time) {  // the window begins within this step
      next[l] = end_time;
      return true;
    }
    const double dt = end_time - (t[l] > begin ? t[l] : begin);
    for (std::size_t k = 0; k < held.size(); ++k) {
      const Held& h = held[k];
      const double from = x[h.a * width + l] - h.ca;
      double value = h.power == 0 ? from * (x[h.b * width + l] - h.cb) : from;
      for (int p = 1; p < h.power; ++p) value *= from;
      sums[k * width + l] += value * dt;
    }
    if (wants_times) held_by(l, dt);
    end(l, {.events = fired[l], .absorbed = !(total > 0), .t = end_time});
    return false;
  }
  void held_by(std::size_t l, double dt) override { see(lane[l].trajectory, state_of(l), dt); }
  void ended(std::size_t l, const SsaResult& result) override {
    for (std::size_t k = 0; k < held.size(); ++k) own[k] = sums[k * width + l];
    done(lane[l].trajectory, result, own);
  }
};

/// A law in the order in which its values are needed. @returns how many are held at once
std::size_t compile(const Network& network, const num::Formula& f, std::vector<Program::Step>& steps) {
  const num::Formula::Node& n = *f.root();
  if (n.op == num::Op::number) {
    steps.push_back({.op = n.op, .value = n.value});
    return 1;
  }
  if (n.op == num::Op::variable) {
    steps.push_back({.op = n.op, .row = static_cast<std::uint32_t>(network.index(n.name))});
    return 1;
  }
  if (n.op == num::Op::power && n.args[1].root()->op == num::Op::number) {
    const double exponent = n.args[1].root()->value;
    if (exponent == std::floor(exponent) && std::abs(exponent) <= 64) {
      const std::size_t depth = compile(network, n.args[0], steps);
      steps.push_back({.op = n.op, .value = exponent, .whole_power = true});
      return depth;
    }
  }
  std::size_t depth = 0;
  for (std::size_t i = 0; i < n.args.size(); ++i) depth = std::max(depth, i + compile(network, n.args[i], steps));
  steps.push_back({.op = n.op});
  return depth;
}

}  // namespace
}  // namespace lanes

bool SsaLanes::fits(const Network& network) {
  return !network.reactions.empty() && network.reactions.size() <= most_reactions && network.species.size() <= most_species &&
         std::all_of(network.reactions.begin(), network.reactions.end(), [](const Reaction& r) { return r.bursts.empty() && (r.simple() || !r.mass_action); }) && !network.time_dependent() &&
         network.beyond_reactions().empty();
}

SsaLanes::SsaLanes(SharedNetwork given) : network_(std::move(given)) {
  const Network& network = network_;
  using lanes::Program;
  if (!fits(network)) throw ModelError("lanes: only rate laws without the time and mass action up to order 3, without random sizes, with at most 64 reactions and species");
  for (const Reaction& reaction : network.reactions) {
    Program::Reaction r{.c = reaction.stochastic};
    if (!reaction.mass_action) {
      r.kind = Program::Kind::law;
      r.row[0] = static_cast<std::uint32_t>(program_.laws.size());
      program_.depth = std::max(program_.depth, lanes::compile(network, *reaction.law, program_.laws.emplace_back()));
    } else {
      std::size_t order = 0;
      for (const auto& [s, number] : reaction.reactants)
        for (int taken = 0; taken < number; ++taken, ++order) {
          r.row[order] = static_cast<std::uint32_t>(s);
          r.taken[order] = taken;
        }
      constexpr Program::Kind kinds[] = {Program::Kind::constant, Program::Kind::x, Program::Kind::two, Program::Kind::three};
      r.kind = order == 2 && r.taken[1] == 0 ? Program::Kind::xy : kinds[order];
      for (std::size_t k = 0; k < 2; ++k) r.two_row[k] = k < order ? r.row[k] : static_cast<std::uint32_t>(network.species.size() + 1);
    }
    program_.reactions.push_back(r);
    program_.most_moves = std::max(program_.most_moves, reaction.change.size());
  }
  const std::size_t n_species = program_.species = network.species.size();
  program_.table.assign(8 * n_species, 0.0);
  program_.moves.assign((network.reactions.size() + 1) * program_.most_moves, {.at = static_cast<std::uint32_t>(n_species * lanes::width)});
  for (std::size_t j = 0; j < network.reactions.size(); ++j) {
    std::size_t m = 0;
    for (const auto& [s, amount] : network.reactions[j].change) {
      program_.moves[j * program_.most_moves + m++] = {.at = static_cast<std::uint32_t>(s * lanes::width), .amount = static_cast<double>(amount)};
      if (j < 8) program_.table[8 * s + j] = amount;
    }
  }
}

std::vector<SsaResult> SsaLanes::run_paths(std::span<const double> times, std::uint64_t count, const StreamOf& stream, const std::function<void(std::uint64_t, std::size_t, std::span<const double>)>& at,
                                           std::uint64_t max_events, const StartOf& start) const {
  if (times.empty() || count == 0) return std::vector<SsaResult>(count);
  lanes::Paths paths(network_, program_, times, count, max_events, stream, start, at);
  lanes::advance(program_, paths);
  return std::move(paths.results);
}

void SsaLanes::run_windows(double burn_in, double window, std::span<const lanes::Held> held, std::uint64_t count, const StreamOf& stream,
                           const std::function<void(std::uint64_t, const SsaResult&, std::span<const double>)>& ended, const std::function<void(std::uint64_t, std::span<const double>, double)>& state,
                           std::uint64_t max_events, const StartOf& start) const {
  if (count == 0) return;
  lanes::Windows windows(network_, program_, burn_in, window, held, count, max_events, stream, start, ended, state);
  lanes::advance(program_, windows);
}

}  // namespace meso::kinetics

#endif  // HWY_ONCE

#include "kits/lattice/ising.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

// One source, three instruction sets: only logic on whole words, the same bits in registers of any width.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MESO_WIDE __attribute__((target("avx2")))
#define MESO_WIDEST __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2")))
#else
#define MESO_WIDE
#define MESO_WIDEST
#endif
#define MESO_INLINE inline __attribute__((always_inline))

namespace meso::lattice {

namespace {

typedef std::uint64_t Lanes __attribute__((vector_size(64), may_alias));  // one word of each of eight lattices
static_assert(sizeof(Lanes) == 8 * IsingLattices::width);

std::uint64_t all(bool yes) { return yes ? ~std::uint64_t{0} : 0; }

// The binary digits of a flip probability, rounded to nearest; 2^32 stands for one.
std::uint64_t digits_of(double p) { return static_cast<std::uint64_t>(std::llround(std::ldexp(std::clamp(p, 0.0, 1.0), IsingLattices::Rule::digits))); }
constexpr std::uint64_t one = std::uint64_t{1} << IsingLattices::Rule::digits;

struct Generators {  // xoshiro256++ of FastStream, one in each lane
  Lanes s0, s1, s2, s3;
  MESO_INLINE Lanes next() {
    const Lanes sum = s0 + s3;
    const Lanes result = ((sum << 23) | (sum >> 41)) + s0;
    const Lanes t = s1 << 17;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = (s3 << 45) | (s3 >> 19);
    return result;
  }
};

// A block's edge: the neighbour lies in the next block, that is, one place further in the lanes of this dimension.
struct Turn {
  int by = 0, back = 0;           // lanes rotate within groups by `by`
  std::uint64_t moved = 0, wrapped = 0;
  MESO_INLINE Lanes ahead(Lanes w) const { return by == 0 ? w : (((w >> by) & moved) | ((w << back) & wrapped)); }    // value of the block after
  MESO_INLINE Lanes behind(Lanes w) const { return by == 0 ? w : (((w & moved) << by) | ((w & wrapped) >> back)); }   // of the block before
};

// Lane = bx + Bx (by + By bz) + blocks * copy. Going one block on in a dimension of stride s and B blocks adds s, or wraps by s (B - 1).
Turn turn_of(std::size_t stride, std::size_t count) {
  Turn turn;
  if (count == 1) return turn;
  turn.by = static_cast<int>(stride);
  turn.back = static_cast<int>(stride * (count - 1));
  for (unsigned lane = 0; lane < 64; ++lane) {
    const bool last = (lane / stride) % count == count - 1;
    (last ? turn.wrapped : turn.moved) |= std::uint64_t{1} << lane;  // by destination: lane `last` reads from the first block
  }
  return turn;
}

struct Geometry {
  std::size_t nx, ny, nz;
  int dimension;
  Turn x, y, z;
};

Geometry geometry_of(const SpinLayout& l) {
  return {l.block[0], l.block[1], l.block[2], static_cast<int>(l.dimension), turn_of(1, l.blocks[0]), turn_of(l.blocks[0], l.blocks[1]),
          turn_of(l.blocks[0] * l.blocks[1], l.blocks[2])};
}

// Adds a bit to a 3-digit count in every lane.
MESO_INLINE void count(Lanes bit, Lanes& c0, Lanes& c1, Lanes& c2) {
  const Lanes carry = c0 & bit;
  c0 ^= bit;
  const Lanes carry2 = c1 & carry;
  c1 ^= carry;
  c2 ^= carry2;
}

template <int D, int K>
MESO_INLINE void sweep_kernel(Lanes* words, const Geometry& g, const IsingLattices::Rule& rule, Generators& rng) {
  constexpr int z = 2 * D;
  const std::size_t row = g.nx, plane = g.nx * g.ny;
  for (std::size_t colour = 0; colour < 2; ++colour)
    for (std::size_t zi = 0; zi < g.nz; ++zi)
      for (std::size_t yi = 0; yi < g.ny; ++yi) {
        Lanes* line = words + zi * plane + yi * row;
        const bool y_last = yi + 1 == g.ny, y_first = yi == 0, z_last = zi + 1 == g.nz, z_first = zi == 0;
        const Lanes* north = D > 1 ? (y_last ? line - yi * row : line + row) : nullptr;
        const Lanes* south = D > 1 ? (y_first ? line + (g.ny - 1) * row : line - row) : nullptr;
        const Lanes* above = D > 2 ? (z_last ? line - zi * plane : line + plane) : nullptr;
        const Lanes* below = D > 2 ? (z_first ? line + (g.nz - 1) * plane : line - plane) : nullptr;
        for (std::size_t xi = (colour + yi + zi) & 1; xi < row; xi += 2) {
          const Lanes s = line[xi];
          Lanes c0 = xi + 1 == row ? g.x.ahead(line[0]) : line[xi + 1];
          Lanes c1 = c0 ^ c0, c2 = c1;
          count(xi == 0 ? g.x.behind(line[row - 1]) : line[xi - 1], c0, c1, c2);
          if constexpr (D > 1) {
            count(y_last ? g.y.ahead(north[xi]) : north[xi], c0, c1, c2);
            count(y_first ? g.y.behind(south[xi]) : south[xi], c0, c1, c2);
          }
          if constexpr (D > 2) {
            count(z_last ? g.z.ahead(above[xi]) : above[xi], c0, c1, c2);
            count(z_first ? g.z.behind(below[xi]) : below[xi], c0, c1, c2);
          }
          // u < p_k, from the least digit up: the highest digit in which they differ decides.
          Lanes less[K];
          for (int k = 0; k < K; ++k) less[k] = c0 ^ c0;
#pragma GCC unroll 1
          for (int i = 0; i < IsingLattices::Rule::digits; ++i) {
            const Lanes u = rng.next();
#pragma GCC unroll 14
            for (int k = 0; k < K; ++k) {
              const Lanes digit = (c0 ^ c0) | rule.digit[i][k];
              less[k] = (less[k] & (digit | ~u)) | (digit & ~u);  // majority of less, digit, not u
            }
          }
          Lanes is[z + 1], flip = c0 ^ c0;
          for (int n = 0; n <= z; ++n) is[n] = ((n & 1) != 0 ? c0 : ~c0) & ((n & 2) != 0 ? c1 : ~c1) & ((n & 4) != 0 ? c2 : ~c2);
          for (int n = 0; n <= z; ++n) flip |= is[n] & ((s & rule.certain[1][n]) | (~s & rule.certain[0][n]));
#pragma GCC unroll 14
          for (int k = 0; k < K; ++k) {
            Lanes member = c0 ^ c0;
            for (int n = 0; n <= z; ++n) member |= is[n] & ((s & rule.member[k][1][n]) | (~s & rule.member[k][0][n]));
            flip |= member & less[k];
          }
          line[xi] = s ^ flip;
        }
      }
}

template <int D>
MESO_INLINE void sweep_dimension(Lanes* words, const Geometry& g, const IsingLattices::Rule& rule, std::size_t thresholds, Generators& rng) {
  if (thresholds <= 1) sweep_kernel<D, 1>(words, g, rule, rng);
  else if (thresholds == 2) sweep_kernel<D, 2>(words, g, rule, rng);
  else if (thresholds == 3) sweep_kernel<D, 3>(words, g, rule, rng);
  else if (thresholds <= 5) sweep_kernel<D, 5>(words, g, rule, rng);
  else if (thresholds <= 7) sweep_kernel<D, 7>(words, g, rule, rng);
  else sweep_kernel<D, 14>(words, g, rule, rng);
}

MESO_INLINE void sweep_any(Lanes* words, const Geometry& g, const IsingLattices::Rule& rule, std::size_t thresholds, Generators& rng) {
  if (g.dimension == 1) sweep_dimension<1>(words, g, rule, thresholds, rng);
  else if (g.dimension == 2) sweep_dimension<2>(words, g, rule, thresholds, rng);
  else sweep_dimension<3>(words, g, rule, thresholds, rng);
}
void sweep_narrow(Lanes* words, const Geometry& g, const IsingLattices::Rule& rule, std::size_t thresholds, Generators& rng) { sweep_any(words, g, rule, thresholds, rng); }
MESO_WIDE void sweep_wide(Lanes* words, const Geometry& g, const IsingLattices::Rule& rule, std::size_t thresholds, Generators& rng) {
  sweep_any(words, g, rule, thresholds, rng);
}
MESO_WIDEST void sweep_widest(Lanes* words, const Geometry& g, const IsingLattices::Rule& rule, std::size_t thresholds, Generators& rng) {
  sweep_any(words, g, rule, thresholds, rng);
}

FlipTable table_of(int z, const std::array<std::array<double, 7>, 2>& energy, double (*probability)(double beta_de), double beta) {
  FlipTable table;
  table.neighbours = z;
  for (int s = 0; s < 2; ++s)
    for (int n = 0; n <= z; ++n) table.flip[s][n] = probability(beta * (energy[1 - s][n] - energy[s][n]));
  return table;
}

}  // namespace

FlipTable FlipTable::metropolis(int z, const std::array<std::array<double, 7>, 2>& energy, double beta) {
  return table_of(z, energy, [](double x) { return x <= 0 ? 1.0 : std::exp(-x); }, beta);
}
FlipTable FlipTable::heat_bath(int z, const std::array<std::array<double, 7>, 2>& energy, double beta) {
  return table_of(z, energy, [](double x) { return 1.0 / (1.0 + std::exp(x)); }, beta);
}

std::array<std::array<double, 7>, 2> ising_energy(int z, double J, double h) {
  std::array<std::array<double, 7>, 2> energy{};
  for (int n = 0; n <= z; ++n) {
    energy[1][n] = -(J * (2 * n - z) + h);
    energy[0][n] = -energy[1][n];
  }
  return energy;
}

SpinLayout::SpinLayout(std::vector<std::size_t> lengths) : extent(std::move(lengths)), dimension(extent.size()) {
  if (extent.empty() || extent.size() > 3) throw ParameterError("a spin lattice has 1 to 3 dimensions, not " + std::to_string(extent.size()));
  sites = 1;
  for (std::size_t a = 0; a < extent.size(); ++a) {
    if (extent[a] < 4 || extent[a] % 2 != 0)
      throw ParameterError("length " + std::to_string(extent[a]) + " of a periodic spin lattice: even lengths from 4 on are possible, because its two sublattices are updated in turn");
    sites *= extent[a];
    if (sites > (std::size_t{1} << 31)) throw ParameterError("a spin lattice may have at most 2^31 sites");
    block[a] = extent[a];
  }
  while (block_count < 64) {  // cut the longest blocks in two while both halves stay even: all sites of a word have one colour
    std::size_t longest = 3;
    for (std::size_t a = 0; a < extent.size(); ++a)
      if (block[a] % 4 == 0 && (longest == 3 || block[a] > block[longest])) longest = a;
    if (longest == 3) break;
    block[longest] /= 2;
    blocks[longest] *= 2;
    block_count *= 2;
  }
  copies = 64 / block_count;
  words = block[0] * block[1] * block[2];
}

std::pair<std::size_t, unsigned> SpinLayout::place(std::array<std::size_t, 3> site, std::size_t copy) const {
  std::size_t word = 0, lane = 0;
  for (std::size_t a = 3; a-- > 0;) {
    word = word * block[a] + site[a] % block[a];
    lane = lane * blocks[a] + site[a] / block[a];
  }
  return {word, static_cast<unsigned>(lane + block_count * copy)};
}

detail::SpinRegisters detail::widest_spin_registers() {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  static const SpinRegisters found = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") ? SpinRegisters::widest
                                     : __builtin_cpu_supports("avx2")                                                                           ? SpinRegisters::wide
                                                                                                                                                : SpinRegisters::narrow;
  return found;
#else
  return SpinRegisters::narrow;
#endif
}

IsingLattices::IsingLattices(const SpinLayout& layout, const FlipTable& table) : layout_(layout), words_(layout.words) {
  if (table.neighbours != 2 * static_cast<int>(layout.dimension))
    throw ParameterError("a flip table for " + std::to_string(table.neighbours) + " neighbours on a lattice with " + std::to_string(2 * layout.dimension));
  std::vector<std::uint64_t> distinct;
  for (int s = 0; s < 2; ++s)
    for (int n = 0; n <= table.neighbours; ++n) {
      const double p = table.flip[s][n];
      if (!(p >= 0 && p <= 1)) throw ParameterError("flip probability " + std::to_string(p) + " is not in [0, 1]");
      const std::uint64_t digits = digits_of(p);
      if (digits == one) rule_.certain[s][n] = all(true);
      if (digits == 0 || digits == one) continue;
      const auto found = std::find(distinct.begin(), distinct.end(), digits);
      const auto k = static_cast<std::size_t>(found - distinct.begin());
      if (found == distinct.end()) distinct.push_back(digits);
      rule_.member[k][s][n] = all(true);
    }
  thresholds_ = distinct.size();
  for (std::size_t k = 0; k < distinct.size(); ++k)
    for (int i = 0; i < Rule::digits; ++i) rule_.digit[i][k] = all((distinct[k] >> i & 1) != 0);
}

void IsingLattices::start(std::size_t k, FastStream rng, bool ordered) {
  for (std::size_t w = 0; w < layout_.words; ++w) words_[w].lattice[k] = ordered ? ~std::uint64_t{0} : rng.bits();
  for (std::size_t i = 0; i < 4; ++i) state_[i][k] = rng.state()[i];
}

void IsingLattices::sweep(detail::SpinRegisters registers) {
  auto* words = reinterpret_cast<Lanes*>(words_.data());
  Generators rng;
  const auto load = [&](std::size_t i) {
    Lanes v;
    for (std::size_t k = 0; k < width; ++k) v[k] = state_[i][k];
    return v;
  };
  rng.s0 = load(0), rng.s1 = load(1), rng.s2 = load(2), rng.s3 = load(3);
  const Geometry geometry = geometry_of(layout_);
  (registers == detail::SpinRegisters::widest ? sweep_widest : registers == detail::SpinRegisters::wide ? sweep_wide : sweep_narrow)(words, geometry, rule_, thresholds_, rng);
  for (std::size_t k = 0; k < width; ++k) state_[0][k] = rng.s0[k], state_[1][k] = rng.s1[k], state_[2][k] = rng.s2[k], state_[3][k] = rng.s3[k];
}

void IsingLattices::measure(std::size_t k, std::span<SpinSums> sums) const {
  const Geometry g = geometry_of(layout_);
  const auto at = [&](std::size_t x, std::size_t y, std::size_t z) { return words_[(z * g.ny + y) * g.nx + x].lattice[k]; };
  const auto ahead = [](const Turn& t, std::uint64_t w) { return t.by == 0 ? w : (((w >> t.by) & t.moved) | ((w << t.back) & t.wrapped)); };
  std::fill(sums.begin(), sums.end(), SpinSums{});
  const std::uint64_t of_copy = layout_.block_count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << layout_.block_count) - 1;
  const auto add = [&](std::uint64_t word, auto member) {
    for (std::size_t c = 0; c < layout_.copies; ++c) sums[c].*member += std::popcount(word >> (c * layout_.block_count) & of_copy);
  };
  for (std::size_t z = 0; z < g.nz; ++z)
    for (std::size_t y = 0; y < g.ny; ++y)
      for (std::size_t x = 0; x < g.nx; ++x) {
        const std::uint64_t s = at(x, y, z);
        add(s, &SpinSums::magnetisation);
        add(~(s ^ (x + 1 == g.nx ? ahead(g.x, at(0, y, z)) : at(x + 1, y, z))), &SpinSums::bonds);
        if (g.dimension > 1) add(~(s ^ (y + 1 == g.ny ? ahead(g.y, at(x, 0, z)) : at(x, y + 1, z))), &SpinSums::bonds);
        if (g.dimension > 2) add(~(s ^ (z + 1 == g.nz ? ahead(g.z, at(x, y, 0)) : at(x, y, z + 1))), &SpinSums::bonds);
      }
  const auto n = static_cast<std::int64_t>(layout_.sites), bonds = n * g.dimension;
  for (SpinSums& s : sums) {  // counts of up spins and of equal pairs
    s.magnetisation = 2 * s.magnetisation - n;
    s.bonds = 2 * s.bonds - bonds;
  }
}

int IsingLattices::spin(std::size_t k, std::array<std::size_t, 3> site, std::size_t copy) const {
  const auto [word, lane] = layout_.place(site, copy);
  return (words_[word].lattice[k] >> lane & 1) != 0 ? 1 : -1;
}

std::vector<int> ising_reference(const SpinLayout& l, const FlipTable& table, FastStream rng, bool ordered, int sweeps) {
  std::array<std::size_t, 3> n{1, 1, 1};
  for (std::size_t a = 0; a < l.dimension; ++a) n[a] = l.extent[a];
  std::vector<int> spins(l.copies * l.sites);
  const auto index = [&](std::array<std::size_t, 3> r, std::size_t copy) { return ((copy * n[2] + r[2]) * n[1] + r[1]) * n[0] + r[0]; };
  // A word's sites: block b of copy c at the block's site (x, y, z).
  const auto site = [&](std::array<std::size_t, 3> within, unsigned lane) {
    std::size_t b = lane % l.block_count;
    for (std::size_t a = 0; a < 3; ++a) within[a] += l.block[a] * (b % l.blocks[a]), b /= l.blocks[a];
    return within;
  };
  std::vector<std::array<std::size_t, 3>> order;
  for (std::size_t z = 0; z < l.block[2]; ++z)
    for (std::size_t y = 0; y < l.block[1]; ++y)
      for (std::size_t x = 0; x < l.block[0]; ++x) order.push_back({x, y, z});
  for (const auto& within : order) {
    const std::uint64_t word = ordered ? ~std::uint64_t{0} : rng.bits();
    for (unsigned lane = 0; lane < 64; ++lane) spins[index(site(within, lane), lane / l.block_count)] = (word >> lane & 1) != 0 ? 1 : -1;
  }
  for (int sweep = 0; sweep < sweeps; ++sweep)
    for (std::size_t colour = 0; colour < 2; ++colour)
      for (const auto& within : order) {
        if ((within[0] + within[1] + within[2]) % 2 != colour) continue;
        std::array<std::uint64_t, 64> u{};  // binary fractions, least digit drawn first
        for (int i = 0; i < IsingLattices::Rule::digits; ++i) {
          const std::uint64_t word = rng.bits();
          for (unsigned lane = 0; lane < 64; ++lane) u[lane] |= (word >> lane & 1) << i;
        }
        for (unsigned lane = 0; lane < 64; ++lane) {
          const auto r = site(within, lane);
          const std::size_t copy = lane / l.block_count;
          int up = 0;
          for (std::size_t a = 0; a < l.dimension; ++a)
            for (const std::size_t step : {std::size_t{1}, n[a] - 1}) {
              auto q = r;
              q[a] = (q[a] + step) % n[a];
              up += spins[index(q, copy)] > 0 ? 1 : 0;
            }
          int& s = spins[index(r, copy)];
          if (u[lane] < digits_of(table.flip[s > 0 ? 1 : 0][up])) s = -s;
        }
      }
  return spins;
}

}  // namespace meso::lattice

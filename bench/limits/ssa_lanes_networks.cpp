// What one core can do at most for a given network: exact simulation of 8 trajectories in the lanes of AVX-512 registers, in groups side by side, straight-line
// code made for each network by the compiler (propensities, prefix sums, one comparison per reaction). The end state only: no output points, no checks, no questions.
// As ssa_lanes_schlogl.cpp (whose logarithm and generator these are), with a generator seeded anew for each trajectory.
// Usage: ssa_lanes_networks <stochkit-dimer|michaelis-menten|lacz-lacy|stochkit-hs> <trajectories>. Prints every variant, and last the fastest.
#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

static double cpu() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}
static uint64_t sm(uint64_t& x) {
  uint64_t z = (x += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

// c prod (x[species] - below); changes (species, amount). Stochastic constants: c times a product of binomials.
struct Reaction {
  double c;
  int order, in[3][2], moves, out[6][2];
};
struct Dimer {  // stochkit-dimer.rxn.txt
  static constexpr int S = 3, R = 4;
  static constexpr double T = 10, x0[S] = {10000, 0, 0};
  static constexpr Reaction r[R] = {
   {1.0, 1, {{0, 0}}, 1, {{0, -1}}}, {0.002 / 2, 2, {{0, 0}, {0, 1}}, 2, {{0, -2}, {1, 1}}}, {0.5, 1, {{1, 0}}, 2, {{0, 2}, {1, -1}}},
   {0.04, 1, {{1, 0}}, 2, {{1, -1}, {2, 1}}}};
};
struct MichaelisMenten {  // michaelis-menten.rxn.txt
  static constexpr int S = 4, R = 3;
  static constexpr double T = 100, x0[S] = {120, 301, 0, 0};
  static constexpr Reaction r[R] = {
   {0.00166, 2, {{0, 0}, {1, 0}}, 3, {{0, -1}, {1, -1}, {2, 1}}}, {0.0001, 1, {{2, 0}}, 3, {{0, 1}, {1, 1}, {2, -1}}},
   {0.1, 1, {{2, 0}}, 3, {{0, 1}, {2, -1}, {3, 1}}}};
};
struct Lac {  // lacz-lacy.rxn.txt
  static constexpr int S = 23, R = 22;
  static constexpr double T = 200, x0[S] = {1, 35, 0, 0, 0, 0, 0, 0, 0, 350, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  static constexpr Reaction r[R] = {
   {0.17, 2, {{0, 0}, {1, 0}}, 3, {{0, -1}, {1, -1}, {2, 1}}}, {10.0, 1, {{2, 0}}, 3, {{0, 1}, {1, 1}, {2, -1}}}, {1.0, 1, {{2, 0}}, 2, {{2, -1}, {3, 1}}},
   {1.0, 1, {{3, 0}}, 4, {{0, 1}, {3, -1}, {4, 1}, {5, 1}}}, {0.015, 1, {{5, 0}}, 2, {{5, -1}, {6, 1}}}, {1.0, 1, {{6, 0}}, 3, {{6, -1}, {7, 1}, {8, 1}}},
   {0.36, 1, {{8, 0}}, 2, {{1, 1}, {8, -1}}}, {0.17, 2, {{9, 0}, {4, 0}}, 3, {{4, -1}, {9, -1}, {10, 1}}},
   {0.17, 2, {{9, 0}, {7, 0}}, 3, {{7, -1}, {9, -1}, {11, 1}}}, {0.45, 1, {{10, 0}}, 3, {{4, 1}, {9, 1}, {10, -1}}},
   {0.45, 1, {{11, 0}}, 3, {{7, 1}, {9, 1}, {11, -1}}}, {0.4, 1, {{10, 0}}, 3, {{4, 1}, {10, -1}, {12, 1}}},
   {0.4, 1, {{11, 0}}, 3, {{7, 1}, {11, -1}, {13, 1}}}, {0.015, 1, {{12, 0}}, 3, {{9, 1}, {12, -1}, {14, 1}}},
   {0.036, 1, {{13, 0}}, 3, {{9, 1}, {13, -1}, {15, 1}}}, {6.42e-05, 1, {{14, 0}}, 2, {{14, -1}, {16, 1}}}, {6.42e-05, 1, {{15, 0}}, 2, {{15, -1}, {17, 1}}},
   {0.3, 1, {{4, 0}}, 2, {{4, -1}, {18, 1}}}, {0.3, 1, {{7, 0}}, 2, {{7, -1}, {19, 1}}}, {9.52e-05, 2, {{14, 0}, {20, 0}}, 3, {{14, -1}, {20, -1}, {21, 1}}},
   {431.0, 1, {{21, 0}}, 3, {{14, 1}, {21, -1}, {22, 1}}}, {14.0, 1, {{15, 0}}, 1, {{20, 1}}}};
};
struct HeatShock {  // stochkit-hs.rxn.txt
  static constexpr int S = 28, R = 61;
  static constexpr double T = 10, x0[S] = {0, 0, 0, 0, 1, 4645670, 1324, 80, 16, 3413, 29, 584, 1, 22, 0, 171440, 9150, 2280, 6, 596, 0, 13, 3, 3, 7, 0, 260, 0};
  static constexpr Reaction r[R] = {
   {2.54, 2, {{0, 0}, {1, 0}}, 3, {{0, -1}, {1, -1}, {2, 1}}}, {1.0, 1, {{2, 0}}, 3, {{0, 1}, {1, 1}, {2, -1}}},
   {0.254, 2, {{3, 0}, {0, 0}}, 3, {{0, -1}, {3, -1}, {4, 1}}}, {1.0, 1, {{4, 0}}, 3, {{0, 1}, {3, 1}, {4, -1}}},
   {0.0254, 2, {{0, 0}, {5, 0}}, 3, {{0, -1}, {5, -1}, {6, 1}}}, {10.0, 1, {{6, 0}}, 3, {{0, 1}, {5, 1}, {6, -1}}},
   {254.0, 2, {{3, 0}, {13, 0}}, 3, {{3, -1}, {13, -1}, {14, 1}}}, {10000.0, 1, {{14, 0}}, 3, {{3, 1}, {13, 1}, {14, -1}}},
   {0.000254, 2, {{15, 0}, {13, 0}}, 3, {{13, -1}, {15, -1}, {16, 1}}}, {0.01, 1, {{16, 0}}, 3, {{13, 1}, {15, 1}, {16, -1}}},
   {0.000254, 2, {{2, 0}, {5, 0}}, 3, {{2, -1}, {5, -1}, {7, 1}}}, {1.0, 1, {{7, 0}}, 3, {{2, 1}, {5, 1}, {7, -1}}},
   {0.000254, 2, {{4, 0}, {5, 0}}, 3, {{4, -1}, {5, -1}, {8, 1}}}, {1.0, 1, {{8, 0}}, 3, {{4, 1}, {5, 1}, {8, -1}}},
   {2.54, 2, {{2, 0}, {9, 0}}, 3, {{2, -1}, {9, -1}, {11, 1}}}, {1.0, 1, {{11, 0}}, 3, {{2, 1}, {9, 1}, {11, -1}}},
   {2540.0, 2, {{4, 0}, {10, 0}}, 3, {{4, -1}, {10, -1}, {12, 1}}}, {1000.0, 1, {{12, 0}}, 3, {{4, 1}, {10, 1}, {12, -1}}},
   {0.0254, 2, {{14, 0}, {17, 0}}, 3, {{14, -1}, {17, -1}, {18, 1}}}, {1.0, 1, {{18, 0}}, 3, {{14, 1}, {17, 1}, {18, -1}}},
   {6.62, 1, {{12, 0}}, 1, {{21, 1}}}, {0.5, 1, {{21, 0}}, 1, {{21, -1}}}, {20.0, 1, {{21, 0}}, 1, {{13, 1}}}, {0.03, 1, {{13, 0}}, 1, {{13, -1}}},
   {0.03, 1, {{16, 0}}, 2, {{15, 1}, {16, -1}}}, {0.03, 1, {{14, 0}}, 2, {{3, 1}, {14, -1}}}, {0.03, 1, {{18, 0}}, 3, {{3, 1}, {17, 1}, {18, -1}}},
   {0.03, 1, {{27, 0}}, 3, {{3, 1}, {26, 1}, {27, -1}}}, {1.67, 1, {{12, 0}}, 1, {{22, 1}}}, {0.5, 1, {{22, 0}}, 1, {{22, -1}}},
   {20.0, 1, {{22, 0}}, 1, {{17, 1}}}, {0.03, 1, {{17, 0}}, 1, {{17, -1}}}, {0.03, 1, {{18, 0}}, 2, {{14, 1}, {18, -1}}},
   {0.00625, 1, {{11, 0}}, 1, {{24, 1}}}, {0.5, 1, {{24, 0}}, 1, {{24, -1}}}, {7.0, 1, {{24, 0}}, 1, {{3, 1}}}, {0.03, 1, {{3, 0}}, 1, {{3, -1}}},
   {3.0, 1, {{18, 0}}, 3, {{13, 1}, {17, 1}, {18, -1}}}, {0.7, 1, {{20, 0}}, 2, {{19, 1}, {20, -1}}}, {0.5, 1, {{27, 0}}, 3, {{13, 1}, {26, 1}, {27, -1}}},
   {1.0, 1, {{12, 0}}, 1, {{23, 1}}}, {0.5, 1, {{23, 0}}, 1, {{23, -1}}}, {20.0, 1, {{23, 0}}, 1, {{19, 1}}}, {0.03, 1, {{19, 0}}, 1, {{19, -1}}},
   {0.03, 1, {{20, 0}}, 2, {{3, 1}, {20, -1}}}, {2.54, 2, {{3, 0}, {19, 0}}, 3, {{3, -1}, {19, -1}, {20, 1}}},
   {10000.0, 1, {{20, 0}}, 3, {{3, 1}, {19, 1}, {20, -1}}}, {0.43333, 1, {{12, 0}}, 1, {{25, 1}}}, {0.5, 1, {{25, 0}}, 1, {{25, -1}}},
   {20.0, 1, {{25, 0}}, 1, {{26, 1}}}, {0.03, 1, {{26, 0}}, 1, {{26, -1}}}, {0.03, 1, {{27, 0}}, 2, {{14, 1}, {27, -1}}},
   {2.54, 2, {{14, 0}, {26, 0}}, 3, {{14, -1}, {26, -1}, {27, 1}}}, {10000.0, 1, {{27, 0}}, 3, {{14, 1}, {26, 1}, {27, -1}}},
   {0.03, 1, {{4, 0}}, 2, {{0, 1}, {4, -1}}}, {0.03, 1, {{12, 0}}, 3, {{0, 1}, {10, 1}, {12, -1}}}, {0.03, 1, {{8, 0}}, 2, {{6, 1}, {8, -1}}},
   {0.03, 1, {{14, 0}}, 2, {{13, 1}, {14, -1}}}, {0.03, 1, {{18, 0}}, 3, {{13, 1}, {17, 1}, {18, -1}}},
   {0.03, 1, {{27, 0}}, 3, {{13, 1}, {26, 1}, {27, -1}}}, {0.03, 1, {{20, 0}}, 2, {{19, 1}, {20, -1}}}};
};

typedef __m512d D;
typedef __m512i I;
static inline D num(double x) { return _mm512_set1_pd(x); }
struct Generator {
  I s[4];
  inline I next() {
    const I res = _mm512_add_epi64(_mm512_rol_epi64(_mm512_add_epi64(s[0], s[3]), 23), s[0]), t = _mm512_slli_epi64(s[1], 17);
    s[2] = _mm512_xor_si512(s[2], s[0]);
    s[3] = _mm512_xor_si512(s[3], s[1]);
    s[1] = _mm512_xor_si512(s[1], s[2]);
    s[0] = _mm512_xor_si512(s[0], s[3]);
    s[2] = _mm512_xor_si512(s[2], t);
    s[3] = _mm512_rol_epi64(s[3], 45);
    return res;
  }
};
static inline D unit(I b) { return _mm512_sub_pd(_mm512_castsi512_pd(_mm512_or_si512(_mm512_srli_epi64(b, 12), _mm512_set1_epi64(0x3ff0000000000000ll))), num(1 - 0x1p-53)); }
static inline D vlog(D x) {
  const D m = _mm512_getmant_pd(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_src), m12 = _mm512_getmant_pd(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
  D e = _mm512_getexp_pd(x);
  e = _mm512_mask_add_pd(e, _mm512_cmp_pd_mask(m12, num(1.5), _CMP_GE_OQ), e, num(1));
  const D f = _mm512_sub_pd(m, num(1)), s = _mm512_div_pd(f, _mm512_add_pd(m, num(1))), z = _mm512_mul_pd(s, s);
  D p = num(2. / 19);
  for (const double k : {2. / 17, 2. / 15, 2. / 13, 2. / 11, 2. / 9, 2. / 7, 2. / 5, 2. / 3}) p = _mm512_fmadd_pd(p, z, num(k));
  return _mm512_fmadd_pd(e, num(0.6931471805599453094), _mm512_fmadd_pd(_mm512_mul_pd(p, z), s, _mm512_add_pd(s, s)));
}

template <int N, class F>
static inline __attribute__((always_inline)) void each(F&& f) {
  [&]<int... k>(std::integer_sequence<int, k...>) __attribute__((always_inline)) { (f(std::integral_constant<int, k>{}), ...); }(std::make_integer_sequence<int, N>{});
}

// Whether reaction r changes species s by d.
template <class Net>
static constexpr bool changes(int r, int s, int d) {
  for (int m = 0; m < Net::r[r].moves; ++m)
    if (Net::r[r].out[m][0] == s && Net::r[r].out[m][1] == d) return true;
  return false;
}
template <class Net>
static constexpr bool any_changes(int s, int d) {
  for (int r = 0; r < Net::R; ++r)
    if (changes<Net>(r, s, d)) return true;
  return false;
}

struct Result {
  double events = 0, n = 0, mean[64] = {};
};

// Masked: states move by masked additions of all lanes; else lane by lane, as the index of the reaction says.
template <class Net, int U, bool Masked>
static Result lanes(int count, uint64_t seed) {
  constexpr int S = Net::S, R = Net::R;
  struct Move {
    int at;
    double amount;
  };
  constexpr int most = [] {
    int m = 0;
    for (const Reaction& r : Net::r) m = std::max(m, r.moves);
    return m;
  }();
  static const auto moves = [] {
    struct {
      Move of[R + 1][most];
    } t;
    for (int r = 0; r <= R; ++r)
      for (int m = 0; m < most; ++m) t.of[r][m] = r < R && m < Net::r[r].moves ? Move{8 * Net::r[r].out[m][0], double(Net::r[r].out[m][1])} : Move{8 * S, 0};
    return t;
  }();
  Result result;
  Generator g[U];
  D x[U][S + 1], t[U];
  __mmask8 alive[U];
  int started = 0, active = 0;
  const auto fill = [&](int u, int l) {
    ((double*)&t[u])[l] = 0;
    if (started == count) {
      alive[u] &= ~(1 << l);
      return;
    }
    alive[u] |= 1 << l;
    ++active;
    for (int s = 0; s < S; ++s) ((double*)&x[u][s])[l] = Net::x0[s];
    uint64_t key = seed * 0x100000001b3ull + uint64_t(started++);
    for (auto& word : g[u].s) ((uint64_t*)&word)[l] = sm(key);
  };
  for (int u = 0; u < U; ++u) {
    alive[u] = 0;
    for (auto& row : x[u]) row = num(0);
    for (auto& word : g[u].s) word = _mm512_set1_epi64(1);
    for (int l = 0; l < 8; ++l) fill(u, l);
  }
  long events = 0;
  while (active > 0) {
    for (int u = 0; u < U; ++u) {
      D* const n = x[u];
      D prefix[R], total = _mm512_setzero_pd();
      each<R>([&](auto r) __attribute__((always_inline)) {
        constexpr Reaction reaction = Net::r[r];
        D a = num(reaction.c);
        each<reaction.order>([&](auto k) __attribute__((always_inline)) {
          constexpr int below = reaction.in[k][1];
          const D own = n[reaction.in[k][0]];
          a = _mm512_mul_pd(a, below == 0 ? own : _mm512_sub_pd(own, num(below)));
        });
        total = _mm512_add_pd(total, a);
        prefix[r] = total;
      });
      const D tn = _mm512_sub_pd(t[u], _mm512_div_pd(vlog(unit(g[u].next())), total));
      const __mmask8 fire = _mm512_mask_cmp_pd_mask(alive[u], tn, num(Net::T), _CMP_LE_OQ);
      const D w = _mm512_mul_pd(unit(g[u].next()), total);
      if constexpr (Masked) {
        __mmask8 beyond[R], fired[R];
        each<R - 1>([&](auto r) __attribute__((always_inline)) { beyond[r] = _mm512_mask_cmp_pd_mask(fire, w, prefix[r], _CMP_GE_OQ); });
        beyond[R - 1] = 0;
        each<R>([&](auto r) __attribute__((always_inline)) { fired[r] = r == 0 ? _kandn_mask8(beyond[0], fire) : _kandn_mask8(beyond[r], beyond[r == 0 ? 0 : r - 1]); });
        each<S>([&](auto s) __attribute__((always_inline)) {
          each<5>([&](auto k) __attribute__((always_inline)) {
            constexpr int d = k - 2;
            if constexpr (d != 0 && any_changes<Net>(s, d)) {
              __mmask8 who = 0;
              each<R>([&](auto r) __attribute__((always_inline)) {
                if constexpr (changes<Net>(r, s, d)) who = _kor_mask8(who, fired[r]);
              });
              n[s] = _mm512_mask_add_pd(n[s], who, n[s], num(d));
            }
          });
        });
      } else {
        I chosen = _mm512_setzero_si512();
        each<R - 1>([&](auto r) __attribute__((always_inline)) { chosen = _mm512_mask_add_epi64(chosen, _mm512_cmp_pd_mask(w, prefix[r], _CMP_GE_OQ), chosen, _mm512_set1_epi64(1)); });
        chosen = _mm512_mask_mov_epi64(_mm512_set1_epi64(R), fire, chosen);
        alignas(64) uint64_t index[8];
        _mm512_store_si512(index, chosen);
        double* const flat = (double*)n;
        for (int l = 0; l < 8; ++l)
          for (int m = 0; m < most; ++m) flat[moves.of[index[l]][m].at + l] += moves.of[index[l]][m].amount;
      }
      t[u] = _mm512_mask_mov_pd(t[u], fire, tn);
      events += __builtin_popcount(fire);
      const __mmask8 done = alive[u] & ~fire;
      if (__builtin_expect(done != 0, 0))
        for (int l = 0; l < 8; ++l)
          if (done >> l & 1) {
            for (int s = 0; s < S; ++s) result.mean[s] += ((double*)&n[s])[l];
            ++result.n;
            --active;
            fill(u, l);
          }
    }
  }
  result.events = double(events);
  return result;
}

static double fastest = 0;
template <class Net, int U, bool Masked>
static void measure(int count) {
  double best = 1e300;
  Result r;
  for (int repeat = 0; repeat < 2; ++repeat) {
    const double start = cpu();
    r = lanes<Net, U, Masked>(count, 12345 + repeat);
    best = std::min(best, (cpu() - start) / r.events);
  }
  std::printf("8x%d %s: %.3e ev/s, %.0f events a trajectory; means at the end", U, Masked ? "masked" : "lane by lane", 1 / best, r.events / r.n);
  for (int s = 0; s < std::min(Net::S, 4); ++s) std::printf(" %.2f", r.mean[s] / r.n);
  std::puts("");
  fastest = std::max(fastest, 1 / best);
}
template <class Net>
static void all(const char* name, int count) {
  if constexpr (Net::R < 8) {
    measure<Net, 2, true>(count);
    measure<Net, 4, true>(count);
  } else {  // masks beyond this number cost more than lanes one by one, and groups side by side only fill the cache
    measure<Net, 1, true>(count);
    measure<Net, 1, false>(count);
  }
  std::printf("limit of %s: %.3e ev/s\n", name, fastest);
}

int main(int n, char** v) {
  if (n != 3) return 2;
  const int count = std::atoi(v[2]);
  if (std::strcmp(v[1], "stochkit-dimer") == 0) all<Dimer>(v[1], count);
  else if (std::strcmp(v[1], "michaelis-menten") == 0) all<MichaelisMenten>(v[1], count);
  else if (std::strcmp(v[1], "lacz-lacy") == 0) all<Lac>(v[1], count);
  else if (std::strcmp(v[1], "stochkit-hs") == 0) all<HeatShock>(v[1], count);
  else return 2;
}

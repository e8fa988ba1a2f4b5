// limit: reading an N x N matrix of floats once, as a matrix-vector product must; sums in eight registers, nothing else. passes/s, median of five
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

static double cpu() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

typedef float V __attribute__((vector_size(64)));

int main(int, char** v) {
  const std::size_t n = std::atol(v[1]), registers = n * n / 16 / 8 * 8;
  V* a = static_cast<V*>(std::aligned_alloc(64, (registers * 64 + 63) / 64 * 64));
  for (std::size_t i = 0; i < registers; ++i)
    for (int k = 0; k < 16; ++k) a[i][k] = static_cast<float>((i + k) % 7) * 1e-3f;
  std::vector<double> rate;
  float kept = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const double begin = cpu();
    long passes = 0;
    double spent = 0;
    while (spent < 0.15) {
      for (int p = 0; p < 20; ++p) {
        V s[8] = {};
        for (std::size_t i = 0; i < registers; i += 8)
          for (int k = 0; k < 8; ++k) s[k] += a[i + k];
        for (int k = 0; k < 8; ++k) kept += s[k][k];
        asm volatile("" : "+m"(*a) : "r"(a) : "memory");
      }
      passes += 20;
      spent = cpu() - begin;
    }
    rate.push_back(passes / spent);
  }
  std::sort(rate.begin(), rate.end());
  std::printf("matrix read N=%zu: %.4e passes/s, %.2f GB/s (sum %g)\n", n, rate[2], rate[2] * 4e-9 * n * n, kept);
}

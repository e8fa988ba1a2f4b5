// The kernels below are compiled once for every instruction set; what surrounds them, once.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kits/neuron/product.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "kits/neuron/product.h"

HWY_BEFORE_NAMESPACE();
namespace meso::neuron {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Rows [0, V lanes) of one panel times C columns of x, written to out[c * ld + row].
template <std::size_t V, std::size_t C, class T, class D>
HWY_INLINE void strip(D d, const T* HWY_RESTRICT a, std::size_t inner, const T* HWY_RESTRICT x, T* HWY_RESTRICT out, std::size_t ld) {
  constexpr std::size_t panel = 256 / sizeof(T);
  const std::size_t lanes = hn::Lanes(d);
  using Vec = hn::Vec<D>;
  Vec sum[C][V];
  HWY_UNROLL(4)
  for (std::size_t c = 0; c < C; ++c) {
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < V; ++v) sum[c][v] = hn::Zero(d);
  }
  for (std::size_t j = 0; j < inner; ++j) {
    Vec row[V];
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < V; ++v) row[v] = hn::Load(d, a + j * panel + v * lanes);
    HWY_UNROLL(4)
    for (std::size_t c = 0; c < C; ++c) {
      const Vec b = hn::Set(d, x[c * inner + j]);
      HWY_UNROLL(4)
      for (std::size_t v = 0; v < V; ++v) sum[c][v] = hn::Add(sum[c][v], hn::Mul(row[v], b));  // two roundings on every machine
    }
  }
  HWY_UNROLL(4)
  for (std::size_t c = 0; c < C; ++c) {
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < V; ++v) hn::StoreU(sum[c][v], d, out + c * ld + v * lanes);
  }
}

template <std::size_t C, class T>
HWY_INLINE void columns(const T* a, std::size_t inner, const T* x, T* out) {
  // Sixteen registers hold 2 x 4 sums with room to work, thirty-two hold 4 x 4.
  const hn::CappedTag<T, 64 / sizeof(T)> d;
  constexpr std::size_t V = C == 1 || HWY_MAX_BYTES >= 64 ? 4 : 2;
  constexpr std::size_t panel = 256 / sizeof(T);
  const std::size_t width = V * hn::Lanes(d);
  for (std::size_t r = 0; r < panel; r += width) strip<V, C>(d, a + r, inner, x, out + r, panel);
}

/// One panel of rows against n columns; out is panel x n.
template <class T>
void panel_times(const T* a, std::size_t inner, const T* x, T* out, std::size_t n) {
  constexpr std::size_t panel = 256 / sizeof(T);
  std::size_t c = 0;
  for (; c + 4 <= n; c += 4) columns<4>(a, inner, x + c * inner, out + c * panel);
  switch (n - c) {
    case 3: columns<3>(a, inner, x + c * inner, out + c * panel); break;
    case 2: columns<2>(a, inner, x + c * inner, out + c * panel); break;
    case 1: columns<1>(a, inner, x + c * inner, out + c * panel); break;
    default: break;
  }
}

void panel_float(const float* a, std::size_t inner, const float* x, float* out, std::size_t n) { panel_times(a, inner, x, out, n); }
void panel_double(const double* a, std::size_t inner, const double* x, double* out, std::size_t n) { panel_times(a, inner, x, out, n); }
const char* registers_here() { return hwy::TargetName(HWY_TARGET); }

}  // namespace HWY_NAMESPACE
}  // namespace meso::neuron
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <algorithm>
#include <array>

namespace meso::neuron {

HWY_EXPORT(panel_float);
HWY_EXPORT(panel_double);
HWY_EXPORT(registers_here);

const char* product_registers() { return HWY_DYNAMIC_DISPATCH(registers_here)(); }

template <class T>
PackedMatrix<T>::PackedMatrix(std::size_t rows, std::size_t columns, const T* a) : rows_(rows), columns_(columns) {
  const std::size_t panels = (rows + panel - 1) / panel;
  data_.assign(panels * panel * columns, T{0});
  for (std::size_t p = 0; p < panels; ++p)
    for (std::size_t j = 0; j < columns; ++j) {
      const std::size_t count = std::min(panel, rows - p * panel);
      std::copy_n(a + j * rows + p * panel, count, data_.data() + (p * columns + j) * panel);
    }
}

template <class T>
void PackedMatrix<T>::multiply(const T* x, T* y, std::size_t n) const {
  // Panels outside, columns inside: a panel stays in the cache for all of them. Columns go by groups so that the strip of results is small.
  constexpr std::size_t group = 32;
  alignas(64) std::array<T, group * panel> strip;
  for (std::size_t first = 0; first < rows_; first += panel) {
    const T* a = data_.data() + first * columns_;
    const std::size_t count = std::min(panel, rows_ - first);
    for (std::size_t c = 0; c < n; c += group) {
      const std::size_t together = std::min(group, n - c);
      if constexpr (sizeof(T) == sizeof(float)) HWY_DYNAMIC_DISPATCH(panel_float)(a, columns_, x + c * columns_, strip.data(), together);
      else HWY_DYNAMIC_DISPATCH(panel_double)(a, columns_, x + c * columns_, strip.data(), together);
      for (std::size_t k = 0; k < together; ++k) std::copy_n(strip.data() + k * panel, count, y + (c + k) * rows_ + first);
    }
  }
}

template class PackedMatrix<float>;
template class PackedMatrix<double>;

}  // namespace meso::neuron

#endif

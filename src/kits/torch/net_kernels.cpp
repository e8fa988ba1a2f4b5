// The kernels below are compiled once for every instruction set; what surrounds them, once. Points lie in the lanes: no sum runs across them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kits/torch/net_kernels.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <hwy/contrib/math/math-inl.h>

#include "kits/torch/evaluator.h"

HWY_BEFORE_NAMESPACE();
namespace meso::learned::detail {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Four rows of W times V vectors of points, from point `p` on.
template <std::size_t V, class T, class D>
HWY_INLINE void tile(D d, const T* HWY_RESTRICT w, std::size_t columns, const T* HWY_RESTRICT in, const T* HWY_RESTRICT bias, T* HWY_RESTRICT out) {
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<D> sum[4][V];
  HWY_UNROLL(4)
  for (std::size_t r = 0; r < 4; ++r) {
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < V; ++v) sum[r][v] = bias ? hn::Set(d, bias[r]) : hn::Zero(d);
  }
  for (std::size_t k = 0; k < columns; ++k) {
    hn::Vec<D> x[V];
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < V; ++v) x[v] = hn::Load(d, in + k * block + v * lanes);
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < 4; ++r) {
      const hn::Vec<D> a = hn::Set(d, w[k * 4 + r]);
      HWY_UNROLL(4)
      for (std::size_t v = 0; v < V; ++v) sum[r][v] = hn::MulAdd(a, x[v], sum[r][v]);
    }
  }
  HWY_UNROLL(4)
  for (std::size_t r = 0; r < 4; ++r) {
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < V; ++v) hn::Store(sum[r][v], d, out + r * block + v * lanes);
  }
}

/// W in + bias for a whole block of points; `out` has rows padded to whole groups of four.
template <class T>
HWY_INLINE void product(const T* w, std::size_t rows, std::size_t columns, const T* in, const T* bias, T* out) {
  const hn::CappedTag<T, 64 / sizeof(T)> d;
  constexpr std::size_t V = HWY_MAX_BYTES >= 64 ? 4 : 2;  // sixteen registers hold 4 x 2 sums, thirty-two hold 4 x 4
  const std::size_t width = V * hn::Lanes(d);
  for (std::size_t r = 0; r < rows; r += 4)
    for (std::size_t p = 0; p < block; p += width) tile<V>(d, w + r * columns, columns, in + p, bias ? bias + r : nullptr, out + r * block + p);
}

/// 1 / (1 + e^-z) and e = e^-|z|, from which both tails come without overflow.
template <class D, class V>
HWY_INLINE V logistic(D d, V z, V& e) {
  const V one = hn::Set(d, 1);
  e = hn::Exp(d, hn::Neg(hn::Abs(z)));
  const V upper = hn::Div(one, hn::Add(one, e));
  return hn::IfThenElse(hn::Ge(z, hn::Zero(d)), upper, hn::Mul(e, upper));
}

template <Activation A, class T>
void activate(std::size_t n, T beta, T* HWY_RESTRICT out, T* HWY_RESTRICT slope) {
  const hn::CappedTag<T, 64 / sizeof(T)> d;
  using V = hn::Vec<decltype(d)>;
  const V one = hn::Set(d, 1), zero = hn::Zero(d);
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
    const V z = hn::Load(d, out + i);
    V value, derivative;
    if constexpr (A == Activation::softplus) {
      V e;
      const V scaled = hn::Mul(z, hn::Set(d, beta));
      derivative = logistic(d, scaled, e);
      value = hn::Mul(hn::Add(hn::Max(scaled, zero), hn::Log1p(d, e)), hn::Set(d, 1 / beta));
    } else if constexpr (A == Activation::tanh) {
      value = hn::Tanh(d, z);
      derivative = hn::NegMulAdd(value, value, one);
    } else if constexpr (A == Activation::silu) {
      V e;
      const V s = logistic(d, z, e);
      value = hn::Mul(z, s);
      derivative = hn::Mul(s, hn::MulAdd(z, hn::Sub(one, s), one));
    } else {
      value = hn::Max(z, zero);
      derivative = hn::IfThenElse(hn::Gt(z, zero), one, zero);
    }
    hn::Store(value, d, out + i);
    if (slope) hn::Store(derivative, d, slope + i);
  }
}

template <class T>
void layer_here(const PackedLayer<T>& w, const T* bias, const T* in, Activation activation, double beta, T* out, T* slope) {
  product(w.weights.data(), w.rows, w.columns, in, bias, out);
  const std::size_t n = w.rows * block;
  switch (activation) {
    case Activation::softplus: return activate<Activation::softplus>(n, static_cast<T>(beta), out, slope);
    case Activation::tanh: return activate<Activation::tanh>(n, static_cast<T>(beta), out, slope);
    case Activation::silu: return activate<Activation::silu>(n, static_cast<T>(beta), out, slope);
    case Activation::relu: return activate<Activation::relu>(n, static_cast<T>(beta), out, slope);
  }
}

template <class T>
void affine_here(const PackedLayer<T>& w, const T* bias, const T* in, const T* factor, T* out) {
  product(w.weights.data(), w.rows, w.columns, in, bias, out);
  if (!factor) return;
  const hn::CappedTag<T, 64 / sizeof(T)> d;
  for (std::size_t i = 0; i < w.rows * block; i += hn::Lanes(d)) hn::Store(hn::Mul(hn::Load(d, out + i), hn::Load(d, factor + i)), d, out + i);
}

void layer_single(const PackedLayer<float>& w, const float* bias, const float* in, Activation a, double beta, float* out, float* slope) { layer_here(w, bias, in, a, beta, out, slope); }
void layer_real(const PackedLayer<double>& w, const double* bias, const double* in, Activation a, double beta, double* out, double* slope) { layer_here(w, bias, in, a, beta, out, slope); }
void affine_single(const PackedLayer<float>& w, const float* bias, const float* in, const float* factor, float* out) { affine_here(w, bias, in, factor, out); }
void affine_real(const PackedLayer<double>& w, const double* bias, const double* in, const double* factor, double* out) { affine_here(w, bias, in, factor, out); }

}  // namespace HWY_NAMESPACE
}  // namespace meso::learned::detail
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace meso::learned::detail {

HWY_EXPORT(layer_single);
HWY_EXPORT(layer_real);
HWY_EXPORT(affine_single);
HWY_EXPORT(affine_real);

void layer(const PackedLayer<float>& w, const float* bias, const float* in, Activation a, double beta, float* out, float* slope) { HWY_DYNAMIC_DISPATCH(layer_single)(w, bias, in, a, beta, out, slope); }
void layer(const PackedLayer<double>& w, const double* bias, const double* in, Activation a, double beta, double* out, double* slope) { HWY_DYNAMIC_DISPATCH(layer_real)(w, bias, in, a, beta, out, slope); }
void affine(const PackedLayer<float>& w, const float* bias, const float* in, const float* factor, float* out) { HWY_DYNAMIC_DISPATCH(affine_single)(w, bias, in, factor, out); }
void affine(const PackedLayer<double>& w, const double* bias, const double* in, const double* factor, double* out) { HWY_DYNAMIC_DISPATCH(affine_real)(w, bias, in, factor, out); }

}  // namespace meso::learned::detail

#endif

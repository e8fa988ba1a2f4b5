// Discrete Fourier transforms of real and complex fields on rings and tori, by FFTW (which stays inside the .cpp).
//
// Plans are made with FFTW_ESTIMATE on aligned memory: FFTW's choice, and so the digits, do not depend on timing. Making a plan
// is serialised by a lock; executing is thread-safe on different buffers. Copying a transform shares its plans.
#pragma once

#include <complex>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace meso::num {

/// Memory with the alignment that FFTW's vector code wants.
template <class T>
struct FftAllocator {
  using value_type = T;
  FftAllocator() = default;
  template <class U>
  FftAllocator(const FftAllocator<U>&) {}  // NOLINT: converting on purpose
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(64))); }
  void deallocate(T* p, std::size_t) { ::operator delete(p, std::align_val_t(64)); }
  template <class U>
  bool operator==(const FftAllocator<U>&) const { return true; }
};
template <class T>
using FftVector = std::vector<T, FftAllocator<T>>;

/// Real fields on a torus of `extent` (row-major, last dimension fastest, 1 to 3 dimensions).
/// Forward: F_k = sum_j f_j exp(-2 pi i k.j/n), unnormalised; the last dimension of F has n/2 + 1 entries.
/// Backward: the unnormalised inverse, n_total f = backward(forward(f)).
class RealFft {
 public:
  /// @throws ParameterError for an empty extent, more than 3 dimensions or a length of 0
  explicit RealFft(std::vector<std::size_t> extent);
  [[nodiscard]] std::size_t real_size() const { return real_size_; }
  [[nodiscard]] std::size_t complex_size() const { return complex_size_; }
  [[nodiscard]] const std::vector<std::size_t>& extent() const { return extent_; }
  /// Buffers must come from FftVector (aligned) and have real_size() and complex_size() entries. `real` is kept.
  void forward(std::span<const double> real, std::span<std::complex<double>> transform) const;
  /// `transform` is overwritten (FFTW's multidimensional c2r destroys its input).
  void backward(std::span<std::complex<double>> transform, std::span<double> real) const;

 private:
  struct Plans;
  std::vector<std::size_t> extent_;
  std::size_t real_size_ = 1, complex_size_ = 1;
  std::shared_ptr<const Plans> plans_;
};

/// Complex fields on a torus, in place or not; signs and normalisation as RealFft.
class ComplexFft {
 public:
  /// @throws ParameterError as RealFft
  explicit ComplexFft(std::vector<std::size_t> extent);
  [[nodiscard]] std::size_t size() const { return size_; }
  void forward(std::span<const std::complex<double>> in, std::span<std::complex<double>> out) const;
  void backward(std::span<const std::complex<double>> in, std::span<std::complex<double>> out) const;

 private:
  struct Plans;
  std::size_t size_ = 1;
  std::shared_ptr<const Plans> plans_;
};

/// Signed wave index of entry j of n: 0, 1, ..., n/2, -(n-1)/2, ..., -1.
[[nodiscard]] inline std::ptrdiff_t wave_index(std::size_t j, std::size_t n) {
  return j <= n / 2 ? static_cast<std::ptrdiff_t>(j) : static_cast<std::ptrdiff_t>(j) - static_cast<std::ptrdiff_t>(n);
}

}  // namespace meso::num

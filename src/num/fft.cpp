#include "num/fft.h"

#include <fftw3.h>
#include <fmt/format.h>

#include <mutex>

#include "base/error.h"

namespace meso::num {
namespace {

std::mutex& planner() {  // FFTW's planner is not thread-safe, executing is
  static std::mutex mutex;
  return mutex;
}

std::size_t checked_size(const std::vector<std::size_t>& extent) {
  if (extent.empty() || extent.size() > 3) throw ParameterError(fmt::format("a Fourier transform has 1 to 3 dimensions, not {}", extent.size()));
  std::size_t size = 1;
  for (const std::size_t n : extent) {
    if (n == 0 || n > (std::size_t{1} << 30)) throw ParameterError(fmt::format("a Fourier transform cannot have the length {}", n));
    size *= n;
  }
  return size;
}

std::vector<int> lengths(const std::vector<std::size_t>& extent) { return {extent.begin(), extent.end()}; }

void check(bool fits) {
  if (!fits) throw Error("a buffer of a Fourier transform has the wrong size");
}

fftw_complex* raw(std::complex<double>* p) { return reinterpret_cast<fftw_complex*>(p); }

}  // namespace

struct RealFft::Plans {
  fftw_plan forward = nullptr, backward = nullptr;
  ~Plans() {
    const std::lock_guard lock(planner());
    fftw_destroy_plan(forward);
    fftw_destroy_plan(backward);
  }
};

RealFft::RealFft(std::vector<std::size_t> extent) : extent_(std::move(extent)) {
  real_size_ = checked_size(extent_);
  complex_size_ = real_size_ / extent_.back() * (extent_.back() / 2 + 1);
  auto plans = std::make_shared<Plans>();
  FftVector<double> real(real_size_);
  FftVector<std::complex<double>> transform(complex_size_);
  const std::vector<int> n = lengths(extent_);
  const std::lock_guard lock(planner());
  plans->forward = fftw_plan_dft_r2c(static_cast<int>(n.size()), n.data(), real.data(), raw(transform.data()), FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
  plans->backward = fftw_plan_dft_c2r(static_cast<int>(n.size()), n.data(), raw(transform.data()), real.data(), FFTW_ESTIMATE);
  if (!plans->forward || !plans->backward) throw Error("FFTW could not plan a transform");
  plans_ = std::move(plans);
}

void RealFft::forward(std::span<const double> real, std::span<std::complex<double>> transform) const {
  check(real.size() == real_size_ && transform.size() == complex_size_);
  fftw_execute_dft_r2c(plans_->forward, const_cast<double*>(real.data()), raw(transform.data()));
}

void RealFft::backward(std::span<std::complex<double>> transform, std::span<double> real) const {
  check(real.size() == real_size_ && transform.size() == complex_size_);
  fftw_execute_dft_c2r(plans_->backward, raw(transform.data()), real.data());
}

struct ComplexFft::Plans {  // FFTW wants a plan of its own for in-place work
  fftw_plan forward = nullptr, backward = nullptr, forward_here = nullptr, backward_here = nullptr;
  ~Plans() {
    const std::lock_guard lock(planner());
    for (fftw_plan plan : {forward, backward, forward_here, backward_here}) fftw_destroy_plan(plan);
  }
};

ComplexFft::ComplexFft(std::vector<std::size_t> extent) {
  size_ = checked_size(extent);
  auto plans = std::make_shared<Plans>();
  FftVector<std::complex<double>> a(size_), b(size_);
  const std::vector<int> n = lengths(extent);
  const int rank = static_cast<int>(n.size());
  const std::lock_guard lock(planner());
  plans->forward = fftw_plan_dft(rank, n.data(), raw(a.data()), raw(b.data()), FFTW_FORWARD, FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
  plans->backward = fftw_plan_dft(rank, n.data(), raw(a.data()), raw(b.data()), FFTW_BACKWARD, FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
  plans->forward_here = fftw_plan_dft(rank, n.data(), raw(a.data()), raw(a.data()), FFTW_FORWARD, FFTW_ESTIMATE);
  plans->backward_here = fftw_plan_dft(rank, n.data(), raw(a.data()), raw(a.data()), FFTW_BACKWARD, FFTW_ESTIMATE);
  if (!plans->forward || !plans->backward || !plans->forward_here || !plans->backward_here) throw Error("FFTW could not plan a transform");
  plans_ = std::move(plans);
}

void ComplexFft::forward(std::span<const std::complex<double>> in, std::span<std::complex<double>> out) const {
  check(in.size() == size_ && out.size() == size_);
  auto* source = const_cast<std::complex<double>*>(in.data());
  fftw_execute_dft(source == out.data() ? plans_->forward_here : plans_->forward, raw(source), raw(out.data()));
}

void ComplexFft::backward(std::span<const std::complex<double>> in, std::span<std::complex<double>> out) const {
  check(in.size() == size_ && out.size() == size_);
  auto* source = const_cast<std::complex<double>*>(in.data());
  fftw_execute_dft(source == out.data() ? plans_->backward_here : plans_->backward, raw(source), raw(out.data()));
}

}  // namespace meso::num

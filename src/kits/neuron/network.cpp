#include "kits/neuron/network.h"

#include <algorithm>
#include <cmath>

namespace meso::neuron {
namespace {
constexpr std::size_t block = 128;  // samples multiplied together
}

std::shared_ptr<const PackedMatrix<float>> packed(const Couplings& j) {
  const std::vector<float> single(j.entry.begin(), j.entry.end());
  return std::make_shared<const PackedMatrix<float>>(j.n, j.n, single.data());
}

NetworkColumns::NetworkColumns(std::shared_ptr<const PackedMatrix<float>> j, RateModel model, double dt, std::size_t columns)
    : j_(std::move(j)), model_(std::move(model)), n_(j_->rows()), columns_(columns), x_(n_ * columns, 0.0f), h_(n_ * columns, 0.0f), phi_(n_ * columns, 0.0f) {
  if (model_.clock == Clock::continuous) {
    y_.assign(n_ * columns, 0.0f);
    h2_.assign(n_ * columns, 0.0f);
    set_step(dt);
  } else {
    noise_ = static_cast<float>(model_.sigma);
  }
}

void NetworkColumns::set_step(double dt) {
  keep_ = static_cast<float>(std::exp(-dt));
  add_ = static_cast<float>(-std::expm1(-dt));
  correct_ = static_cast<float>(1 + std::expm1(-dt) / dt);
  noise_ = static_cast<float>(model_.sigma * std::sqrt(-std::expm1(-2 * dt)));
}

void NetworkColumns::start(double spread, std::span<FastStream> streams) {
  for (std::size_t c = 0; c < columns_; ++c)
    for (std::size_t i = 0; i < n_; ++i) x_[c * n_ + i] = static_cast<float>(spread * streams[c].normal());
  fresh_ = false;
}

void NetworkColumns::refresh() const {
  if (fresh_) return;
  model_.gain.apply({x_.data(), x_.size()}, {phi_.data(), phi_.size()});
  fresh_ = true;
}

std::span<const float> NetworkColumns::phi(std::size_t column) const {
  refresh();
  return {&phi_[column * n_], n_};
}

std::span<float> NetworkColumns::set_x(std::size_t column) {
  fresh_ = false;
  return {&x_[column * n_], n_};
}

void NetworkColumns::step(std::span<FastStream> streams) {
  refresh();
  const std::size_t size = n_ * columns_;
  float* x = x_.data();
  j_->multiply(phi_.data(), h_.data(), columns_);
  const float* h = h_.data();
  if (model_.clock == Clock::discrete) {
    std::copy(h, h + size, x);
    if (noise_ > 0)
      for (std::size_t c = 0; c < columns_; ++c)
        for (std::size_t i = 0; i < n_; ++i) x[c * n_ + i] += noise_ * static_cast<float>(streams[c].normal());
    fresh_ = false;
    return;
  }
  float *y = y_.data(), *h2 = h2_.data();
  for (std::size_t i = 0; i < size; ++i) y[i] = keep_ * x[i] + add_ * h[i];
  if (noise_ > 0)
    for (std::size_t c = 0; c < columns_; ++c)
      for (std::size_t i = 0; i < n_; ++i) y[c * n_ + i] += noise_ * static_cast<float>(streams[c].normal());
  model_.gain.apply({y, size}, {phi_.data(), size});
  j_->multiply(phi_.data(), h2, columns_);
  for (std::size_t i = 0; i < size; ++i) x[i] = y[i] + correct_ * (h2[i] - h[i]);
  fresh_ = false;
}

CovarianceSums::CovarianceSums(std::size_t n, std::uint64_t first_half) : n_(n), first_half_(first_half), block_(n * block), rows_(n * block), product_(n * std::min<std::size_t>(n, 64)) {
  for (auto& s : sum_) s.assign(n * n, 0.0);
  for (auto& m : mean_) m.assign(n, 0.0);
}

void CovarianceSums::add(std::span<const float> sample) {
  const std::size_t half = samples_ < first_half_ ? 0 : 1;
  if (samples_ == first_half_) flush();
  std::copy(sample.begin(), sample.end(), block_.begin() + static_cast<std::ptrdiff_t>(filled_ * n_));
  ++filled_;
  ++samples_;
  ++count_[half];
  if (filled_ == block) flush();
}

// Products in single precision over one block, added up in double.
void CovarianceSums::flush() {
  if (filled_ == 0) return;
  const std::size_t half = samples_ <= first_half_ ? 0 : 1;
  const PackedMatrix<float> a(n_, filled_, block_.data());
  for (std::size_t k = 0; k < filled_; ++k)
    for (std::size_t i = 0; i < n_; ++i) {
      rows_[i * filled_ + k] = block_[k * n_ + i];
      mean_[half][i] += static_cast<double>(block_[k * n_ + i]);
    }
  const std::size_t step = product_.size() / n_;
  for (std::size_t c = 0; c < n_; c += step) {
    const std::size_t together = std::min(step, n_ - c);
    a.multiply(&rows_[c * filled_], product_.data(), together);
    double* into = &sum_[half][c * n_];
    for (std::size_t i = 0; i < together * n_; ++i) into[i] += static_cast<double>(product_[i]);
  }
  filled_ = 0;
}

void CovarianceSums::close() { flush(); }

std::vector<double> CovarianceSums::without_means(std::vector<double> second) const {
  const double count = 2 * static_cast<double>(std::max<std::uint64_t>(1, count_[0])) * static_cast<double>(std::max<std::uint64_t>(1, count_[1]));
  for (std::size_t j = 0; j < n_; ++j)
    for (std::size_t i = 0; i < n_; ++i) second[i + n_ * j] -= (mean_[0][i] * mean_[1][j] + mean_[1][i] * mean_[0][j]) / count;
  return second;
}

std::vector<double> CovarianceSums::half(std::size_t which) const {
  std::vector<double> out = sum_[which];
  for (double& x : out) x /= static_cast<double>(std::max<std::uint64_t>(1, count_[which]));
  return without_means(std::move(out));
}

std::vector<double> CovarianceSums::whole() const {
  std::vector<double> out(n_ * n_);
  for (std::size_t i = 0; i < n_ * n_; ++i) out[i] = (sum_[0][i] + sum_[1][i]) / static_cast<double>(std::max<std::uint64_t>(1, samples_));
  return without_means(std::move(out));
}

std::vector<double> CovarianceSums::second_moments() const {
  std::vector<double> out(n_ * n_);
  for (std::size_t i = 0; i < n_ * n_; ++i) out[i] = (sum_[0][i] + sum_[1][i]) / static_cast<double>(std::max<std::uint64_t>(1, samples_));
  return out;
}

}  // namespace meso::neuron

#include "stat/jackknife.h"

#include <cmath>
#include <numeric>

#include "base/error.h"

namespace meso {

double delete_batch_error(double full, std::span<const double> replicate, std::span<const double> weight) {
  const std::size_t batches = weight.size();
  if (batches < 2 || replicate.size() != batches) return std::numeric_limits<double>::quiet_NaN();
  const double n = std::accumulate(weight.begin(), weight.end(), 0.0);
  double mean = static_cast<double>(batches) * full;
  for (std::size_t j = 0; j < batches; ++j) mean -= (1.0 - weight[j] / n) * replicate[j];
  double sum = 0;
  for (std::size_t j = 0; j < batches; ++j) {
    const double h = n / weight[j];
    const double pseudo = h * full - (h - 1.0) * replicate[j];
    sum += (pseudo - mean) * (pseudo - mean) / (h - 1.0);
  }
  return std::sqrt(sum / static_cast<double>(batches));
}

Jackknifed jackknife(std::span<const Estimate* const> estimates, const std::function<double(const std::vector<std::vector<double>>&)>& f) {
  std::vector<std::vector<double>> values;
  const Batches* batches = nullptr;
  for (const Estimate* estimate : estimates) {
    values.push_back(estimate->value);
    if (!estimate->batches) continue;
    if (batches && batches->weight != estimate->batches->weight) throw Error("jackknife: estimates of different ensembles cannot share their batches");
    batches = &*estimate->batches;
  }
  Jackknifed result;
  result.value = f(values);
  result.dof = std::numeric_limits<double>::infinity();
  if (!batches) return result;
  std::vector<double> replicate(batches->count());
  for (std::size_t j = 0; j < replicate.size(); ++j) {
    for (std::size_t e = 0; e < estimates.size(); ++e) {
      if (!estimates[e]->batches) continue;
      const std::size_t size = estimates[e]->size();
      const double* first = estimates[e]->batches->replicate.data() + j * size;
      values[e].assign(first, first + size);
    }
    replicate[j] = f(values);
  }
  result.std_error = delete_batch_error(result.value, replicate, batches->weight);
  result.dof = static_cast<double>(batches->count()) - 1.0;
  return result;
}

}  // namespace meso

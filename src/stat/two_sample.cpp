#include "stat/two_sample.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "base/error.h"

namespace meso {
namespace {

std::vector<double> sorted(std::span<const double> sample, const char* what) {
  if (sample.empty()) throw InputError(std::string(what) + " of an empty sample is not defined");
  std::vector<double> s(sample.begin(), sample.end());
  for (const double x : s)
    if (std::isnan(x)) throw InputError(std::string(what) + ": a sample holds a value that is not a number");
  std::sort(s.begin(), s.end());
  return s;
}

std::vector<double> joined(std::span<const std::vector<double>> blocks, std::span<const std::size_t> which) {
  std::vector<double> all;
  for (const std::size_t i : which) all.insert(all.end(), blocks[i].begin(), blocks[i].end());
  return all;
}

}  // namespace

double kolmogorov_smirnov(std::span<const double> a, std::span<const double> b) {
  const std::vector<double> x = sorted(a, "the Kolmogorov-Smirnov distance"), y = sorted(b, "the Kolmogorov-Smirnov distance");
  double distance = 0;
  std::size_t i = 0, j = 0;
  while (i < x.size() && j < y.size()) {
    const double at = std::min(x[i], y[j]);
    while (i < x.size() && x[i] == at) ++i;
    while (j < y.size() && y[j] == at) ++j;
    distance = std::max(distance, std::abs(static_cast<double>(i) / static_cast<double>(x.size()) - static_cast<double>(j) / static_cast<double>(y.size())));
  }
  return distance;
}

MannWhitney mann_whitney(std::span<const double> a, std::span<const double> b) {
  const std::vector<double> x = sorted(a, "the Mann-Whitney statistic"), y = sorted(b, "the Mann-Whitney statistic");
  const double n = static_cast<double>(x.size()), m = static_cast<double>(y.size()), total = n + m;
  double u = 0, ties = 0;
  std::size_t i = 0, j = 0;
  while (i < x.size() || j < y.size()) {
    const double at = j == y.size() || (i < x.size() && x[i] <= y[j]) ? x[i] : y[j];
    const std::size_t i0 = i, j0 = j;
    while (i < x.size() && x[i] == at) ++i;
    while (j < y.size() && y[j] == at) ++j;
    const double in_a = static_cast<double>(i - i0), in_b = static_cast<double>(j - j0), both = in_a + in_b;
    u += in_a * (static_cast<double>(j0) + 0.5 * in_b);
    ties += both * both * both - both;
  }
  MannWhitney result;
  result.u = u;
  result.cliffs_delta = 2 * u / (n * m) - 1;
  const double variance = n * m / 12 * (total + 1 - (total > 1 ? ties / (total * (total - 1)) : 0.0));
  result.z = variance > 0 ? (u - n * m / 2) / std::sqrt(variance) : 0.0;
  return result;
}

double kruskal_wallis(std::span<const std::vector<double>> groups) {
  if (groups.size() < 2) throw InputError("the Kruskal-Wallis statistic compares two or more groups");
  std::vector<std::pair<double, std::size_t>> all;
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const double x : sorted(groups[g], "the Kruskal-Wallis statistic")) all.emplace_back(x, g);
  std::sort(all.begin(), all.end());
  const double total = static_cast<double>(all.size());
  std::vector<double> rank_sum(groups.size(), 0.0);
  double ties = 0;
  for (std::size_t i = 0; i < all.size();) {
    std::size_t j = i;
    while (j < all.size() && all[j].first == all[i].first) ++j;
    const double rank = 0.5 * static_cast<double>(i + 1 + j), count = static_cast<double>(j - i);
    for (std::size_t k = i; k < j; ++k) rank_sum[all[k].second] += rank;
    ties += count * count * count - count;
    i = j;
  }
  const double correction = 1 - ties / (total * total * total - total);
  if (!(correction > 0)) throw InputError("the Kruskal-Wallis statistic is not defined when all values are equal");
  double h = 0;
  for (std::size_t g = 0; g < groups.size(); ++g) h += rank_sum[g] * rank_sum[g] / static_cast<double>(groups[g].size());
  return (12 / (total * (total + 1)) * h - 3 * (total + 1)) / correction;
}

BlockBootstrap block_bootstrap(std::span<const std::vector<double>> a, std::span<const std::vector<double>> b,
                               const std::function<double(std::span<const double>, std::span<const double>)>& statistic, std::size_t resamples, double confidence, Stream stream) {
  if (a.size() < 2 || b.size() < 2) throw InputError("a block bootstrap needs at least two blocks in each group");
  if (!(confidence > 0 && confidence < 1)) throw InputError("the confidence of a block bootstrap lies between 0 and 1");
  if (resamples < 2) throw InputError("a block bootstrap needs at least two resamples");
  std::vector<std::vector<double>> pool(a.begin(), a.end());
  pool.insert(pool.end(), b.begin(), b.end());
  std::vector<std::size_t> first(a.size()), second(b.size());
  const auto draw = [&](std::vector<std::size_t>& which, std::size_t from) {
    for (std::size_t& i : which) i = static_cast<std::size_t>(stream.below(from));
  };
  BlockBootstrap result;
  for (std::size_t i = 0; i < first.size(); ++i) first[i] = i;
  for (std::size_t i = 0; i < second.size(); ++i) second[i] = i;
  result.value = statistic(joined(a, first), joined(b, second));
  result.resamples = resamples;
  std::vector<double> own(resamples), null(resamples);
  for (std::size_t r = 0; r < resamples; ++r) {
    draw(first, a.size()), draw(second, b.size());
    own[r] = statistic(joined(a, first), joined(b, second));
    draw(first, pool.size()), draw(second, pool.size());
    null[r] = std::abs(statistic(joined(pool, first), joined(pool, second)));
  }
  double mean = 0, square = 0;
  for (const double x : own) mean += x / static_cast<double>(resamples);
  for (const double x : own) square += (x - mean) * (x - mean);
  result.std_error = std::sqrt(square / static_cast<double>(resamples - 1));
  std::sort(own.begin(), own.end());
  std::sort(null.begin(), null.end());
  const auto quantile = [&](const std::vector<double>& s, double p) { return s[std::min(s.size() - 1, static_cast<std::size_t>(p * static_cast<double>(s.size())))]; };
  result.low = quantile(own, 0.5 * (1 - confidence));
  result.high = quantile(own, 0.5 * (1 + confidence));
  result.null_quantile = quantile(null, confidence);
  return result;
}

KernelDensity::KernelDensity(std::vector<double> sample, double bandwidth) : sample_(sorted(sample, "a kernel density")), bandwidth_(bandwidth) {
  if (bandwidth_ > 0) return;
  if (sample_.size() < 2) throw InputError("a kernel density needs at least two values to choose its bandwidth");
  const double n = static_cast<double>(sample_.size());
  double mean = 0, square = 0;
  for (const double x : sample_) mean += x / n;
  for (const double x : sample_) square += (x - mean) * (x - mean);
  bandwidth_ = std::sqrt(square / (n - 1)) * std::pow(n, -0.2);
  if (!(bandwidth_ > 0)) throw InputError("a kernel density of equal values needs a bandwidth");
}

double KernelDensity::operator()(double x) const {
  // Beyond 9 bandwidths a kernel adds less than 3e-18 of its height.
  const auto from = std::lower_bound(sample_.begin(), sample_.end(), x - 9 * bandwidth_), to = std::upper_bound(sample_.begin(), sample_.end(), x + 9 * bandwidth_);
  double sum = 0;
  for (auto it = from; it != to; ++it) {
    const double z = (x - *it) / bandwidth_;
    sum += std::exp(-0.5 * z * z);
  }
  return sum / (std::sqrt(2 * std::numbers::pi) * bandwidth_ * static_cast<double>(sample_.size()));
}

}  // namespace meso

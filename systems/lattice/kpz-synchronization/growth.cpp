#include "systems/lattice/kpz-synchronization/growth.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "stat/fit.h"
#include "stat/jackknife.h"

namespace meso::systems::kpz_synchronization {
namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

// First index of the last factor 2 of time, one before the last at most.
std::size_t late_index(const std::vector<double>& times) {
  std::size_t half = times.size() - 1;
  while (half > 0 && times[half - 1] > 0 && times[half] > 0.5 * times.back()) --half;
  return half;
}

// d ln W / d ln t from there to the end.
double late_exponent(const std::vector<double>& times, const std::vector<double>& w2) {
  const std::size_t half = late_index(times);
  return half + 1 < times.size() && w2[half] > 0 ? 0.5 * std::log(w2.back() / w2[half]) / std::log(times.back() / times[half]) : nan_value;
}

constexpr double flat = 0.05;  // a late exponent below it is a plateau

Estimate scalar(const char* name, const char* unit, double value, double error, double dof, const Estimate& w2) {
  Estimate e;
  e.observable = name;
  e.unit = unit;
  e.value = {value};
  e.std_error = {error};
  e.dof = dof;
  e.samples = w2.samples;
  e.stream = w2.stream;
  return e;
}

}  // namespace

Estimate slope_estimate(const Estimate& w2, bool columnar) {
  const std::vector<double>& times = w2.axes[0].points;
  const std::size_t n = times.size();
  Estimate slope;
  slope.observable = "slope";
  slope.unit = "1";
  slope.axes = w2.axes;
  slope.value = local_slope(times, w2.value, columnar);
  slope.samples = w2.samples;
  slope.stream = w2.stream;
  slope.exact.assign(n, 0.0);
  if (n > 0 && times[0] == 0) slope.exact[0] = 1;
  slope.std_error.assign(n, nan_value);
  if (w2.batches && w2.batches->count() > 1) {
    const std::size_t count = w2.batches->count();
    slope.batches = Batches{w2.batches->weight, std::vector<double>(count * n)};
    for (std::size_t b = 0; b < count; ++b) {
      const auto replicate = local_slope(times, {w2.batches->replicate.data() + b * n, n}, columnar);
      std::copy(replicate.begin(), replicate.end(), slope.batches->replicate.begin() + static_cast<std::ptrdiff_t>(b * n));
    }
    std::vector<double> at(count);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t b = 0; b < count; ++b) at[b] = slope.batches->replicate[b * n + i];
      slope.std_error[i] = slope.exact[i] != 0 ? 0.0 : delete_batch_error(slope.value[i], at, slope.batches->weight);
    }
    slope.dof = static_cast<double>(count) - 1.0;
  }
  return slope;
}

Estimate exponent_estimate(const std::vector<double>& times, const Estimate& w2, double from, double to) {
  const PowerFit fit = fit_power(times, w2, from, to);
  return scalar("growth_exponent", "1", 0.5 * fit.exponent, 0.5 * fit.std_error, fit.dof, w2);
}

double time_to_saturate(const Params& p) {
  const auto N = static_cast<std::size_t>(p.N);
  const double nu = coupling_of(p).slope(), linear = 5 * slow_time(N, nu, randomness_of(p));
  const KpzGrowth kpz = kpz_growth(nu, 2.0 * coupling_of(p).curvature(), p.D);
  if (is_columnar(p) || kpz.rate == 0) return linear;
  return std::min(linear, 5 * std::pow(saturation_w2(N, nu, randomness_of(p)) / KpzGrowth::variance, 1.5) / kpz.rate);
}

Saturation saturation_of(const Params& p, const Estimate& w2, double largest_slips) {
  const std::vector<double>& times = w2.axes[0].points;
  Saturation s;
  if (p.K == 0) {
    s.why = "without coupling (K = 0) W grows for ever: there is no plateau";
    return s;
  }
  const double linear_plateau = saturation_w2(static_cast<std::size_t>(p.N), coupling_of(p).slope(), randomness_of(p));
  if (largest_slips >= slip_threshold) {
    s.why = fmt::format("bonds slip (share {}): W has no plateau of its own", brief(largest_slips));
    return s;
  }
  const double late = late_exponent(times, w2.value);
  if (!(late < flat && w2.value.back() > 0.4 * linear_plateau)) {
    s.why = fmt::format("saturation not seen up to t = {}: W still grows as t^{}, W2 = {} beside {} of the Edwards-Wilkinson plateau. N = {} needs about t = {} (grows as N^2, N^(3/2) once the KPZ "
                        "term rules)", brief(times.back()), brief(late, 2), brief(w2.value.back()), brief(linear_plateau), p.N, brief(time_to_saturate(p), 2));
    return s;
  }
  s.seen = true;
  const std::size_t half = late_index(times);
  const auto plateau = [&](const std::vector<double>& v) {
    double sum = 0;
    for (std::size_t i = half; i < v.size(); ++i) sum += v[i];
    return sum / static_cast<double>(v.size() - half);
  };
  s.w2 = plateau(w2.value);
  const Estimate* one[] = {&w2};
  const Jackknifed width = jackknife(one, [&](const std::vector<std::vector<double>>& v) { return std::sqrt(plateau(v[0])); });
  s.W_sat = scalar("W_sat", "rad", width.value, width.std_error, width.dof, w2);
  // The decade of growth below 0.2 of the plateau.
  double to = 0;
  std::size_t inside = 0;
  for (std::size_t i = 0; i < times.size() && w2.value[i] <= 0.2 * s.w2; ++i) to = times[i];
  const double from = 0.1 * to * (1 - 1e-9);
  for (const double t : times) inside += t > 0 && t >= from && t <= to;
  const double first = times[0] > 0 ? times[0] : times[1];
  if (inside < 3 || first > from * (1 + 1e-6)) {
    s.why = fmt::format("no t_sat: it needs three times or more in a whole decade of growth below 0.2 of the plateau (up to t = {}); {} were asked from t = {}", brief(to), inside, brief(first));
    return s;
  }
  const Jackknifed crossing = jackknife(one, [&](const std::vector<std::vector<double>>& v) {
    Estimate replicate = w2;  // the weights stay those of the whole ensemble
    replicate.batches.reset();
    replicate.value = v[0];
    const PowerFit fit = fit_power(times, replicate, from, to);
    return std::pow(plateau(v[0]) / fit.prefactor, 1.0 / fit.exponent);
  });
  s.t_sat = scalar("t_sat", "time", crossing.value, crossing.std_error, crossing.dof, w2);
  return s;
}

Estimate class_estimate(const PhaseClass& c, const Estimate& w2) {
  const double value = c.name == "synchronous-EW" ? 0 : c.name == "synchronous-KPZ" ? 1 : c.name == "slips" ? 2 : c.name == "desynchronised" ? 3 : 0.5;
  return scalar("phase_class", "1", value, value == 0.5 ? 0.5 : 0.0, std::numeric_limits<double>::infinity(), w2);
}

std::pair<double, double> default_window(const std::vector<double>& times) { return {times.empty() ? 0.0 : times.back() / 20, times.empty() ? 0.0 : times.back()}; }

PhaseClass classify(const Params& p, const Estimate& w2, const Estimate& slips, double from, double to) {
  const std::vector<double>& times = w2.axes[0].points;
  const std::vector<double> slope = local_slope(times, w2.value, is_columnar(p));
  PhaseClass c;
  c.slips = *std::max_element(slips.value.begin(), slips.value.end());
  c.late_exponent = late_exponent(times, w2.value);
  const double saturation = saturation_w2(static_cast<std::size_t>(p.N), coupling_of(p).slope(), randomness_of(p));
  c.saturated = c.late_exponent < flat && w2.value.back() > 0.4 * saturation;
  c.from = from, c.to = to;
  for (std::size_t i = 0; i < times.size(); ++i)  // growth only: the plateau would pull the exponent down
    if (times[i] > from && times[i] <= c.to && w2.value[i] > 0.4 * saturation) c.to = i > 0 ? times[i - 1] : times[i];
  c.exponent = c.error = nan_value;
  std::size_t inside = 0;
  for (const double t : times) inside += t > 0 && t >= c.from && t <= c.to;
  if (inside >= 2) {
    const PowerFit fit = fit_power(times, w2, c.from, c.to);
    c.exponent = 0.5 * fit.exponent, c.error = 0.5 * fit.std_error;
  }
  if (c.slips >= slip_threshold) {
    c.name = c.late_exponent > (is_columnar(p) ? 0.9 : 0.4) && slips.value.back() > 0.05 ? "desynchronised" : "slips";
    return c;
  }
  const double middle = is_columnar(p) ? 0.5 * (0.75 + 0.86) : 0.5 * (1.0 / 4.0 + 1.0 / 3.0);
  if (std::isnan(c.exponent) || !(std::abs(c.exponent - middle) > c.error)) c.name = "synchronous";  // NaN error: one trajectory decides nothing
  else c.name = c.exponent < middle ? "synchronous-EW" : "synchronous-KPZ";
  return c;
}

}  // namespace meso::systems::kpz_synchronization

#include "kits/sde/stationary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "kits/sde/observables.h"

namespace meso::sde {
namespace {

// Gauss-Legendre, 8 nodes on [-1, 1]: Abramowitz and Stegun, table 25.4.
constexpr std::array<double, 4> gauss_x{0.1834346424956498, 0.5255324099163290, 0.7966664774136267, 0.9602898564975363};
constexpr std::array<double, 4> gauss_w{0.3626837833783620, 0.3137066458778873, 0.2223810344533745, 0.1012285362903763};

template <class F>
double gauss(F&& f, double from, double to) {
  const double middle = 0.5 * (from + to), half = 0.5 * (to - from);
  double sum = 0;
  for (std::size_t k = 0; k < 4; ++k) sum += gauss_w[k] * (f(middle - half * gauss_x[k]) + f(middle + half * gauss_x[k]));
  return half * sum;
}

constexpr double depth = 40;  // exp(-40) = 4e-18 of the peak: what lies beyond is below rounding

void check(const Process& process) {
  if (process.size() != 1) throw ModelError(fmt::format("stationary-law: a process of {} variables; the law by quadrature is known in one dimension only", process.size()));
  if (process.time_dependent) throw ModelError("stationary-law: drift or diffusion depends on time, so there is no stationary law");
}

}  // namespace

double StationaryLaw::phi_between(double from, double to) const {
  return gauss([this](double x) { return drift_(x) / diffusion_(x); }, from, to);
}

double StationaryLaw::phi_at(std::size_t panel, double x) const {
  return 2 * panel + 2 > edge_.size() ? phi_[panel] + phi_between(edge_[panel], x) : phi_[panel + 1] - phi_between(x, edge_[panel + 1]);
}

StationaryLaw::StationaryLaw(const Process& process, std::size_t panels) {
  check(process);
  const std::vector<std::string> slots{process.ito.variables[0], "t"};
  const auto function = [&slots](const num::Formula& formula) {
    return [program = std::make_shared<const num::Program>(formula, slots)](double x) {
      const double z[2] = {x, 0};
      return program->run(z);
    };
  };
  drift_ = function(process.ito.drift[0]);
  const auto raw = function(diffusion_tensor(process.ito, 0, 0));
  diffusion_ = [raw, name = process.ito.variables[0]](double x) {
    const double d = raw(x);
    if (!(d > 0) || !std::isfinite(d)) throw NumericalBreakdown(fmt::format("stationary-law: D = b^2/2 is {} at {} = {}; the law by quadrature needs noise everywhere in the domain", brief(d), name, brief(x)));
    return d;
  };

  // Outwards from the pilot's reach in strides of its width until Phi - ln D is far below its peak.
  const Reach reach = reach_of(process, 20);
  const double wall_low = process.domain[0][0], wall_high = process.domain[0][1], width = std::max(reach.high[0] - reach.low[0], 1e-12);
  constexpr int pieces = 64;
  const double stride = width / pieces;
  const double start = 0.5 * (reach.low[0] + reach.high[0]);
  double peak = -std::log(diffusion_(start));
  const auto walk = [&](double direction, double wall) {
    double x = start, phi = 0, h = stride;
    for (int k = 0; k < 4000; ++k) {
      const double next = direction > 0 ? std::min(x + h, wall) : std::max(x - h, wall);
      if (next == wall) return wall;
      phi += phi_between(x, next);
      x = next;
      const double level = phi - std::log(diffusion_(x));
      if (!std::isfinite(level)) break;
      peak = std::max(peak, level);
      if (level < peak - depth && std::abs(x - start) > 0.5 * width) return x;
      if (k % pieces == pieces - 1) h *= 1.2;
    }
    throw NumericalBreakdown(fmt::format("stationary-law: the density does not fall off towards {}: no stationary law exists, or it reaches beyond {} = {}", direction > 0 ? "+infinity" : "-infinity",
                                         process.ito.variables[0], brief(x)));
  };
  double high = walk(1, wall_high);
  const double low = walk(-1, wall_low);
  high = walk(1, wall_high);  // once more: the peak may lie on the other side
  if (!std::isfinite(low) || !std::isfinite(high)) throw NumericalBreakdown("stationary-law: no finite range holds the law");

  for (std::size_t k = 0; k <= panels; ++k) edge_.push_back(k == panels ? high : low + (high - low) * static_cast<double>(k) / static_cast<double>(panels));
  // From the middle outwards: at a wall where D = 0 Phi may be infinite, and is never asked there.
  phi_.assign(panels + 1, 0.0);
  for (std::size_t k = panels / 2; k + 1 < panels; ++k) phi_[k + 1] = phi_[k] + phi_between(edge_[k], edge_[k + 1]);
  for (std::size_t k = panels / 2; k > 1; --k) phi_[k - 1] = phi_[k] - phi_between(edge_[k - 1], edge_[k]);
  double top = -std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < panels; ++k) {
    const double middle = 0.5 * (edge_[k] + edge_[k + 1]);
    top = std::max(top, phi_at(k, middle) - std::log(diffusion_(middle)));
  }
  for (double& phi : phi_) phi -= top;
  below_.assign(panels + 1, 0.0);
  for (std::size_t k = 0; k < panels; ++k) {
    const double middle = 0.5 * (edge_[k] + edge_[k + 1]), half = 0.5 * (edge_[k + 1] - edge_[k]);
    double mass = 0;
    for (std::size_t g = 0; g < 8; ++g) {
      const double x = middle + half * (g < 4 ? -gauss_x[3 - g] : gauss_x[g - 4]);
      const double w = half * gauss_w[g < 4 ? 3 - g : g - 4] * std::exp(phi_at(k, x)) / diffusion_(x);
      node_.push_back(x);
      weight_.push_back(w);
      mass += w;
    }
    below_[k + 1] = below_[k] + mass;
  }
  norm_ = below_.back();
  if (!(norm_ > 0) || !std::isfinite(norm_)) throw NumericalBreakdown(fmt::format("stationary-law: the norm is {}", brief(norm_)));
  for (double& w : weight_) w /= norm_;
  for (double& p : below_) p /= norm_;
}

double StationaryLaw::expectation(const std::function<double(double)>& f) const {
  double sum = 0;
  for (std::size_t k = 0; k < node_.size(); ++k) sum += weight_[k] * f(node_[k]);
  return sum;
}

double StationaryLaw::mean() const {
  return expectation([](double x) { return x; });
}

double StationaryLaw::variance() const {
  const double m = mean();
  return expectation([m](double x) { return (x - m) * (x - m); });
}

double StationaryLaw::cdf(double x) const {
  if (x <= edge_.front()) return 0;
  if (x >= edge_.back()) return 1;
  const auto k = static_cast<std::size_t>(std::upper_bound(edge_.begin(), edge_.end(), x) - edge_.begin()) - 1;
  return below_[k] + gauss([&](double y) { return std::exp(phi_at(k, y)) / diffusion_(y); }, edge_[k], x) / norm_;
}

Level stationary_law_level(const Process& process) {
  check(process);
  const auto shared = std::make_shared<const Process>(process);
  Level level;
  level.info = {.name = "stationary-law",
                .rung = Rung::master,
                .doc = "exact stationary law by quadrature, exp(int a/D dx) / D; answers stationary questions only",
                .source = "Gardiner, Handbook of Stochastic Methods, 3rd ed., section 5.2.2"};
  level.run = [shared](const Ask& ask, Context& context) {
    Answer answer;
    answer.why = "quadrature";
    if (!ask.is_stationary()) {
      answer.flags.push_back({.kind = "note", .text = "stationary-law: known for stationary questions only; over time ask 'fokker-planck' or 'langevin'"});
      return answer;
    }
    try {
      // The error: four times what half the panels say otherwise (an integrable singularity at a wall converges slowly), and rounding.
      const StationaryLaw law(*shared), coarse(*shared, 256);
      for (const std::string& name : ask.observables) {
        const auto what = parse_observable(*shared, name);
        if (!what || answer.find(name)) continue;
        const auto scalar = [&](double fine, double rough) {
          answer.estimates.push_back(solved_estimate(name, "1", {}, {fine}, {4 * std::abs(fine - rough) + 1e-12 * (1 + std::abs(fine))}));
        };
        if (what->kind == ObservableName::Kind::mean) scalar(law.mean(), coarse.mean());
        else if (what->kind == ObservableName::Kind::variance) scalar(law.variance(), coarse.variance());
        else if (what->kind == ObservableName::Kind::distribution) {
          const Axis support = law_axis(*shared, reach_of(*shared, end_of(ask, 20)), 0);
          Estimate e = solved_estimate(name, "1", {support}, {});
          e.is_distribution = true;
          double before = 0, bound = 1e-12;
          for (std::size_t b = 0; b < support.points.size(); ++b) {
            const bool last = b + 1 == support.points.size();
            const double upto = last ? 1 : law.cdf(support.points[b]);
            if (!last) bound = std::max(bound, 4 * std::abs(upto - coarse.cdf(support.points[b])));
            e.value.push_back(upto - before);
            before = upto;
          }
          e.error_bound.assign(e.value.size(), 0.0);
          e.error_bound[0] = bound;  // of the distribution function: bounds add up along the support
          answer.estimates.push_back(std::move(e));
        }
      }
    } catch (const NumericalBreakdown& error) {
      answer.estimates.clear();
      answer.flags.push_back({.kind = "no-law", .text = error.what(), .fatal = true});
    }
    context.progress(1);
    return answer;
  };
  return level;
}

}  // namespace meso::sde

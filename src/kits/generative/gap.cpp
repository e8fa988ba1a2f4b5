#include "kits/generative/gap.h"

#include <algorithm>
#include <cmath>

#include "stat/wasserstein.h"

namespace meso::generative {

DiffusionLaw diffusion_law(const Sampling& s, const Resolution& r, const std::function<void(double, const GridLaw&)>& each) {
  const ReverseDrift reverse(*s.score, s.process, ReverseDrift::Kind::diffusion);
  const std::vector<double> times = time_grid(s.end, s.t_min, r.steps, s.t_min, r.power);
  GridLaw law({r.low, r.high, r.cells}, s.start);
  const std::size_t n = law.size();
  std::vector<double> x(n + 1), score(n + 1), rate(times.size()), spread(times.size());
  for (std::size_t k = 0; k <= n; ++k) x[k] = law.face(k);
  diffuse(law, drift_of(reverse), [&](double) { return s.process.diffusion(); }, times, [&](std::size_t k, const GridLaw& at) {
    const double t = times[k];
    s.score->at(t, x, score);
    double steepest = score[1] - score[0], square = 0;
    for (std::size_t i = 1; i < n; ++i) {
      steepest = std::max(steepest, score[i + 1] - score[i]);
      const double a = at.mass()[i - 1], b = at.mass()[i];
      if (a < 1e-13 || b < 1e-13) continue;  // logarithms of rounding
      const double e = std::log(b / a) / at.width() - score[i];
      square += 0.5 * (a + b) * e * e;
    }
    rate[k] = s.process.decay + s.process.diffusion() * steepest / at.width();
    spread[k] = s.process.diffusion() * std::sqrt(square);
    if (each) each(t, at);
  });
  DiffusionLaw result{law.law(), law.lost(), 0};
  double grown = 0;  // int L from t_min up
  for (std::size_t k = times.size() - 1; k-- > 0;) {
    const double h = times[k] - times[k + 1], next = grown + 0.5 * h * (rate[k] + rate[k + 1]);
    result.bound += 0.5 * h * (std::exp(grown) * spread[k + 1] + std::exp(next) * spread[k]);
    grown = next;
  }
  return result;
}

PiecewiseLaw flow_law(const Sampling& s, const Resolution& r) {
  const ReverseDrift drift(*s.score, s.process, ReverseDrift::Kind::probability_flow);
  return flow_law(drift_of(drift), time_grid(s.end, s.t_min, std::max<std::size_t>(r.steps / 2, 1), s.t_min, r.power), s.start, r.low, r.high,
                  {.nodes = r.cells, .widest = (r.high - r.low) / static_cast<double>(r.cells)});
}

GapFigures figures(const PiecewiseLaw& ode, const PiecewiseLaw& sde, const PiecewiseLaw& truth) {
  const auto squared = [](double w) { return w * w; };
  return {squared(wasserstein_2(ode, sde)), squared(wasserstein_2(ode, truth)), squared(wasserstein_2(sde, truth))};
}

PiecewiseLaw on_faces(const std::function<double(double)>& cdf, const Resolution& r) {
  std::vector<double> x;
  for (std::size_t k = 0; k <= r.cells; ++k) x.push_back(r.low + (r.high - r.low) * static_cast<double>(k) / static_cast<double>(r.cells));
  return PiecewiseLaw::of(cdf, std::move(x));
}

double sampling_floor(const PiecewiseLaw& law, std::uint64_t n, Stream stream, std::size_t repeats) {
  double sum = 0;
  for (std::size_t k = 0; k < repeats; ++k) {
    std::vector<double> below(law.x.size(), 0.0);
    auto left = static_cast<std::int64_t>(n);
    for (std::size_t i = 1; i < below.size(); ++i) {
      const double rest = 1 - law.below[i - 1], mass = law.below[i] - law.below[i - 1];
      const std::int64_t here = rest > mass ? stream.binomial(left, std::clamp(mass / rest, 0.0, 1.0)) : left;
      below[i] = below[i - 1] + static_cast<double>(here) / static_cast<double>(n);
      left -= here;
    }
    sum += std::pow(wasserstein_2(PiecewiseLaw::make(law.x, std::move(below)), law), 2);
  }
  return sum / static_cast<double>(repeats);
}

}  // namespace meso::generative

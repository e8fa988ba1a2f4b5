#include "kits/sde/observables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "kits/sde/scheme.h"
#include "rng/stream.h"

namespace meso::sde {

using Kind = ObservableName::Kind;

std::optional<ObservableName> parse_observable(const Process& process, const std::string& name) {
  const std::vector<std::string> parts = split(name, '.');
  const std::vector<std::string>& names = process.ito.variables;
  const auto variable = [&](const std::string& part) { return static_cast<std::size_t>(std::find(names.begin(), names.end(), part) - names.begin()); };
  if (parts.size() == 2) {
    const std::size_t x = variable(parts[0]);
    if (x == names.size()) return std::nullopt;
    if (parts[1] == "mean") return ObservableName{Kind::mean, x, x};
    if (parts[1] == "variance") return ObservableName{Kind::variance, x, x};
    if (parts[1] == "distribution") return ObservableName{Kind::distribution, x, x};
  }
  if (parts.size() == 3 && parts[2] == "covariance") {
    const std::size_t a = variable(parts[0]), b = variable(parts[1]);
    if (a < names.size() && b < names.size() && a != b) return ObservableName{Kind::covariance, a, b};
  }
  return std::nullopt;
}

std::optional<ObservableInfo> observable_info(const Process& process, const std::string& name) {
  const auto parsed = parse_observable(process, name);
  if (!parsed) return std::nullopt;
  const std::string &a = process.ito.variables[parsed->a], &b = process.ito.variables[parsed->b];
  ObservableInfo info;
  info.name = name;
  info.unit = "1";
  info.by_default = parsed->kind == Kind::mean || parsed->kind == Kind::variance;
  switch (parsed->kind) {
    case Kind::mean: info.doc = fmt::format("mean of {0}: <{0}>", a); break;
    case Kind::variance: info.doc = fmt::format("variance of {0}: <{0}^2> - <{0}>^2", a); break;
    case Kind::covariance:
      info.doc = fmt::format("covariance of {0} and {1}: <{0} {1}> - <{0}><{1}>", a, b);
      info.scale = {Scale::Kind::sqrt_product, {a + ".variance", b + ".variance"}, 1};
      break;
    case Kind::distribution: info.doc = fmt::format("probability that {} lies between the point before and this one (first: all below; last: all above)", a); break;
  }
  return info;
}

std::vector<ObservableInfo> default_observables(const Process& process) {
  std::vector<ObservableInfo> infos;
  for (const std::string& name : process.ito.variables)
    for (const char* what : {".mean", ".variance"}) infos.push_back(*observable_info(process, name + what));
  return infos;
}

double end_of(const Ask& ask, double otherwise) {
  if (!ask.is_stationary()) return ask.times().empty() ? 0 : ask.times().back();
  const Stationary& s = ask.stationary();
  return s.burn_in || s.window ? s.burn_in.value_or(0) + s.window.value_or(0) : otherwise;
}

Reach reach_of(const Process& process, double end) {
  const std::size_t n = process.size(), m = process.ito.noises;
  Reach reach;
  const Integrator em(process, Scheme::euler_maruyama);
  Integrator::Scratch scratch = em.scratch();
  std::vector<double> z(n + 1), last(n), dw(m);
  for (std::size_t steps = 256; steps <= 1 << 18; steps *= 4) {
    const double dt = end > 0 ? end / static_cast<double>(steps) : 0, root = std::sqrt(dt);
    std::vector<double> low(process.initial), high(process.initial), jump(n, 0.0);
    bool finite = true;
    // Few trajectories where each is long: time explores as well as they do.
    const std::uint64_t trajectories = steps <= 4096 ? 64 : 16;
    for (std::uint64_t k = 0; k < trajectories && finite; ++k) {
      FastStream noise = Stream(0, k, "sde/pilot").fast();
      for (std::size_t i = 0; i < n; ++i) z[i] = process.initial[i] + process.initial_sd[i] * noise.normal();
      z[n] = 0;
      process.reflect(z.data());
      for (std::size_t s = 0; s <= steps && finite; ++s) {
        for (std::size_t i = 0; i < n; ++i) {
          finite = finite && std::isfinite(z[i]) && std::abs(z[i]) < 1e100;
          low[i] = std::min(low[i], z[i]);
          high[i] = std::max(high[i], z[i]);
          last[i] = z[i];
        }
        if (s == steps || dt == 0) break;
        for (double& w : dw) w = root * noise.normal();
        em.step(z.data(), dt, dw.data(), 0, scratch);
        for (std::size_t i = 0; i < n; ++i) jump[i] = std::max(jump[i], std::abs(z[i] - last[i]));
      }
    }
    if (finite) {
      reach.escaped = false;
      reach.low = low;
      reach.high = high;
      reach.step = dt;
      bool resolved = true;
      for (std::size_t i = 0; i < n; ++i) resolved = resolved && jump[i] <= 0.15 * (high[i] - low[i]);
      if (resolved) break;
    } else {
      reach.escaped = true;
    }
  }
  if (reach.low.empty()) {
    reach.low = reach.high = process.initial;
    reach.escaped = true;
  }
  for (std::size_t i = 0; i < n; ++i) {
    const double width = reach.high[i] - reach.low[i], pad = width > 0 ? 0.25 * width : 1e-3 * (1 + std::abs(reach.low[i]));
    reach.low[i] = std::max(process.domain[i][0], reach.low[i] - pad);
    reach.high[i] = std::min(process.domain[i][1], reach.high[i] + pad);
  }
  return reach;
}

Axis law_axis(const Process& process, const Reach& reach, std::size_t variable) {
  constexpr std::size_t inner = 128;
  Axis axis{process.ito.variables[variable], "1", {}};
  const double low = reach.low[variable], width = (reach.high[variable] - low) / inner;
  for (std::size_t i = 0; i <= inner; ++i) axis.points.push_back(low + width * static_cast<double>(i));
  axis.points.push_back(low + width * (inner + 1));
  return axis;
}

}  // namespace meso::sde

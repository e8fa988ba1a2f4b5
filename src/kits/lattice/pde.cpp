#include "kits/lattice/pde.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "kits/lattice/observables.h"

namespace meso::lattice {

DensityFields::DensityFields(const Model& model, std::size_t points_per_site)
    : model_(model), species_(model.species.size()), per_site_(points_per_site), spacing_(1.0 / static_cast<double>(points_per_site)), z_(static_cast<double>(model.box.neighbours())) {
  if (points_per_site == 0) throw ParameterError("a grid needs at least one point a site");
  for (const std::int64_t n : model.box.extent) {
    extent_.push_back(static_cast<std::size_t>(n) * points_per_site);
    points_ *= extent_.back();
  }
  const bool exclusion = model.occupation == Occupation::exclusion;
  double spread = 0, react = 0;
  for (const PairRule& r : all_pair_rules(model)) {
    if (!exclusion && (r.from[0] == 0 || r.from[1] == 0)) continue;  // hops: diffusion, below
    const double share = r.from[0] == r.from[1] ? 0.5 : 1.0;  // like ends: either is the first
    if (r.from[0] != r.to[0]) bonds_.push_back({r.from[0], r.from[1], r.to[0], share * r.rate});
    if (r.from[1] != r.to[1]) bonds_.push_back({r.from[1], r.from[0], r.to[1], share * r.rate});
    spread += 2 * r.rate;
    react += z_ * r.rate;
  }
  diffusion_.assign(species_, 0.0);
  if (!exclusion)
    for (std::size_t s = 0; s < species_; ++s) {
      diffusion_[s] = model.hop_rate(static_cast<State>(s + 1));
      spread = std::max(spread, diffusion_[s]);
    }
  const std::vector<double> density = initial_density(model);
  double most = 1;
  for (const double d : density) most = std::max(most, d);
  for (const SiteRule& r : model.sites) react += r.rate;
  for (const SiteReaction& r : model.reactions) {
    int order = 0;
    for (const int n : r.reactants) order += n;
    react += r.rate * order * order * std::pow(most, std::max(0, order - 1));
  }
  // Runge-Kutta 4 is stable to 2.78 on the negative axis; -4 d D/h^2 is the far end of the Laplacian's spectrum.
  largest_step_ = 0.9 / std::max(1e-300, 4 * static_cast<double>(extent_.size()) * spread / (spacing_ * spacing_) + react);
  for (std::vector<double>* v : {&fields_, &stage_, &slope_, &sum_}) v->assign(points_ * species_, 0.0);
  states_.assign(points_ * (species_ + 1), 0.0);
  laplacian_.assign(points_ * (species_ + 1), 0.0);
  start();
}

double DensityFields::mean(State s) const {
  double sum = 0;
  for (const double x : field(s)) sum += x;
  return sum / static_cast<double>(points_);
}

void DensityFields::start() {
  const std::vector<double> density = initial_density(model_);
  if (model_.initial.kind != Initial::Kind::seed) {
    for (std::size_t s = 0; s < species_; ++s) std::fill_n(&fields_[s * points_], points_, density[s]);
    return;
  }
  const auto centre = model_.box.coordinates(model_.box.centre());
  for (State s = 1; s <= species_; ++s) {
    const std::span<double> f = field(s);
    for (std::size_t i = 0; i < points_; ++i) {
      std::size_t rest = i;
      bool inside = true;
      for (std::size_t a = extent_.size(); a-- > 0;) {
        inside = inside && static_cast<std::int64_t>(rest % extent_[a] / per_site_) == centre[a];
        rest /= extent_[a];
      }
      f[i] = (inside ? model_.initial.species : model_.initial.background) == s ? 1.0 : 0.0;
    }
  }
}

void DensityFields::rhs(std::span<const double> fields, std::span<double> out) const {
  const bool exclusion = model_.occupation == Occupation::exclusion, periodic = model_.box.boundary == Boundary::periodic;
  std::fill(states_.begin(), states_.begin() + static_cast<std::ptrdiff_t>(points_), 1.0);
  std::copy(fields.begin(), fields.end(), states_.begin() + static_cast<std::ptrdiff_t>(points_));
  for (std::size_t s = 0; s < species_; ++s)
    for (std::size_t i = 0; i < points_; ++i) states_[i] -= fields[s * points_ + i];
  std::fill(laplacian_.begin(), laplacian_.end(), 0.0);
  const double per_square = 1 / (spacing_ * spacing_);
  std::size_t stride = 1;
  for (std::size_t a = extent_.size(); a-- > 0;) {
    const std::size_t n = extent_[a], block = stride * n;
    for (std::size_t s = exclusion ? 0 : 1; s <= species_; ++s) {
      const double* p = &states_[s * points_];
      double* l = &laplacian_[s * points_];
      for (std::size_t start = 0; start < points_; start += block)
        for (std::size_t k = 0; k < n; ++k) {
          const std::size_t row = start + k * stride;
          const std::size_t up = k + 1 < n ? row + stride : periodic ? start : row, down = k > 0 ? row - stride : periodic ? start + (n - 1) * stride : row;
          for (std::size_t j = 0; j < stride; ++j) l[row + j] += (p[up + j] - 2 * p[row + j] + p[down + j]) * per_square;
        }
    }
    stride = block;
  }
  std::fill(out.begin(), out.end(), 0.0);
  const auto move = [&](State from, State to, auto rate) {
    double* minus = from > 0 ? &out[(from - std::size_t{1}) * points_] : nullptr;
    double* plus = to > 0 ? &out[(to - std::size_t{1}) * points_] : nullptr;
    for (std::size_t i = 0; i < points_; ++i) {
      const double r = rate(i);
      if (minus) minus[i] -= r;
      if (plus) plus[i] += r;
    }
  };
  for (const SiteRule& r : model_.sites) {
    const double* p = &states_[r.from * points_];
    move(r.from, r.to, [&](std::size_t i) { return r.rate * p[i]; });
  }
  for (const Channel& c : bonds_) {
    const double *x = &states_[c.x * points_], *y = &states_[c.y * points_], *l = &laplacian_[c.y * points_];
    move(c.x, c.u, [&](std::size_t i) { return c.rate * x[i] * (z_ * y[i] + l[i]); });
  }
  for (std::size_t s = 0; s < species_; ++s)
    if (diffusion_[s] > 0)
      for (std::size_t i = 0; i < points_; ++i) out[s * points_ + i] += diffusion_[s] * laplacian_[(s + 1) * points_ + i];
  for (const SiteReaction& r : model_.reactions)
    for (std::size_t i = 0; i < points_; ++i) {
      double rate = r.rate;
      for (std::size_t s = 0; s < species_; ++s)
        for (int k = 0; k < r.reactants[s]; ++k) rate *= fields[s * points_ + i];
      for (std::size_t s = 0; s < species_; ++s) out[s * points_ + i] += rate * (r.products[s] - r.reactants[s]);
    }
}

void DensityFields::advance(double time) {
  const auto steps = static_cast<std::size_t>(std::ceil(time / largest_step_ - 1e-9));
  const double dt = steps > 0 ? time / static_cast<double>(steps) : 0;
  for (std::size_t step = 0; step < steps; ++step) {
    rhs(fields_, slope_);
    sum_ = slope_;
    for (const auto& [ahead, weight] : {std::pair{0.5, 2.0}, std::pair{0.5, 2.0}, std::pair{1.0, 1.0}}) {
      for (std::size_t i = 0; i < fields_.size(); ++i) stage_[i] = fields_[i] + ahead * dt * slope_[i];
      rhs(stage_, slope_);
      for (std::size_t i = 0; i < fields_.size(); ++i) sum_[i] += weight * slope_[i];
    }
    for (std::size_t i = 0; i < fields_.size(); ++i) fields_[i] += dt / 6 * sum_[i];
  }
}

Level pde_level(const Model& model, const std::string& parent) {
  Level level;
  level.info = {.name = "pde",
                .rung = Rung::mean_field,
                .doc = "reaction-diffusion equations of the mean densities in space, no fluctuations; from a homogeneous start the rate equation",
                .parent = parent,
                .approximation = "sites are uncorrelated, densities smooth on the scale of a site",
                .source = "Täuber, Critical Dynamics (2014), ch. 9, doi:10.1017/CBO9781139046213",
                .options = {{.name = "points-per-site", .unit = "1", .doc = "grid points along a site; the error is estimated with twice as many", .type = ParameterInfo::Type::integer,
                             .fallback = Value(1), .min = 1, .max = 16}}};
  const auto shared = std::make_shared<const Model>(model);
  level.run = [shared](const Ask& ask, Context& context) {
    Answer answer;
    const auto option = ask.options.find("points-per-site");
    const auto per_site = static_cast<std::size_t>(option == ask.options.end() ? 1.0 : as_number(option->second));
    if (ask.is_stationary()) {
      answer.flags.push_back({.kind = "note", .text = "pde answers at times only; the stationary state of a homogeneous start is the rate equation's"});
      return answer;
    }
    Model model = *shared;
    const bool seed = model.initial.kind == Initial::Kind::seed;
    if (!seed) {  // one site stands for all: the densities stay homogeneous
      model.initial = {.kind = Initial::Kind::product, .density = initial_density(*shared)};
      if (model.occupation == Occupation::bosonic) model.initial.kind = Initial::Kind::poisson;
      std::fill(model.box.extent.begin(), model.box.extent.end(), 1);
    }
    const std::vector<double>& times = ask.times();
    DensityFields coarse(model, per_site), fine(model, 2 * per_site);
    const double work = 4 * static_cast<double>(fine.points()) * times.back() / fine.largest_step();
    if (work > 1e9) {
      answer.flags.push_back({.kind = "note", .text = fmt::format("pde gives nothing: {} updates of grid points are more than 1e9. A smaller box or shorter times", brief(work))});
      return answer;
    }
    const std::size_t n = model.species.size();
    std::vector<std::vector<double>> value(n), bound(n);
    std::vector<double> picture;
    double now = 0;
    for (std::size_t i = 0; i < times.size(); ++i) {
      context.progress(times[i] / times.back());
      coarse.advance(times[i] - now);
      fine.advance(times[i] - now);
      now = times[i];
      for (State s = 1; s <= n; ++s) {
        value[s - 1u].push_back(fine.mean(s));
        bound[s - 1u].push_back(times[i] == 0 ? 0.0 : std::abs(fine.mean(s) - coarse.mean(s)) + 1e-10 * std::abs(fine.mean(s)));  // order 2 leaves a third of the difference
      }
      if (ask.portraits && seed && model.box.dimension() == 1) picture.insert(picture.end(), coarse.field(model.initial.species).begin(), coarse.field(model.initial.species).end());
    }
    for (State s = 1; s <= n; ++s) {
      if (!ask.wants(density_name(model.species[s - 1u]))) continue;
      Estimate e = solved_estimate(density_name(model.species[s - 1u]), "1/site", {{"t", "1", times}}, value[s - 1u], bound[s - 1u]);
      for (const double t : times) e.exact.push_back(t == 0 ? 1.0 : 0.0);
      if (std::any_of(e.value.begin(), e.value.end(), [](double x) { return !std::isfinite(x); }))
        answer.flags.push_back({.kind = "diverged", .observable = e.observable, .text = "the density of the reaction-diffusion equations diverges", .fatal = true});
      answer.estimates.push_back(std::move(e));
    }
    if (!picture.empty() && picture.size() <= 250000) {
      Portrait portrait{.name = "density", .title = "Density of " + model.species[model.initial.species - 1u], .unit = "1/site", .axes = {{"t", "1", times}, {"x", "sites", {}}}, .value = picture, .categories = {}};
      for (std::size_t x = 0; x < coarse.points(); ++x) portrait.axes[1].points.push_back(static_cast<double>(x) * coarse.spacing());
      answer.portraits.push_back(std::move(portrait));
    }
    return answer;
  };
  return level;
}

}  // namespace meso::lattice

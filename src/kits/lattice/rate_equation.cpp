#include "kits/lattice/rate_equation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "base/error.h"
#include "kits/kinetics/equations.h"
#include "kits/kinetics/moment_level.h"
#include "kits/kinetics/rate_equation.h"
#include "kits/lattice/observables.h"

namespace meso::lattice {
namespace {

// The volume in which every initial density is a whole number of particles.
double whole_volume(std::span<const double> density) {
  for (int v = 1; v <= 10000; ++v)
    if (std::all_of(density.begin(), density.end(), [v](double d) { return std::abs(d * v - std::round(d * v)) < 1e-12 * v; })) return v;
  return 1e6;
}

class Builder {
 public:
  explicit Builder(const Model& model) : model_(model), exclusion_(model.occupation == Occupation::exclusion) {
    network.species = model.species;
    if (exclusion_) {
      std::string empty = "empty";
      while (std::find(network.species.begin(), network.species.end(), empty) != network.species.end()) empty += "_";
      network.species.push_back(empty);
    }
    const std::vector<double> density = initial_density(model);
    network.volume = whole_volume(density);
    std::int64_t filled = 0;
    for (const double d : density) {
      network.initial.push_back(std::llround(d * network.volume));
      filled += network.initial.back();
    }
    if (exclusion_) network.initial.push_back(std::llround(network.volume) - filled);
    network.rate_doc = "per site";
  }

  // `k` times the product of the densities of `from` becomes `to`, per site and time.
  void add(std::span<const State> from, std::span<const State> to, double k, const std::string& text, const std::string& where) {
    std::map<std::size_t, int> lost, gained;
    for (const State s : from)
      if (const auto i = index(s)) ++lost[*i];
    for (const State s : to)
      if (const auto i = index(s)) ++gained[*i];
    add(lost, gained, k, text, where);
  }
  void add(const std::map<std::size_t, int>& lost, const std::map<std::size_t, int>& gained, double k, const std::string& text, const std::string& where) {
    if (lost == gained || k == 0) return;
    kinetics::Reaction r;
    r.text = text;
    r.where = where;
    r.reactants.assign(lost.begin(), lost.end());
    r.products.assign(gained.begin(), gained.end());
    std::map<std::size_t, int> change = gained;
    for (const auto& [s, n] : lost) change[s] -= n;
    for (const auto& [s, n] : change)
      if (n != 0) r.change.emplace_back(s, n);
    r.rate = k;
    r.stochastic = k * std::pow(network.volume, 1 - r.order());
    network.reactions.push_back(std::move(r));
  }

  kinetics::Network network;

 private:
  [[nodiscard]] std::optional<std::size_t> index(State s) const {
    if (s == empty_state) return exclusion_ ? std::optional(model_.species.size()) : std::nullopt;
    return s - std::size_t{1};
  }
  const Model& model_;
  bool exclusion_;
};

}  // namespace

kinetics::Network rate_network(const Model& model) {
  Builder b(model);
  const auto z = static_cast<double>(model.box.neighbours());
  for (const SiteRule& r : model.sites) b.add(std::array{r.from}, std::array{r.to}, r.rate, to_text(model, r), r.where);
  for (const PairRule& r : all_pair_rules(model)) b.add(r.from, r.to, r.rate * (r.from[0] == r.from[1] ? 0.5 * z : z), to_text(model, r), r.where);
  for (const SiteReaction& r : model.reactions) {
    std::map<std::size_t, int> lost, gained;
    for (std::size_t s = 0; s < model.species.size(); ++s) {
      if (r.reactants[s] > 0) lost[s] = r.reactants[s];
      if (r.products[s] > 0) gained[s] = r.products[s];
    }
    b.add(lost, gained, r.rate, to_text(model, r), r.where);
  }
  return b.network;
}

MeanFieldState mean_field_state(const Model& model, std::span<const double> guess) {
  kinetics::Network network = rate_network(model);
  const kinetics::ReducedNetwork reduced = kinetics::reduce(network, kinetics::Convention::macroscopic);
  if (reduced.size() == 0) throw NumericalBreakdown("no density of this model ever changes in mean field");
  const kinetics::Flow flow = kinetics::rate_equation_flow(reduced);
  std::vector<double> counts;
  double filled = 0;
  for (const double d : guess) filled += d;
  for (const std::size_t s : reduced.position) counts.push_back(reduced.volume * (s < guess.size() ? guess[s] : 1 - filled));
  const auto found = kinetics::newton(flow, flow.start(counts), reduced);
  if (!found) throw NumericalBreakdown("Newton's method finds no stationary state of the rate equation from this guess");
  MeanFieldState state;
  for (std::size_t s = 0; s < model.species.size(); ++s) state.density.push_back(kinetics::mean_of(flow, found->z, reduced, s) / reduced.volume);
  state.eigenvalues = found->eigenvalues;
  state.stable = found->stable;
  return state;
}

Level rate_equation_level(const Model& model, const std::string& parent) {
  Level level;
  level.info = {.name = "rate-equation",
                .rung = Rung::mean_field,
                .doc = "rate equation of the mean densities: every site sees the mean of the lattice",
                .parent = parent,
                .approximation = "neighbouring sites are uncorrelated (or the lattice is stirred infinitely fast)",
                .source = "Täuber, Critical Dynamics (2014), ch. 9, doi:10.1017/CBO9781139046213"};
  struct Shared {
    Model model;
    kinetics::Network network;
    kinetics::ReducedNetwork reduced;
  };
  auto made = std::make_shared<Shared>();
  made->model = model;
  made->network = rate_network(model);
  made->reduced = kinetics::reduce(made->network, kinetics::Convention::macroscopic);
  const std::shared_ptr<const Shared> shared = made;
  level.run = [shared](const Ask& ask, Context& context) {
    const auto& [model, network, reduced] = *shared;
    Ask inner = ask;
    inner.observables.clear();
    for (const std::string& s : network.species) inner.observables.push_back(s + ".mean");
    Answer answer;
    if (reduced.size() == 0) {
      answer = kinetics::constant_answer(network, inner);
    } else {
      const kinetics::Flow flow = kinetics::rate_equation_flow(reduced);
      answer = kinetics::answer_by_moments({network, reduced, flow, "rate-equation", false}, inner, context);
    }
    // From particles in the volume to particles per site, and from the network's names to the lattice's.
    const double v = network.volume;
    std::vector<Estimate> means;
    means.swap(answer.estimates);
    const auto name_of = [&, &model = model](State s) { return s == empty_state ? std::string("0") : model.species[s - 1u]; };
    const auto mean_of = [&, &model = model](State s) -> const Estimate* {
      const std::size_t i = s == empty_state ? model.species.size() : s - std::size_t{1};
      return i < means.size() ? &means[i] : nullptr;
    };
    for (Estimate& e : means) {
      for (double& x : e.value) x /= v;
      for (double& x : e.error_bound) x /= v;
      e.unit = "1/site";
    }
    for (State s = 1; s < model.states(); ++s) {
      const Estimate* e = mean_of(s);
      if (e == nullptr || !ask.wants(density_name(name_of(s)))) continue;
      answer.estimates.push_back(*e);
      answer.estimates.back().observable = density_name(name_of(s));
    }
    if (model.occupation == Occupation::exclusion)
      for (State s = 0; s < model.states(); ++s)
        for (State t = 0; t < model.states(); ++t) {
          const Estimate *a = mean_of(s), *b = mean_of(t);
          if (a == nullptr || b == nullptr || !ask.wants(pairs_name(name_of(s), name_of(t)))) continue;
          Estimate e = *a;
          e.observable = pairs_name(name_of(s), name_of(t));
          e.unit = "1/bond";
          for (std::size_t i = 0; i < e.value.size(); ++i) {
            if (!e.error_bound.empty()) e.error_bound[i] = a->bound(i) * std::abs(b->value[i]) + b->bound(i) * std::abs(a->value[i]);
            e.value[i] = a->value[i] * b->value[i];
          }
          answer.estimates.push_back(std::move(e));
        }
    const auto renamed = [&](const std::string& observable) {
      const std::size_t dot = observable.rfind(".mean");
      return dot == std::string::npos ? observable : density_name(observable.substr(0, dot));
    };
    for (Flag& f : answer.flags) f.observable = renamed(f.observable);
    for (SteadyState& state : answer.steady_states) {
      std::map<std::string, double> value;
      for (const auto& [name, x] : state.value)
        if (name.ends_with(".mean") && name != network.species.back() + ".mean") value[renamed(name)] = x / v;
      if (model.occupation == Occupation::bosonic) value[renamed(network.species.back() + ".mean")] = state.value.at(network.species.back() + ".mean") / v;
      state.value = std::move(value);
    }
    return answer;
  };
  level.plan = [shared](const Ask&) { return std::vector<std::string>{fmt::format("equations {}", shared->reduced.size())}; };
  level.equations = [shared](const Table&, bool latex) { return kinetics::rate_equation_text(shared->reduced, latex); };
  return level;
}

}  // namespace meso::lattice

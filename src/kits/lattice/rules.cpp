#include "kits/lattice/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/text.h"

namespace meso::lattice {
namespace {

template <class Rule>
std::string place(const Rule& rule) {
  return rule.where.empty() ? "" : rule.where + ": ";
}

void check_rate(double rate, const std::string& text, const std::string& where) {
  if (std::isfinite(rate) && rate >= 0) return;
  throw ModelError(fmt::format("{}rate of '{}' is {}; a rate is a finite number, at least 0", where.empty() ? "" : where + ": ", text, exact(rate)));
}

void check_state(const Model& model, State state, const std::string& text) {
  if (state >= model.states()) throw ModelError(fmt::format("'{}' names state {}, but the model has {} species", text, state, model.species.size()));
}

std::string side(const Model& model, std::span<const State> states) {
  std::vector<std::string> parts;
  for (const State s : states) parts.push_back(model.state_name(s));
  return join(parts, " + ");
}

std::string side(const Model& model, std::span<const int> counts) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) parts.push_back((counts[i] > 1 ? std::to_string(counts[i]) : "") + model.species[i]);
  return parts.empty() ? "0" : join(parts, " + ");
}

// Particles of each species among some site states.
std::vector<int> counts(const Model& model, std::initializer_list<State> states) {
  std::vector<int> n(model.species.size(), 0);
  for (const State s : states)
    if (s > 0) ++n[s - 1];
  return n;
}

template <class Rule>
void keeps(const Model& model, const Conserved& law, const Rule& rule, std::span<const int> lost, std::span<const int> gained) {
  const int d = change(law, lost, gained);
  if (law.modulus > 0 ? d % law.modulus == 0 : d == 0) return;
  throw ModelError(fmt::format("{}the rule '{}' changes '{}' by {}{}, but the model claims to conserve it. Drop the claim or the rule", place(rule), to_text(model, rule), law.text, d,
                               law.modulus > 0 ? fmt::format(", which is not a multiple of {}", law.modulus) : ""));
}

void check_box(const Box& box) {
  if (box.extent.empty() || box.extent.size() > 3) throw ModelError(fmt::format("a lattice has 1 to 3 dimensions, not {}", box.extent.size()));
  double sites = 1;
  for (const std::int64_t n : box.extent) {
    if (n < 1) throw ModelError(fmt::format("a side of the lattice is {} sites; it must be at least 1", n));
    sites *= static_cast<double>(n);
  }
  if (sites > 4294967295.0) throw ModelError(fmt::format("the lattice has {} sites; at most 4,294,967,295 can be numbered", brief(sites, 10)));
}

void check_initial(const Model& model) {
  const Initial& initial = model.initial;
  using Kind = Initial::Kind;
  const bool bosonic = model.occupation == Occupation::bosonic;
  if (initial.kind == Kind::full || initial.kind == Kind::seed) {
    check_state(model, initial.species, "initial");
    if (initial.species == 0) throw ModelError("initial: a full lattice or a seed needs a species, not 0");
    check_state(model, initial.background, "initial background");
    if (initial.kind == Kind::seed && initial.background == initial.species) throw ModelError("initial: the seed and its background are the same state");
    if (bosonic && initial.kind == Kind::seed && initial.background != 0) throw ModelError("initial: with bosonic occupation a seed sits in an empty lattice (background 0)");
    return;
  }
  if (initial.density.size() != model.species.size())
    throw ModelError(fmt::format("initial: {} densities for {} species", initial.density.size(), model.species.size()));
  double total = 0;
  for (std::size_t i = 0; i < initial.density.size(); ++i) {
    const double density = initial.density[i];
    if (!std::isfinite(density) || density < 0) throw ModelError(fmt::format("initial density of {} is {}; it must be at least 0", model.species[i], exact(density)));
    total += density;
  }
  if (!bosonic && total > 1 + 1e-12)
    throw ModelError(fmt::format("initial densities add up to {}, but with exclusion a site holds at most one particle. Use densities of at most 1 in total, or occupation = bosonic", brief(total, 6)));
  if (!bosonic && initial.kind == Kind::poisson) throw ModelError("a Poisson initial condition puts several particles on a site; it needs occupation = bosonic (with exclusion: product)");
  if (bosonic && initial.kind == Kind::product && total > 1 + 1e-12)
    throw ModelError(fmt::format("initial densities add up to {}; a product measure puts at most one particle on a site. Use kind poisson or count", brief(total, 6)));
}

}  // namespace

std::size_t Box::sites() const {
  std::size_t n = 1;
  for (const std::int64_t side : extent) n *= static_cast<std::size_t>(side);
  return n;
}

std::int64_t Box::shortest() const { return *std::min_element(extent.begin(), extent.end()); }

std::size_t Box::neighbour(std::size_t site, std::size_t k) const {
  const std::size_t axis = k / 2;
  std::size_t stride = 1;
  for (std::size_t a = extent.size() - 1; a > axis; --a) stride *= static_cast<std::size_t>(extent[a]);
  const auto n = static_cast<std::size_t>(extent[axis]);
  const std::size_t x = site / stride % n;
  if (k % 2 == 0) {
    if (x + 1 < n) return site + stride;
    return boundary == Boundary::periodic ? site - x * stride : site;
  }
  if (x > 0) return site - stride;
  return boundary == Boundary::periodic ? site + (n - 1) * stride : site;
}

std::array<std::int64_t, 3> Box::coordinates(std::size_t site) const {
  std::array<std::int64_t, 3> x{};
  for (std::size_t a = extent.size(); a-- > 0;) {
    x[a] = static_cast<std::int64_t>(site % static_cast<std::size_t>(extent[a]));
    site /= static_cast<std::size_t>(extent[a]);
  }
  return x;
}

std::size_t Box::centre() const {
  std::size_t site = 0;
  for (const std::int64_t n : extent) site = site * static_cast<std::size_t>(n) + static_cast<std::size_t>(n / 2);
  return site;
}

std::string Model::state_name(State s) const { return s == 0 ? "0" : s <= species.size() ? species[s - 1] : "state " + std::to_string(s); }

State Model::state(const std::string& name) const {
  if (name == "0") return empty_state;
  for (std::size_t i = 0; i < species.size(); ++i)
    if (species[i] == name) return static_cast<State>(i + 1);
  throw ModelError(fmt::format("unknown species '{}'.{}\n  known: 0 (empty), {}", name, did_you_mean(name, species), join(species)));
}

const ContactRule* Model::contact(State a, State b) const {
  for (const ContactRule& rule : contacts)
    if ((rule.a == a && rule.b == b) || (rule.a == b && rule.b == a)) return &rule;
  return nullptr;
}

void Model::check() const {
  check_box(box);
  if (species.empty()) throw ModelError("a lattice model needs at least one species");
  if (species.size() > max_species) throw ModelError(fmt::format("{} species; a lattice model has at most {}", species.size(), max_species));
  std::set<std::string> seen;
  for (const std::string& name : species) {
    if (!is_identifier(name)) throw ModelError(fmt::format("'{}' is no name for a species: letters, digits and underscore, not beginning with a digit (0 is the empty site)", name));
    if (!seen.insert(name).second) throw ModelError(fmt::format("species '{}' is named twice", name));
  }
  if (!hop.empty() && hop.size() != species.size()) throw ModelError(fmt::format("{} hop rates for {} species", hop.size(), species.size()));

  bool moves = false, reacts = false;
  for (std::size_t i = 0; i < hop.size(); ++i) {
    check_rate(hop[i], "hop of " + species[i], "");
    moves = moves || hop[i] > 0;
  }
  const bool bosonic = occupation == Occupation::bosonic;
  if (bosonic && !(sites.empty() && pairs.empty() && exchanges.empty()))
    throw ModelError("site rules, pair rules and exchanges belong to exclusion; with bosonic occupation particles hop and react on one site");
  if (!bosonic && !reactions.empty())
    throw ModelError(fmt::format("{}'{}' is a reaction among the particles of one site; with exclusion a site holds at most one. Use a rule on neighbours, or occupation = bosonic",
                                 place(reactions[0]), to_text(*this, reactions[0])));
  for (const SiteRule& rule : sites) {
    check_state(*this, rule.from, rule.text);
    check_state(*this, rule.to, rule.text);
    check_rate(rule.rate, to_text(*this, rule), rule.where);
    if (rule.from == rule.to) throw ModelError(fmt::format("{}the rule '{}' changes nothing", place(rule), to_text(*this, rule)));
    reacts = reacts || rule.rate > 0;
  }
  for (const PairRule& rule : pairs) {
    for (const State s : {rule.from[0], rule.from[1], rule.to[0], rule.to[1]}) check_state(*this, s, rule.text);
    check_rate(rule.rate, to_text(*this, rule), rule.where);
    if (rule.from == rule.to) throw ModelError(fmt::format("{}the rule '{}' changes nothing", place(rule), to_text(*this, rule)));
    reacts = reacts || rule.rate > 0;
    if (contact(rule.from[0], rule.from[1]) != nullptr && rule.from[0] != 0 && rule.from[1] != 0 && rule.rate > 0)
      throw ModelError(fmt::format("{}'{}' has the finite rate {}, but {} and {} react on contact, instantaneously: one or the other", place(rule), to_text(*this, rule), brief(rule.rate),
                                   state_name(rule.from[0]), state_name(rule.from[1])));
  }
  for (const Exchange& rule : exchanges) {
    check_state(*this, rule.a, rule.text);
    check_state(*this, rule.b, rule.text);
    check_rate(rule.rate, to_text(*this, rule), rule.where);
    if (rule.a == rule.b || rule.a == 0 || rule.b == 0)
      throw ModelError(fmt::format("{}exchange '{}' needs two unlike species; a particle and an empty site exchange by the hop rate", place(rule), to_text(*this, rule)));
    moves = moves || rule.rate > 0;
  }
  for (const ContactRule& rule : contacts) {
    check_state(*this, rule.a, rule.text);
    check_state(*this, rule.b, rule.text);
    check_state(*this, rule.product, rule.text);
    if (rule.a == 0 || rule.b == 0) throw ModelError(fmt::format("{}contact '{}' needs two particles; nothing reacts with an empty site at once", place(rule), to_text(*this, rule)));
    if (contact(rule.a, rule.b) != &rule) throw ModelError(fmt::format("{}contact of {} and {} is given twice", place(rule), state_name(rule.a), state_name(rule.b)));
    if (hop_rate(rule.a) <= 0 && hop_rate(rule.b) <= 0)
      throw ModelError(fmt::format("{}'{}' happens on contact, but neither {} nor {} hops (D = 0): it would never happen", place(rule), to_text(*this, rule), state_name(rule.a), state_name(rule.b)));
  }
  for (const SiteReaction& rule : reactions) {
    if (rule.reactants.size() != species.size() || rule.products.size() != species.size())
      throw ModelError(fmt::format("{}a reaction needs one count per species ({}), not {} and {}", place(rule), species.size(), rule.reactants.size(), rule.products.size()));
    for (std::size_t i = 0; i < species.size(); ++i)
      if (rule.reactants[i] < 0 || rule.products[i] < 0) throw ModelError(fmt::format("{}a reaction has a negative count of {}", place(rule), species[i]));
    check_rate(rule.rate, to_text(*this, rule), rule.where);
    if (rule.reactants == rule.products) throw ModelError(fmt::format("{}the reaction '{}' changes nothing", place(rule), to_text(*this, rule)));
    reacts = reacts || rule.rate > 0;
    std::vector<State> pair;
    for (std::size_t i = 0; i < species.size(); ++i)
      for (int k = 0; k < rule.reactants[i]; ++k) pair.push_back(static_cast<State>(i + 1));
    if (pair.size() == 2 && rule.rate > 0 && contact(pair[0], pair[1]) != nullptr)
      throw ModelError(fmt::format("{}'{}' has the finite rate {}, but {} and {} react on contact, instantaneously: one or the other", place(rule), to_text(*this, rule), brief(rule.rate),
                                   state_name(pair[0]), state_name(pair[1])));
  }
  if (!reacts && !moves) throw ModelError("every rate is zero: nothing would ever happen. Give at least one rule, hop or exchange a rate above 0");
  check_initial(*this);

  for (const std::string& text : conserves) {
    const Conserved law = conserved(*this, text);
    for (const SiteRule& r : sites) keeps(*this, law, r, counts(*this, {r.from}), counts(*this, {r.to}));
    for (const PairRule& r : pairs) keeps(*this, law, r, counts(*this, {r.from[0], r.from[1]}), counts(*this, {r.to[0], r.to[1]}));
    for (const ContactRule& r : contacts) keeps(*this, law, r, counts(*this, {r.a, r.b}), counts(*this, {r.product}));
    for (const SiteReaction& r : reactions) keeps(*this, law, r, r.reactants, r.products);
  }
}

std::string to_text(const Model& model, const SiteRule& rule) {
  return !rule.text.empty() ? rule.text : model.state_name(rule.from) + " -> " + model.state_name(rule.to);
}
std::string to_text(const Model& model, const PairRule& rule) { return !rule.text.empty() ? rule.text : side(model, rule.from) + " -> " + side(model, rule.to); }
std::string to_text(const Model& model, const Exchange& rule) {
  return !rule.text.empty() ? rule.text : fmt::format("{0} + {1} -> {1} + {0}", model.state_name(rule.a), model.state_name(rule.b));
}
std::string to_text(const Model& model, const ContactRule& rule) {
  return !rule.text.empty() ? rule.text : fmt::format("{} + {} -> {}", model.state_name(rule.a), model.state_name(rule.b), model.state_name(rule.product));
}
std::string to_text(const Model& model, const SiteReaction& rule) {
  return !rule.text.empty() ? rule.text : side(model, std::span<const int>(rule.reactants)) + " -> " + side(model, std::span<const int>(rule.products));
}

Conserved conserved(const Model& model, const std::string& text) {
  const auto fail = [&](const std::string& why) {
    return ModelError(fmt::format("conserves = \"{}\": {}. Write a sum of species such as \"A - B\", \"2A + B\" or \"A mod 2\"", text, why));
  };
  Conserved law{text, std::vector<int>(model.species.size(), 0), 0};
  std::string body = text;
  if (const std::size_t at = text.find(" mod "); at != std::string::npos) {
    double m = 0;
    if (!parse_number(trim(std::string_view(text).substr(at + 5)), m) || m != std::floor(m) || m < 2 || m > 1e6) throw fail("the modulus must be a whole number from 2 on");
    law.modulus = static_cast<int>(m);
    body = text.substr(0, at);
  }
  std::size_t i = 0;
  bool first = true, any = false;
  const auto skip = [&] { while (i < body.size() && std::isspace(static_cast<unsigned char>(body[i]))) ++i; };
  for (skip(); i < body.size(); skip()) {
    int sign = 1;
    if (body[i] == '+' || body[i] == '-') sign = body[i++] == '-' ? -1 : 1, skip();
    else if (!first) throw fail(fmt::format("'{}' stands where + or - should", body[i]));
    first = false;
    std::size_t digits = i;
    while (i < body.size() && std::isdigit(static_cast<unsigned char>(body[i]))) ++i;
    const int factor = i > digits ? std::stoi(body.substr(digits, std::min<std::size_t>(i - digits, 8))) : 1;
    skip();
    std::size_t begin = i;
    while (i < body.size() && (std::isalnum(static_cast<unsigned char>(body[i])) || body[i] == '_')) ++i;
    const std::string name = body.substr(begin, i - begin);
    if (name.empty()) throw fail("a species is missing");
    const auto found = std::find(model.species.begin(), model.species.end(), name);
    if (found == model.species.end()) throw ModelError(fmt::format("conserves = \"{}\": unknown species '{}'.{}\n  known: {}", text, name, did_you_mean(name, model.species), join(model.species)));
    law.coefficient[static_cast<std::size_t>(found - model.species.begin())] += sign * factor;
    any = true;
  }
  if (!any) throw fail("no species is named");
  return law;
}

int change(const Conserved& law, std::span<const int> lost, std::span<const int> gained) {
  int d = 0;
  for (std::size_t i = 0; i < law.coefficient.size(); ++i) d += law.coefficient[i] * (gained[i] - lost[i]);
  return d;
}

std::vector<double> initial_density(const Model& model) {
  const Initial& initial = model.initial;
  const auto sites = static_cast<double>(model.box.sites());
  std::vector<double> density(model.species.size(), 0.0);
  switch (initial.kind) {
    case Initial::Kind::product:
    case Initial::Kind::poisson: return initial.density;
    case Initial::Kind::count:
      for (std::size_t i = 0; i < density.size(); ++i) density[i] = std::round(initial.density[i] * sites) / sites;
      return density;
    case Initial::Kind::full: density[initial.species - 1] = 1; return density;
    case Initial::Kind::seed:
      density[initial.species - 1] = 1 / sites;
      if (initial.background > 0) density[initial.background - 1] = 1 - 1 / sites;
      return density;
  }
  return density;
}

std::vector<PairRule> all_pair_rules(const Model& model) {
  std::vector<PairRule> rules;
  for (const PairRule& rule : model.pairs)
    if (rule.rate > 0) rules.push_back(rule);
  for (State s = 1; s < model.states(); ++s)
    if (model.hop_rate(s) > 0) rules.push_back({{s, empty_state}, {empty_state, s}, model.hop_rate(s), {}, {}});
  for (const Exchange& rule : model.exchanges)
    if (rule.rate > 0) rules.push_back({{rule.a, rule.b}, {rule.b, rule.a}, rule.rate, rule.text, rule.where});
  for (const ContactRule& rule : model.contacts) {
    const double a = model.hop_rate(rule.a), b = model.hop_rate(rule.b);
    if (rule.a == rule.b) {
      rules.push_back({{rule.a, rule.b}, {empty_state, rule.product}, 2 * a, rule.text, rule.where});
      continue;
    }
    if (a > 0) rules.push_back({{rule.a, rule.b}, {empty_state, rule.product}, a, rule.text, rule.where});
    if (b > 0) rules.push_back({{rule.a, rule.b}, {rule.product, empty_state}, b, rule.text, rule.where});
  }
  return rules;
}

}  // namespace meso::lattice

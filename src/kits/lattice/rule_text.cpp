#include "kits/lattice/rule_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "num/formula.h"

namespace meso::lattice {
namespace {

class Reader {
 public:
  Reader(Model& model, const std::map<std::string, double>& names) : model_(model), names_(names) {}

  void rule(const std::string& text, const std::string& where) {
    text_ = std::string(trim(text));
    where_ = where;
    const std::size_t comma = text_.rfind(',');
    if (comma == std::string::npos) fail("has no rate: write ', <rate>' behind it (a number, a name, a formula, or instant)");
    const std::string body(trim(std::string_view(text_).substr(0, comma))), rate(trim(std::string_view(text_).substr(comma + 1)));
    if (body.starts_with("hop ")) return hop(split_words(body.substr(4)), rate);
    if (body.starts_with("exchange ")) return exchange(split_words(body.substr(9)), rate);
    if (body.find("<->") != std::string::npos) fail("has two directions; write two rules, each with its own rate");
    const std::size_t arrow = body.find("->");
    if (arrow == std::string::npos) fail("has no '->'; a rule is 'A + 0 -> A + A, rate', 'hop A, rate' or 'exchange A B, rate'");
    const std::vector<State> from = side(body.substr(0, arrow)), to = side(body.substr(arrow + 2));
    if (rate == "instant") return contact(from, to);
    const double k = number(rate);
    if (model_.occupation == Occupation::bosonic) {
      SiteReaction r{std::vector<int>(model_.species.size()), std::vector<int>(model_.species.size()), k, text_, where_};
      for (const State s : from)
        if (s > 0) ++r.reactants[s - 1u];
      for (const State s : to)
        if (s > 0) ++r.products[s - 1u];
      model_.reactions.push_back(std::move(r));
      return;
    }
    if (from.size() != to.size())
      fail(fmt::format("names {} on the left and {} on the right; with exclusion both sides name the same sites in order. Write 0 for an empty one, as in 'A + B -> A + 0'",
                       sites_text(from.size()), sites_text(to.size())));
    if (from.size() == 1) model_.sites.push_back({from[0], to[0], k, text_, where_});
    else if (from.size() == 2) model_.pairs.push_back({{from[0], from[1]}, {to[0], to[1]}, k, text_, where_});
    else fail(fmt::format("names {}; a rule is about one site or about two neighbours", sites_text(from.size())));
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw ModelError(fmt::format("{}rule '{}' {}", where_.empty() ? "" : where_ + ": ", text_, what)); }
  static std::string sites_text(std::size_t n) { return fmt::format("{} site{}", n, n == 1 ? "" : "s"); }

  static std::vector<std::string> split_words(const std::string& text) {
    std::vector<std::string> words;
    for (const std::string& word : split(text, ' '))
      if (!word.empty() && word != "+") words.push_back(word);
    return words;
  }

  State state(const std::string& name) const {
    if (name == "0") return empty_state;
    const auto found = std::find(model_.species.begin(), model_.species.end(), name);
    if (found == model_.species.end())
      fail(fmt::format("names '{}', which is no species.{} Known: {}; 0 is the empty site", name, did_you_mean(name, model_.species), join(model_.species)));
    return static_cast<State>(found - model_.species.begin() + 1);
  }

  // "2A + B" as states, one per particle; 0 stands for an empty site.
  std::vector<State> side(const std::string& text) const {
    std::vector<State> states;
    for (const std::string& term : split(text, '+')) {
      std::size_t digits = 0;
      while (digits < term.size() && std::isdigit(static_cast<unsigned char>(term[digits])) != 0) ++digits;
      if (digits == term.size() && term == "0") {
        states.push_back(empty_state);
        continue;
      }
      const std::string name(trim(std::string_view(term).substr(digits)));
      if (name.empty() || digits > 2) fail(fmt::format("has the term '{}'; a term is a species, a number and a species ('2A'), or 0", term));
      const int count = digits > 0 ? std::stoi(term.substr(0, digits)) : 1;
      for (int i = 0; i < count; ++i) states.push_back(state(name));
    }
    if (states.empty()) fail("has nothing on one side of the arrow; write 0 for an empty site");
    return states;
  }

  void contact(const std::vector<State>& from, const std::vector<State>& to) const {
    std::vector<State> left;
    for (const State s : to)
      if (s > 0) left.push_back(s);
    if (from.size() != 2 || from[0] == 0 || from[1] == 0) fail("is instant; that is possible for two particles that meet, as in 'A + B -> 0 + 0, instant'");
    if (left.size() > 1) fail(fmt::format("is instant and leaves {} particles; the site on which two meet holds at most one afterwards", left.size()));
    model_.contacts.push_back({from[0], from[1], left.empty() ? empty_state : left[0], text_, where_});
  }

  void hop(const std::vector<std::string>& words, const std::string& rate) const {
    if (words.size() != 1) fail("names no single species; write 'hop A, D'");
    const State s = state(words[0]);
    if (s == 0) fail("lets an empty site hop; a hop is a particle's");
    if (model_.hop.empty()) model_.hop.assign(model_.species.size(), 0.0);
    if (!hopping_.insert(s).second) fail(fmt::format("gives {} a second hop rate", words[0]));
    const double D = number(rate);
    if (!(D >= 0)) fail(fmt::format("has the rate {}; a rate is at least 0", brief(D)));
    model_.hop[s - 1u] = D;
  }
  void exchange(const std::vector<std::string>& words, const std::string& rate) const {
    if (words.size() != 2) fail("names no two species; write 'exchange A B, eps'");
    model_.exchanges.push_back({state(words[0]), state(words[1]), number(rate), text_, where_});
  }

  double number(const std::string& text) const {
    try {
      const num::Formula formula = num::Formula::parse(text);
      std::vector<std::string> known;
      for (const auto& [name, value] : names_) known.push_back(name);
      for (const std::string& name : formula.variables())
        if (!names_.contains(name)) fail(fmt::format("has a rate with the unknown name '{}'.{} Known: {}", name, did_you_mean(name, known), join(known)));
      double value = 0;
      if (!formula.substitute(names_).is_constant(&value) || !std::isfinite(value)) fail(fmt::format("has the rate '{}', which is {}", text, brief(value)));
      return value;
    } catch (const ModelError& error) {
      const std::string said = error.what();
      if (said.find("rule '") != std::string::npos) throw;
      fail("has a rate that does not read: " + said);
    }
  }

  Model& model_;
  const std::map<std::string, double>& names_;
  mutable std::set<State> hopping_;
  std::string text_, where_;
};

bool one_length(const LatticeSpec& spec) {
  return std::all_of(spec.size.begin(), spec.size.end(), [&](std::int64_t n) { return n == spec.size.front(); });
}

}  // namespace

void LatticeSpec::check() const { (void)bind({}); }

std::vector<ParameterInfo> LatticeSpec::parameters() const {
  std::vector<ParameterInfo> infos;
  const auto claim = [&](const std::string& name, const std::string& what) {
    for (const ParameterInfo& p : infos)
      if (p.name == name) throw ModelError(fmt::format("{} is called '{}', which is {} already; choose another name", what, name, p.doc));
  };
  if (!size.empty() && one_length(*this))
    infos.push_back({.name = "L", .unit = "sites", .doc = "the length of the box in every direction", .type = ParameterInfo::Type::integer, .fallback = Value(size.front()), .min = 1, .max = 1e9});
  if (initial_text.empty())
    for (const std::string& s : species) {
      const auto found = initial.find(s);
      claim(s + "0", "the initial density of " + s);
      infos.push_back({.name = s + "0", .unit = "1/site", .doc = "the initial density of " + s, .fallback = Value(found == initial.end() ? 0.0 : found->second), .min = 0});
    }
  for (const auto& [name, value] : constants) {
    if (!is_identifier(name)) throw ModelError(fmt::format("constant '{}': a name is one word of letters, digits and '_' that does not begin with a digit", name));
    if (name == "z" || name == "d") throw ModelError(fmt::format("a constant is called '{}', which is the {} already; choose another name", name, name == "z" ? "number of neighbours 2 d" : "dimension"));
    claim(name, "a constant");
    infos.push_back({.name = name, .unit = "1", .doc = "a constant of the rules", .fallback = Value(value)});
  }
  return infos;
}

Model LatticeSpec::bind(const std::map<std::string, double>& values) const {
  if (size.empty() || size.size() > 3) throw ModelError(fmt::format("the box has {} lengths; a lattice has 1 to 3 dimensions", size.size()));
  std::map<std::string, double> given;
  for (const ParameterInfo& p : parameters()) given[p.name] = as_number(p.fallback);
  for (const auto& [name, value] : values) given[name] = value;
  Model model;
  model.species = species;
  model.box.extent = size;
  if (one_length(*this)) std::fill(model.box.extent.begin(), model.box.extent.end(), static_cast<std::int64_t>(given.at("L")));
  model.box.boundary = boundary;
  model.occupation = occupation;
  model.conserves = conserves;

  std::map<std::string, double> names;
  for (const auto& [name, value] : constants) names[name] = given.at(name);
  if (one_length(*this)) names["L"] = given.at("L");
  names["d"] = static_cast<double>(size.size());
  names["z"] = 2 * static_cast<double>(size.size());
  if (rules.empty()) throw ModelError("the lattice has no rules: give at least one, such as 'A -> 0, 1' or 'hop A, 1'");
  Reader reader(model, names);
  for (std::size_t i = 0; i < rules.size(); ++i) reader.rule(rules[i], i < where.size() ? where[i] : "");

  const bool bosonic = occupation == Occupation::bosonic;
  for (const auto& [name, value] : initial)
    if (std::find(species.begin(), species.end(), name) == species.end())
      throw ModelError(fmt::format("initial: '{}' is no species.{} Known: {}", name, did_you_mean(name, species), join(species)));
  if (initial_text.empty()) {
    model.initial.kind = exact_count ? Initial::Kind::count : bosonic ? Initial::Kind::poisson : Initial::Kind::product;
    for (const std::string& s : species) model.initial.density.push_back(given.at(s + "0"));
  } else {
    const std::vector<std::string> words = split(initial_text, ' ');
    const bool full = words.size() == 2 && words[0] == "full", seed = (words.size() == 2 || (words.size() == 4 && words[2] == "in")) && words[0] == "seed";
    if (!full && !seed) throw ModelError(fmt::format("initial = \"{}\" does not read; it is a table of densities, \"full A\", \"seed A\" or \"seed A in B\"", initial_text));
    model.initial.kind = full ? Initial::Kind::full : Initial::Kind::seed;
    model.initial.species = model.state(words[1]);
    if (words.size() == 4) model.initial.background = model.state(words[3]);
  }
  model.check();
  return model;
}

}  // namespace meso::lattice

#include "kits/graph/compartments.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "num/formula.h"

namespace meso::graph {

State Compartments::state(const std::string& name) const {
  for (std::size_t c = 0; c < names.size(); ++c)
    if (names[c] == name) return static_cast<State>(c);
  throw ModelError(fmt::format("unknown compartment '{}'.{} known: {}", name, did_you_mean(name, names), join(names)));
}

Compartments sir(double beta, double gamma) { return {{"S", "I", "R"}, {{1, 2, gamma}}, {{0, 1, 1, 1, beta}}}; }
Compartments sis(double beta, double gamma) { return {{"S", "I"}, {{1, 0, gamma}}, {{0, 1, 1, 1, beta}}}; }
Compartments seir(double beta, double sigma, double gamma) { return {{"S", "E", "I", "R"}, {{1, 2, sigma}, {2, 3, gamma}}, {{0, 2, 1, 2, beta}}}; }

Compartments read_compartments(const std::vector<std::string>& names, const std::vector<std::string>& transitions,
                               const std::map<std::string, double>& constants, const std::vector<std::string>& where) {
  Compartments model;
  model.names = names;
  if (names.size() < 2) throw ModelError("a compartment model needs at least two compartments");
  if (names.size() > 16) throw ModelError(fmt::format("{} compartments; at most 16 are possible", names.size()));
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!is_identifier(name)) throw ModelError(fmt::format("'{}' is no name of a compartment: letters, digits and _, not beginning with a digit", name));
    if (!seen.insert(name).second) throw ModelError(fmt::format("compartment '{}' is there twice", name));
  }
  std::vector<std::string> known;
  for (const auto& [name, value] : constants) known.push_back(name);
  for (std::size_t i = 0; i < transitions.size(); ++i) {
    const std::string& text = transitions[i];
    const std::string place = i < where.size() ? where[i] + ": " : "";
    const auto fail = [&](const std::string& why) { throw ModelError(fmt::format("{}transition \"{}\": {}", place, text, why)); };
    const std::size_t arrow = text.find("->"), comma = text.find(',');
    if (arrow == std::string::npos || comma == std::string::npos || comma < arrow)
      fail("expected \"I -> R, rate\" or \"S + I -> I + I, rate\"");
    const std::vector<std::string> left = split(std::string_view(text).substr(0, arrow), '+'), right = split(std::string_view(text).substr(arrow + 2, comma - arrow - 2), '+');
    if (left.empty() || left.size() > 2) fail(fmt::format("{} nodes on the left; one (spontaneous) or two (an edge) are possible", left.size()));
    if (left.size() != right.size()) fail(fmt::format("{} node{} on the left, {} on the right: nodes neither appear nor vanish", left.size(), left.size() == 1 ? "" : "s", right.size()));
    const auto state = [&](const std::string& name) {
      try {
        return model.state(name);
      } catch (const ModelError& error) {
        fail(error.what());
      }
      return State{0};
    };
    double rate = 0;
    try {
      num::Formula formula = num::Formula::parse(std::string_view(text).substr(comma + 1));
      for (const std::string& name : formula.variables())
        if (!constants.contains(name)) throw ModelError(fmt::format("unknown constant '{}' in the rate.{} known: {}", name, did_you_mean(name, known), known.empty() ? "none" : join(known)));
      if (!formula.substitute(constants).is_constant(&rate)) throw ModelError("the rate is not a number");
    } catch (const ModelError& error) {
      fail(error.what());
    }
    if (!(rate >= 0) || !std::isfinite(rate)) fail(fmt::format("the rate is {}; it must be finite and not negative", brief(rate)));
    if (left.size() == 1) {
      const Spontaneous s{state(left[0]), state(right[0]), rate};
      if (s.from == s.to) fail("nothing changes");
      if (rate > 0) model.spontaneous.push_back(s);
    } else {
      Contact c{state(left[0]), state(left[1]), state(right[0]), state(right[1]), rate};
      if (c.a == c.to_a && c.b == c.to_b) fail("nothing changes");
      if (c.a == c.to_a) std::swap(c.a, c.b), std::swap(c.to_a, c.to_b);
      if (rate > 0) model.contacts.push_back(c);
    }
  }
  return model;
}

std::optional<SingleInfection> single_infection(const Compartments& model) {
  const std::size_t K = model.size();
  if (model.contacts.empty()) return std::nullopt;
  SingleInfection s;
  s.susceptible = model.contacts.front().a;
  s.infectivity.assign(K, 0), s.entry.assign(K, 0), s.exit.assign(K, 0), s.next.resize(K);
  for (const Contact& c : model.contacts) {
    if (c.a != s.susceptible || c.b != c.to_b || c.b == s.susceptible || c.to_a == s.susceptible || s.infectivity[c.b] > 0) return std::nullopt;
    s.infectivity[c.b] = c.rate, s.entry[c.b] = c.to_a;
  }
  for (const Spontaneous& t : model.spontaneous) {
    if (t.from == s.susceptible || t.to == s.susceptible) return std::nullopt;
    s.exit[t.from] += t.rate;
    s.next[t.from].push_back(t);
  }
  std::vector<int> colour(K, 0);  // a course must end: no cycles of spontaneous transitions
  const auto acyclic = [&](auto&& self, std::size_t c) -> bool {
    if (colour[c] == 1) return false;
    if (colour[c] == 2) return true;
    colour[c] = 1;
    for (const Spontaneous& t : s.next[c])
      if (!self(self, t.to)) return false;
    colour[c] = 2;
    return true;
  };
  for (std::size_t c = 0; c < K; ++c)
    if (!acyclic(acyclic, c)) return std::nullopt;
  return s;
}

}  // namespace meso::graph

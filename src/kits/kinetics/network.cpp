#include "kits/kinetics/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/condition.h"
#include "kits/kinetics/open_constants.h"
#include "kits/kinetics/passage.h"

namespace meso::kinetics {
namespace {

constexpr double most_law_work = 1e10;  // of the elimination for conservation laws: some ten seconds
constexpr double largest_count = 9007199254740992.0;  // 2^53: counts are held as doubles and must stay whole

// ---------------------------------------------------------------------------------------------------- reaction text

struct ParsedReaction {
  std::string text, where;
  std::map<std::size_t, int> reactants, products;
  std::map<std::size_t, Formula> bursts;  // species -> mean
  Formula rate = Formula::constant(0);
  bool is_law = false;
  std::optional<DelayText> delay;
};

/// A spec with its names at hand.
struct Reader {
  const NetworkSpec& spec;
  std::unordered_map<std::string_view, std::size_t> species;
  explicit Reader(const NetworkSpec& of) : spec(of) {
    for (std::size_t s = 0; s < of.species.size(); ++s) species.emplace(of.species[s], s);
  }
  /// @returns its index, or the number of species if there is none of that name
  [[nodiscard]] std::size_t find(std::string_view name) const {
    const auto found = species.find(name);
    return found == species.end() ? spec.species.size() : found->second;
  }
  [[nodiscard]] bool is_constant(const std::string& name) const { return name == "volume" || spec.constants.contains(name); }
};

/// "my.toml:7: reaction '2X -> Y, k'" or "reaction 3 '2X -> Y, k'".
std::string label_of(const NetworkSpec& spec, std::size_t i) {
  const std::string where = i < spec.where.size() ? spec.where[i] : "";
  return where.empty() ? fmt::format("reaction {} '{}'", i + 1, spec.reactions[i]) : fmt::format("{}: reaction '{}'", where, spec.reactions[i]);
}

/// Position of the first `wanted` outside parentheses, from `from` on.
std::size_t find_outside(std::string_view text, char wanted, std::size_t from = 0) {
  int depth = 0;
  for (std::size_t i = from; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    else if (text[i] == ')') --depth;
    else if (text[i] == wanted && depth == 0) return i;
  }
  return std::string_view::npos;
}

/// A formula of constants and `volume` only, or with `law` of species and t too. @throws ModelError names the place
Formula parse_formula(const Reader& in, std::string_view text, const std::string& label, bool law) {
  Formula formula = [&] {
    try {
      return Formula::parse(text);
    } catch (const ModelError& error) {
      throw ModelError(fmt::format("{}: {}", label, error.what()));
    }
  }();
  for (const std::string& name : formula.variables()) {
    if (in.is_constant(name)) continue;
    const bool known = name == "t" || in.find(name) < in.spec.species.size();
    if (known && law) continue;
    if (known) throw ModelError(fmt::format("{}: a mass-action constant cannot depend on '{}'; for a whole propensity write a leading '=': \"..., = {}\"", label, name, text));
    std::vector<std::string> names{"volume"};
    if (law) names.push_back("t");
    for (const auto& [constant, value] : in.spec.constants) names.push_back(constant);
    if (law) names.insert(names.end(), in.spec.species.begin(), in.spec.species.end());
    throw ModelError(fmt::format("{}: '{}' is neither a {}constant nor 'volume'.{}\n  known: {}", label, name, law ? "species, a " : "", did_you_mean(name, names), join(names)));
  }
  return formula;
}

/// "burst(b) P": a number of P that is drawn from a geometric law of mean b whenever the reaction fires.
void parse_burst(const Reader& in, std::string_view term, const std::string& label, const char* which, std::map<std::size_t, Formula>* bursts) {
  const auto open = term.find('(');
  int depth = 0;
  std::size_t close = open;
  for (; close < term.size(); ++close) {
    if (term[close] == '(') ++depth;
    if (term[close] == ')' && --depth == 0) break;
  }
  if (close >= term.size()) throw ModelError(fmt::format("{}: '{}' has no closing parenthesis; a burst is written 'burst(b) P', b the mean number", label, term));
  if (bursts == nullptr) throw ModelError(fmt::format("{}: '{}' stands on the {} side; a burst is a product of '->' (write the two directions as two reactions)", label, term, which));
  std::string_view name = trim(term.substr(close + 1));
  if (!name.empty() && name.front() == '*') name = trim(name.substr(1));
  const std::vector<std::string>& species = in.spec.species;
  const std::size_t found = in.find(name);
  if (found == species.size()) throw ModelError(fmt::format("{}: unknown species '{}' after burst(...).{}\n  species: {}", label, name, did_you_mean(std::string(name), species), join(species)));
  const std::string_view mean = trim(term.substr(open + 1, close - open - 1));
  if (mean.empty()) throw ModelError(fmt::format("{}: '{}' gives no mean; a burst is written 'burst(b) P', b the mean number", label, term));
  for (const std::string& variable : Formula::parse(mean).variables())
    if (variable == "t" || in.find(variable) < species.size())
      throw ModelError(fmt::format("{}: the mean of a burst cannot depend on '{}'; it is made of constants and 'volume'", label, variable));
  if (!bursts->emplace(found, parse_formula(in, mean, label, false)).second)
    throw ModelError(fmt::format("{}: two bursts of '{}' in one reaction; write one", label, name));
}

std::map<std::size_t, int> parse_side(const Reader& in, std::string_view side, const std::string& label, const char* which,
                                      std::map<std::size_t, Formula>* bursts = nullptr) {
  std::map<std::size_t, int> counts;
  if (trim(side).empty()) throw ModelError(fmt::format("{}: the {} side is empty; nothing is written 0", label, which));
  if (trim(side) == "0") return counts;
  std::vector<std::string> terms;
  for (std::size_t at = 0; at <= side.size();) {
    const std::size_t plus = std::min(find_outside(side, '+', at), side.size());
    terms.emplace_back(trim(side.substr(at, plus - at)));
    at = plus + 1;
  }
  for (const std::string& term : terms) {
    if (term.empty()) throw ModelError(fmt::format("{}: a term is missing beside a '+' on the {} side", label, which));
    if (term.starts_with("burst") && trim(std::string_view(term).substr(5)).starts_with('(')) {
      parse_burst(in, term, label, which, bursts);
      continue;
    }
    std::size_t digits = 0;
    while (digits < term.size() && ((term[digits] >= '0' && term[digits] <= '9') || term[digits] == '.')) ++digits;
    std::string_view name = trim(std::string_view(term).substr(digits));
    if (!name.empty() && name.front() == '*' && digits > 0) name = trim(name.substr(1));
    int count = 1;
    if (digits > 0) {
      double number = 0;
      if (!parse_number(term.substr(0, digits), number) || number != std::floor(number) || number < 1 || number > 1000)
        throw ModelError(fmt::format("{}: '{}' in '{}' is not a whole number of molecules from 1 to 1000", label, term.substr(0, digits), term));
      count = static_cast<int>(number);
    }
    if (name.empty()) throw ModelError(fmt::format("{}: '{}' names no species (nothing is written 0, alone on its side)", label, term));
    if (!is_identifier(name)) throw ModelError(fmt::format("{}: '{}' is not a term like 'X' or '2X'", label, term));
    const std::vector<std::string>& species = in.spec.species;
    const std::size_t found = in.find(name);
    if (found == species.size()) throw ModelError(fmt::format("{}: unknown species '{}'.{}\n  species: {}", label, name, did_you_mean(name, species), join(species)));
    counts[found] += count;
  }
  return counts;
}

ParsedReaction parse_rate(const Reader& in, std::string_view text, const std::string& label) {
  ParsedReaction result;
  try {
    result.delay = cut_delay(text);
  } catch (const ModelError& error) {
    throw ModelError(fmt::format("{}: {}", label, error.what()));
  }
  if (result.delay)
    for (const Formula& argument : result.delay->law.arguments)
      for (const std::string& name : argument.variables()) {
        if (in.is_constant(name)) continue;
        std::vector<std::string> known{"volume"};
        for (const auto& [constant, value] : in.spec.constants) known.push_back(constant);
        throw ModelError(fmt::format("{}: the delay depends on '{}', which is no constant.{}\n  known: {}", label, name, did_you_mean(name, known), join(known)));
      }
  text = trim(text);
  if (!text.empty() && text.front() == '=') {
    result.is_law = true;
    text = trim(text.substr(1));
  }
  if (text.empty()) throw ModelError(fmt::format("{}: the rate is empty; write a number, a name or an expression", label));
  result.rate = parse_formula(in, text, label, result.is_law);
  return result;
}

void parse_reaction(const Reader& in, std::size_t i, std::vector<ParsedReaction>& out) {
  const NetworkSpec& spec = in.spec;
  const std::string label = label_of(spec, i);
  const std::string_view text = spec.reactions[i];
  const auto comma = find_outside(text, ',');
  if (comma == std::string_view::npos && text.find(',') != std::string_view::npos)
    throw ModelError(fmt::format("{}: a parenthesis is not closed; a burst is written 'burst(b) P', b the mean number", label));
  if (comma == std::string_view::npos) throw ModelError(fmt::format("{}: no rate; write 'A -> B, k' or 'A <-> B, k1; k2'", label));
  const std::string_view equation = text.substr(0, comma), rates = text.substr(comma + 1);

  bool both = true;
  auto arrow = equation.find("<->");
  std::size_t width = 3;
  if (arrow == std::string_view::npos) {
    both = false;
    arrow = equation.find("->");
    width = 2;
  }
  if (arrow == std::string_view::npos) {
    const bool other = equation.find("=>") != std::string_view::npos || equation.find('<') != std::string_view::npos;
    throw ModelError(fmt::format("{}: no '->' or '<->' before the first comma{}", label, other ? "; other arrows are not read" : ""));
  }
  const std::string_view left = equation.substr(0, arrow), right = equation.substr(arrow + width);
  if (right.find("->") != std::string_view::npos) throw ModelError(fmt::format("{}: more than one arrow; write one reaction a line", label));

  const std::vector<std::string> parts = split(rates, ';');
  const std::size_t wanted = both ? 2 : 1;
  if (parts.size() != wanted)
    throw ModelError(fmt::format("{}: {} rate{} given, '{}' takes {}", label, parts.size(), parts.size() == 1 ? "" : "s", both ? "<->" : "->",
                                 both ? "two, 'forward; backward'" : "one"));
  std::map<std::size_t, Formula> bursts;
  const auto reactants = parse_side(in, left, label, "left"), products = parse_side(in, right, label, "right", both ? nullptr : &bursts);
  for (std::size_t direction = 0; direction < wanted; ++direction) {
    ParsedReaction reaction = parse_rate(in, parts[direction], label);
    reaction.reactants = direction == 0 ? reactants : products;
    reaction.products = direction == 0 ? products : reactants;
    reaction.bursts = bursts;
    reaction.text = spec.reactions[i];
    if (both) reaction.text += direction == 0 ? " (forward)" : " (backward)";
    reaction.where = i < spec.where.size() ? spec.where[i] : "";
    out.push_back(std::move(reaction));
  }
}

void check_names(const NetworkSpec& spec) {
  if (spec.species.empty()) throw ModelError("the network has no species");
  if (spec.reactions.empty()) throw ModelError("the network has no reactions");
  const auto reserved = [](const std::string& name) { return name == "t" || name == "volume" || name == "combinatoric"; };
  std::set<std::string> seen;
  for (const std::string& name : spec.species) {
    if (!is_identifier(name)) throw ModelError(fmt::format("species '{}': a name is one word of letters, digits and '_' that does not begin with a digit", name));
    if (reserved(name)) throw ModelError(fmt::format("species '{}': this name has its own meaning (t is time, volume the system size); choose another", name));
    if (!seen.insert(name).second) throw ModelError(fmt::format("species '{}' is listed twice", name));
  }
  std::map<std::string, std::string> parameters;
  for (const std::string& name : spec.species) parameters.emplace(name + (spec.initial_concentration.contains(name) ? "0_per_volume" : "0"), name);
  for (const auto& [name, value] : spec.constants) {
    if (!is_identifier(name)) throw ModelError(fmt::format("constant '{}': a name is one word of letters, digits and '_' that does not begin with a digit", name));
    if (reserved(name)) throw ModelError(fmt::format("constant '{}': this name has its own meaning (t is time, volume the system size); choose another", name));
    if (seen.contains(name)) throw ModelError(fmt::format("'{}' is both a species and a constant; rename one of them", name));
    if (const auto clash = parameters.find(name); clash != parameters.end())
      throw ModelError(fmt::format("constant '{}' has the name of the parameter that holds the initial amount of '{}'; rename it", name, clash->second));
  }
  for (const auto* table : {&spec.initial, &spec.initial_concentration})
    for (const auto& [name, value] : *table)
      if (!seen.contains(name))
        throw ModelError(fmt::format("{}: unknown species '{}'.{}\n  species: {}", table == &spec.initial ? "initial" : "initial-concentration", name,
                                     did_you_mean(name, spec.species), join(spec.species)));
  for (const auto& [name, law] : spec.initial_law) {
    if (!seen.contains(name)) throw ModelError(fmt::format("initial-law: unknown species '{}'.{}\n  species: {}", name, did_you_mean(name, spec.species), join(spec.species)));
    if (law.find("mixture") != std::string::npos && (spec.initial.contains(name) || spec.initial_concentration.contains(name)))
      throw ModelError(fmt::format("initial-law: a mixture has its own mean; take '{}' out of initial", name));
  }
  for (const auto& [name, value] : spec.initial)
    if (spec.initial_concentration.contains(name)) throw ModelError(fmt::format("'{}' has an initial count and an initial concentration; give one of them", name));
}

std::vector<ParsedReaction> parse(const NetworkSpec& spec) {
  check_names(spec);
  const Reader in(spec);
  std::vector<ParsedReaction> reactions;
  for (std::size_t i = 0; i < spec.reactions.size(); ++i) parse_reaction(in, i, reactions);
  return reactions;
}

std::string values_text(const Formula& formula, const std::map<std::string, double>& values) {
  std::vector<std::string> parts;
  for (const std::string& name : formula.variables())
    if (const auto found = values.find(name); found != values.end()) parts.push_back(fmt::format("{} = {}", name, exact(found->second)));
  return parts.empty() ? "" : fmt::format(" with {}", join(parts));
}

// ------------------------------------------------------------------------------------------------ conservation laws

using Row = std::vector<std::int64_t>;

void divide_by_gcd(Row& row) {
  std::int64_t g = 0;
  for (const std::int64_t v : row) g = std::gcd(g, v);
  if (g > 1)
    for (std::int64_t& v : row) v /= g;
}

/// a x - b y, divided by the greatest common divisor: fraction-free elimination. @throws NumericalBreakdown beyond 62 bits
Row combine(const Row& x, std::int64_t a, const Row& y, std::int64_t b) {
  const std::int64_t g = std::gcd(a, b);
  a /= g;
  b /= g;
  Row result(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto v = static_cast<__int128>(a) * x[i] - static_cast<__int128>(b) * y[i];
    if (v > (std::int64_t{1} << 62) || v < -(std::int64_t{1} << 62)) throw NumericalBreakdown("conservation laws: integers beyond 62 bits in the elimination of the stoichiometry");
    result[i] = static_cast<std::int64_t>(v);
  }
  divide_by_gcd(result);
  return result;
}

/// Rows in echelon form over their first `columns` entries; what stands behind is carried along.
class Echelon {
 public:
  explicit Echelon(std::size_t columns) : columns_(columns) {}
  /// Adds the row if it is independent of the others; else leaves it reduced (its first `columns` entries zero).
  bool add(Row& row) {
    for (const auto& [pivot, other] : rows_)
      if (row[pivot] != 0) row = combine(row, other[pivot], other, row[pivot]);
    for (std::size_t i = 0; i < columns_; ++i)
      if (row[i] != 0) {
        rows_.emplace_back(i, row);
        return true;
      }
    return false;
  }

 private:
  std::size_t columns_;
  std::vector<std::pair<std::size_t, Row>> rows_;
};

/// Extreme rays of { y >= 0 : y N = 0 } (Farkas' algorithm; Schuster and Hoefer 1991, doi:10.1039/FT9918702561): conserved
/// sums with non-negative weights. Gives up (no rays) beyond `limit` rows: the count can grow exponentially.
std::vector<Row> nonnegative_laws(const std::vector<Row>& columns, std::size_t n_species, std::size_t limit) {
  struct Ray {
    Row image, weights;
  };
  std::vector<Ray> rays(n_species);
  for (std::size_t i = 0; i < n_species; ++i) {
    for (const Row& column : columns) rays[i].image.push_back(column[i]);
    rays[i].weights.assign(n_species, 0);
    rays[i].weights[i] = 1;
  }
  for (std::size_t c = 0; c < columns.size(); ++c) {
    std::vector<Ray> next;
    for (const Ray& ray : rays)
      if (ray.image[c] == 0) next.push_back(ray);
    for (const Ray& up : rays)
      for (const Ray& down : rays) {
        if (up.image[c] <= 0 || down.image[c] >= 0) continue;
        Row joined_up = up.image, joined_down = down.image;
        joined_up.insert(joined_up.end(), up.weights.begin(), up.weights.end());
        joined_down.insert(joined_down.end(), down.weights.begin(), down.weights.end());
        const Row joined = combine(joined_up, -down.image[c], joined_down, -up.image[c]);
        const auto split_at = joined.begin() + static_cast<std::ptrdiff_t>(columns.size());
        next.push_back({Row(joined.begin(), split_at), Row(split_at, joined.end())});
        if (next.size() > limit) return {};
      }
    // Keep the minimal supports only: the others are sums of these.
    const auto contains = [&](const Row& big, const Row& small) {
      for (std::size_t i = 0; i < n_species; ++i)
        if (small[i] != 0 && big[i] == 0) return false;
      return true;
    };
    std::vector<Ray> minimal;
    for (std::size_t i = 0; i < next.size(); ++i) {
      bool keep = true;
      for (std::size_t j = 0; j < next.size() && keep; ++j)
        if (i != j && contains(next[i].weights, next[j].weights) && (!contains(next[j].weights, next[i].weights) || j < i)) keep = false;
      if (keep) minimal.push_back(next[i]);
    }
    rays = std::move(minimal);
  }
  std::vector<Row> laws;
  for (Ray& ray : rays) {
    divide_by_gcd(ray.weights);
    laws.push_back(std::move(ray.weights));
  }
  return laws;
}

std::size_t support_size(const Row& row) {
  return static_cast<std::size_t>(std::count_if(row.begin(), row.end(), [](std::int64_t v) { return v != 0; }));
}

/// Species whose weights in every law are 0 or stand in a fixed positive ratio.
class Ties {
 public:
  explicit Ties(std::size_t n) : parent_(n), up_(n, 1), down_(n, 1), zero_(n, 0) { std::iota(parent_.begin(), parent_.end(), std::size_t{0}); }

  /// Uses equations sum v w = 0 until none says anything simple; leaves the others, in terms of representatives.
  void reduce(std::vector<std::map<std::size_t, std::int64_t>>& equations) {
    std::vector<std::vector<std::size_t>> users(parent_.size());  // equations in which a representative stands
    std::vector<std::size_t> queue;
    for (std::size_t e = 0; e < equations.size(); ++e) {
      queue.push_back(e);
      for (const auto& [s, v] : equations[e]) users[s].push_back(e);
    }
    for (std::size_t at = 0; at < queue.size(); ++at) {
      auto& equation = equations[queue[at]];
      simplify(equation);
      std::size_t changed = parent_.size();
      if (equation.size() == 1) {
        changed = equation.begin()->first;
        zero_[changed] = 1;
      } else if (equation.size() == 2) {
        const auto [a, va] = *equation.begin();
        const auto [b, vb] = *std::next(equation.begin());
        if ((va > 0) == (vb > 0)) continue;  // a difference is conserved: left to the elimination
        // w_b = -(va / vb) w_a
        parent_[b] = a;
        up_[b] = std::abs(va);
        down_[b] = std::abs(vb);
        changed = b;
        users[a].insert(users[a].end(), users[b].begin(), users[b].end());
      }
      if (changed == parent_.size()) continue;
      equation.clear();
      for (const std::size_t e : users[changed]) queue.push_back(e);
      users[changed].clear();
    }
    std::erase_if(equations, [&](auto& equation) {
      simplify(equation);
      return equation.empty();
    });
  }

  /// Representatives whose weight is not known to be 0, ascending.
  [[nodiscard]] std::vector<std::size_t> classes() const {
    std::vector<std::size_t> out;
    for (std::size_t s = 0; s < parent_.size(); ++s)
      if (parent_[s] == s && zero_[s] == 0) out.push_back(s);
    return out;
  }

  /// Smallest whole weights of the species for weights of the classes.
  [[nodiscard]] Row weights(const Row& of_classes, const std::vector<std::size_t>& classes) const {
    std::map<std::size_t, std::int64_t> value;
    for (std::size_t k = 0; k < classes.size(); ++k) value[classes[k]] = of_classes[k];
    std::int64_t common = 1;
    std::vector<Share> shares;
    for (std::size_t s = 0; s < parent_.size(); ++s) {
      shares.push_back(share(s));
      if (zero_[shares[s].of] == 0 && value[shares[s].of] != 0) common = checked(static_cast<__int128>(common) / std::gcd(common, shares[s].down) * shares[s].down);
    }
    Row row(parent_.size(), 0);
    for (std::size_t s = 0; s < parent_.size(); ++s)
      if (zero_[shares[s].of] == 0 && value[shares[s].of] != 0) row[s] = checked(static_cast<__int128>(value[shares[s].of]) * (common / shares[s].down) * shares[s].up);
    divide_by_gcd(row);
    return row;
  }

 private:
  struct Share {
    std::size_t of;
    std::int64_t up, down;  // w = up / down times the weight of `of`
  };
  static std::int64_t checked(__int128 v) {
    if (v > (std::int64_t{1} << 62) || v < -(std::int64_t{1} << 62)) throw NumericalBreakdown("conservation laws: integers beyond 62 bits in the elimination of the stoichiometry");
    return static_cast<std::int64_t>(v);
  }
  [[nodiscard]] Share share(std::size_t s) const {
    Share out{s, 1, 1};
    while (parent_[out.of] != out.of) {
      const std::size_t at = out.of;
      const std::int64_t g = std::gcd(out.up, down_[at]), h = std::gcd(up_[at], out.down);
      out.up = checked(static_cast<__int128>(out.up / g) * (up_[at] / h));
      out.down = checked(static_cast<__int128>(down_[at] / g) * (out.down / h));
      out.of = parent_[at];
    }
    return out;
  }
  // In terms of representatives, whole numbers without a common divisor, zeros left out.
  void simplify(std::map<std::size_t, std::int64_t>& equation) const {
    std::vector<std::pair<Share, std::int64_t>> terms;
    std::int64_t common = 1;
    for (const auto& [s, v] : equation) {
      const Share of = share(s);
      if (zero_[of.of] != 0) continue;
      common = checked(static_cast<__int128>(common) / std::gcd(common, of.down) * of.down);
      terms.emplace_back(of, v);
    }
    equation.clear();
    for (const auto& [of, v] : terms) equation[of.of] = checked(static_cast<__int128>(v) * (common / of.down) * of.up + equation[of.of]);
    std::erase_if(equation, [](const auto& term) { return term.second == 0; });
    std::int64_t g = 0;
    for (const auto& [s, v] : equation) g = std::gcd(g, v);
    if (g > 1)
      for (auto& [s, v] : equation) v /= g;
  }

  std::vector<std::size_t> parent_;
  std::vector<std::int64_t> up_, down_;
  std::vector<char> zero_;
};

}  // namespace

// ----------------------------------------------------------------------------------------------------------- network

std::vector<std::pair<std::size_t, int>> Reaction::unit_change() const {
  std::map<std::size_t, int> total(change.begin(), change.end());
  for (const auto& [s, mean] : bursts) ++total[s];
  std::erase_if(total, [](const auto& entry) { return entry.second == 0; });
  return {total.begin(), total.end()};
}

int Reaction::order() const {
  int order = 0;
  for (const auto& [species, count] : reactants) order += count;
  return order;
}

std::vector<int> Network::stoichiometry() const {
  std::vector<int> matrix(species.size() * reactions.size(), 0);
  for (std::size_t r = 0; r < reactions.size(); ++r)
    for (const auto& [s, change] : reactions[r].change) matrix[s * reactions.size() + r] = change;
  return matrix;
}

std::vector<std::vector<int>> Network::conservation_laws() const {
  // Weights w with sum of change w = 0 in every reaction. Most reactions of a large network settle it by themselves: one that changes a single species
  // makes its weight 0, one that turns m of a species into n of another ties their weights. Only what is left goes through elimination.
  Ties ties(species.size());
  std::vector<std::map<std::size_t, std::int64_t>> equations;
  const auto conserves = [&](const std::vector<std::pair<std::size_t, int>>& changes) {
    auto& equation = equations.emplace_back();
    for (const auto& [s, change] : changes)
      if (change != 0) equation[s] += static_cast<std::int64_t>(change);
  };
  for (const Reaction& reaction : reactions) {
    if (!reaction.delay) {
      conserves(reaction.change);
      continue;
    }
    conserves(reaction.delay->at_start);  // in between nothing stands for what is on its way
    conserves(reaction.delay->at_end);
  }
  for (const NetworkEvent& event : events)
    for (const auto& [name, value] : event.assignments)
      if (const auto s = std::find(species.begin(), species.end(), name); s != species.end()) equations.push_back({{static_cast<std::size_t>(s - species.begin()), 1}});
  for (const Reaction& reaction : reactions)
    for (const auto& [s, mean] : reaction.bursts) equations.push_back({{s, 1}});  // any number of it alone: nothing that contains it is conserved
  ties.reduce(equations);

  const std::vector<std::size_t> classes = ties.classes();
  if (static_cast<double>(classes.size()) * static_cast<double>(classes.size()) * static_cast<double>(equations.size()) > most_law_work) return {};
  std::map<std::size_t, std::size_t> place;
  for (std::size_t k = 0; k < classes.size(); ++k) place[classes[k]] = k;
  std::set<Row> distinct;  // a reaction and its reverse say the same
  for (const auto& equation : equations) {
    Row column(classes.size(), 0);
    for (const auto& [representative, v] : equation) column[place.at(representative)] = v;
    divide_by_gcd(column);
    const auto first = std::find_if(column.begin(), column.end(), [](std::int64_t v) { return v != 0; });
    if (first == column.end()) continue;
    if (*first < 0)
      for (std::int64_t& v : column) v = -v;
    distinct.insert(std::move(column));
  }
  const std::vector<Row> columns(distinct.begin(), distinct.end());
  // Each class's row of the stoichiometry, carrying a unit vector: where the row cancels, what is carried is a law.
  std::vector<Row> basis;
  Echelon echelon(columns.size());
  for (std::size_t s = 0; s < classes.size(); ++s) {
    Row row;
    for (const Row& column : columns) row.push_back(column[s]);
    row.resize(columns.size() + classes.size(), 0);
    row[columns.size() + s] = 1;
    if (echelon.add(row)) continue;
    Row law = ties.weights(Row(row.begin() + static_cast<std::ptrdiff_t>(columns.size()), row.end()), classes);
    if (std::count_if(law.begin(), law.end(), [](std::int64_t v) { return v < 0; }) * 2 > static_cast<std::ptrdiff_t>(support_size(law)))
      for (std::int64_t& v : law) v = -v;
    basis.push_back(std::move(law));
  }
  if (basis.empty()) return {};

  std::vector<Row> candidates = nonnegative_laws(columns, classes.size(), 600);
  for (Row& candidate : candidates) candidate = ties.weights(candidate, classes);
  std::stable_sort(candidates.begin(), candidates.end(), [](const Row& a, const Row& b) {
    const std::size_t na = support_size(a), nb = support_size(b);
    return na != nb ? na < nb : a > b;
  });
  candidates.insert(candidates.end(), basis.begin(), basis.end());
  std::vector<std::vector<int>> laws;
  Echelon independent(species.size());
  for (const Row& candidate : candidates) {
    if (laws.size() == basis.size()) break;
    Row copy = candidate;
    if (!independent.add(copy)) continue;
    if (std::any_of(candidate.begin(), candidate.end(), [](std::int64_t v) { return std::abs(v) > std::numeric_limits<int>::max(); }))
      throw NumericalBreakdown("conservation laws: a weight is beyond 31 bits");
    laws.emplace_back(candidate.begin(), candidate.end());
  }
  return laws;
}

const Reaction* Network::delayed() const {
  const auto found = std::find_if(reactions.begin(), reactions.end(), [](const Reaction& r) { return r.delay.has_value(); });
  return found == reactions.end() ? nullptr : &*found;
}

std::string Network::beyond_reactions() const {
  if (const Reaction* one = delayed()) return fmt::format("reaction '{}' has a delay", one->text);
  for (const OpenConstant& constant : open_constants)
    if (constant.law) return fmt::format("constant '{}' is drawn per trajectory", constant.name);
  if (!events.empty()) return fmt::format("there are events ('{}')", events.front().name);
  return "";
}

bool Network::time_dependent() const {
  return std::any_of(reactions.begin(), reactions.end(), [](const Reaction& reaction) {
    if (!reaction.law) return false;
    const std::vector<std::string> names = reaction.law->variables();
    return std::find(names.begin(), names.end(), "t") != names.end();
  });
}

std::size_t Network::index(const std::string& name) const {
  const auto found = std::find(species.begin(), species.end(), name);
  if (found == species.end()) throw ModelError(fmt::format("unknown species '{}'.{}\n  species: {}", name, did_you_mean(name, species), join(species)));
  return static_cast<std::size_t>(found - species.begin());
}

std::string Network::law_text(const std::vector<int>& law) const {
  std::string text;
  std::int64_t total = 0;
  for (std::size_t s = 0; s < species.size(); ++s) {
    if (law[s] == 0) continue;
    total += law[s] * initial[s];
    const int size = std::abs(law[s]);
    text += text.empty() ? (law[s] < 0 ? "-" : "") : (law[s] < 0 ? " - " : " + ");
    if (size != 1) text += fmt::format("{} ", size);
    text += species[s];
  }
  return fmt::format("{} = {}", text, total);
}

std::string state_text(const Network& network, std::span<const double> state) {
  std::vector<std::string> parts;
  for (std::size_t s = 0; s < network.species.size(); ++s) parts.push_back(fmt::format("{} = {}", network.species[s], exact(state[s])));
  return join(parts);
}

// ------------------------------------------------------------------------------------------------------ propensities

Propensities::Propensities(const Network& network) {
  const std::size_t n_species = network.species.size(), n_reactions = network.reactions.size();
  std::vector<std::vector<std::size_t>> users(n_species);  // reactions whose propensity reads a species
  std::unordered_map<std::string_view, std::size_t> place;
  for (std::size_t s = 0; s < n_species; ++s) place.emplace(network.species[s], s);
  std::vector<std::string> slots;  // of laws
  for (std::size_t r = 0; r < n_reactions; ++r) {
    const Reaction& reaction = network.reactions[r];
    Kind kind;
    if (!reaction.mass_action) {
      if (slots.empty()) {
        slots = network.species;
        slots.push_back("t");
      }
      const std::vector<std::string> names = reaction.law->variables();
      kind.type = std::find(names.begin(), names.end(), "t") == names.end() ? Type::law : Type::law_of_time;
      kind.index = programs_.size();
      programs_.emplace_back(*reaction.law, slots);
      for (const std::string& name : names)
        if (name != "t") users[place.at(name)].push_back(r);
    } else {
      kind.c = reaction.stochastic;
      const auto& in = reaction.reactants;
      for (const auto& [s, count] : in) users[s].push_back(r);
      const auto is = [&](std::initializer_list<int> counts) {
        return in.size() == counts.size() && std::equal(counts.begin(), counts.end(), in.begin(), [](int count, const auto& term) { return term.second == count; });
      };
      if (!in.empty()) kind.s0 = in[0].first;
      if (in.size() > 1) kind.s1 = in[1].first;
      if (in.empty()) kind.type = Type::constant;
      else if (is({1})) kind.type = Type::x;
      else if (is({1, 1})) kind.type = Type::xy;
      else if (is({2})) kind.type = Type::xx;
      else if (is({3})) kind.type = Type::xxx;
      else if (is({2, 1})) kind.type = Type::xxy;
      else if (is({1, 2})) {
        kind.type = Type::xxy;
        std::swap(kind.s0, kind.s1);
      } else {
        kind.type = Type::generic;
        kind.index = generic_.size();
        generic_.push_back(in);
      }
    }
    kinds_.push_back(kind);
  }
  offsets_.push_back(0);
  for (const Reaction& reaction : network.reactions) {
    std::set<std::size_t> touched;
    for (const auto& [s, change] : reaction.change) touched.insert(users[s].begin(), users[s].end());
    for (const auto& [s, mean] : reaction.bursts) touched.insert(users[s].begin(), users[s].end());
    dependents_.insert(dependents_.end(), touched.begin(), touched.end());
    offsets_.push_back(dependents_.size());
  }
}

double Propensities::slow(const Kind& kind, std::span<const double> n, double t) const {
  if (kind.type == Type::law) return programs_[kind.index](n);
  if (kind.type == Type::law_of_time) {
    static thread_local std::vector<double> values;
    values.assign(n.begin(), n.end());
    values.push_back(t);
    return programs_[kind.index](values);
  }
  double a = kind.c;
  for (const auto& [s, count] : generic_[kind.index])
    for (int i = 0; i < count; ++i) a *= n[s] - i;
  return a;
}

SpeciesPlaces places_of(const Network& network) {
  SpeciesPlaces places;
  for (std::size_t s = 0; s < network.species.size(); ++s) places.emplace(network.species[s], s);
  return places;
}

Formula FallingProduct::powers() const {
  Formula product = Formula::constant(c);
  for (const auto& [name, count] : factors)
    for (int k = 0; k < count; ++k) product = product * Formula::variable(name);
  return product;
}

std::optional<FallingProduct> falling_product(const Formula& law) {
  constexpr std::size_t most = 4;
  const std::vector<std::string> names = law.variables();
  std::map<std::vector<int>, double> terms;
  if (names.size() > most || std::find(names.begin(), names.end(), "t") != names.end() || !law.polynomial(names, terms) || terms.empty()) return std::nullopt;
  std::vector<int> top(names.size(), 0);
  for (const auto& [exponents, coefficient] : terms)
    for (std::size_t i = 0; i < top.size(); ++i) top[i] = std::max(top[i], exponents[i]);
  const auto leading = terms.find(top);
  if (leading == terms.end() || !(leading->second > 0)) return std::nullopt;
  FallingProduct result{leading->second, {}};
  std::size_t order = 0;
  Formula product = Formula::constant(result.c);
  for (std::size_t i = 0; i < top.size(); ++i) {
    order += static_cast<std::size_t>(top[i]);
    if (order > most) return std::nullopt;
    if (top[i] > 0) result.factors.emplace_back(names[i], top[i]);
    for (int k = 0; k < top[i]; ++k) product = product * (Formula::variable(names[i]) - Formula::constant(k));
  }
  std::map<std::vector<int>, double> expected;
  (void)product.polynomial(names, expected);
  for (const auto& [exponents, coefficient] : expected) terms[exponents] -= coefficient;
  for (const auto& [exponents, difference] : terms)
    if (std::abs(difference) > 1e-12 * result.c) return std::nullopt;
  return result;
}

std::optional<Reaction> as_mass_action(const Reaction& reaction, const SpeciesPlaces& places) {
  if (reaction.mass_action || !reaction.bursts.empty()) return std::nullopt;
  const auto product = falling_product(*reaction.law);
  int order = 0;
  for (std::size_t i = 0; product && i < product->factors.size(); ++i) order += product->factors[i].second;
  if (!product || order > 3) return std::nullopt;
  Reaction result = reaction;
  result.mass_action = true;
  result.law.reset();
  result.stochastic = product->c;
  result.reactants.clear();
  for (const auto& [name, count] : product->factors) result.reactants.emplace_back(places.at(name), count);
  std::sort(result.reactants.begin(), result.reactants.end());
  for (const auto& [s, change] : result.change) {
    if (change >= 0) continue;
    const auto found = std::find_if(result.reactants.begin(), result.reactants.end(), [s = s](const auto& term) { return term.first == s; });
    if (found == result.reactants.end() || found->second < -change) return std::nullopt;
  }
  return result;
}

namespace {

// A state; of many species only those that the law reads or the reaction changes.
std::string place_text(const Network& network, const Reaction& reaction, std::span<const double> state) {
  if (network.species.size() <= 32) return state_text(network, state);
  std::set<std::size_t> own;
  for (const std::string& name : reaction.law->variables())
    if (name != "t") own.insert(network.index(name));
  for (const auto& [s, change] : reaction.change) own.insert(s);
  std::vector<std::string> parts;
  for (const std::size_t s : own) parts.push_back(fmt::format("{} = {}", network.species[s], exact(state[s])));
  return fmt::format("{} (and {} others)", join(parts), with_commas(network.species.size() - own.size()));
}

}  // namespace

std::optional<LawFault> find_law_fault(const Network& network) {
  std::vector<char> read(network.species.size(), 0);  // by a law that may be wrong, or taken by its reaction
  std::optional<SpeciesPlaces> places;
  bool any = false;
  for (const Reaction& reaction : network.reactions) {
    if (reaction.mass_action) continue;
    if (!places) places = places_of(network);
    double value = 1;
    if ((reaction.law->is_constant(&value) && value == 0) || as_mass_action(reaction, *places)) continue;
    any = true;
    for (const std::string& name : reaction.law->variables())
      if (name != "t") read[places->at(name)] = 1;
    for (const auto& [s, change] : reaction.change)
      if (change < 0) read[s] = 1;
  }
  if (!any) return std::nullopt;
  const Propensities propensity(network);
  const std::size_t n_reactions = propensity.size(), n_species = network.species.size();
  const std::vector<double> times = network.time_dependent() ? std::vector<double>{0, 0.01, 0.1, 1, 3, 10, 30, 100, 1000} : std::vector<double>{0};
  std::vector<double> a(n_reactions);

  const auto faulty = [&](const std::vector<double>& n) -> std::optional<LawFault> {
    for (auto time = times.rbegin(); time != times.rend(); ++time)  // t = 0 last: its propensities steer the walks
      for (std::size_t r = 0; r < n_reactions; ++r) {
        a[r] = propensity(r, n, *time);
        if (network.reactions[r].mass_action) continue;
        const auto what = [&] { return fmt::format("{}reaction '{}'", network.reactions[r].where.empty() ? "" : network.reactions[r].where + ": ", network.reactions[r].text); };
        const auto at = [&] { return place_text(network, network.reactions[r], n) + (times.size() > 1 ? fmt::format(", t = {}", exact(*time)) : ""); };
        if (!(a[r] >= -1e-12) || !std::isfinite(a[r]))
          return LawFault{r, n, *time, a[r], fmt::format("{}: the propensity is {} at {}, which its own network reaches; it must be a number >= 0 there", what(), brief(a[r], 6), at())};
        if (a[r] <= 1e-12) continue;
        for (const auto& [s, change] : network.reactions[r].change)
          if (n[s] + change < 0)
            return LawFault{r, n, *time, a[r],
                            fmt::format("{}: the propensity is {} at {}, but firing would make {} negative; the law must vanish there", what(), brief(a[r], 6), at(), network.species[s])};
      }
    return std::nullopt;
  };
  std::vector<std::vector<std::pair<std::size_t, int>>> step_of;
  for (const Reaction& reaction : network.reactions) step_of.push_back(reaction.unit_change());
  const auto fire = [&](std::vector<double> n, std::size_t r) {
    for (const auto& [s, change] : step_of[r]) n[s] += change;
    return n;
  };

  std::vector<std::vector<double>> starts{{network.initial.begin(), network.initial.end()}};
  // Twenty steps for every species are too much work in networks of thousands of reactions: there, as many species as it allows, those first that the laws read.
  const std::size_t most_walks = std::max<std::size_t>(8, 60'000'000 / (40 * n_reactions * times.size()));
  std::vector<std::size_t> walked(n_species);
  std::iota(walked.begin(), walked.end(), std::size_t{0});
  if (n_species > most_walks) {
    std::stable_partition(walked.begin(), walked.end(), [&](std::size_t s) { return read[s] != 0; });
    walked.resize(most_walks);
  }
  const std::size_t walk_steps = std::clamp<std::size_t>(400000 / (n_species * n_reactions * times.size()), 20, 3000);
  for (const std::size_t s : walked)
    for (const int direction : {-1, 1}) {
      std::vector<double> n = starts[0];
      for (std::size_t step = 0; step < walk_steps; ++step) {
        if (auto fault = faulty(n)) return fault;
        std::size_t best = n_reactions;
        int best_change = 0;
        for (std::size_t r = 0; r < n_reactions; ++r)
          if (a[r] > 1e-12)
            for (const auto& [species, change] : step_of[r])
              if (species == s && change * direction > best_change) {
                best = r;
                best_change = change * direction;
              }
        if (best == n_reactions) break;
        n = fire(std::move(n), best);
      }
      if (direction < 0) starts.push_back(std::move(n));
    }
  const std::size_t breadth = std::clamp<std::size_t>(200000 / (starts.size() * n_reactions * times.size()), 20, 2000);
  for (const std::vector<double>& start : starts) {
    std::set<std::vector<double>> seen{start};
    std::vector<std::vector<double>> queue{start};
    for (std::size_t i = 0; i < queue.size() && i < breadth; ++i) {
      if (auto fault = faulty(queue[i])) return fault;
      for (std::size_t r = 0; r < n_reactions; ++r)
        if (a[r] > 1e-12 && seen.size() < breadth)
          if (auto next = fire(queue[i], r); seen.insert(next).second) queue.push_back(std::move(next));
    }
  }
  return std::nullopt;
}

// -------------------------------------------------------------------------------------------------------------- spec

namespace {

CountLaw count_law_of(const std::string& species, const std::string& law, double mean, const std::map<std::string, double>& numbers) {
  try {
    return parse_count_law(law, mean, numbers);
  } catch (const ModelError& error) {
    throw ModelError(fmt::format("initial-law of '{}': {}", species, error.what()));
  }
}

}  // namespace

void NetworkSpec::check() const {
  (void)parse(*this);
  std::map<std::string, double> numbers = constants;
  numbers["volume"] = volume;
  (void)bind_passages(*this, numbers);
  Network scratch;
  (void)bind_open_constants(*this, numbers, scratch);
  for (const auto& [name, law] : initial_law) {
    const auto given = initial.find(name), concentration = initial_concentration.find(name);
    (void)count_law_of(name, law, given != initial.end() ? given->second : concentration != initial_concentration.end() ? std::round(concentration->second * volume) : 0, numbers);
  }
}

std::vector<ParameterInfo> NetworkSpec::parameters() const {
  std::vector<ParameterInfo> infos;
  ParameterInfo size{.name = "volume", .unit = "1", .doc = "system size: molecules per unit of concentration", .fallback = Value(volume)};
  size.min = 0;
  size.min_excluded = true;
  infos.push_back(size);
  for (const auto& [name, value] : constants) infos.push_back({.name = name, .unit = "1", .doc = "constant of the network", .fallback = Value(value)});
  for (const std::string& name : species) {
    if (const auto given = initial_concentration.find(name); given != initial_concentration.end()) {
      ParameterInfo info{.name = name + "0_per_volume", .unit = "molecules per volume", .doc = "initial " + name + ", times volume rounded to nearest", .fallback = Value(given->second)};
      info.min = 0;
      infos.push_back(info);
      continue;
    }
    const auto given = initial.find(name);
    const double count = given == initial.end() ? 0 : given->second;
    // A fractional default stays what was given, so that bind() can refuse it by its name.
    const bool whole = count == std::floor(count) && std::abs(count) < largest_count;
    ParameterInfo info{.name = name + "0", .unit = "molecules", .doc = "initial " + name, .type = whole ? ParameterInfo::Type::integer : ParameterInfo::Type::real,
                       .fallback = whole ? Value(static_cast<std::int64_t>(count)) : Value(count)};
    info.min = 0;
    infos.push_back(info);
  }
  return infos;
}

Network NetworkSpec::bind(const std::map<std::string, double>& values, bool try_laws) const {
  const std::vector<ParsedReaction> parsed = parse(*this);
  std::vector<std::string> known;
  for (const ParameterInfo& info : parameters()) known.push_back(info.name);
  known.push_back("combinatoric");
  const std::unordered_set<std::string_view> names(known.begin(), known.end());
  for (const auto& [name, value] : values)
    if (!names.contains(name))
      throw ModelError(fmt::format("unknown parameter '{}' of the network.{}\n  known: {}", name, did_you_mean(name, known), join(known)));
  const auto value_of = [&](const std::string& name, double fallback) {
    const auto found = values.find(name);
    return found == values.end() ? fallback : found->second;
  };

  Network network;
  network.species = species;
  network.volume = value_of("volume", volume);
  network.combinatoric = value_of("combinatoric", combinatoric ? 1 : 0) != 0;
  if (!std::isfinite(network.volume) || network.volume <= 0) throw ModelError(fmt::format("volume is {}; it must be a number above 0", exact(network.volume)));

  std::map<std::string, double> numbers{{"volume", network.volume}};
  for (const auto& [name, fallback] : constants) {
    const double value = value_of(name, fallback);
    if (!std::isfinite(value)) throw ModelError(fmt::format("constant '{}' is {}; it must be a finite number", name, exact(value)));
    numbers[name] = value;
  }
  const std::map<std::string, double> closed = bind_open_constants(*this, numbers, network);
  network.passages = bind_passages(*this, numbers);
  for (const auto& [name, text] : passages) refuse_open(network, parse_condition(text), fmt::format("passage '{}'", name));
  std::map<std::string, Formula> formulas;
  for (const auto& [name, value] : numbers) formulas.emplace(name, Formula::constant(value));

  for (const std::string& name : species) {
    double count = 0;
    if (const auto given = initial_concentration.find(name); given != initial_concentration.end()) {
      const double concentration = value_of(name + "0_per_volume", given->second), amount = concentration * network.volume;
      count = std::round(amount);
      if (count != amount && std::isfinite(amount))
        network.notes.push_back(fmt::format("initial {}: {} per volume x volume {} = {}, rounded to {} molecules", name, exact(concentration), exact(network.volume), exact(amount), exact(count)));
    } else {
      const auto count_given = initial.find(name);
      count = value_of(name + "0", count_given == initial.end() ? 0 : count_given->second);
      if (std::isfinite(count) && count != std::floor(count))
        throw ModelError(fmt::format("initial {} is {}; molecules are whole. Use {}, or initial-concentration (times volume, rounded)", name, exact(count), exact(std::round(count))));
    }
    if (!(count >= 0 && count < largest_count)) throw ModelError(fmt::format("initial {} is {}; it must be from 0 to 2^53", name, exact(count)));
    network.initial.push_back(static_cast<std::int64_t>(count));
    if (const auto law = initial_law.find(name); law != initial_law.end() && law->second != "point") {
      network.start_laws.resize(species.size());
      CountLaw& drawn = network.start_laws[network.initial.size() - 1];
      drawn = count_law_of(name, law->second, count, numbers);
      if (drawn.kind == CountLaw::Kind::mixture && count != 0) throw ModelError(fmt::format("initial-law: a mixture has its own mean; {}0 = {} would not be used", name, exact(count)));
      network.initial.back() = static_cast<std::int64_t>(std::llround(drawn.mean));
    }
  }
  for (std::size_t s = 0; s < network.start_laws.size(); ++s)
    if (network.start_laws[s].kind == CountLaw::Kind::point) network.start_laws[s].mean = static_cast<double>(network.initial[s]);

  const Reader in(*this);
  std::unordered_set<std::string_view> texts;
  std::vector<char> used(species.size(), 0);
  for (const ParsedReaction& p : parsed) {
    Reaction reaction;
    reaction.text = p.text;
    reaction.where = p.where;
    reaction.reactants.assign(p.reactants.begin(), p.reactants.end());
    reaction.products.assign(p.products.begin(), p.products.end());
    std::map<std::size_t, int> change = p.products;
    for (const auto& [s, count] : p.reactants) change[s] -= count;
    for (const auto& [s, count] : change) {
      used[s] = 1;
      if (count != 0) reaction.change.emplace_back(s, count);
    }
    const std::string what = fmt::format("{}reaction '{}'", p.where.empty() ? "" : p.where + ": ", p.text);
    const Formula bound = p.rate.substitute(formulas);
    if (p.is_law) {
      reaction.mass_action = false;
      double value = 0;
      if (bound.is_constant(&value) && !(value >= 0 && std::isfinite(value)))
        throw ModelError(fmt::format("{}: the propensity '{}' is {}{}; it must be a number >= 0", what, p.rate.text(), exact(value), values_text(p.rate, numbers)));
      reaction.law = bound;
      for (const std::string& name : bound.variables())
        if (name != "t") used[in.find(name)] = 1;
    } else {
      double rate = 0;
      (void)bound.is_constant(&rate);
      if (!(rate >= 0 && std::isfinite(rate)))
        throw ModelError(fmt::format("{}: the rate '{}' is {}{}; it must be a number >= 0", what, p.rate.text(), exact(rate), values_text(p.rate, numbers)));
      reaction.rate = rate;
      double stochastic = rate * network.volume;
      for (const auto& [s, count] : reaction.reactants)
        for (int i = 1; i <= count; ++i) stochastic /= network.volume * (network.combinatoric ? i : 1);
      if (!std::isfinite(stochastic))
        throw ModelError(fmt::format("{}: the propensity overflows: rate {} and volume {} give no finite number", what, exact(rate), exact(network.volume)));
      reaction.stochastic = stochastic;
    }
    if (!network.open_constants.empty()) {
      const Formula open = p.rate.substitute(closed);
      const std::vector<std::string> left = open.variables();
      if (std::any_of(network.open_constants.begin(), network.open_constants.end(), [&](const OpenConstant& c) { return std::find(left.begin(), left.end(), c.name) != left.end(); })) {
        double factor = network.volume;
        for (const auto& [s, count] : reaction.reactants)
          for (int i = 1; i <= count; ++i) factor /= network.volume * (network.combinatoric ? i : 1);
        reaction.open = p.is_law ? open : open * Formula::constant(factor);
      }
      if (p.delay)
        for (const Formula& argument : p.delay->law.arguments) refuse_open(network, argument, what + ": the delay");
    }
    for (const auto& [s, mean] : p.bursts) {
      double b = 0;
      (void)mean.substitute(formulas).is_constant(&b);
      if (!(b >= 0 && std::isfinite(b)))
        throw ModelError(fmt::format("{}: the mean burst '{}' of {} is {}{}; it must be a number >= 0", what, mean.text(), species[s], exact(b), values_text(mean, numbers)));
      used[s] = 1;
      if (b > 0) reaction.bursts.emplace_back(s, b);
    }
    if (p.delay) {
      Delay delay;
      try {
        delay.law = bind_law(p.delay->law, numbers);
      } catch (const ModelError& error) {
        throw ModelError(fmt::format("{}: the delay: {}", what, error.what()));
      }
      delay.kind = p.delay->kind;
      if (delay.kind == DelayKind::consuming) {
        for (const auto& [s, count] : reaction.reactants) delay.at_start.emplace_back(s, -count);
        delay.at_end = reaction.products;
      } else {
        for (const auto& [s, amount] : reaction.change) (amount < 0 && delay.kind == DelayKind::net ? delay.at_start : delay.at_end).emplace_back(s, amount);
      }
      reaction.delay = std::move(delay);
    }
    if (reaction.change.empty() && reaction.bursts.empty()) network.notes.push_back(fmt::format("{} changes nothing", what));
    if (!texts.insert(p.text).second) network.notes.push_back(fmt::format("{} is listed twice: both fire", what));
    network.reactions.push_back(std::move(reaction));
  }
  if (const std::string beyond = network.beyond_reactions(); !beyond.empty())
    for (const Reaction& reaction : network.reactions)
      if (!reaction.bursts.empty()) throw ModelError(fmt::format("{} and reaction '{}' has a burst; no level has both in one network", beyond, reaction.text));
  for (std::size_t s = 0; s < species.size(); ++s)
    if (used[s] == 0) network.notes.push_back(fmt::format("species '{}' takes part in no reaction", species[s]));
  if (!try_laws) return network;
  if (const auto fault = find_law_fault(network)) throw ModelError(fault->text);
  return network;
}

}  // namespace meso::kinetics

// A lattice reaction model, described once: what sits on the sites, what hops, what reacts. Every level of the lattice ladder
// (exact kinetics, pair approximation, rate equation, PDE) reads this.
//
// The one convention on rates. A *bond* is a pair of nearest-neighbour sites; z = 2 x dimension bonds meet at a site.
//   site rule   X -> Y           each site in state X changes at `rate`.
//   pair rule   (X, Y) -> (U, V) each BOND whose two ends are X and Y, in either order, reacts at `rate`; the end that was X
//                                becomes U, the end that was Y becomes V. For X = Y either end is the first with probability 1/2.
//                                "At total rate lambda over the neighbours" is rate = lambda / z.
//   hop         a particle steps to EACH neighbour at rate D (so <x^2> = 2 D t per direction). With exclusion it needs an empty
//                                target, or one that a contact rule names; elsewhere the attempt does nothing.
//   exchange    each bond with the unlike particles X, Y swaps them at `rate`.
//   contact     instantaneous: a particle X that steps onto a particle Y (or the other way round) becomes, with it, the one
//                                particle `product` on the target site, or nothing (0).
//   reaction    bosonic only, on one site: falling-factorial mass action without 1/s!, propensity
//                                rate prod_i n_i (n_i - 1) ... (n_i - s_i + 1), as in kinetics/network.h with volume 1.
// Rate equations for the densities a (particles per site) follow: contact process a' = (z rate) a (1 - a) - a; for the pair rule
// (A, A) -> (0, 0), a' = -z rate a^2; for the reaction 2A -> 0, a' = -2 rate a^2.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace meso::lattice {

/// State of a site with exclusion: 0 is empty, 1..S are the species. Also an index of a species, from 1.
using State = std::uint8_t;
inline constexpr State empty_state = 0;
inline constexpr std::size_t max_species = 15;

enum class Boundary { periodic, reflecting };
enum class Occupation {
  exclusion,  ///< at most one particle on a site; reactions between nearest neighbours
  bosonic,    ///< any number; reactions among the particles of one site
};

/// Hypercubic box. Row-major, last dimension fastest. Periodic in a direction of 2 sites has two bonds between them; a direction
/// of 1 site has none of its own with reflecting ends.
struct Box {
  std::vector<std::int64_t> extent;  ///< 1 to 3 lengths
  Boundary boundary = Boundary::periodic;
  [[nodiscard]] std::size_t dimension() const { return extent.size(); }
  [[nodiscard]] std::size_t neighbours() const { return 2 * extent.size(); }  ///< z
  [[nodiscard]] std::size_t sites() const;
  [[nodiscard]] std::int64_t shortest() const;
  /// Neighbour of `site` in direction k = 2 axis (+1) or 2 axis + 1 (-1); `site` itself where a reflecting end stops it.
  [[nodiscard]] std::size_t neighbour(std::size_t site, std::size_t k) const;
  /// Coordinates, one per dimension.
  [[nodiscard]] std::array<std::int64_t, 3> coordinates(std::size_t site) const;
  [[nodiscard]] std::size_t centre() const;
};

struct SiteRule {
  State from = 0, to = 0;
  double rate = 0;
  std::string text, where;  ///< as the user wrote it and its place, for messages; may be empty
};
struct PairRule {
  std::array<State, 2> from{}, to{};
  double rate = 0;  ///< per bond
  std::string text, where;
};
struct Exchange {
  State a = 0, b = 0;  ///< two unlike species
  double rate = 0;     ///< per bond
  std::string text, where;
};
struct ContactRule {
  State a = 0, b = 0;
  State product = 0;
  std::string text, where;
};
/// Bosonic, on one site. Counts per species: index 0 is species 1.
struct SiteReaction {
  std::vector<int> reactants, products;
  double rate = 0;
  std::string text, where;
};

/// How the lattice is filled at t = 0.
struct Initial {
  enum class Kind {
    product,  ///< every site independently: species s with probability (exclusion) density[s - 1], else empty
    count,    ///< exactly round(density[s - 1] sites) particles of each species at random places; bosonic: independent sites
    poisson,  ///< bosonic: independent Poisson numbers of mean density[s - 1] on every site
    full,     ///< every site holds one particle of species `species`
    seed,     ///< one particle of species `species` at the centre, every other site in state `background`
  };
  Kind kind = Kind::product;
  std::vector<double> density;  ///< particles per site, one per species
  State species = 1;            ///< full, seed
  State background = 0;         ///< seed
};

/// A claimed conservation law: sum_s coefficient[s - 1] N_s, modulo `modulus` if that is not 0.
struct Conserved {
  std::string text;
  std::vector<int> coefficient;
  int modulus = 0;
};

struct Model {
  std::vector<std::string> species;  ///< names; species[0] is state 1
  Box box;
  Occupation occupation = Occupation::exclusion;
  std::vector<SiteRule> sites;       ///< exclusion
  std::vector<PairRule> pairs;       ///< exclusion
  std::vector<double> hop;           ///< D per species, to each neighbour; empty: nothing hops
  std::vector<Exchange> exchanges;   ///< exclusion
  std::vector<ContactRule> contacts;
  std::vector<SiteReaction> reactions;  ///< bosonic
  Initial initial;
  std::vector<std::string> conserves;  ///< "A - B", "A + B + C", "A mod 2": claims that `check` proves from the rules

  /// Species S, states S + 1.
  [[nodiscard]] std::size_t states() const { return species.size() + 1; }
  [[nodiscard]] double hop_rate(State s) const { return s == 0 || hop.empty() ? 0.0 : hop[s - 1]; }
  /// "0" or the species.
  [[nodiscard]] std::string state_name(State s) const;
  /// @throws ModelError unknown species with the nearest name; "0" is the empty state
  [[nodiscard]] State state(const std::string& name) const;
  /// Contact rule of these two species, in either order, or nullptr.
  [[nodiscard]] const ContactRule* contact(State a, State b) const;

  /// Everything that must hold before a level may use the model: 1 to 3 dimensions, names, known states, rates not negative and
  /// finite, at least one rate above zero, rules that fit the occupation, initial density at most 1 with exclusion, every claimed
  /// conservation law kept by every rule, no pair with both a contact rule and a finite rate.
  /// @throws ModelError naming the rule and its place
  void check() const;
};

/// "A + 0 -> A + A" etc.: the rule's own text or one made from its states.
[[nodiscard]] std::string to_text(const Model& model, const SiteRule& rule);
[[nodiscard]] std::string to_text(const Model& model, const PairRule& rule);
[[nodiscard]] std::string to_text(const Model& model, const Exchange& rule);
[[nodiscard]] std::string to_text(const Model& model, const ContactRule& rule);
[[nodiscard]] std::string to_text(const Model& model, const SiteReaction& rule);

/// Reads "A - B", "2A + B", "A mod 2". @throws ModelError
[[nodiscard]] Conserved conserved(const Model& model, const std::string& text);
/// Change of a law by a rule, per firing (0 for hops and exchanges, which move and do not change).
[[nodiscard]] int change(const Conserved& law, std::span<const int> lost, std::span<const int> gained);

/// Mean density of each species at t = 0 (the exact mean of the initial condition; count: rounded number / sites).
[[nodiscard]] std::vector<double> initial_density(const Model& model);
/// Pair rules as every mean-field level must see them: pairs, hops into empty sites, exchanges, and contact rules as the hop of
/// either partner onto the other (rate D_a + D_b per bond; the product sits on the target). One entry per ordered outcome.
[[nodiscard]] std::vector<PairRule> all_pair_rules(const Model& model);

}  // namespace meso::lattice

// Exact moment equations of a reaction network, in three forms that must agree: raw, central, cumulant.
//
// With propensities a_r and net changes nu_r the master equation gives, for every multi-index i,
//     d<n^i>/dt = sum_r sum_{j<i} binom(i,j) nu_r^(i-j) <n^j a_r(n)>.
// In cumulants the same hierarchy has no subtraction of large numbers: with the tilted average
// A_r(theta) = <a_r e^(theta n)> / <e^(theta n)> and D_s = d/dtheta_s (which takes kappa_i to kappa_(i+e_s)),
//     dkappa_i/dt = sum_r sum_{j<i} binom(i,j) nu_r^(i-j) [D^j A_r](0).
// That is the form that is integrated: at volume 1000 raw moments of order 4 lose twelve digits, cumulants none.
//
// A propensity that is no polynomial is replaced by its Taylor polynomial of order q about the current mean; its
// derivatives there enter the equations as symbols (LawTable) that are evaluated, and differentiated, exactly.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kits/kinetics/network.h"
#include "stat/multi_index.h"

namespace meso::kinetics {

/// A sparse polynomial; a monomial is the sorted list of its variables, each as often as its power.
class Polynomial {
 public:
  using Monomial = std::vector<std::uint32_t>;
  std::map<Monomial, double> terms;

  Polynomial() = default;
  explicit Polynomial(double constant) { if (constant != 0) terms[{}] = constant; }
  [[nodiscard]] static Polynomial variable(std::uint32_t id) { Polynomial p; p.terms[{id}] = 1; return p; }
  void add(const Monomial& monomial, double coefficient);
  void add(const Polynomial& other, double factor = 1);
  [[nodiscard]] Polynomial operator*(const Polynomial& other) const;
  [[nodiscard]] Polynomial operator*(double factor) const;
  [[nodiscard]] Polynomial operator+(const Polynomial& other) const;
  [[nodiscard]] Polynomial operator-(const Polynomial& other) const;
  Polynomial& operator+=(const Polynomial& other);
  /// d/d variable.
  [[nodiscard]] Polynomial derivative(std::uint32_t id) const;
};

/// Ids of symbols that are no moment: numbers that a closure gives besides cumulants (rates of a mapped network) ...
inline constexpr std::uint32_t extra_symbols = 0x10000000;
/// ... and derivatives of laws at the mean.
inline constexpr std::uint32_t law_symbols = 0x20000000;

/// Derivatives of the propensities that are no polynomials, as symbols of the moment equations.
class LawTable {
 public:
  explicit LawTable(std::vector<std::string> species = {}) : species_(std::move(species)) {}
  /// @returns the index of a new law
  std::size_t add(Formula law);
  /// Symbol of d^k a / dn^k of a law (k = 0: the law itself); the derivative is formed when first asked for.
  [[nodiscard]] std::uint32_t symbol(std::size_t law, const MultiIndex& k);
  struct Entry {
    std::size_t law;
    MultiIndex k;
    Formula formula;
  };
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  /// Entry of symbol law_symbols + i.
  [[nodiscard]] const Entry& operator[](std::size_t i) const { return entries_[i]; }
  [[nodiscard]] const std::vector<std::string>& species() const { return species_; }

 private:
  std::vector<std::string> species_;
  std::vector<std::size_t> first_;                                   // entry of each law itself
  std::map<std::pair<std::size_t, MultiIndex>, std::size_t> known_;
  std::vector<Entry> entries_;
};

enum class Convention {
  stochastic,   ///< propensities of the master equation: n (n - 1) ...
  macroscopic   ///< the rate equation's: n^2 ...; laws given as formulas are taken as they stand
};

/// A network on its independent species: conserved ones are put in through n = offset + map n_independent, so that no
/// Jacobian is singular by conservation. The zero-cumulant closure commutes with this elimination; not every closure does.
struct ReducedNetwork {
  std::vector<std::string> species;              ///< independent ones, in the network's order
  std::vector<std::size_t> position;             ///< of each independent species in the network
  std::vector<std::string> all_species;
  std::vector<double> offset, map;               ///< S_all; S_all x S row-major
  std::vector<double> initial;                   ///< molecules, independent ones
  double volume = 1;
  struct Channel {
    MultiIndex change;
    std::map<MultiIndex, double> polynomial;     ///< propensity in molecules of the independent species
    std::optional<Formula> law;                  ///< if it is no polynomial in the species with constant coefficients
    int law_degree = -1;                         ///< of a law that is a polynomial in the species with coefficients that depend on t: its degree
    std::string text;
    std::vector<double> burst = {};              ///< mean of the geometric burst of each independent species; empty: none bursts
    std::size_t reaction = 0;                    ///< of the network
    bool mass_action = false;
    double stochastic = 0;                       ///< mass action: constant of the propensity (network.h)
    std::vector<std::pair<std::size_t, int>> reactants = {};  ///< mass action: species of the network
    std::optional<std::uint32_t> factor = {};    ///< symbol that multiplies the propensity
    /// Order to which a law is expanded about the means: its degree where it has one.
    [[nodiscard]] int taylor(int asked) const { return law_degree >= 0 ? law_degree : asked; }
    /// Mean net change of independent species s, bursts included.
    [[nodiscard]] double mean_change(std::size_t s) const { return change[s] + (burst.empty() ? 0.0 : burst[s]); }
  };
  std::vector<Channel> channels;
  bool time_dependent = false;
  std::vector<std::vector<std::size_t>> exclusive;  ///< groups of species of the network of which exactly one molecule exists: each is 0 or 1
  [[nodiscard]] std::size_t size() const { return species.size(); }
  /// Highest degree of a polynomial propensity; laws count with `taylor`.
  [[nodiscard]] int degree(int taylor) const;
  /// True if every propensity is a polynomial in the species (its coefficients may depend on t): no Taylor order is needed.
  [[nodiscard]] bool polynomial() const;
  /// Amount of species a of the network as a polynomial in the independent ones.
  [[nodiscard]] Polynomial amount(std::size_t a) const;
  /// "Y = 10 - X", one per eliminated species.
  [[nodiscard]] std::vector<std::string> eliminated() const;
};
[[nodiscard]] ReducedNetwork reduce(const Network& network, Convention convention);

/// The same, made when it is first asked for: a level that nobody runs costs nothing, which counts where there are thousands of species. Copies share it.
class ReducedLater {
 public:
  ReducedLater(SharedNetwork network, Convention convention) : made_(std::make_shared<Made>(std::move(network), convention)) {}
  const ReducedNetwork& operator*() const {
    std::call_once(made_->once, [&] { made_->reduced.emplace(reduce(*made_->network, made_->convention)); });
    return *made_->reduced;
  }
  const ReducedNetwork* operator->() const { return &**this; }

 private:
  struct Made {
    Made(SharedNetwork of, Convention in) : network(std::move(of)), convention(in) {}
    SharedNetwork network;
    Convention convention;
    std::once_flag once;
    std::optional<ReducedNetwork> reduced;
  };
  std::shared_ptr<Made> made_;
};

/// <nu^(i-j)> of a channel's net change nu: its power where no species bursts. A burst of mean b is geometric,
/// P(m) = b^m / (1 + b)^(m+1), with factorial moments <m (m-1) ... (m-k+1)> = k! b^k; bursts of one firing are independent.
[[nodiscard]] double change_moment(const ReducedNetwork::Channel& channel, const MultiIndex& i, const MultiIndex& j);

/// d<n^i>/dt as a sparse linear map from raw moments: `rows` up to the order asked, `columns` up to order + degree - 1.
struct RawMomentEquations {
  MultiIndexSet rows, columns;
  struct Entry {
    std::size_t row, column;                     ///< column npos: the constant 1
    double coefficient;
  };
  std::vector<Entry> entries;
};
/// @throws ModelError if a propensity is no polynomial: raw moments have no Taylor form
[[nodiscard]] RawMomentEquations raw_moment_equations(const ReducedNetwork& network, int order);

/// Right-hand sides as polynomials whose variable p is entry p of `set` (means at order 1) or a law symbol; all in molecules.
struct MomentEquations {
  MultiIndexSet set;                             ///< every moment that occurs, or up to `keep`
  int order;                                     ///< equations are for the first set.size_up_to(order) entries
  std::vector<Polynomial> equations;
  LawTable laws;
  double volume;
  std::size_t n_extra = 0;                       ///< symbols extra_symbols + 0, 1, ... that occur: a close function gives them
};

/// Joint cumulants up to `order`. @param keep  cumulants above this order are zero (keep = order: the zero-cumulant closure);
/// 0 keeps all that occur. @param taylor  Taylor order of propensities that are no polynomials
[[nodiscard]] MomentEquations cumulant_equations(const ReducedNetwork& network, int order, int keep = 0, int taylor = 2);
/// Propensity of a channel with every amount at its mean: a polynomial in the means, or the law's symbol (its index in `law`).
[[nodiscard]] Polynomial rate_at_mean(const ReducedNetwork::Channel& channel, LawTable& laws, std::size_t* law = nullptr);
/// The same hierarchy in central moments, as an independent form.
[[nodiscard]] MomentEquations central_moment_equations(const ReducedNetwork& network, int order, int taylor = 2);

}  // namespace meso::kinetics

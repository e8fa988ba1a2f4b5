// Linear mapping: reactions of a 0/1 species with others as first-order reactions of that species alone.
//
// G + P -> Gb with constant s becomes G -> Gb with rate s_eff = s <g p> / <g> (cooperative binding: s <p (p-1) .. g> / <g>),
// the mean rate given that the switch is there. Molecules that a mapped reaction binds are not counted, nor are they when
// the reverse reaction frees them: both only move the switch. The linear network's moment equations close by themselves, and
// with s_eff averaged over time, s_eff* = (1/t) int_0^t s_eff, its master equation gives distributions.
// Source: Cao and Grima, Nat. Commun. 9, 3305 (2018), doi:10.1038/s41467-018-05822-0.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "kits/kinetics/closure.h"

namespace meso::kinetics {

class LinearMapping {
 public:
  /// @throws ParameterError a reaction that cannot be mapped (named): no 0/1 species, or more than one, or not mass action; an
  /// order too low for the rates
  LinearMapping(const ReducedNetwork& network, int order);

  struct Mapped {
    std::size_t reaction = 0;     ///< of the network
    std::size_t species = 0;      ///< the 0/1 species of the network that it starts from
    Polynomial top, given;        ///< s_eff = top / given: <a> and the mean of the 0/1 species, in cumulants (molecules)
  };
  [[nodiscard]] const std::vector<Mapped>& mapped() const { return mapped_; }
  /// The linear network; the propensity of a mapped channel is multiplied by symbol extra_symbols + its index.
  [[nodiscard]] const ReducedNetwork& linear() const { return linear_; }
  /// s_eff of each mapped reaction from cumulants (molecules), and its gradient (rows as mapped(), or empty).
  void rates(std::span<const double> kappa, std::span<double> s_eff, std::span<double> gradient) const;
  /// The linear network with numbers for its rates, one per mapped reaction: a network that fsp and ssa take.
  [[nodiscard]] Network network(const Network& original, std::span<const double> s_eff) const;

 private:
  struct Compiled {
    std::vector<std::pair<double, std::vector<std::uint32_t>>> terms;
    [[nodiscard]] double operator()(std::span<const double> x) const;
    void add_gradient(std::span<const double> x, double factor, std::span<double> gradient) const;
  };
  static Compiled compile(const Polynomial& p);
  std::vector<Mapped> mapped_;
  std::vector<std::size_t> freed_;          // reactions that undo a mapped one: only the switch moves
  std::vector<bool> is_switch_;             // per species of the network
  std::vector<Compiled> top_, given_;
  ReducedNetwork linear_;
};

/// Marginal laws of the linear network at the times asked (or at stationarity), with s_eff*: an estimate for each
/// "<species>.distribution" in the ask. `flow` is the closed flow of the mapping, `start` its initial state.
[[nodiscard]] std::vector<Estimate> linear_mapping_distributions(const Network& network, const ReducedNetwork& reduced, const LinearMapping& mapping, const Flow& flow,
                                                                 std::span<const double> start, const Ask& ask, Context& context);

}  // namespace meso::kinetics

// Branches of steady states: pseudo-arclength continuation of any flow (rate equation, linear noise, closures) in any real
// parameter of its network, with folds, Hopf points, branch points and changes of physicality located on the way.
//
// A curve F(z, p) = 0 is followed in its arc length, so that it may turn round in p; stability is that of the eigenvalues
// at every point. Source: Keller (1977), in Applications of Bifurcation Theory; Kuznetsov, Elements of Applied Bifurcation
// Theory, 3rd ed., ch. 10.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kits/kinetics/steady_state.h"
#include "model/level.h"

namespace meso::kinetics {

/// A flow at one parameter value, with the network that it belongs to.
struct FlowAt {
  Network network;
  ReducedNetwork reduced;
  Flow flow;
};
/// The flow at a parameter value. @throws InputError where there is none
using FlowFamily = std::function<std::shared_ptr<const FlowAt>(double parameter)>;
/// The network at another value of one of its parameters. @throws ParameterError unknown, not real, out of range
using Rebuild = std::function<Network(const std::string& parameter, double value)>;
/// The flow of a level for a network and the level's options; null if nothing ever changes.
using FlowMaker = std::function<std::shared_ptr<const FlowAt>(const Network& network, const Table& options)>;

struct ContinuationOptions {
  std::string parameter = "p";             ///< its name, for texts
  double from = 0, to = 1;                 ///< from < to
  bool log = false;                        ///< steps in log p; from > 0
  int starts = 17;                         ///< values of p, ends included, at which states are looked for
  std::size_t max_points = 800;            ///< per branch: a closure of high order may wind without end
  std::size_t beyond = 60;                 ///< points that a branch is followed where it is unphysical
  std::function<void()> between = {};      ///< called now and then; may throw
};
/// Observables of a state.
using StateValues = std::function<std::map<std::string, double>(const FlowAt&, std::span<const double> z)>;

/// Every branch with a physical state at one of `starts` values of the parameter, from one end of the range to the other or
/// as far as it goes. For one species at order 1 or 2 with polynomial equations all roots at these values are taken
/// (complete there); otherwise states are looked for from many starts, and the number of branches is a lower bound: the
/// branches' texts say which.
///
/// Special points are zeros, on the curve, of: the parameter component of the tangent (fold), the eigenvalue that
/// vanishes where the bordered Jacobian changes sign (branch point), the real part of the pair whose rank in the spectrum crosses the axis (Hopf), the least of
/// means, variances and the smallest eigenvalue of the covariance (unphysical). Their error is ten times the distance
/// that remains by the last slope, plus the effect of rounding. Points other than `unphysical` are left out where the state is unphysical.
[[nodiscard]] std::vector<Branch> trace_branches(const FlowFamily& family, const ContinuationOptions& options, const StateValues& values);

/// The `branches` callable of a moment level. @param owner  "level 'closure'"
[[nodiscard]] std::function<std::vector<Branch>(const BranchAsk&)> branches_of(Rebuild rebuild, FlowMaker make, std::vector<ParameterInfo> options, std::string owner);

}  // namespace meso::kinetics

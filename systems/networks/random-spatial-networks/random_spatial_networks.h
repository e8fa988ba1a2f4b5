// Random spatial networks and SIR on them: parameters, what follows from them, the system.
#pragma once

#include <string>
#include <vector>

#include "kits/graph/epidemic.h"
#include "kits/graph/wave.h"
#include "model/system.h"

namespace meso::systems::random_spatial_networks {

struct Params {
  std::int64_t dimension = 1;
  double L = 100, rho = 100;
  std::vector<double> kappa{6}, kappa_weight{1};
  std::string kernel = "gaussian";
  double sigma = 1, a = 3, p = 0;
  double beta = 1, gamma = 1;
  std::string seed = "band";
  double w = 2;
};

/// A validated case.
struct World {
  graph::SpatialSpec network;
  double beta = 1, gamma = 1, excess = 6, w = 2, range = 1;
  bool single = false;                    ///< one infected node instead of a band
  std::vector<std::string> warnings;
  [[nodiscard]] double half() const { return 0.5 * network.side; }
  [[nodiscard]] double nodes() const;
  [[nodiscard]] double reproduction() const { return beta / (beta + gamma) * excess; }
  [[nodiscard]] graph::GeneratingFunction psi() const { return {network.kappa, network.kappa_weight}; }
  /// Why there is no constant speed, or "".
  [[nodiscard]] std::string no_speed() const;
};
/// @throws ParameterError  kernel not integrable, probabilities above 1 for more than 0.1 % of the edges' pairs, weights that do not fit, too many nodes
[[nodiscard]] World build(const Params& params);

// ---- observe.cpp: what one realisation shows --------------------------------------------------------------------------

/// Half-width of the window around X in which a median infection time is taken.
inline constexpr double arrival_window = 2;
/// Distances from the seed at which arrival times are taken: 0.125 to 0.875 of the half box; the speed uses those from 0.375 on.
[[nodiscard]] std::vector<double> arrival_points(double half);
inline constexpr std::size_t first_speed_point = 5;
/// Middles of the bins of distance for profiles, and their number.
inline constexpr std::size_t profile_bins = 40;

/// One network and the epidemic on it.
struct Realisation {
  graph::SpatialGraph network;
  std::vector<double> infected_at, ended_at;  ///< per node; 0 for the seed
  std::vector<char> seeded;
  graph::Course course;
  std::size_t reached = 0;                    ///< nodes ever infected outside the seed
};
/// Streams "<purpose>/graph" and "<purpose>/epidemic" of this trajectory: a trajectory is one network with one epidemic on it.
[[nodiscard]] Realisation realise(const World& world, std::span<const double> times, double until, bool epidemic, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory);

/// Median infection time of the nodes within arrival_window of each distance; infinite where most were spared.
[[nodiscard]] std::vector<double> arrivals(const Realisation& r, std::span<const double> distance);

/// Secondary foci in one dimension. A bin (one kernel median wide, at least 20 nodes) is reached once a tenth of its nodes have been infected; the main cluster is
/// what is connected to the seed with gaps of at most 10 kernel medians. Foci: further clusters of reached bins; hop: share of the infected nodes
/// further than 10 medians from the main cluster.
struct Hops {
  double foci = 0, hop = 0;
};
[[nodiscard]] Hops hops(const Realisation& r, double t, double median);

/// Local clustering constant: integral f(x) f(y) f(x - y) dx dy on the torus, by Fourier transform.
[[nodiscard]] double triangle_integral(const graph::Kernel& kernel, double side);

[[nodiscard]] System system();

}  // namespace meso::systems::random_spatial_networks

// Random spatial networks: Chung-Lu weights times a distance kernel on a torus, built exactly without looking at all pairs.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kits/graph/graph.h"

namespace meso::graph {

/// A distance kernel f(r), decreasing, with integral 1 over R^d (d = 1 or 2): a weighted sum of simple ones.
///   gaussian            (2 pi range^2)^(-d/2) exp(-r^2/(2 range^2))
///   laplace             ~ exp(-r/b); `range` is the standard deviation of each coordinate (b = range/sqrt 2 in d = 1, range/sqrt 3 in d = 2)
///   stretched           ~ exp(-(r/range)^shape), 0 < shape < 1
///   power               ~ (1 + r/range)^(-shape), shape > d
///   uniform             constant over the torus
///   profile             any decreasing function of r of the user's own, normalised here by quadrature; `range` is set to its median distance
class Kernel {
 public:
  enum class Kind { gaussian, laplace, stretched, power, uniform, profile };
  struct Part {
    double weight = 1;
    Kind kind = Kind::gaussian;
    double range = 1, shape = 0;
    std::function<double(double)> profile = nullptr;  ///< of r >= 0, up to a factor
  };
  /// @throws ParameterError  a profile that is negative, rises, is not finite or falls too slowly to be integrated (names the place); range <= 0; power with shape <= dimension (not integrable); weights that do not sum to 1 (tells their sum)
  Kernel(int dimension, std::vector<Part> parts);
  [[nodiscard]] int dimension() const { return dimension_; }
  [[nodiscard]] const std::vector<Part>& parts() const { return parts_; }

  /// Density on the torus [0, side)^d at nearest-image distance r. What lies beyond the box is spread evenly, so that the integral is 1.
  [[nodiscard]] double on_torus(double r, double side) const;
  /// The evenly spread part: the uniform kernel and the mass beyond the box, per volume. on_torus = local(r) + background.
  [[nodiscard]] double background(double side) const;
  /// The part that depends on distance.
  [[nodiscard]] double local(double r) const;
  /// P(distance <= r) of the local parts, of weight 1 - uniform.
  [[nodiscard]] double mass_within(double r) const;
  /// Median distance of the local parts; 0 if there are none.
  [[nodiscard]] double median() const;
  /// Marginal density of one coordinate of the local parts.
  [[nodiscard]] double marginal(double z) const;
  /// M(s) = integral f(z) exp(s z_1) dz; nothing if it is infinite, unknown (a profile), or if a uniform part makes it meaningless.
  [[nodiscard]] std::optional<double> exponential_moment(double s) const;
  /// True if M(s) exists for some s > 0: fronts then have a constant speed.
  [[nodiscard]] bool has_exponential_moment() const;
  /// Smallest s at which M diverges (infinite for a gaussian).
  [[nodiscard]] double moment_limit() const;
  [[nodiscard]] double smallest_range() const;

 private:
  struct Form {
    Part part;
    double norm = 0, scale = 0;  ///< density norm * shape(r/scale)
    std::vector<double> mass;    ///< profile: P(distance <= e^v) at v = from + i step
    static constexpr double from = -46, step = 0.004;
  };
  void tabulate(Form& form) const;
  [[nodiscard]] static double shape(const Form& form, double r);
  [[nodiscard]] double within(const Form& form, double r) const;
  int dimension_;
  std::vector<Part> parts_;
  std::vector<Form> forms_;
};

/// Nodes in space. Sorted by cell, so that near nodes are near in memory.
struct SpatialGraph {
  Graph graph;
  int dimension = 1;
  double side = 0;
  std::vector<double> x, y;   ///< positions; y is empty in one dimension
  std::vector<double> weight; ///< expected degrees kappa; empty if all are equal
  double capped = 0;          ///< share of edges' pairs met whose probability had to be cut at 1
};

struct SpatialSpec {
  int dimension = 1;
  double side = 100, density = 100;
  std::vector<double> kappa{6}, kappa_weight{1};  ///< law of the expected degrees
  Kernel kernel{1, {Kernel::Part{}}};
  [[nodiscard]] double mean_kappa() const;
  [[nodiscard]] double second_kappa() const;
  /// Share of all connected pairs, by the kernel's own law, with kappa_i kappa_j f/(<kappa> density) > 1, and the part of the mean degree lost by the cap.
  struct Cap {
    double pairs = 0, degree = 0;
  };
  [[nodiscard]] Cap cap() const;
};

/// Nodes uniform on the torus, edges i-j independently with p = min(1, kappa_i kappa_j f(distance)/(<kappa> density)). The local and the
/// evenly spread part of f are drawn apart: p = 1 - (1 - p_local)(1 - p_even), which differs from their sum by less than p_even p_local.
///
/// Exact for every decreasing kernel, short or long, in O(nodes + edges): pairs of cells at dyadic scales, each scale serving the
/// distances of its own size; inside a pair of cells candidates are skipped geometrically with the largest probability that the cells
/// allow, and thinned. Weights are split into octaves. Source: Bringmann, Keusch and Lengler (2019), doi:10.1016/j.tcs.2018.08.014.
[[nodiscard]] SpatialGraph spatial_graph(const SpatialSpec& spec, FastStream random);

/// Nearest-image distance on the torus.
[[nodiscard]] double torus_distance(const SpatialGraph& g, std::size_t i, std::size_t j);
/// Lengths of all edges, ascending.
[[nodiscard]] std::vector<double> edge_lengths(const SpatialGraph& g);
/// Value below which a share q of the ascending sample lies.
[[nodiscard]] double quantile_of(const std::vector<double>& ascending, double q);

}  // namespace meso::graph

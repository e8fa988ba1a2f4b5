#include "kits/kinetics/continuation.h"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/moment_level.h"
#include "kits/kinetics/observables.h"
#include "kits/kinetics/rate_equation.h"

namespace meso::kinetics {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double largest_step = 0.2;    // relative change of the state per point
constexpr double smallest_step = 1e-7;
constexpr double epsilon = std::numeric_limits<double>::epsilon();

// A point of the curve. Coordinates u = (z, q) with q = p or log p, made dimensionless by `scale`.
struct Node {
  VectorXd u;
  VectorXd scale;
  VectorXd tangent;          // unit vector, in units of scale
  VectorXd by_parameter;     // dF/dq
  double determinant = 0;    // of the bordered Jacobian: its sign
  std::shared_ptr<const FlowAt> at;
  FixedPoint point;
  std::size_t unstable = 0;  // eigenvalues with positive real part
  [[nodiscard]] double q() const { return u(u.size() - 1); }
  [[nodiscard]] double slope() const { return tangent(tangent.size() - 1); }
};

// A zero on the curve.
struct Located {
  Node node;
  double error = 0;  // of q
};

// Least of means, variances and the smallest eigenvalue of the covariance, in molecules: negative where unphysical.
double physicality(const FlowAt& at, std::span<const double> z, std::string* what = nullptr) {
  double least = std::numeric_limits<double>::infinity();
  const auto take = [&](double value, const std::string& name) {
    if (!(value < least)) return;
    least = value;
    if (what != nullptr) *what = name;
  };
  const ReducedNetwork& network = at.reduced;
  for (std::size_t a = 0; a < network.all_species.size(); ++a) take(mean_of(at.flow, z, network, a), fmt::format("<{}>", network.all_species[a]));
  if (at.flow.order() < 2) return least;
  for (std::size_t a = 0; a < network.all_species.size(); ++a) take(covariance_of(at.flow, z, network, a, a), fmt::format("Var({})", network.all_species[a]));
  const std::size_t n = at.flow.species();
  if (n < 2) return least;
  MatrixXd c(static_cast<Index>(n), static_cast<Index>(n));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) c(static_cast<Index>(i), static_cast<Index>(j)) = covariance_of(at.flow, z, network, network.position[i], network.position[j]);
  if (c.allFinite()) take(Eigen::SelfAdjointEigenSolver<MatrixXd>(c, Eigen::EigenvaluesOnly).eigenvalues()(0), "the smallest eigenvalue of the covariance matrix");
  return least;
}

class Tracer {
 public:
  Tracer(const FlowFamily& family, const ContinuationOptions& options, const StateValues& values)
      : family_(family), options_(options), values_(values), first_(coordinate(options.from)), last_(coordinate(options.to)) {}

  std::vector<Branch> run();

 private:
  [[nodiscard]] double coordinate(double p) const { return options_.log ? std::log(p) : p; }
  // The ends exactly: exp(log(p)) may lie outside the range by rounding.
  [[nodiscard]] double parameter(double q) const {
    if (q <= first_) return options_.from;
    if (q >= last_) return options_.to;
    return options_.log ? std::exp(q) : q;
  }
  [[nodiscard]] double error_of_parameter(double q, double error) const { return options_.log ? parameter(q) * error : error; }
  [[nodiscard]] std::shared_ptr<const FlowAt> at(double q) const {
    if (recent_ != nullptr && recent_q_ == q) return recent_;
    const double p = options_.log ? std::exp(q) : q;
    recent_ = family_(std::abs(q - first_) < 1e-14 * (1 + std::abs(q)) ? options_.from : std::abs(q - last_) < 1e-14 * (1 + std::abs(q)) ? options_.to : p);
    recent_q_ = q;
    return recent_;
  }
  static std::span<const double> state(const VectorXd& u) { return {u.data(), static_cast<std::size_t>(u.size()) - 1}; }

  // @param slope  dF/dq: taken as it is where it is known (a corrector's step), formed where it is empty, by differences of two more flows, which cost
  //               far more than all the rest
  bool linearise(const VectorXd& u, const VectorXd& scale, std::shared_ptr<const FlowAt>& at_u, VectorXd& f, MatrixXd& b, VectorXd& slope) const;
  enum class Slope { held, fresh };
  std::optional<VectorXd> correct(const Node& from, const VectorXd& guess, double sigma, Slope slope, int* iterations = nullptr) const;
  std::optional<Node> node_at(const VectorXd& u, const VectorXd* along) const;
  std::optional<Located> locate(const Node& from, const Node& to, const std::function<double(const Node&)>& g) const;
  // Special points between two neighbouring nodes; nullopt if there are several that may disturb each other.
  std::optional<std::vector<SpecialPoint>> specials(const Node& from, const Node& to, bool whatever) const;
  SpecialPoint special(const char* kind, const Located& found, std::string text) const;
  struct Half {
    std::vector<Node> nodes;
    std::vector<SpecialPoint> special;
    std::string end;
    bool closed = false;
  };
  Half follow(Node start, int direction);
  bool known(double q, const std::vector<double>& z) const;
  std::vector<FixedPoint> starts(const FlowAt& at, bool& complete) const;
  BranchPoint branch_point(const Node& node) const;

  const FlowFamily& family_;
  const ContinuationOptions& options_;
  const StateValues& values_;
  double first_, last_, largest_ = 0;
  std::vector<std::vector<Node>> traced_;
  mutable std::shared_ptr<const FlowAt> recent_;  // the last flow built, at recent_q_
  mutable double recent_q_ = 0;
};

VectorXd scale_of(const FlowAt& at, const VectorXd& u, double range) {
  VectorXd scale = u.cwiseAbs().array() + 0.1 / at.flow.volume();  // a tenth of a molecule: zero is no special size
  scale(scale.size() - 1) = range;
  return scale;
}

// Residuals relative to the size of their terms, and d/du in units of scale: n x (n + 1).
bool Tracer::linearise(const VectorXd& u, const VectorXd& scale, std::shared_ptr<const FlowAt>& at_u, VectorXd& f, MatrixXd& b, VectorXd& slope) const {
  const Index n = u.size() - 1;
  const auto size = static_cast<std::size_t>(n);
  const double q = u(n), range = last_ - first_, h = 1e-6 * range;
  at_u = at(q);
  VectorXd weight(n);
  f.resize(n);
  b.resize(n, n + 1);
  at_u->flow.rhs(0, state(u), {f.data(), size});
  at_u->flow.magnitude(0, state(u), {weight.data(), size});
  at_u->flow.jacobian(0, state(u), {b.data(), size * size});
  if (slope.size() == 0) {
    const double above = std::min(q + h, std::max(last_, q)), below = std::max(q - h, std::min(first_, q));
    VectorXd up(n), down(n);
    at(above)->flow.rhs(0, state(u), {up.data(), size});
    at(below)->flow.rhs(0, state(u), {down.data(), size});
    slope = (up - down) / (above - below);
  }
  b.col(n) = slope;
  // At an exact cancellation a row may have no terms left: what a step of the size of the scale changes counts too.
  weight += b.leftCols(n).cwiseAbs() * scale.head(n) + VectorXd::Constant(n, 1e-300);
  f.array() /= weight.array();
  for (Index j = 0; j <= n; ++j) b.col(j).array() *= scale(j) / weight.array();
  return f.allFinite() && b.allFinite();
}

// Newton on the plane tangent . (u - u_from) / scale = sigma. dF/dp may be held at its value at `from`, where the curve is no worse than bent; beside a
// branch point only the whole of Newton's method converges.
std::optional<VectorXd> Tracer::correct(const Node& from, const VectorXd& guess, double sigma, Slope by, int* iterations) const {
  const Index n = guess.size() - 1;
  VectorXd u = guess, f, slope = from.by_parameter;
  MatrixXd b, full(n + 1, n + 1);
  VectorXd right(n + 1);
  std::shared_ptr<const FlowAt> at_u;
  double before = std::numeric_limits<double>::infinity();
  for (int k = 0; k < 12; ++k) {
    if (by == Slope::fresh) slope.resize(0);
    if (!linearise(u, from.scale, at_u, f, b, slope)) return std::nullopt;
    full << b, from.tangent.transpose();
    right << -f, sigma - from.tangent.dot(((u - from.u).array() / from.scale.array()).matrix());
    const VectorXd step = Eigen::PartialPivLU<MatrixXd>(full).solve(right);
    if (!step.allFinite()) return std::nullopt;
    const double size = step.cwiseAbs().maxCoeff();
    if (k > 1 && size > 1e-8 && size > 0.5 * before) return std::nullopt;
    u.array() += step.array() * from.scale.array();
    if (iterations != nullptr) *iterations = k + 1;
    // What remains is the step times its shrinkage, or rounding where the steps shrink no more.
    if (size < 1e-12 || (size < 1e-8 && (size * size < 1e-15 * before || size > 0.5 * before))) return u;
    before = size;
  }
  return std::nullopt;
}

// @param along  direction (in molecules) that the tangent continues; null: towards larger p
std::optional<Node> Tracer::node_at(const VectorXd& u, const VectorXd* along) const {
  const Index n = u.size() - 1;
  Node node;
  node.u = u;
  VectorXd f;
  MatrixXd b;
  std::shared_ptr<const FlowAt> at_u = at(u(n));
  node.scale = scale_of(*at_u, u, last_ - first_);
  if (!linearise(u, node.scale, node.at, f, b, node.by_parameter)) return std::nullopt;
  // The null vector of b is the last column of Q in b^T = Q R: well defined at folds too.
  const Eigen::HouseholderQR<MatrixXd> qr(b.transpose());
  node.tangent = qr.householderQ() * VectorXd::Unit(n + 1, n);
  const double sign = along != nullptr ? node.tangent.dot((along->array() / node.scale.array()).matrix()) : node.tangent(n);
  if (sign < 0) node.tangent = -node.tangent;
  MatrixXd full(n + 1, n + 1);
  full << b, node.tangent.transpose();
  const Eigen::PartialPivLU<MatrixXd> lu(full);
  node.determinant = static_cast<double>(lu.permutationP().determinant());
  for (Index i = 0; i <= n; ++i)
    if (lu.matrixLU()(i, i) < 0) node.determinant = -node.determinant;
  node.point = describe(node.at->flow, state(u), node.at->reduced);
  if (node.point.eigenvalues.empty()) return std::nullopt;
  node.unstable = static_cast<std::size_t>(std::count_if(node.point.eigenvalues.begin(), node.point.eigenvalues.end(), [](const auto& e) { return e.real() > 0; }));
  return node;
}

// Regula falsi (Illinois) in the arc length. The guess lies between the two nodes of the bracket, so that it becomes better as they close in:
// beside a branch point Newton's method converges only from near.
std::optional<Located> Tracer::locate(const Node& from, const Node& to, const std::function<double(const Node&)>& g) const {
  struct End {
    double sigma, g, weighted;
    VectorXd u;
  };
  const double whole = from.tangent.dot(((to.u - from.u).array() / from.scale.array()).matrix());
  End a{0, g(from), g(from), from.u}, b{whole, g(to), g(to), to.u};
  if (!((a.g > 0) != (b.g > 0)) || !std::isfinite(a.g) || !std::isfinite(b.g)) return std::nullopt;
  const VectorXd along = from.tangent.array() * from.scale.array();
  std::optional<Node> best;
  double change = std::abs(to.q() - from.q()), size = std::max(std::abs(a.g), std::abs(b.g));
  int side = 0;
  for (int k = 0; k < 80 && std::abs(b.sigma - a.sigma) > 1e-12 * whole; ++k) {
    double sigma = k < 60 ? (a.sigma * b.weighted - b.sigma * a.weighted) / (b.weighted - a.weighted) : 0.5 * (a.sigma + b.sigma);
    if (!(sigma > a.sigma && sigma < b.sigma)) sigma = 0.5 * (a.sigma + b.sigma);
    std::optional<VectorXd> u;
    std::optional<Node> node;
    // At a branch point the corrector is singular, and the very first guess may hit it: then a hair beside it. Later, what is known so far is the answer.
    for (const double aside : {0.0, 1e-7, 1e-5}) {
      const double at = sigma - aside * (sigma - a.sigma);
      u = correct(from, a.u + (b.u - a.u) * ((at - a.sigma) / (b.sigma - a.sigma)), at, Slope::fresh);
      if (u) node = node_at(*u, &along);
      if (node) sigma = at;
      if (node || best) break;
    }
    if (!node) break;
    best = node;
    const double value = g(*node);
    // How far the zero is, by the slope across the bracket.
    change = std::abs(value) * std::abs(b.u(b.u.size() - 1) - a.u(a.u.size() - 1)) / std::abs(b.g - a.g);
    if (value == 0 || (k > 2 && std::abs(value) < 1e-14 * size)) break;
    End& end = (value > 0) == (b.g > 0) ? b : a;
    end = {sigma, value, value, *u};
    const int now = &end == &b ? 1 : -1;
    if (side == now) (now > 0 ? a : b).weighted /= 2;
    side = now;
  }
  if (!best) return std::nullopt;
  // Rounding: |(bordered Jacobian)^-1| times the rounding of the residuals (relative to their terms), ten-fold; of g itself, through its slope.
  VectorXd f;
  MatrixXd jacobian, full(from.u.size(), from.u.size());
  std::shared_ptr<const FlowAt> at_u;
  double rounding = 0;
  if (linearise(best->u, from.scale, at_u, f, jacobian, best->by_parameter)) {
    full << jacobian, best->tangent.transpose();
    VectorXd noise = VectorXd::Constant(from.u.size(), 10 * epsilon);
    const VectorXd effect = Eigen::PartialPivLU<MatrixXd>(full).inverse().cwiseAbs() * noise;
    if (effect.allFinite()) rounding = effect(effect.size() - 1) * (last_ - first_);
  }
  return Located{*best, 10 * change + rounding + 4 * epsilon * (std::abs(best->q()) + (last_ - first_))};
}

SpecialPoint Tracer::special(const char* kind, const Located& found, std::string text) const {
  const double q = found.node.q();
  return {kind, parameter(q), error_of_parameter(q, found.error), values_(*found.node.at, state(found.node.u)), 0, std::move(text)};
}

std::string stability_text(const Node& from, const Node& to) {
  if (from.unstable == to.unstable) return "";
  if (from.unstable == 0 || to.unstable == 0) return "a stable state begins here";
  return fmt::format("unstable directions: {} and {}", std::min(from.unstable, to.unstable), std::max(from.unstable, to.unstable));
}

std::optional<std::vector<SpecialPoint>> Tracer::specials(const Node& from, const Node& to, bool whatever) const {
  const bool fold = (from.slope() > 0) != (to.slope() > 0), branch = from.determinant != to.determinant, physical = from.point.physical != to.point.physical;
  const std::size_t low = std::min(from.unstable, to.unstable), high = std::max(from.unstable, to.unstable);
  const std::vector<std::complex<double>>& spectrum = (from.unstable > to.unstable ? from : to).point.eigenvalues;
  std::vector<std::size_t> pairs;
  for (std::size_t r = low; r < high; ++r)
    if (std::abs(spectrum[r].imag()) > 1e-9 * std::abs(spectrum[r]) && r + 1 < high) pairs.push_back(r++);
  const std::size_t crossings = high - low, explained = 2 * pairs.size() + (fold ? 1 : 0) + (branch ? 1 : 0);
  if (!whatever && (static_cast<std::size_t>(fold || branch) + pairs.size() > 1 || crossings > explained || (fold && crossings == 0))) return std::nullopt;
  std::vector<std::pair<double, SpecialPoint>> found;
  const auto keep = [&](const std::optional<Located>& located, const char* kind, std::string text, double frequency = 0) {
    if (!located) return;
    if (std::string(kind) != "unphysical" && !located->node.point.physical) return;
    found.emplace_back(from.tangent.dot(((located->node.u - from.u).array() / from.scale.array()).matrix()), special(kind, *located, std::move(text)));
    found.back().second.frequency = frequency;
  };
  if (fold && !branch) keep(locate(from, to, [](const Node& n) { return n.slope(); }), "fold", fmt::format("two states meet; {}", low == 0 && crossings > 0 ? "one of them is stable" : "neither is stable"));
  // The determinant only says that there is a branch point; the eigenvalue that crosses with it is smooth, and well defined at the point itself.
  if (branch && !fold && crossings > 0) keep(locate(from, to, [low](const Node& n) { return n.point.eigenvalues[low].real(); }), "branch-point", "another branch crosses");
  if (branch && fold) keep(locate(from, to, [](const Node& n) { return n.slope(); }), "branch-point", "another branch crosses");
  for (const std::size_t r : pairs) {
    auto located = locate(from, to, [r](const Node& n) { return n.point.eigenvalues[r].real(); });
    if (!located) continue;
    const double frequency = std::abs(located->node.point.eigenvalues[r].imag());
    // Rounding of an eigenvalue, through the slope of its real part.
    double size = 0;
    for (const auto& e : located->node.point.eigenvalues) size = std::max(size, std::abs(e));
    const double rise = std::abs(to.point.eigenvalues[r].real() - from.point.eigenvalues[r].real()), run = std::abs(to.q() - from.q());
    if (rise > 0) located->error += 100 * epsilon * size * run / rise;
    if (frequency > 1e-7 * size) keep(located, "hopf", low == 0 ? "the state loses stability to an oscillation" : stability_text(from, to), frequency);
  }
  if (physical) {
    std::string what;
    const Node& outside = from.point.physical ? to : from;
    (void)physicality(*outside.at, state(outside.u), &what);
    auto edge = locate(from, to, [](const Node& n) { return physicality(*n.at, state(n.u)); });
    if (!edge) {  // the physical node lies on the edge, within rounding
      const Node& inside = from.point.physical ? from : to;
      const double in = physicality(*inside.at, state(inside.u)), out = physicality(*outside.at, state(outside.u));
      edge = Located{inside, 10 * std::abs(to.q() - from.q()) * (std::abs(in) + 1e-12) / (std::abs(out - in) + 1e-300)};
    }
    keep(edge, "unphysical", what + " passes through zero");
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<SpecialPoint> result;
  for (auto& [sigma, point] : found) result.push_back(std::move(point));
  return result;
}

Tracer::Half Tracer::follow(Node start, int direction) {
  Half half;
  if (direction < 0) start.tangent = -start.tangent, start.determinant = -start.determinant;  // one row of the bordered matrix
  half.nodes.push_back(start);
  const double range = last_ - first_;
  double ds = 0.01;
  std::size_t outside = 0;
  while (true) {
    if (options_.between && half.nodes.size() % 16 == 0) options_.between();
    const Node& node = half.nodes.back();
    const auto n = static_cast<std::size_t>(node.u.size()) - 1;
    if (half.nodes.size() >= options_.max_points) {
      half.end = fmt::format("given up after {} points", options_.max_points);
      return half;
    }
    if ((node.q() <= first_ && node.slope() < 0) || (node.q() >= last_ && node.slope() > 0)) {
      half.end = "";
      return half;
    }
    outside = node.point.physical ? 0 : outside + 1;
    if (outside > options_.beyond) {
      half.end = "followed into the unphysical";
      return half;
    }
    std::size_t grown = n;
    for (std::size_t i = 0; i < n; ++i) {
      // A cumulant of order k is not worth more than volume^(k-1) mean^k.
      const int k = node.at->flow.set().degree_of(i);
      if (std::abs(node.u(static_cast<Index>(i))) > 1e5 * std::pow(largest_, k) * std::pow(std::max(1.0, node.at->flow.volume()), k - 1)) grown = std::min(grown, i);
    }
    if (grown < n) {
      const std::string what = node.at->flow.set().degree_of(grown) == 1 ? "the means grow" : "the fluctuations grow";
      const Node& earlier = half.nodes[half.nodes.size() > 60 ? half.nodes.size() - 60 : 0];
      half.special.push_back({"end", parameter(node.q()), std::abs(parameter(node.q()) - parameter(earlier.q())), values_(*node.at, state(node.u)), 0, what + " without bound"});
      half.end = fmt::format("{} without bound near {} = {}", what, options_.parameter, brief(parameter(node.q()), 6));
      return half;
    }
    ds = std::min({ds, largest_step, 1.0 / 80 / (std::abs(node.slope()) + 1e-3)});
    std::optional<Node> next;
    std::vector<SpecialPoint> between;
    int iterations = 0;
    for (; ds >= smallest_step; ds /= 2) {
      const VectorXd along = node.tangent.array() * node.scale.array();
      VectorXd guess = node.u + ds * along;
      std::optional<VectorXd> u;
      try {
        // Beyond the range by one step at most: then back to its end exactly.
        u = correct(node, guess, ds, Slope::held, &iterations);
        if (u && ((*u)(static_cast<Index>(n)) > last_ || (*u)(static_cast<Index>(n)) < first_)) {
          const double q_end = (*u)(static_cast<Index>(n)) > last_ ? last_ : first_, fraction = (q_end - node.q()) / ((*u)(static_cast<Index>(n)) - node.q());
          const VectorXd z = node.u.head(static_cast<Index>(n)) + fraction * ((*u) - node.u).head(static_cast<Index>(n));
          const auto end = at(q_end);
          const auto point = newton(end->flow, {z.data(), n}, end->reduced);
          if (!point) continue;
          for (std::size_t i = 0; i < n; ++i) (*u)(static_cast<Index>(i)) = point->z[i];
          (*u)(static_cast<Index>(n)) = q_end;
        }
        if (!u) continue;
        next = node_at(*u, &along);
      } catch (const InputError&) {  // no such network beyond the range: a shorter step
        continue;
      }
      if (!next) continue;
      const VectorXd moved = (*u - node.u).array() / node.scale.array(), turned = next->tangent.array() * next->scale.array() / node.scale.array();
      const bool straight = turned.dot(node.tangent) > 0.97 * turned.norm() && moved.dot(node.tangent) > 0.9 * moved.norm();
      if (!straight && ds > 4 * smallest_step) {
        next.reset();
        continue;
      }
      const auto events = specials(node, *next, ds < 1e-4);
      if (!events) {
        next.reset();
        continue;
      }
      between = *events;
      break;
    }
    if (!next) {
      const double reach = smallest_step * range * (std::abs(node.slope()) + 1e-3);
      half.special.push_back({"end", parameter(node.q()), error_of_parameter(node.q(), 100 * reach), values_(*node.at, state(node.u)), 0, "the equations cannot be followed further"});
      half.end = fmt::format("it cannot be followed beyond {} = {}", options_.parameter, brief(parameter(node.q()), 6));
      return half;
    }
    for (SpecialPoint& s : between) half.special.push_back(std::move(s));
    const VectorXd from_start = (next->u - start.u).array() / start.scale.array();
    const bool back = half.nodes.size() > 8 && from_start.norm() < 0.75 * ds && next->tangent.dot(start.tangent) > 0.9;
    if (back) {
      half.nodes.push_back(start);
      half.closed = true;
      half.end = "a closed curve";
      return half;
    }
    half.nodes.push_back(*next);
    if (iterations <= 4) ds *= 1.5;
  }
}

// True if a traced branch passes (q, z).
bool Tracer::known(double q, const std::vector<double>& z) const {
  for (const std::vector<Node>& nodes : traced_) {
    for (std::size_t k = 0; k < nodes.size(); ++k) {
      const Node &a = nodes[k], &b = nodes[k + 1 < nodes.size() ? k + 1 : k];
      const double qa = a.q(), qb = b.q();
      if (q < std::min(qa, qb) - 1e-12 * (last_ - first_) || q > std::max(qa, qb) + 1e-12 * (last_ - first_)) continue;
      const double fraction = qa == qb ? 0 : (q - qa) / (qb - qa);
      double worst = 0;
      for (std::size_t i = 0; i < z.size(); ++i) {
        const auto e = static_cast<Index>(i);
        worst = std::max(worst, std::abs(a.u(e) + fraction * (b.u(e) - a.u(e)) - z[i]) / a.scale(e));
      }
      if (worst < 5e-3) return true;
      if (worst > 2 * largest_step) continue;
      // Between two nodes the curve bends: the state that belongs to the line's point is the one to compare with.
      VectorXd guess = a.u + fraction * (b.u - a.u);
      const auto here = at(q);
      const auto point = newton(here->flow, state(guess), here->reduced);
      if (!point) continue;
      worst = 0;
      for (std::size_t i = 0; i < z.size(); ++i) worst = std::max(worst, std::abs(point->z[i] - z[i]) / a.scale(static_cast<Index>(i)));
      if (worst < 1e-6) return true;
    }
  }
  return false;
}

std::vector<FixedPoint> Tracer::starts(const FlowAt& at, bool& complete) const {
  std::vector<std::vector<double>> seeds{at.reduced.initial};
  if (!eliminate(at.flow)) {
    const ReducedNetwork macroscopic = reduce(at.network, Convention::macroscopic);
    const Flow rate = rate_equation_flow(macroscopic);
    for (const FixedPoint& point : steady_states(rate, seeds, macroscopic)) {
      seeds.emplace_back();
      for (std::size_t s = 0; s < rate.species(); ++s) seeds.back().push_back(rate.volume() * point.z[s]);
    }
  }
  return steady_states(at.flow, seeds, at.reduced, &complete);
}

BranchPoint Tracer::branch_point(const Node& node) const {
  return {parameter(node.q()), values_(*node.at, state(node.u)), node.point.stable, node.point.physical, node.point.eigenvalues.front()};
}

std::vector<Branch> Tracer::run() {
  struct Start {
    double q;
    FixedPoint point;
  };
  std::vector<Start> found;
  bool complete = true;
  const int count = std::max(2, options_.starts);
  for (int k = 0; k < count; ++k) {
    if (options_.between) options_.between();
    const double q = k == 0 ? first_ : k + 1 == count ? last_ : first_ + (last_ - first_) * k / (count - 1);
    const auto here = at(q);
    if (here == nullptr || here->reduced.time_dependent) return {};
    for (FixedPoint& point : starts(*here, complete)) {
      largest_ = std::max(largest_, 1 / here->flow.volume());
      for (std::size_t s = 0; s < here->flow.species(); ++s) largest_ = std::max(largest_, std::abs(point.z[s]));
      found.push_back({q, std::move(point)});
    }
  }
  const std::string how = complete ? fmt::format("all roots of one polynomial at {} values of {}", count, options_.parameter)
                                   : fmt::format("many starts at {} values of {}: there may be further branches", count, options_.parameter);
  std::vector<Branch> branches;
  for (const Start& start : found) {
    if (known(start.q, start.point.z)) continue;
    VectorXd u(static_cast<Index>(start.point.z.size()) + 1);
    for (std::size_t i = 0; i < start.point.z.size(); ++i) u(static_cast<Index>(i)) = start.point.z[i];
    u(u.size() - 1) = start.q;
    const auto node = node_at(u, nullptr);
    if (!node) continue;
    Half up = follow(*node, 1), down;
    if (!up.closed) down = follow(*node, -1);
    std::vector<Node> nodes;
    Branch branch;
    for (std::size_t k = down.nodes.size(); k-- > 1;) nodes.push_back(down.nodes[k]);
    for (const Node& n : up.nodes) nodes.push_back(n);
    for (std::size_t k = down.special.size(); k-- > 0;) branch.special.push_back(down.special[k]);
    branch.special.insert(branch.special.end(), up.special.begin(), up.special.end());
    for (const Node& n : nodes) branch.points.push_back(branch_point(n));
    if (branch.points.front().parameter > branch.points.back().parameter) {
      std::reverse(branch.points.begin(), branch.points.end());
      std::reverse(branch.special.begin(), branch.special.end());
    }
    branch.text = "found by " + how;
    for (const Half* half : {&down, &up})
      if (!half->end.empty()) branch.text += "; " + half->end;
    traced_.push_back(std::move(nodes));
    branches.push_back(std::move(branch));
  }
  return branches;
}

}  // namespace

std::vector<Branch> trace_branches(const FlowFamily& family, const ContinuationOptions& options, const StateValues& values) {
  if (!(std::isfinite(options.from) && std::isfinite(options.to) && options.from < options.to))
    throw ParameterError(fmt::format("branches in {}: the range {} to {} is empty; give from < to", options.parameter, exact(options.from), exact(options.to)));
  if (options.log && !(options.from > 0))
    throw ParameterError(fmt::format("branches in {}: a logarithmic range must begin above 0, not at {}", options.parameter, exact(options.from)));
  return Tracer(family, options, values).run();
}

std::function<std::vector<Branch>(const BranchAsk&)> branches_of(Rebuild rebuild, FlowMaker make, std::vector<ParameterInfo> infos, std::string owner) {
  return [rebuild = std::move(rebuild), make = std::move(make), infos = std::move(infos), owner = std::move(owner)](const BranchAsk& ask) {
    const Table options = resolve(infos, ask.options, owner);
    ContinuationOptions how{.parameter = ask.parameter, .from = ask.from, .to = ask.to, .log = ask.log, .between = ask.between};
    const FlowFamily family = [&](double p) { return make(rebuild(ask.parameter, p), options); };
    const StateValues values = [&](const FlowAt& at, std::span<const double> z) {
      std::map<std::string, double> result;
      const MomentModel model{at.network, at.reduced, at.flow, owner, false};
      for (const std::string& name : ask.observables) {
        const auto what = parse_observable(at.network, name);
        if (what && what->kind != ObservableName::Kind::distribution && what->order() <= at.flow.order()) result[name] = value_of(model, *what, z);
      }
      return result;
    };
    return trace_branches(family, how, values);
  };
}

}  // namespace meso::kinetics

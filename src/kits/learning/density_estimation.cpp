#include "kits/learning/density_estimation.h"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <numbers>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "kits/learning/kernel_density.h"
#include "kits/learning/random_energy_finite.h"
#include "kits/learning/stable_law.h"
#include "rng/stream.h"

namespace meso::learning {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

const std::array<double, 7> share_counts{1, 2, 5, 10, 20, 50, 100};
Axis share_axis() { return {"k", "points", {share_counts.begin(), share_counts.end()}}; }

double normal_below(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

/// Points and weights for averages over delta ~ chi^2_m: the generalised Gauss-Laguerre rule (Golub and Welsch 1969, doi:10.1090/S0025-5718-69-99647-1).
std::vector<std::pair<double, double>> chi_squared_rule(std::size_t m, int count) {
  const double a = 0.5 * static_cast<double>(m) - 1;
  Eigen::VectorXd diagonal(count), off(std::max(1, count - 1));
  for (int i = 0; i < count; ++i) diagonal[i] = 2 * i + a + 1;
  for (int i = 1; i < count; ++i) off[i - 1] = std::sqrt(i * (i + a));
  if (count == 1) return {{2 * diagonal[0], 1.0}};
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
  solver.computeFromTridiagonal(diagonal, off);
  std::vector<std::pair<double, double>> rule;
  for (int i = 0; i < count; ++i) rule.emplace_back(2 * solver.eigenvalues()[i], std::pow(solver.eigenvectors()(0, i), 2));
  return rule;
}

/// ln rho_hat = ln Z - offset.
double offset_of_density(const DensityEstimation& p, double h) { return p.ln_n() + 0.5 * static_cast<double>(p.d) * std::log(2 * std::numbers::pi * h * h); }

struct QueryNode {
  double weight = 1;
  std::vector<DistanceGroup> groups;
};

/// The fixed query, or a product rule over the squared lengths of a random one. `less` takes a smaller rule, for the error.
std::vector<QueryNode> query_nodes(const DensityEstimation& p, bool less = false) {
  std::vector<QueryNode> nodes{{1, p.groups()}};
  if (!p.random_query) return nodes;
  static const std::array<int, most_query_groups> sizes{14, 7, 5, 4};
  const std::size_t groups = nodes[0].groups.size();
  const int count = sizes[groups - 1] - (less ? 2 : 0);
  for (std::size_t g = 0; g < groups; ++g) {
    const auto rule = chi_squared_rule(nodes[0].groups[g].dimensions, count);
    std::vector<QueryNode> next;
    for (const QueryNode& node : nodes)
      for (const auto& [delta, weight] : rule) {
        next.push_back(node);
        next.back().weight *= weight;
        next.back().groups[g].noncentrality = delta;
      }
    nodes = std::move(next);
  }
  return nodes;
}

/// Everything at finite n and d that more than one level needs.
class Setting {
 public:
  explicit Setting(const DensityEstimation& p, bool less = false) : p_(p), nodes_(query_nodes(p, less)) {
    for (const QueryNode& node : nodes_) energies_.emplace_back(node.groups, p.ln_n());
    offset_ = offset_of_density(p, p.h);
  }
  [[nodiscard]] const std::vector<QueryNode>& nodes() const { return nodes_; }
  [[nodiscard]] const FiniteRandomEnergy& typical() const { return energies_[energies_.size() / 2]; }
  [[nodiscard]] double offset() const { return offset_; }
  /// Average over queries of f(node, energy).
  [[nodiscard]] double average(const auto& f) const {
    double sum = 0;
    for (std::size_t i = 0; i < nodes_.size(); ++i) sum += nodes_[i].weight * f(nodes_[i], energies_[i]);
    return sum;
  }
  /// Mean and standard deviation of ln Z over data sets and queries.
  [[nodiscard]] std::pair<double, double> ln_sum() const {
    double mean = 0, square = 0, inner = 0;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const LnSum s = energies_[i].ln_sum(p_.h);
      mean += nodes_[i].weight * s.mean;
      square += nodes_[i].weight * s.mean * s.mean;
      inner += nodes_[i].weight * s.variance;
    }
    return {mean, std::sqrt(std::max(1e-12, inner + square - mean * mean))};
  }
  /// Points of the law of (1/d) ln rho_hat: from 5 standard deviations below the mean to 9 above, where heavy tails are.
  [[nodiscard]] Axis axis() const {
    const auto [mean, sd] = ln_sum();
    Axis axis{"ln.density", "1", {}};
    for (int i = -40; i <= 72; ++i) axis.points.push_back((mean - offset_ + 0.125 * i * sd) / static_cast<double>(p_.d));
    return axis;
  }

 private:
  DensityEstimation p_;
  std::vector<QueryNode> nodes_;
  std::vector<FiniteRandomEnergy> energies_;
  double offset_ = 0;
};

/// Exponent of the weights' tail at their 1/n quantile, of the fixed query or a typical one; NaN for two points.
double exponent(const DensityEstimation& p) {
  if (!(p.n > 2)) return nan;
  const DistanceLaw law(p.groups());
  const double u = law.quantile(-p.ln_n());
  return 2 * p.h * p.h * std::exp(law.ln_density(u) - law.ln_below(u));
}

/// Laws of (1/d) ln rho_hat at one query, as distribution functions on the axis.
double clt_below(const DensityEstimation& p, std::span<const DistanceGroup> groups, double y) {
  const double ratio = std::exp(static_cast<double>(p.d) * y - ln_mean_density(groups, p.h));
  return normal_below((ratio - 1) / std::sqrt(relative_variance(groups, p.h, p.n)));
}
struct StableAt {
  SkewedStable law;
  double ln_scale = 0, centre = 0;  // Z = scale (X + centre)
  [[nodiscard]] double below(double ln_z) const { return law.below(std::exp(ln_z - ln_scale) - centre); }
};
/// The stable law of Z, or nothing where the index is too close to 1 or not below 2. Scale W = the weight that one of n exceeds; weights above it are a
/// power tail, those below have their exact mean in place of the power law's, int_0^1 mu x^{-mu} dx = mu/(1 - mu): where the tail is bent, centring by the
/// mean of all weights (mu > 1) or by none (mu < 1) is off by several W.
std::optional<StableAt> stable_at(const DensityEstimation& p, const FiniteRandomEnergy& e, std::span<const DistanceGroup> groups) {
  if (!(p.n > 2)) return {};
  const double mu = e.tail_index(p.h);
  if (!(mu < 1.98) || std::abs(mu - 1) < 0.02) return {};
  const double level = e.level(1), lambda = 1 / (p.h * p.h), ln_scale = -0.5 * lambda * level;
  // E[w; w < W] = E w P'(D > level), P' the law of D tilted by w: eigenvalues and noncentralities over 1 + lambda kappa.
  std::vector<DistanceGroup> tilted(groups.begin(), groups.end());
  for (DistanceGroup& g : tilted) {
    const double q = 1 + lambda * g.eigenvalue;
    g.eigenvalue /= q;
    g.noncentrality /= q;
  }
  return StableAt{SkewedStable(mu), ln_scale, std::exp(p.ln_n() + ln_mean_weight(groups, lambda) + DistanceLaw(tilted).ln_above(level) - ln_scale) - mu / (1 - mu)};
}

std::vector<double> as_bins(const Axis& axis, const std::function<double(double)>& below) {
  std::vector<double> bins;
  double before = 0;
  for (std::size_t i = 0; i < axis.points.size(); ++i) {
    const double f = i + 1 < axis.points.size() ? below(axis.points[i]) : 1.0;  // the last one holds the rest
    bins.push_back(f - before);
    before = f;
  }
  return bins;
}

std::string regime_text(const DensityEstimation& p, double mu) {
  const RandomEnergy limit = p.limit();
  const char* word = p.h >= limit.h_clt() ? "central limit regime" : p.h >= limit.h_glass() ? "stable regime: means exist, fluctuations are those of a heavy tail" : "condensed: a few nearest points carry the estimate";
  return fmt::format("h/h_G = {}, h/h_CLT = {} (h_G = {}, h_CLT = {}), {}; exponent of the weights at their 1/n quantile {}", brief(p.h / limit.h_glass()), brief(p.h / limit.h_clt()), brief(limit.h_glass()),
                     brief(limit.h_clt()), word, brief(mu));
}

// ---- simulation ------------------------------------------------------------------------------------------------------

enum Signals : std::size_t { ln_density_s, participation_s, share_s, nearest_s, divergence_s, ratio_s, ratio_square_s, beyond_s, excess_s, law_s };

/// One run of `distances` or `vectors`: what is asked, and the constants that it takes.
class Simulation {
 public:
  Simulation(const DensityEstimation& p, const Ask& ask, bool vectors) : p_(p), vectors_(vectors), groups_(p.groups()), offset_(offset_of_density(p, p.h)) {
    if (vectors_) {
      if (const double bytes = 8 * p_.n * static_cast<double>(p_.d); bytes > data_memory_limit)
        throw ParameterError(fmt::format("level 'vectors': a data set of n d = {} x {} doubles takes {} GB; the limit is {} GB a trajectory. Use level 'distances', which keeps none of them, or a smaller alpha d (now {})", brief(p_.n),
                                         p_.d, brief(bytes / 1e9, 3), brief(data_memory_limit / 1e9), brief(p_.ln_n())));
      const auto given = ask.options.find("queries");
      if (p_.random_query && given != ask.options.end()) queries_ = static_cast<std::size_t>(as_number(given->second));
    } else if (p_.n > most_distances) {
      throw ParameterError(fmt::format("level 'distances': n = {} distances a data set; the limit is {}, alpha d = {}. Use level 'finite-n', which has no limit, or a smaller alpha d (now {})", brief(p_.n), brief(most_distances),
                                       brief(std::log(most_distances), 3), brief(p_.ln_n())));
    }
    mu_ = exponent(p_);
    const bool fixed = !p_.random_query;
    distances_of_law_ = fixed && (ask.wants("ks.normal") || ask.wants("ks.stable"));
    if (fixed) {
      const FiniteRandomEnergy energy(groups_, p_.ln_n());
      ln_scale_ = static_cast<double>(p_.d) * p_.limit().ln_density(p_.h) + offset_;
      if (p_.n > 2 * p_.tail_points) level_ = energy.level(p_.tail_points);
      if (distances_of_law_) stable_ = stable_at(p_, energy, groups_);
    }

    plan_.signals.resize(law_s);
    plan_.signals[ln_density_s] = {.name = "ln density"};
    plan_.signals[participation_s] = {.name = "participation", .lo = 0, .hi = 1};
    plan_.signals[share_s] = {.name = "share", .width = share_counts.size(), .lo = 0, .hi = 1};
    plan_.signals[nearest_s] = {.name = "nearest", .lo = 0};
    plan_.signals[divergence_s] = {.name = "divergence"};
    plan_.signals[ratio_s] = {.name = "density over its typical value", .lo = 0};
    plan_.signals[ratio_square_s] = {.name = "the same squared", .lo = 0};
    plan_.signals[beyond_s] = {.name = "points beyond the level", .lo = 0};
    plan_.signals[excess_s] = {.name = "their excess", .lo = 0};
    const auto add = [&](const char* name, std::vector<std::size_t> signals, std::function<double(std::span<const double>)> f = nullptr) {
      if (ask.wants(name)) plan_.derived.push_back({.observable = name, .unit = "1", .signals = std::move(signals), .f = std::move(f)});
    };
    add("ln.density", {ln_density_s});
    add("participation", {participation_s});
    if (ask.wants("top.share")) plan_.derived.push_back({.observable = "top.share", .unit = "1", .signals = {share_s}, .support = share_axis()});
    add("nearest.distance", {nearest_s});
    add("divergence", {divergence_s});
    if (fixed) {
      add("relative.variance", {ratio_s, ratio_square_s}, [](std::span<const double> m) { return (m[1] - m[0] * m[0]) / (m[0] * m[0]); });
      const double offset = ln_scale_ - offset_, d = static_cast<double>(p_.d);
      add("ln.mean.density", {ratio_s}, [offset, d](std::span<const double> m) { return (std::log(m[0]) + offset) / d; });
      if (level_ > 0) add("tail.index", {beyond_s, excess_s}, [](std::span<const double> m) { return m[0] / m[1]; });
    }
    if (ask.wants("ln.density.distribution") || distances_of_law_) {
      axis_ = Setting(p_).axis();
      plan_.signals.push_back({.name = "law", .width = axis_->points.size(), .lo = 0, .hi = 1});
      if (ask.wants("ln.density.distribution"))
        plan_.derived.push_back({.observable = "ln.density.distribution", .unit = "1", .signals = {law_s}, .support = *axis_, .is_distribution = true});
      for (const char* name : {"ks.normal", "ks.stable"})
        if (fixed && ask.wants(name)) wanted_.emplace_back(name);
    }
    any_ = !plan_.derived.empty() || !wanted_.empty();
    for (const char* name : {"relative.variance", "ln.mean.density"})
      if (fixed && ask.wants(name) && mu_ < 2)
        notes_.push_back({.kind = "not-mixed", .observable = name,
                          .text = fmt::format("a sample mean or variance of the estimate has not converged: the weights have exponent {} < 2 at their 1/n quantile, so that it hangs on rare near points. Level 'moments' has the exact value",
                                              brief(mu_))});
    notes_.push_back({.kind = "note", .text = regime_text(p_, mu_)});
  }

  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] bool any() const { return any_; }

  void sample(std::uint64_t seed, const std::string& purpose, std::uint64_t id, Tape& tape) const {
    if (!vectors_) {
      const std::vector<DistanceGroup> groups = groups_of(seed, purpose, id);
      WeightSum sum(p_.h, most_kept, level_);
      draw(seed, purpose, id, groups, [&](std::span<const double> block) { sum.add(block); });
      record(tape, sum, ln_true_density(groups), 1);
      return;
    }
    std::vector<double> queries;
    std::vector<double> truth;
    for (std::size_t q = 0; q < queries_; ++q) {
      const std::vector<double> x = query_vector(seed, purpose, id, q);
      queries.insert(queries.end(), x.begin(), x.end());
      truth.push_back(ln_true_density_at(x));
    }
    std::vector<WeightSum> sums(queries_, WeightSum(p_.h, most_kept, level_));
    data(seed, purpose, id).for_each_block(queries, [&](std::size_t q, std::span<const double> block) { sums[q].add(block); });
    for (std::size_t q = 0; q < queries_; ++q) record(tape, sums[q], truth[q], 1 / static_cast<double>(queries_));
  }

  void finish(const EnsembleResult& result, Answer& answer) const {
    answer.why = fmt::format("n = {}{}", brief(p_.n, 8), vectors_ && p_.random_query ? fmt::format(", {} queries a data set", queries_) : "");
    if (distances_of_law_) law_distances(result, answer);
    answer.flags.insert(answer.flags.end(), notes_.begin(), notes_.end());
  }

  [[nodiscard]] std::vector<Portrait> portraits(std::uint64_t seed, const std::string& purpose) const {
    if (p_.n * static_cast<double>(p_.d) > 4e7) return {};  // seconds at most
    std::vector<Portrait> all{condensation(seed, purpose)};
    if (vectors_ && p_.d >= 2) all.push_back(plane(seed, purpose));
    return all;
  }

 private:
  static constexpr std::size_t most_kept = 100;

  [[nodiscard]] std::vector<DistanceGroup> groups_of(std::uint64_t seed, const std::string& purpose, std::uint64_t id) const {
    std::vector<DistanceGroup> groups = groups_;
    if (p_.random_query) {
      FastStream random = Stream(seed, id, purpose + "/query").fast();
      for (DistanceGroup& g : groups) g.noncentrality = 2 * random.gamma(0.5 * static_cast<double>(g.dimensions));
    }
    return groups;
  }
  void draw(std::uint64_t seed, const std::string& purpose, std::uint64_t id, const std::vector<DistanceGroup>& groups, const auto& sink) const {
    FastStream random = Stream(seed, id, purpose + "/data").fast();
    const DistanceSampler sampler(groups);
    std::array<double, 2048> buffer;
    for (auto left = static_cast<std::uint64_t>(p_.n); left > 0;) {
      const std::size_t count = std::min<std::uint64_t>(left, buffer.size());
      sampler.draw(random, std::span<double>(buffer.data(), count));
      sink(std::span<const double>(buffer.data(), count));
      left -= count;
    }
  }
  [[nodiscard]] double eigenvalue(std::size_t i) const { return p_.spectrum[i % p_.spectrum.size()]; }
  [[nodiscard]] std::vector<double> query_vector(std::uint64_t seed, const std::string& purpose, std::uint64_t id, std::size_t q) const {
    std::vector<double> x(p_.d);
    if (p_.random_query) {
      FastStream random = Stream(seed, id, purpose + "/query").lane(static_cast<std::uint32_t>(q)).fast();
      for (std::size_t i = 0; i < p_.d; ++i) x[i] = std::sqrt(eigenvalue(i)) * random.normal();
    } else if (!p_.query.empty()) {
      x = p_.query;
    } else {
      for (std::size_t i = 0; i < p_.d; ++i) x[i] = std::sqrt(p_.r * eigenvalue(i));
    }
    return x;
  }
  [[nodiscard]] double ln_true_density_at(const std::vector<double>& x) const {
    double sum = 0;
    for (std::size_t i = 0; i < p_.d; ++i) sum -= 0.5 * (std::log(2 * std::numbers::pi * eigenvalue(i)) + x[i] * x[i] / eigenvalue(i));
    return sum;
  }
  [[nodiscard]] GaussianKernelDensity data(std::uint64_t seed, const std::string& purpose, std::uint64_t id) const {
    FastStream random = Stream(seed, id, purpose + "/data").fast();
    std::vector<double> y(static_cast<std::size_t>(p_.n) * p_.d), scale(p_.d);
    for (std::size_t i = 0; i < p_.d; ++i) scale[i] = std::sqrt(eigenvalue(i));
    for (std::size_t i = 0; i < y.size();)
      for (std::size_t j = 0; j < p_.d; ++j) y[i++] = scale[j] * random.normal();
    return {std::move(y), p_.d, p_.h};
  }

  void record(Tape& tape, const WeightSum& sum, double truth, double weight) const {
    const double d = static_cast<double>(p_.d), ln_density = sum.ln_sum() - offset_, ratio = std::exp(sum.ln_sum() - ln_scale_);
    tape.accumulate(ln_density_s, 0, ln_density / d, weight);
    tape.accumulate(participation_s, 0, sum.participation(), weight);
    for (std::size_t k = 0; k < share_counts.size(); ++k) tape.accumulate(share_s, 0, sum.top_share(static_cast<std::size_t>(share_counts[k])), weight, k);
    tape.accumulate(nearest_s, 0, sum.nearest() / d, weight);
    tape.accumulate(divergence_s, 0, (truth - ln_density) / d, weight);
    tape.accumulate(ratio_s, 0, ratio, weight);
    tape.accumulate(ratio_square_s, 0, ratio * ratio, weight);
    tape.accumulate(beyond_s, 0, sum.beyond(), weight);
    tape.accumulate(excess_s, 0, sum.excess(), weight);
    if (axis_) {
      const auto at = std::lower_bound(axis_->points.begin(), axis_->points.end(), ln_density / d);
      tape.accumulate(law_s, 0, 1, weight, std::min<std::size_t>(static_cast<std::size_t>(at - axis_->points.begin()), axis_->points.size() - 1));
    }
  }

  /// Largest distance between the law seen and a normal law of the same mean and variance, or the stable law, over the points of the axis.
  void law_distances(const EnsembleResult& result, Answer& answer) const {
    const std::size_t offset = offset_of(law_s);
    const double mean = result.signal_mean[offset_of(ratio_s)], sd = std::sqrt(std::max(0.0, result.signal_mean[offset_of(ratio_square_s)] - mean * mean)), n = static_cast<double>(result.trajectories);
    for (const std::string& name : wanted_) {
      if (name == "ks.stable" && !stable_) {
        answer.flags.push_back({.kind = "note", .observable = name, .text = fmt::format("no stable law: the exponent of the weights is {}; it must be below 1.98 and not within 0.02 of 1", brief(mu_))});
        continue;
      }
      double seen = 0, worst = 0, there = 0;
      for (std::size_t i = 0; i + 1 < axis_->points.size(); ++i) {
        seen += result.signal_mean[offset + i];
        const double ln_z = static_cast<double>(p_.d) * axis_->points[i] + offset_;
        const double law = name == "ks.normal" ? normal_below((std::exp(ln_z - ln_scale_) - mean) / sd) : stable_->below(ln_z);
        if (std::abs(seen - law) > worst) worst = std::abs(seen - law), there = seen;
      }
      Estimate e = solved_estimate(name, "1", {}, {worst}, {0.87 / std::sqrt(n)});  // the mean distance of n draws from their own law
      e.std_error = {std::sqrt(std::max(there * (1 - there), 1 / n) / n)};
      e.samples = result.trajectories;
      e.dof = n - 1;
      answer.estimates.push_back(std::move(e));
    }
  }
  [[nodiscard]] std::size_t offset_of(std::size_t signal) const {
    std::size_t offset = 0;
    for (std::size_t s = 0; s < signal; ++s) offset += plan_.signals[s].width;
    return offset;
  }

  /// Share of the j nearest points of one data set together while the kernel widens.
  [[nodiscard]] Portrait condensation(std::uint64_t seed, const std::string& purpose) const {
    constexpr std::size_t rows = 61, columns = 60;
    const double h_glass = p_.limit().h_glass();
    std::vector<WeightSum> sums;
    Axis bandwidths{"h/h_G", "1", {}}, ranks{"j", "nearest points", {}};
    for (std::size_t i = 0; i < rows; ++i) {
      bandwidths.points.push_back(0.3 * std::pow(10.0, static_cast<double>(i) / (rows - 1)));
      sums.emplace_back(h_glass * bandwidths.points.back(), columns);
    }
    const auto all = [&](std::span<const double> block) { for (WeightSum& s : sums) s.add(block); };
    if (vectors_) data(seed, purpose, 0).for_each_block(query_vector(seed, purpose, 0, 0), [&](std::size_t, std::span<const double> block) { all(block); });
    else draw(seed, purpose, 0, groups_of(seed, purpose, 0), all);
    const std::size_t shown = std::min<std::size_t>(columns, static_cast<std::size_t>(p_.n));
    for (std::size_t j = 0; j < shown; ++j) ranks.points.push_back(static_cast<double>(j + 1));
    Portrait picture{.name = "shares", .title = "share of the j nearest points in the estimate, one data set, as the kernel widens", .unit = "share", .axes = {bandwidths, ranks}};
    const std::vector<double> near = sums[0].nearest_points();
    for (std::size_t i = 0; i < rows; ++i) {
      const double h = h_glass * bandwidths.points[i];
      double together = 0;
      for (std::size_t j = 0; j < shown; ++j) picture.value.push_back(together += std::exp(-near[j] / (2 * h * h) - sums[i].ln_sum()));
    }
    return picture;
  }

  /// sum w^2/Z^2 on a plane through the origin and the query: cells of single points where the estimate is condensed.
  [[nodiscard]] Portrait plane(std::uint64_t seed, const std::string& purpose) const {
    constexpr std::size_t side = 49;
    std::vector<double> x = query_vector(seed, purpose, 0, 0), across(p_.d);
    double length = 0, along = 0, rest = 0;
    for (const double c : x) length += c * c;
    length = std::sqrt(length);
    if (length == 0) x[0] = 1;
    for (double& c : x) c /= length > 0 ? length : 1;
    FastStream random = Stream(seed, 0, purpose + "/plane").fast();
    for (std::size_t i = 0; i < p_.d; ++i) along += (across[i] = std::sqrt(eigenvalue(i)) * random.normal()) * x[i];
    for (std::size_t i = 0; i < p_.d; ++i) rest += std::pow(across[i] -= along * x[i], 2);
    for (double& c : across) c /= std::sqrt(rest);
    const double reach = 1.3 * std::max(length, std::sqrt(static_cast<double>(p_.d)));
    Axis columns{"along", "along the query", {}}, rows{"across", "across it", {}};
    std::vector<double> queries;
    for (std::size_t i = 0; i < side; ++i) columns.points.push_back(reach * (2.0 * static_cast<double>(i) / (side - 1) - 1));
    rows.points = columns.points;
    for (const double b : rows.points)
      for (const double a : columns.points)
        for (std::size_t j = 0; j < p_.d; ++j) queries.push_back(a * x[j] + b * across[j]);
    const GaussianKernelDensity estimate = data(seed, purpose, 0);
    Portrait picture{.name = "plane", .title = "participation sum w^2/Z^2 on a plane through the origin and the query: 1 where one data point carries the estimate", .unit = "1", .axes = {rows, columns}};
    for (std::size_t i = 0; i < side; ++i) {
      std::vector<WeightSum> sums(side, WeightSum(p_.h, 0));
      estimate.for_each_block(std::span<const double>(&queries[i * side * p_.d], side * p_.d), [&](std::size_t q, std::span<const double> block) { sums[q].add(block); });
      for (const WeightSum& s : sums) picture.value.push_back(s.participation());
    }
    return picture;
  }

  DensityEstimation p_;
  bool vectors_ = false, any_ = false, distances_of_law_ = false;
  std::vector<DistanceGroup> groups_;
  std::size_t queries_ = 1;
  double offset_ = 0, mu_ = 0, ln_scale_ = 0, level_ = 0;
  std::optional<StableAt> stable_;
  std::optional<Axis> axis_;
  std::vector<std::string> wanted_;
  Plan plan_;
  std::vector<Flag> notes_;
};

struct Sampled {
  std::shared_ptr<const Simulation> simulation;
  [[nodiscard]] Plan plan(const Ask&) const { return simulation->plan(); }
  void sample(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t id, Tape& tape) const { simulation->sample(seed, purpose, id, tape); }
  [[nodiscard]] std::vector<Portrait> portraits(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose) const { return simulation->portraits(seed, purpose); }
};

Level simulation_level(const DensityEstimation& p, bool vectors) {
  Level level;
  if (vectors)
    level.info = {.name = "vectors", .rung = Rung::micro, .doc = "data sets of n vectors in d dimensions, distances to the query by a matrix product",
                  .options = {{.name = "queries", .unit = "queries", .doc = "queries of a data set, if they are random", .type = ParameterInfo::Type::integer, .fallback = Value(std::int64_t{1}), .min = 1, .max = 1000}}};
  else
    level.info = {.name = "distances", .rung = Rung::micro, .doc = "data sets by their squared distances to the query alone, drawn as noncentral chi-squared variables: the same law as vectors"};
  level.info.source = "Kernel Density Estimators in Large Dimensions (2024)";
  level.info.sampled = true;
  level.info.grain = 4;
  level.run = [p, vectors](const Ask& ask, Context& context) {
    const auto simulation = std::make_shared<const Simulation>(p, ask, vectors);
    if (!simulation->any()) return Answer{};
    return sampled(Sampled{simulation}, 4, [simulation](const Ask&, const EnsembleResult& result, Answer& answer) { simulation->finish(result, answer); })(ask, context);
  };
  level.plan = [p, vectors](const Ask&) {
    return std::vector<std::string>{vectors ? fmt::format("{} points of {} components a data set", brief(p.n, 8), p.d) : fmt::format("{} distances a data set", brief(p.n, 8))};
  };
  return level;
}

// ---- solved levels ---------------------------------------------------------------------------------------------------

void give(const Ask& ask, Answer& answer, const char* name, double value, double bound = 0) {
  if (ask.wants(name)) answer.estimates.push_back(solved_estimate(name, "1", {}, {value}, {bound}));
}
void give_shares(const Ask& ask, Answer& answer, std::vector<double> shares, double bound) {
  if (ask.wants("top.share")) answer.estimates.push_back(solved_estimate("top.share", "1", {share_axis()}, std::move(shares), std::vector<double>(share_counts.size(), bound)));
}
void give_law(Answer& answer, const Axis& axis, const std::function<double(double)>& below) {
  Estimate e = solved_estimate("ln.density.distribution", "1", {axis}, as_bins(axis, below));
  e.is_distribution = true;
  answer.estimates.push_back(std::move(e));
}

/// (1/d) E [ln rho - ln rho_hat] at bandwidth h, over data sets and queries.
double finite_divergence(const DensityEstimation& p, const Setting& s, double h) {
  const double offset = offset_of_density(p, h);
  return s.average([&](const QueryNode& node, const FiniteRandomEnergy& e) { return ln_true_density(node.groups) - e.ln_sum(h).mean + offset; }) / static_cast<double>(p.d);
}

/// Bandwidth of least divergence by golden sections of ln h, and the divergence there.
std::pair<double, double> best_bandwidth(const DensityEstimation& p, const Setting& s, Context& context) {
  const double golden = 0.5 * (std::sqrt(5.0) - 1), guess = std::log(p.limit().h_optimal());
  double low = guess - 0.7, high = guess + 1.5, a = high - golden * (high - low), b = low + golden * (high - low);
  double fa = finite_divergence(p, s, std::exp(a)), fb = finite_divergence(p, s, std::exp(b));
  for (int i = 0; i < 26; ++i) {
    if (fa < fb) high = b, b = a, fb = fa, a = high - golden * (high - low), fa = finite_divergence(p, s, std::exp(a));
    else low = a, a = b, fa = fb, b = low + golden * (high - low), fb = finite_divergence(p, s, std::exp(b));
    context.progress(static_cast<double>(i + 1) / 27);
  }
  return {std::exp(0.5 * (low + high)), std::min(fa, fb)};
}

Level finite_level(const DensityEstimation& p) {
  Level level;
  level.info = {.name = "finite-n", .rung = Rung::master, .doc = "exact averages over data sets at this n and d: integrals in one dimension over the law of one distance; over random queries by a Gauss rule", .parent = "distances",
                .approximation = "none: averages over data sets instead of data sets", .source = "random_energy_finite.h; E e^{-sZ} = (E e^{-sw})^n"};
  const auto answered = [p](const Ask& ask, Context& context) {
    Answer answer;
    const Setting setting(p);
    std::optional<Setting> less;
    if (p.random_query) less.emplace(p, true);
    const double d = static_cast<double>(p.d);
    const auto averaged = [&](const char* name, const auto& f, double accuracy) {
      if (!ask.wants(name)) return;
      const double value = setting.average(f);
      give(ask, answer, name, value, std::abs(value) * accuracy + (less ? std::abs(value - less->average(f)) : 0.0));
    };
    averaged("ln.density", [&](const QueryNode&, const FiniteRandomEnergy& e) { return (e.ln_sum(p.h).mean - setting.offset()) / d; }, 1e-9);
    averaged("participation", [&](const QueryNode&, const FiniteRandomEnergy& e) { return e.participation(p.h); }, 1e-9);
    averaged("nearest.distance", [&](const QueryNode&, const FiniteRandomEnergy& e) { return e.nearest() / d; }, 1e-9);
    averaged("divergence", [&](const QueryNode& node, const FiniteRandomEnergy& e) { return (ln_true_density(node.groups) - e.ln_sum(p.h).mean + setting.offset()) / d; }, 1e-8);
    if (ask.wants("top.share")) {
      std::vector<std::size_t> k;
      for (const double x : share_counts) k.push_back(static_cast<std::size_t>(x));
      std::vector<double> shares(k.size());
      (void)setting.average([&](const QueryNode& node, const FiniteRandomEnergy& e) {
        const std::vector<double> at = e.top_shares(p.h, k);
        for (std::size_t i = 0; i < k.size(); ++i) shares[i] += node.weight * at[i];
        return 0.0;
      });
      give_shares(ask, answer, shares, p.random_query ? 1e-4 : 1e-8);
    }
    const double mu = exponent(p);
    if (p.n > 2) give(ask, answer, "mu", mu, 1e-9 * mu);
    if (!p.random_query) {
      if (p.n > 2 * p.tail_points) give(ask, answer, "tail.index", setting.typical().hill_index(p.h, p.tail_points), 1e-8);
      give(ask, answer, "relative.variance", relative_variance(setting.nodes()[0].groups, p.h, p.n));
    }
    give(ask, answer, "ln.mean.density", ln_mean_density(p.groups(), p.h) / d);
    if (ask.wants("h.optimal") || ask.wants("divergence.least")) {
      const auto [h, least] = best_bandwidth(p, setting, context);
      give(ask, answer, "h.optimal", h, 1e-4 * h);
      give(ask, answer, "divergence.least", least, 1e-7);
    }
    answer.flags.push_back({.kind = "note", .text = regime_text(p, mu)});
    context.progress(1);
    return answer;
  };
  level.run = [answered](const Ask& ask, Context& context) {
    try {
      return answered(ask, context);
    } catch (const ParameterError& error) {  // too narrow a kernel: one point of a sweep, not its end
      Answer answer;
      answer.flags.push_back({.kind = "too-narrow", .text = error.what(), .fatal = true});
      return answer;
    }
  };
  return level;
}

Level moments_level(const DensityEstimation& p) {
  Level level;
  level.info = {.name = "moments", .rung = Rung::moments, .doc = "mean and variance of the estimate at a fixed query in closed form, exact at this n and d", .parent = "finite-n",
                .approximation = "two moments only; below h_CLT a sample shows neither", .source = "Gaussian integrals; random_energy.h"};
  level.run = [p](const Ask& ask, Context& context) {
    Answer answer;
    if (!p.random_query) give(ask, answer, "relative.variance", relative_variance(p.groups(), p.h, p.n));
    give(ask, answer, "ln.mean.density", ln_mean_density(p.groups(), p.h) / static_cast<double>(p.d));  // linear in |x|^2: a typical query has the average
    context.progress(1);
    return answer;
  };
  return level;
}

Level clt_level(const DensityEstimation& p) {
  Level level;
  level.info = {.name = "clt", .rung = Rung::moments, .doc = "the estimate is normal, with its exact mean and variance; logarithm and participation to first order in the variance", .parent = "moments",
                .approximation = "central limit theorem: valid above h_CLT only", .small_parameter = "1/n", .source = "Kernel Density Estimators in Large Dimensions (2024); delta method"};
  level.run = [p](const Ask& ask, Context& context) {
    Answer answer;
    const std::vector<QueryNode> nodes = query_nodes(p);
    const double d = static_cast<double>(p.d);
    const auto average = [&](const auto& f) {
      double sum = 0;
      for (const QueryNode& node : nodes) sum += node.weight * f(node.groups);
      return sum;
    };
    const auto ln_density = [&](const std::vector<DistanceGroup>& g) { return ln_mean_density(g, p.h) - 0.5 * relative_variance(g, p.h, p.n); };
    give(ask, answer, "ln.density", average(ln_density) / d);
    give(ask, answer, "divergence", average([&](const std::vector<DistanceGroup>& g) { return ln_true_density(g) - ln_density(g); }) / d);
    give(ask, answer, "participation", average([&](const std::vector<DistanceGroup>& g) { return relative_variance(g, p.h, p.n) + 1 / p.n; }));
    if (!p.random_query) give(ask, answer, "relative.variance", relative_variance(p.groups(), p.h, p.n));
    if (ask.wants("ln.density.distribution"))
      give_law(answer, Setting(p).axis(), [&](double y) { return average([&](const std::vector<DistanceGroup>& g) { return clt_below(p, g, y); }); });
    const RandomEnergy limit = p.limit();
    if (const double margin = p.h / limit.h_clt(); margin < 1)
      answer.flags.push_back({.kind = "not-valid", .text = fmt::format("not valid: h/h_CLT = {} is below 1 (h = {}, h_CLT = {}); the weights' tail index {} is below 2, and rare near points decide the fluctuations", brief(margin), brief(p.h),
                                                                       brief(limit.h_clt()), brief(limit.mu(p.h)))});
    context.progress(1);
    return answer;
  };
  return level;
}

Level stable_level(const DensityEstimation& p) {
  Level level;
  level.info = {.name = "stable", .rung = Rung::surrogate, .doc = "the totally skewed stable law of a sum with a pure power tail, exponent and scale those of the weights at their 1/n quantile, the smaller weights by their mean; below exponent 1 also logarithm and shares of the pure tail",
                .parent = "finite-n", .approximation = "tail of the weights a pure power where it matters", .small_parameter = "1/d",
                .source = "Ben Arous, Bogachev, Molchanov (2005), doi:10.1007/s00440-004-0406-3; stable_law.h"};
  level.run = [p](const Ask& ask, Context& context) {
    Answer answer;
    const Setting setting(p);
    const double d = static_cast<double>(p.d), mu = exponent(p);
    std::vector<std::optional<StableAt>> laws;
    (void)setting.average([&](const QueryNode& node, const FiniteRandomEnergy& e) {
      laws.push_back(stable_at(p, e, node.groups));
      return 0.0;
    });
    context.progress(1);
    if (std::any_of(laws.begin(), laws.end(), [](const auto& law) { return !law; })) {
      answer.flags.push_back({.kind = "no-law", .text = fmt::format("no stable law: the exponent of the weights at their 1/n quantile is {}; it must be below 1.98 and not within 0.02 of 1{}", brief(mu), p.random_query ? " at any query" : "")});
      return answer;
    }
    give(ask, answer, "tail.index", mu);
    give(ask, answer, "mu", mu);
    const bool condensed = std::all_of(laws.begin(), laws.end(), [](const auto& law) { return law->law.mu() < 1; });
    if (condensed) {
      std::size_t i = 0;
      const double ln_z = setting.average([&](const QueryNode&, const FiniteRandomEnergy&) { const StableAt& law = *laws[i++]; return law.ln_scale + law.law.ln_mean(); });
      give(ask, answer, "ln.density", (ln_z - setting.offset()) / d);
      give(ask, answer, "divergence", (setting.average([](const QueryNode& node, const FiniteRandomEnergy&) { return ln_true_density(node.groups); }) - ln_z + setting.offset()) / d);
      i = 0;
      give(ask, answer, "participation", setting.average([&](const QueryNode&, const FiniteRandomEnergy&) { return 1 - laws[i++]->law.mu(); }));
      if (ask.wants("top.share")) {
        std::vector<double> shares;
        for (const double k : share_counts) {
          i = 0;
          shares.push_back(setting.average([&](const QueryNode&, const FiniteRandomEnergy&) { return poisson_dirichlet_share(laws[i++]->law.mu(), static_cast<std::size_t>(k)); }));
        }
        give_shares(ask, answer, shares, 1e-9);
      }
    }
    if (ask.wants("ln.density.distribution"))
      give_law(answer, setting.axis(), [&](double y) {
        std::size_t i = 0;
        return setting.average([&](const QueryNode&, const FiniteRandomEnergy&) { return laws[i++]->below(d * y + setting.offset()); });
      });
    return answer;
  };
  return level;
}

Level limit_level(const DensityEstimation& p) {
  Level level;
  level.info = {.name = "random-energy", .rung = Rung::mean_field, .doc = "the limit of large d at fixed alpha = (ln n)/d: free energy, condensation below h_G, Poisson-Dirichlet shares, Kullback-Leibler divergence and its minimum", .parent = "finite-n",
                .approximation = "d -> infinity at fixed alpha; a typical query", .small_parameter = "1/d",
                .source = "Kernel Density Estimators in Large Dimensions (2024); Derrida (1981), doi:10.1103/PhysRevB.24.2613"};
  level.run = [p](const Ask& ask, Context& context) {
    Answer answer;
    const RandomEnergy limit = p.limit();
    const double mu = limit.mu(p.h);
    give(ask, answer, "ln.density", limit.ln_density(p.h));
    give(ask, answer, "participation", limit.participation(p.h));
    give(ask, answer, "divergence", limit.divergence(p.h));
    give(ask, answer, "nearest.distance", 2 * limit.nearest());
    give(ask, answer, "ln.mean.density", ln_mean_density(p.groups(), p.h) / static_cast<double>(p.d));
    if (!p.random_query) give(ask, answer, "tail.index", mu);
    give(ask, answer, "mu", mu);
    give(ask, answer, "h.glass", limit.h_glass());
    give(ask, answer, "h.clt", limit.h_clt());
    if (ask.wants("h.optimal") || ask.wants("divergence.least")) {
      if (p.query.empty() && p.r == 1) {
        give(ask, answer, "h.optimal", limit.h_optimal());
        give(ask, answer, "divergence.least", limit.least_divergence());
      } else {
        answer.flags.push_back({.kind = "note", .text = "h.optimal is known in closed form for typical queries only (r = 1 and no components given)"});
      }
    }
    if (ask.wants("top.share")) {
      std::vector<double> shares;
      for (const double k : share_counts) shares.push_back(mu < 1 ? poisson_dirichlet_share(mu, static_cast<std::size_t>(k)) : 0.0);
      give_shares(ask, answer, shares, 1e-9);
    }
    answer.why = fmt::format("h_G = {}, h_CLT = {}", brief(limit.h_glass(), 6), brief(limit.h_clt(), 6));
    context.progress(1);
    return answer;
  };
  return level;
}

}  // namespace

double DensityEstimation::ln_n() const { return n < 1e15 ? std::log(n) : alpha * static_cast<double>(d); }

std::vector<DistanceGroup> DensityEstimation::groups() const { return query.empty() ? distance_groups(d, spectrum, r) : distance_groups(d, spectrum, query); }

void check(const DensityEstimation& p, const std::string& owner) {
  try {
    const std::vector<DistanceGroup> groups = p.groups();
    if (p.random_query && groups.size() > most_query_groups)
      throw ParameterError(fmt::format("{} distinct eigenvalues with a random query; averages over queries are made for at most {}. Use query = \"fixed\"", groups.size(), most_query_groups));
    if (p.random_query && !p.query.empty()) throw ParameterError("components of a query are given and query = \"random\"; use query = \"fixed\"");
  } catch (const ParameterError& error) {
    throw ParameterError(owner + ": " + error.what());
  }
  if (!(p.ln_n() <= 690)) throw ParameterError(fmt::format("{}: alpha d = {}; it must be at most 690 (n below 1e300)", owner, brief(p.ln_n())));
}

std::vector<ObservableInfo> observables(const DensityEstimation& p) {
  const char* over = p.random_query ? "over data sets and queries x ~ rho" : "over data sets at a fixed query x";
  return {
      {"ln.density", "1", fmt::format("(1/d) E ln rho_hat_h(x), mean {}", over)},
      {"participation", "1", fmt::format("Y2 = E sum_i w_i^2/(sum_i w_i)^2, mean {}", over)},
      {"ln.density.distribution", "1", "probability that (1/d) ln rho_hat lies between the point before and this one (first: everything below; last: everything above too)", {}, false},
      {"top.share", "1", "mean share of the k largest weights in their sum", {}, false},
      {"nearest.distance", "1", "mean of min_i |x - y_i|^2/d", {}, false},
      {"divergence", "1", p.random_query ? "D(h)/d = (1/d) E [ln rho(x) - ln rho_hat(x)], x ~ rho: Kullback-Leibler divergence" : "(1/d) E [ln rho(x) - ln rho_hat(x)] over data sets at the fixed query", {}, false},
      {"relative.variance", "1", "Var(rho_hat(x))/(E rho_hat(x))^2 over data sets at a fixed query", {}, false},
      {"ln.mean.density", "1", "(1/d) ln E rho_hat(x) over data sets: the annealed average (random queries: its mean over them)", {}, false},
      {"tail.index", "1", fmt::format("Hill's estimate of the exponent -d ln P(w > W)/d ln W of the weights, over all beyond the level that {} points of a data set exceed on average", brief(p.tail_points)), {}, false},
      {"mu", "1", "tail index of the weights: in the limit (h/h_G)^2; at finite n and d the local exponent at their 1/n quantile, 2 h^2 n f(u)", {}, false},
      {"ks.normal", "1", "largest distance between the distribution function of rho_hat and a normal one with the mean and variance of the sample, over the points of ln.density.distribution", {}, false},
      {"ks.stable", "1", "the same distance to the stable law with the exponent and scale of the weights at their 1/n quantile", {}, false},
      {"h.glass", "1", "h_G: bandwidth below which a few nearest points carry the estimate", {}, false},
      {"h.clt", "1", "h_CLT: bandwidth above which the central limit theorem holds", {}, false},
      {"h.optimal", "1", "bandwidth at which (1/d) E [ln rho - ln rho_hat] is least", {}, false},
      {"divergence.least", "1", "the divergence there", {}, false},
  };
}

std::vector<Level> ladder(const DensityEstimation& p) {
  return {simulation_level(p, true), simulation_level(p, false), finite_level(p), moments_level(p), clt_level(p), stable_level(p), limit_level(p)};
}

}  // namespace meso::learning

#include "kits/kinetics/reconstruction.h"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "stat/quantile.h"
#include "kits/kinetics/closure.h"
#include "kits/kinetics/fsp.h"
#include "kits/kinetics/observables.h"
#include "stat/cumulants.h"

namespace meso::kinetics {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t largest_support = 400000;

// Entries below 1e-16 at both ends are left out.
LatticeLaw trimmed(LatticeLaw law) {
  std::size_t a = 0, b = law.p.size();
  while (b > a + 1 && law.p[b - 1] < 1e-16) --b;
  while (a + 1 < b && law.p[a] < 1e-16) ++a;
  law.p.erase(law.p.begin() + static_cast<std::ptrdiff_t>(b), law.p.end());
  law.p.erase(law.p.begin(), law.p.begin() + static_cast<std::ptrdiff_t>(a));
  law.first += static_cast<std::int64_t>(a);
  return law;
}

Reconstruction failed(std::string text) { return {std::nullopt, std::move(text), 0, 0}; }

std::string moments_text(std::span<const double> cumulants) {
  static const char* const names[] = {"mean", "variance", "third cumulant", "fourth cumulant"};
  std::vector<std::string> parts;
  for (std::size_t k = 0; k < cumulants.size(); ++k) parts.push_back(fmt::format("{} {}", k < 4 ? names[k] : "cumulant", brief(cumulants[k])));
  return join(parts);
}

std::string counts_text(const Counts& counts) {
  return counts.highest ? fmt::format("the counts {} to {}", counts.lowest, *counts.highest) : fmt::format("the counts from {} on", counts.lowest);
}

// Dual Newton on the counts low .. high. `lambda` is the start, and the result.
struct Dual {
  bool converged = false;
  int iterations = 0;
  double residual = 0;
  VectorXd p;
};
Dual solve_dual(std::int64_t low, std::int64_t high, double mean, double sd, const VectorXd& target, VectorXd& lambda) {
  const Index size = static_cast<Index>(high - low + 1), m = target.size();
  MatrixXd feature(size, m);
  for (Index i = 0; i < size; ++i) {
    const double x = (static_cast<double>(low + i) - mean) / sd;
    double power = 1;
    for (Index k = 0; k < m; ++k) feature(i, k) = power *= x;
  }
  VectorXd p(size), exponent(size);
  const auto evaluate = [&](const VectorXd& at) {  // value of the dual; p is the law there
    exponent = feature * at;
    const double top = exponent.maxCoeff();
    p = (exponent.array() - top).exp();
    const double sum = p.sum();
    p /= sum;
    return top + std::log(sum) - at.dot(target);
  };
  Dual dual;
  double value = evaluate(lambda);
  for (dual.iterations = 0; dual.iterations < 300; ++dual.iterations) {
    const VectorXd gradient = feature.transpose() * p - target;
    dual.residual = gradient.cwiseAbs().maxCoeff();
    // Polish to rounding: one more step costs nothing.
    if (dual.residual < 1e-12) break;
    MatrixXd weighted = feature;
    const Eigen::RowVectorXd centre = target.transpose() + gradient.transpose();
    weighted.rowwise() -= centre;
    weighted.array().colwise() *= p.array().sqrt();
    // Hessian = W^T W: solved through W = Q R, columns scaled, so that its condition is not squared.
    const VectorXd size_of = weighted.colwise().norm().transpose().array() + 1e-300;
    weighted.array().rowwise() /= size_of.transpose().array();
    Eigen::ColPivHouseholderQR<MatrixXd> qr(weighted);
    qr.setThreshold(1e-9);
    const Index rank = qr.rank();
    if (rank == 0) break;
    // R^T R d = -g in pivoted order, on the leading rank columns.
    const MatrixXd r = qr.matrixR().topLeftCorner(rank, rank).triangularView<Eigen::Upper>();
    const VectorXd scaled = qr.colsPermutation().transpose() * (gradient.array() / size_of.array()).matrix();
    VectorXd half = r.transpose().triangularView<Eigen::Lower>().solve(-scaled.head(rank));
    VectorXd step = VectorXd::Zero(m);
    step.head(rank) = r.triangularView<Eigen::Upper>().solve(half);
    step = ((qr.colsPermutation() * step).array() / size_of.array()).matrix();
    const double decrement = half.squaredNorm();  // of the dual, to first order
    if (!step.allFinite() || !(decrement > 0)) break;
    double factor = 1;
    const VectorXd from = lambda;
    const double before = value;
    bool moved = false;
    for (; factor > 1e-10; factor /= 2) {
      lambda = from + factor * step;
      value = evaluate(lambda);
      const double rounding = 1e-14 * (1 + std::abs(before));
      if (std::isfinite(value) && value <= before - 1e-4 * factor * decrement + rounding) {
        moved = true;
        break;
      }
    }
    if (!moved) {
      lambda = from;
      value = evaluate(lambda);
      break;
    }
    if (decrement < 1e-26) {
      dual.residual = (feature.transpose() * p - target).cwiseAbs().maxCoeff();
      break;
    }
  }
  dual.converged = dual.residual < 1e-9;
  dual.p = p;
  return dual;
}

// P(n) = F(n + 1/2) - F(n - 1/2) from the distribution function or, above the mean, its complement (so that tails keep their digits).
Reconstruction on_lattice(const std::function<double(double)>& below, const std::function<double(double)>& above, double mean, double variance, const Counts& counts) {
  const double sd = std::sqrt(variance);
  const std::int64_t lowest = counts.lowest, highest = counts.highest.value_or(std::numeric_limits<std::int64_t>::max());
  // Widen until what is left outside is below 1e-15 (log-normal tails are long).
  auto low = std::max(lowest, static_cast<std::int64_t>(std::floor(mean - 6 * sd)) - 2);
  auto high = std::min(highest, std::max(lowest, static_cast<std::int64_t>(std::ceil(mean + 6 * sd)) + 2));
  while (low > lowest && below(static_cast<double>(low) - 0.5) > 1e-16) low = std::max(lowest, low - static_cast<std::int64_t>(std::ceil(sd)) - 1);
  while (high < highest && above(static_cast<double>(high) + 0.5) > 1e-14) {
    if (high - low > largest_support) return failed(fmt::format("the law is too wide: mean {}, standard deviation {}", brief(mean), brief(sd)));
    high = std::min(highest, high + (high - low) / 4 + 1);
  }
  low = std::min(low, high);
  LatticeLaw law{low, {}};
  for (std::int64_t n = low; n <= high; ++n) {
    const double left = static_cast<double>(n) - 0.5, right = static_cast<double>(n) + 0.5;
    double p = left > mean ? above(left) - above(right) : below(right) - below(left);
    if (n == low && n == lowest) p = below(right);                              // all that lies below
    if (n == high && counts.highest && n == highest) p = n == low ? 1 : above(left);  // all that lies above
    law.p.push_back(std::max(0.0, p));
  }
  return {trimmed(std::move(law)), "", 0, 0};
}

std::optional<std::string> not_positive(const char* what, double mean, double variance) {
  if (mean > 0 && variance > 0 && std::isfinite(mean) && std::isfinite(variance)) return std::nullopt;
  return fmt::format("no {} law has mean {} and variance {}", what, brief(mean), brief(variance));
}

}  // namespace

double LatticeLaw::mean() const {
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) sum += p[i] * static_cast<double>(first + static_cast<std::int64_t>(i));
  return sum;
}

double LatticeLaw::variance() const {
  const double centre = mean();
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) sum += p[i] * std::pow(static_cast<double>(first + static_cast<std::int64_t>(i)) - centre, 2);
  return sum;
}

double LatticeLaw::cdf(std::int64_t k) const {
  double sum = 0;
  for (std::size_t i = 0; i < p.size() && first + static_cast<std::int64_t>(i) <= k; ++i) sum += p[i];
  return sum;
}

double kolmogorov_distance(const LatticeLaw& f, const LatticeLaw& g) {
  double largest = 0, cf = 0, cg = 0;
  const std::int64_t end = std::max(f.first + static_cast<std::int64_t>(f.p.size()), g.first + static_cast<std::int64_t>(g.p.size()));
  const auto at = [](const LatticeLaw& law, std::int64_t n) {
    return n < law.first || n >= law.first + static_cast<std::int64_t>(law.p.size()) ? 0.0 : law.p[static_cast<std::size_t>(n - law.first)];
  };
  for (std::int64_t n = std::min(f.first, g.first); n < end; ++n) {
    cf += at(f, n);
    cg += at(g, n);
    largest = std::max(largest, std::abs(cf - cg));
  }
  return largest;
}

Reconstruction max_entropy(std::span<const double> cumulants, const Counts& counts) {
  if (cumulants.empty()) throw Error("maximum entropy needs at least the mean");
  for (const double k : cumulants)
    if (!std::isfinite(k)) return failed("a moment is not a number");
  const auto m = static_cast<Index>(cumulants.size());
  const double mean = cumulants[0];
  const auto impossible = [&] { return failed(fmt::format("no law on {} has {}", counts_text(counts), moments_text(cumulants))); };
  if (mean < static_cast<double>(counts.lowest) || (counts.highest && mean > static_cast<double>(*counts.highest))) return impossible();
  if (m > 1) {
    const double variance = cumulants[1], f = mean - std::floor(mean), room = 1e-9 * (1 + std::abs(mean));
    if (variance < f * (1 - f) - room) return impossible();
    const double nearest = std::round(mean);
    if (std::abs(mean - nearest) < room && variance < room) return {LatticeLaw{static_cast<std::int64_t>(nearest), {1.0}}, "", 0, 0};
  }
  if (counts.highest && *counts.highest == counts.lowest) return {LatticeLaw{counts.lowest, {1.0}}, "", 0, 0};
  // Without a variance: that of the law of largest entropy on all counts, the geometric one, sets the scale.
  const double above = std::max(mean - static_cast<double>(counts.lowest), 1e-3);
  const double sd = std::max(0.3, m > 1 ? std::sqrt(cumulants[1]) : counts.highest ? std::min(above + 1, static_cast<double>(*counts.highest - counts.lowest) / 2 + 0.5) : std::sqrt(above * (above + 1)));
  const MultiIndexSet set(1, static_cast<int>(m));
  const std::vector<double> central = central_from_cumulants(set, cumulants);
  VectorXd target(m);
  target(0) = 0;
  for (Index k = 1; k < m; ++k) target(k) = central[static_cast<std::size_t>(k)] / std::pow(sd, static_cast<double>(k + 1));

  // A start with the right mean and width: Gaussian, or geometric.
  VectorXd lambda = VectorXd::Zero(m);
  if (m > 1) lambda(1) = -0.5 * std::min(1.0, sd * sd / std::max(cumulants[1], 1e-3 * sd * sd));
  else if (!counts.highest) lambda(0) = std::log(above / (above + 1)) * sd;

  double reach = 8;
  int iterations = 0;
  Reconstruction cut;
  while (true) {
    std::int64_t low = std::max(counts.lowest, static_cast<std::int64_t>(std::floor(mean - reach * sd)) - 2), high = static_cast<std::int64_t>(std::ceil(mean + reach * sd)) + 2;
    if (counts.highest) high = std::min(high, *counts.highest);
    if (high - low > largest_support) return failed(fmt::format("the law is too wide for maximum entropy: standard deviation {}", brief(sd)));
    const Dual dual = solve_dual(low, high, mean, sd, target, lambda);
    iterations += dual.iterations;
    const bool whole = low == counts.lowest && counts.highest && high == *counts.highest;
    if (!dual.converged) {
      if (!whole && reach < 40) {  // perhaps the range was too short for these moments
        reach *= 1.5;
        lambda = VectorXd::Zero(m);
        if (m > 1) lambda(1) = -0.5;
        continue;
      }
      if (cut.law) return cut;
      return impossible();
    }
    // Mass at an end of the range that is no end of the counts.
    const double at_low = low > counts.lowest ? dual.p(0) : 0, at_high = counts.highest && high == *counts.highest ? 0 : dual.p(dual.p.size() - 1);
    if (at_low < 1e-13 && at_high < 1e-13) {
      LatticeLaw law{low, {dual.p.data(), dual.p.data() + dual.p.size()}};
      Reconstruction result{trimmed(std::move(law)), "", iterations, dual.residual};
      return result;
    }
    if (reach < 12) {  // the first range: kept in case that none will do
      Index k = dual.p.size() - 1;
      double tail = dual.p(k);
      while (k > 0 && dual.p(k - 1) < dual.p(k)) tail += dual.p(--k);
      if (tail < 1e-3 && at_low < 1e-9) {
        cut.law = trimmed({low, {dual.p.data(), dual.p.data() + dual.p.size()}});
        cut.residual = dual.residual;
        cut.text = fmt::format("the entropy has no largest value on {} with {}: counts are cut at {}, where {} of the mass lies in a rising tail", counts_text(counts), moments_text(cumulants), high,
                               brief(tail, 2));
      }
    }
    if (reach > 60 && cut.law) {
      cut.iterations = iterations;
      return cut;
    }
    if (reach > 60)
      return failed(fmt::format("no law of largest entropy on {} has {}: entropy grows as ever more mass sits at the end of the range", counts_text(counts), moments_text(cumulants)));
    reach *= 1.5;
    if (lambda(m - 1) > 0 || m % 2 == 1) {  // it would grow towards the new end: start from a Gaussian again
      const double slope = m == 1 ? lambda(0) : 0;
      lambda = VectorXd::Zero(m);
      if (m > 1) lambda(1) = -0.5;
      else lambda(0) = slope;
    }
  }
}

Reconstruction gamma_law(double mean, double variance, const Counts& counts) {
  if (auto text = not_positive("gamma", mean, variance)) return failed(*text);
  const double shape = mean * mean / variance, scale = variance / mean;
  return on_lattice([=](double x) { return x <= 0 ? 0.0 : gamma_below(shape, x / scale); }, [=](double x) { return x <= 0 ? 1.0 : gamma_above(shape, x / scale); }, mean,
                    variance, counts);
}

Reconstruction log_normal_law(double mean, double variance, const Counts& counts) {
  if (auto text = not_positive("log-normal", mean, variance)) return failed(*text);
  const double square = std::log1p(variance / (mean * mean)), nu = std::log(mean) - 0.5 * square, width = std::sqrt(2 * square);
  return on_lattice([=](double x) { return x <= 0 ? 0.0 : 0.5 * std::erfc((nu - std::log(x)) / width); }, [=](double x) { return x <= 0 ? 1.0 : 0.5 * std::erfc((std::log(x) - nu) / width); }, mean,
                    variance, counts);
}

Reconstruction normal_law(double mean, double variance, const Counts& counts) {
  if (!(variance > 0) || !std::isfinite(mean) || !std::isfinite(variance)) return failed(fmt::format("no normal law has mean {} and variance {}", brief(mean), brief(variance)));
  const double width = std::sqrt(2 * variance);
  return on_lattice([=](double x) { return 0.5 * std::erfc((mean - x) / width); }, [=](double x) { return 0.5 * std::erfc((x - mean) / width); }, mean, variance, counts);
}

Counts counts_of(const Network& network, std::size_t species) {
  Counts counts;
  for (const std::vector<int>& law : network.conservation_laws()) {
    if (law[species] <= 0 || std::any_of(law.begin(), law.end(), [](int c) { return c < 0; })) continue;
    std::int64_t total = 0;
    for (std::size_t s = 0; s < law.size(); ++s) total += law[s] * network.initial[s];
    const std::int64_t most = total / law[species];
    counts.highest = counts.highest ? std::min(*counts.highest, most) : most;
  }
  return counts;
}

namespace {

struct Options {
  std::string kind = "max-entropy", closure = "normal";
  std::int64_t order = 2;
};

const Schema<Options>& options_schema() {
  static const Schema<Options> schema = [] {
    std::vector<std::string> closures;
    for (const ClosureFamily& family : closure_families()) closures.push_back(family.name);
    return Schema<Options>{
        {"kind", &Options::kind, {.doc = "family of the law: max-entropy uses the moments up to the order (four at most), the others mean and variance", .allowed = {"max-entropy", "gamma", "log-normal", "normal"}}},
        {"closure", &Options::closure, {.doc = "kind of the closure that gives the moments", .allowed = closures}},
        {"order", &Options::order, {.doc = "order of the closure that gives the moments", .min = 1, .max = 8}}};
  }();
  return schema;
}

constexpr const char* owner = "level 'reconstruction'";

Options read_options(const Table& table) {
  const Options o = options_schema().read(table, owner);
  if (o.order < 2 && o.kind != "max-entropy") throw ParameterError(fmt::format("{}: a {} law needs mean and variance, that is order >= 2, not {}", owner, o.kind, o.order));
  return o;
}

Table closure_options(const Options& o) { return {{"kind", Value(o.closure)}, {"order", Value(o.order)}}; }

Reconstruction reconstruct(const Options& o, std::span<const double> cumulants, const Counts& counts) {
  if (o.kind == "max-entropy") return max_entropy(cumulants, counts);
  if (cumulants[1] < 1e-12 * (1 + std::abs(cumulants[0]))) return max_entropy(cumulants.first(2), counts);  // a certain count, in any family
  if (o.kind == "gamma") return gamma_law(cumulants[0], cumulants[1], counts);
  if (o.kind == "log-normal") return log_normal_law(cumulants[0], cumulants[1], counts);
  return normal_law(cumulants[0], cumulants[1], counts);
}

double probability(const LatticeLaw& law, std::int64_t n) {
  const std::int64_t k = n - law.first;
  return k < 0 || k >= static_cast<std::int64_t>(law.p.size()) ? 0.0 : law.p[static_cast<std::size_t>(k)];
}

// The laws of one species at every time (or the one stationary law) from the closure's answer.
void add_distribution(const Network& network, const Ask& ask, const Options& o, std::size_t species, const Answer& moments, Answer& answer) {
  static const char* const names[] = {"mean", "variance", "cumulant3", "cumulant4"};
  const std::string name = network.species[species] + ".distribution", label = o.kind + "-" + std::to_string(o.order);
  const std::size_t used = o.kind == "max-entropy" ? static_cast<std::size_t>(std::min<std::int64_t>(o.order, 4)) : 2;
  std::vector<const Estimate*> given;
  for (std::size_t k = 0; k < used; ++k) given.push_back(moments.find(network.species[species] + "." + names[k]));
  if (std::any_of(given.begin(), given.end(), [](const Estimate* e) { return e == nullptr; })) return;
  const Counts counts = counts_of(network, species);
  const std::size_t points = given[0]->size();
  std::vector<std::optional<LatticeLaw>> laws(points);
  std::vector<std::vector<std::pair<LatticeLaw, LatticeLaw>>> shifted(points);  // the law of a moment moved by its bound, and the law
  std::vector<bool> uncertain(points, false);
  bool said = false;
  for (std::size_t i = 0; i < points; ++i) {
    std::vector<double> cumulants;
    for (const Estimate* e : given) cumulants.push_back(e->value[i]);
    if (std::any_of(cumulants.begin(), cumulants.end(), [](double k) { return !std::isfinite(k); })) continue;  // the closure's own flag says why
    Reconstruction r = reconstruct(o, cumulants, counts);
    if (!r.law) {
      std::map<std::string, double> where;
      if (!ask.is_stationary()) where["t"] = ask.times()[i];
      answer.flags.push_back({"no-law", name, where, fmt::format("{}: {}{}", label, r.text, ask.is_stationary() ? "" : " (t = " + brief(ask.times()[i]) + ")"), true});
      if (!ask.is_stationary()) break;
      continue;
    }
    if (!r.text.empty() && !said) {
      said = true;
      answer.flags.push_back({"note", name, {}, label + ": " + r.text, false});
    }
    for (std::size_t k = 0; k < used; ++k) {
      const double bound = given[k]->bound(i), scale = std::max(std::abs(cumulants[k]), std::pow(std::abs(cumulants[std::min<std::size_t>(1, used - 1)]), 0.5 * static_cast<double>(k + 1)));
      if (!(bound > 1e-13 * scale) || given[k]->is_exact(i)) continue;
      std::vector<double> up = cumulants;
      up[k] += bound;
      const Reconstruction moved = reconstruct(o, up, counts);
      if (moved.law) shifted[i].emplace_back(*moved.law, *r.law);
      else uncertain[i] = true;
    }
    laws[i] = std::move(r.law);
  }
  std::int64_t low = std::numeric_limits<std::int64_t>::max(), high = 0;
  for (const auto& law : laws) {
    if (!law) continue;
    low = std::min(low, law->first);
    high = std::max(high, law->first + static_cast<std::int64_t>(law->p.size()) - 1);
  }
  if (low > high) low = high = counts.lowest;
  const auto width = static_cast<std::size_t>(high - low + 1);
  Axis support{"n", "molecules", std::vector<double>(width)};
  for (std::size_t k = 0; k < width; ++k) support.points[k] = static_cast<double>(low) + static_cast<double>(k);
  std::vector<double> value(points * width, nan), bound(points * width, nan), exact(points * width, 0.0);
  bool any_exact = false;
  for (std::size_t i = 0; i < points; ++i) {
    if (!laws[i]) continue;
    const bool initial = given[0]->is_exact(i);
    any_exact = any_exact || initial;
    for (std::size_t k = 0; k < width; ++k) {
      const std::int64_t n = low + static_cast<std::int64_t>(k);
      value[i * width + k] = probability(*laws[i], n);
      exact[i * width + k] = initial ? 1 : 0;
      double sum = initial ? 0 : 1e-15;
      for (const auto& [moved, law] : shifted[i]) sum += std::abs(probability(moved, n) - probability(law, n));
      bound[i * width + k] = uncertain[i] ? 1 : sum;
    }
  }
  std::vector<Axis> axes = given[0]->axes;
  axes.push_back(std::move(support));
  Estimate e = solved_estimate(name, observable_info(network, name)->unit, std::move(axes), std::move(value), std::move(bound));
  e.is_distribution = true;
  if (any_exact) e.exact = std::move(exact);
  answer.estimates.push_back(std::move(e));
  // Modes of the last law.
  const std::optional<LatticeLaw>& last = laws.back();
  if (!last || last->first > std::numeric_limits<std::int32_t>::max()) return;
  if (const auto two = bimodality(static_cast<std::int32_t>(last->first), last->p)) {
    std::vector<std::string> modes;
    for (const std::int32_t n : two->modes) modes.push_back(std::to_string(n));
    answer.flags.push_back({"bimodal", name, {}, fmt::format("{}: the reconstructed law of {} has modes {}", label, network.species[species], join(modes, " and ")), false});
  }
}

}  // namespace

Level reconstruction_level(SharedNetwork network, const Level& closure) {
  Level level;
  level.info = {.name = "reconstruction",
                .rung = Rung::moments,
                .doc = "a law on the counts from the moments of a closure: of largest entropy, or gamma, log-normal or normal with its mean and variance. "
                       "A continuous law F meets the counts as F(n + 1/2)",
                .parent = "closure",
                .approximation = "the law is chosen by its first moments",
                .source = "Smadbeck and Kaznessis (2013), Proc. Natl. Acad. Sci. 110, 14261, doi:10.1073/pnas.1306481110",
                .options = options_schema().infos()};
  level.run = [network, closure](const Ask& ask, Context& context) {
    const Options o = read_options(ask.options);
    static const char* const names[] = {".mean", ".variance", ".cumulant3", ".cumulant4"};
    Ask question = ask;
    question.options = closure_options(o);
    question.observables.clear();
    question.portraits = false;
    std::vector<std::size_t> species;
    for (std::size_t s = 0; s < network->species.size(); ++s) {
      if (!ask.wants(network->species[s] + ".distribution")) continue;
      species.push_back(s);
      for (std::int64_t k = 0; k < std::min<std::int64_t>(o.order, 4); ++k) question.observables.push_back(network->species[s] + names[k]);
    }
    Answer answer;
    if (species.empty()) return answer;
    Answer moments = closure.run(question, context);
    for (Flag& flag : moments.flags) {
      // What touches a moment touches the law made of it.
      const std::size_t dot = flag.observable.rfind('.');
      if (dot != std::string::npos) flag.observable = flag.observable.substr(0, dot) + ".distribution";
      const bool said = std::any_of(answer.flags.begin(), answer.flags.end(), [&](const Flag& f) { return f.kind == flag.kind && f.observable == flag.observable && f.text == flag.text; });
      if (!said) answer.flags.push_back(std::move(flag));
    }
    for (const std::size_t s : species) add_distribution(*network, ask, o, s, moments, answer);
    answer.why = fmt::format("from the moments of {}-{}", o.closure, o.order);
    return answer;
  };
  level.plan = [closure](const Ask& ask) {
    Ask question = ask;
    question.options = closure_options(read_options(ask.options));
    return closure.plan ? closure.plan(question) : std::vector<std::string>{};
  };
  level.equations = [closure](const Table& options, bool latex) { return closure.equations(closure_options(read_options(options)), latex); };
  return level;
}

}  // namespace meso::kinetics

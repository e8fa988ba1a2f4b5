#include "kits/graph/spatial.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "base/text.h"

namespace meso::graph {
namespace {

constexpr double pi = std::numbers::pi;
constexpr double infinity = std::numeric_limits<double>::infinity();

double simpson(const std::function<double(double)>& f, double a, double b, int n) {
  const double h = (b - a) / n;
  double sum = f(a) + f(b);
  for (int i = 1; i < n; ++i) sum += (i % 2 ? 4 : 2) * f(a + i * h);
  return sum * h / 3;
}

}  // namespace

// Norm, masses and median of a profile: all scales from 1e-20 to 1e20 at once, in v = ln r, where any smooth kernel is smooth.
void Kernel::tabulate(Form& form) const {
  const auto& f = form.part.profile;
  if (!f) throw ParameterError("a kernel of kind profile needs its function of the distance");
  const double at_zero = f(0);
  if (!std::isfinite(at_zero) || !(at_zero > 0)) throw ParameterError(fmt::format("the kernel is {} at distance 0; it must be positive and finite there", brief(at_zero)));
  const auto n = static_cast<std::size_t>(2 * -Form::from / Form::step);
  const auto shell = [&](double r) { return dimension_ == 1 ? 2 * r : 2 * pi * r * r; };  // dV/dv
  form.mass.assign(n + 1, 0.0);
  double before = at_zero, g = 0, largest = 0, total = at_zero * (dimension_ == 1 ? 2 : pi) * std::exp(dimension_ * Form::from);
  form.mass[0] = total;
  for (std::size_t i = 0; i <= n; ++i) {
    const double r = std::exp(Form::from + Form::step * static_cast<double>(i)), value = f(r);
    if (!std::isfinite(value) || value < 0) throw ParameterError(fmt::format("the kernel is {} at distance {}; a density is finite and not negative", brief(value), brief(r)));
    if (value > before * (1 + 1e-9)) throw ParameterError(fmt::format("the kernel rises with the distance at {} (from {} to {}); networks are built for decreasing kernels", brief(r, 3), brief(before), brief(value)));
    const double next = value * shell(r);
    if (i > 0) form.mass[i] = total += 0.5 * Form::step * (g + next);
    before = value, g = next, largest = std::max(largest, next);
  }
  if (!(g < 1e-12 * largest)) throw ParameterError(fmt::format("the kernel is not integrable in {} dimension{}, or falls too slowly for it to be seen", dimension_, dimension_ == 1 ? "" : "s"));
  for (double& m : form.mass) m /= total;
  form.norm = 1 / total;
  const auto half = std::lower_bound(form.mass.begin(), form.mass.end(), 0.5);
  form.part.range = form.scale = std::exp(Form::from + Form::step * static_cast<double>(half - form.mass.begin()));
}

Kernel::Kernel(int dimension, std::vector<Part> parts) : dimension_(dimension), parts_(std::move(parts)) {
  if (dimension != 1 && dimension != 2) throw ParameterError(fmt::format("spatial networks live in 1 or 2 dimensions; {} was given", dimension));
  double sum = 0;
  for (const Part& p : parts_) sum += p.weight;
  if (parts_.empty() || !(std::abs(sum - 1) < 1e-9)) throw ParameterError(fmt::format("the kernel is not normalised: its parts have weights that sum to {} instead of 1", brief(sum, 10)));
  for (const Part& p : parts_) {
    if (!(p.weight >= 0)) throw ParameterError(fmt::format("a part of the kernel has the negative weight {}", brief(p.weight)));
    if (p.kind != Kind::uniform && !(p.range > 0)) throw ParameterError(fmt::format("the range of a kernel must be positive; {} was given", brief(p.range)));
    Form form{p, 0, p.range};
    const bool one = dimension == 1;
    switch (p.kind) {
      case Kind::gaussian: form.norm = one ? 1 / (p.range * std::sqrt(2 * pi)) : 1 / (2 * pi * p.range * p.range); break;
      case Kind::laplace:
        form.scale = one ? p.range / std::sqrt(2.0) : p.range / std::sqrt(3.0);
        form.norm = one ? 1 / (2 * form.scale) : 1 / (2 * pi * form.scale * form.scale);
        break;
      case Kind::stretched:
        if (!(p.shape > 0 && p.shape < 1)) throw ParameterError(fmt::format("the exponent of a stretched exponential kernel must lie between 0 and 1; {} was given", brief(p.shape)));
        form.norm = one ? 1 / (2 * p.range * std::tgamma(1 + 1 / p.shape)) : p.shape / (2 * pi * p.range * p.range * std::tgamma(2 / p.shape));
        break;
      case Kind::power:
        if (!(p.shape > dimension))
          throw ParameterError(fmt::format("the kernel (1 + r)^(-a) with a = {} is not integrable in {} dimension{}: a must exceed {}", brief(p.shape), dimension, one ? "" : "s", dimension));
        form.norm = one ? (p.shape - 1) / (2 * p.range) : (p.shape - 1) * (p.shape - 2) / (2 * pi * p.range * p.range);
        break;
      case Kind::uniform: break;
      case Kind::profile: tabulate(form); break;
    }
    if (p.weight > 0) forms_.push_back(form);
  }
}

double Kernel::shape(const Form& form, double r) {
  const double x = r / form.scale;
  switch (form.part.kind) {
    case Kind::gaussian: return std::exp(-0.5 * x * x);
    case Kind::laplace: return std::exp(-x);
    case Kind::stretched: return std::exp(-std::pow(x, form.part.shape));
    case Kind::power: return form.part.shape == 3 ? 1 / ((1 + x) * (1 + x) * (1 + x)) : std::pow(1 + x, -form.part.shape);
    case Kind::uniform: return 0;
    case Kind::profile: return form.part.profile(r);
  }
  return 0;
}

double Kernel::local(double r) const {
  double f = 0;
  for (const Form& form : forms_)
    if (form.part.kind != Kind::uniform) f += form.part.weight * form.norm * shape(form, r);
  return f;
}

// P(distance <= r) of one form.
double Kernel::within(const Form& form, double r) const {
  const double x = r / form.scale, a = form.part.shape;
  const bool one = dimension_ == 1;
  switch (form.part.kind) {
    case Kind::gaussian: return one ? std::erf(x / std::sqrt(2.0)) : -std::expm1(-0.5 * x * x);
    case Kind::laplace: return one ? -std::expm1(-x) : 1 - (1 + x) * std::exp(-x);
    case Kind::power: return one ? 1 - std::pow(1 + x, 1 - a) : 1 - std::pow(1 + x, 2 - a) * ((a - 1) - (a - 2) / (1 + x));
    case Kind::stretched: {  // the incomplete gamma function of (r/b)^a
      const double d = one ? 1 / a : 2 / a, top = std::min(std::pow(x, a), 60 + 4 * d);
      return top > 0 ? std::min(1.0, simpson([&](double v) { return std::pow(v, d - 1) * std::exp(-v); }, 0, top, 4000) / std::tgamma(d)) : 0.0;
    }
    case Kind::uniform: return 0;
    case Kind::profile: {
      if (!(r > 0)) return 0;
      const double v = std::clamp((std::log(r) - Form::from) / Form::step, 0.0, static_cast<double>(form.mass.size() - 1));
      const auto i = std::min(static_cast<std::size_t>(v), form.mass.size() - 2);
      return form.mass[i] + (v - static_cast<double>(i)) * (form.mass[i + 1] - form.mass[i]);
    }
  }
  return 0;
}

double Kernel::mass_within(double r) const {
  double mass = 0, weight = 0;
  for (const Form& form : forms_)
    if (form.part.kind != Kind::uniform) mass += form.part.weight * within(form, r), weight += form.part.weight;
  return weight > 0 ? mass / weight : 0;
}

double Kernel::median() const {
  if (smallest_range() == infinity) return 0;
  double lo = 0, hi = smallest_range();
  while (mass_within(hi) < 0.5) hi *= 2;
  for (int i = 0; i < 100; ++i) (mass_within(0.5 * (lo + hi)) < 0.5 ? lo : hi) = 0.5 * (lo + hi);
  return 0.5 * (lo + hi);
}

double Kernel::smallest_range() const {
  double range = infinity;
  for (const Form& form : forms_)
    if (form.part.kind != Kind::uniform) range = std::min(range, form.scale);
  return range;
}

double Kernel::background(double side) const {
  double inside = 0;
  for (const Form& form : forms_) {
    if (form.part.kind == Kind::uniform) continue;
    double mass = within(form, 0.5 * side);
    if (dimension_ == 2)  // the corners of the square beyond the inscribed circle
      mass += simpson([&](double r) { return 2 * pi * r * form.norm * shape(form, r) * (1 - 4 / pi * std::acos(std::min(1.0, 0.5 * side / r))); }, 0.5 * side, side / std::sqrt(2.0), 400);
    inside += form.part.weight * mass;
  }
  return std::max(0.0, 1 - inside) / std::pow(side, dimension_);
}

double Kernel::on_torus(double r, double side) const { return local(r) + background(side); }

double Kernel::marginal(double z) const {
  z = std::abs(z);
  if (dimension_ == 1) return local(z);
  double f = 0;
  for (const Form& form : forms_) {
    const Part& p = form.part;
    if (p.kind == Kind::uniform) continue;
    if (p.kind == Kind::gaussian) {
      f += p.weight * std::exp(-0.5 * z * z / (p.range * p.range)) / (p.range * std::sqrt(2 * pi));
      continue;
    }
    // integral over the other coordinate, w = (e^v - 1) scale to follow the tail
    f += p.weight * 2 * simpson([&](double v) { const double w = std::expm1(v) * form.scale; return form.norm * shape(form, std::hypot(z, w)) * std::exp(v) * form.scale; }, 0, p.kind == Kind::laplace ? 4.5 : 16, 2000);
  }
  return f;
}

double Kernel::moment_limit() const {
  double limit = infinity;
  for (const Form& form : forms_) limit = std::min(limit, form.part.kind == Kind::gaussian ? infinity : form.part.kind == Kind::laplace ? 1 / form.scale : 0.0);
  return limit;
}

bool Kernel::has_exponential_moment() const { return moment_limit() > 0; }

std::optional<double> Kernel::exponential_moment(double s) const {
  if (!has_exponential_moment() || std::abs(s) >= moment_limit()) return std::nullopt;
  double m = 0;
  for (const Form& form : forms_) {
    const double x = s * form.scale;
    m += form.part.weight * (form.part.kind == Kind::gaussian ? std::exp(0.5 * x * x) : std::pow(1 - x * x, dimension_ == 1 ? -1.0 : -1.5));
  }
  return m;
}

double SpatialSpec::mean_kappa() const {
  double m = 0;
  for (std::size_t i = 0; i < kappa.size(); ++i) m += kappa_weight[i] * kappa[i];
  return m;
}
double SpatialSpec::second_kappa() const {
  double m = 0;
  for (std::size_t i = 0; i < kappa.size(); ++i) m += kappa_weight[i] * kappa[i] * kappa[i];
  return m;
}

SpatialSpec::Cap SpatialSpec::cap() const {
  // Pairs with p > 1 lie within the radius where kappa kappa' f = <kappa> density.
  Cap cap;
  const double mean = mean_kappa(), background = kernel.background(side);
  double connected = 0, capped = 0, lost = 0;
  for (std::size_t a = 0; a < kappa.size(); ++a)
    for (std::size_t b = 0; b < kappa.size(); ++b) {
      const double factor = kappa[a] * kappa[b] / (mean * density), w = kappa_weight[a] * kappa_weight[b];
      connected += w * kappa[a] * kappa[b] / mean;
      if (factor * (kernel.local(0) + background) <= 1) continue;
      double lo = 0, hi = side;
      for (int i = 0; i < 80; ++i) (factor * (kernel.local(0.5 * (lo + hi)) + background) > 1 ? lo : hi) = 0.5 * (lo + hi);
      const auto shell = [&](double r) { return dimension == 1 ? 2.0 : 2 * pi * r; };
      capped += w * density * simpson(shell, 0, lo, 200);
      lost += w * density * simpson([&](double r) { return shell(r) * (factor * (kernel.local(r) + background) - 1); }, 0, lo, 2000);
    }
  cap.pairs = capped / connected;
  cap.degree = lost / connected;
  return cap;
}

namespace {

std::uint64_t spread(std::uint64_t v) {  // bits of v to the even places
  v &= 0xffffffff;
  v = (v | v << 16) & 0x0000ffff0000ffffULL;
  v = (v | v << 8) & 0x00ff00ff00ff00ffULL;
  v = (v | v << 4) & 0x0f0f0f0f0f0f0f0fULL;
  v = (v | v << 2) & 0x3333333333333333ULL;
  return (v | v << 1) & 0x5555555555555555ULL;
}

// Octave of weights: its nodes in the order of the cells.
struct Layer {
  double largest = 0;
  std::vector<Node> nodes;
  std::vector<std::uint32_t> first;  // by finest cell (Morton order): cells of coarser levels are contiguous
};

class Builder {
 public:
  Builder(const SpatialSpec& spec, FastStream random) : spec_(spec), random_(random), d_(spec.dimension), L_(spec.side) {}

  SpatialGraph build() {
    SpatialGraph g;
    g.dimension = d_;
    g.side = L_;
    const auto n = static_cast<std::size_t>(std::llround(spec_.density * std::pow(L_, d_)));
    place(g, n);
    edges_.reserve(static_cast<std::size_t>(0.55 * static_cast<double>(n) * spec_.mean_kappa()) + 16);
    background_ = spec_.kernel.background(L_);
    scale_ = 1 / (spec_.mean_kappa() * spec_.density);
    g_ = &g;
    for (std::size_t a = 0; a < layers_.size(); ++a)
      for (std::size_t b = a; b < layers_.size(); ++b) {
        a_ = &layers_[a], b_ = &layers_[b];
        if (spec_.kernel.smallest_range() < 1e300) local_pairs();
        if (background_ > 0) background_pairs();
      }
    g.capped = edges_.empty() ? 0 : static_cast<double>(capped_) / static_cast<double>(edges_.size());
    if (background_ > 0) {  // local and background draws may name a pair twice
      for (Edge& e : edges_)
        if (e.first > e.second) std::swap(e.first, e.second);
      std::sort(edges_.begin(), edges_.end());
      edges_.erase(std::unique(edges_.begin(), edges_.end()), edges_.end());
    }
    g.graph = Graph(n, edges_);
    return g;
  }

 private:
  void place(SpatialGraph& g, std::size_t n) {
    const double range = spec_.kernel.smallest_range();
    // Finest cells about half a range wide: wider ones propose too much, and cells much emptier than a node only cost time.
    const double emptiest = std::pow(1.0 / spec_.density, 1.0 / d_);
    depth_ = 0;
    while (depth_ < 24 / d_ && range < 1e300 && L_ / static_cast<double>(1u << (depth_ + 1)) >= std::max(0.45 * range, emptiest)) ++depth_;
    const auto cells = static_cast<std::uint32_t>(1u << depth_);
    std::vector<double> x(n), y(d_ == 2 ? n : 0), w;
    for (std::size_t i = 0; i < n; ++i) {
      x[i] = L_ * random_.uniform();
      if (d_ == 2) y[i] = L_ * random_.uniform();
    }
    const auto column = [&](double v) { return std::min(cells - 1, static_cast<std::uint32_t>(v / L_ * cells)); };
    std::vector<std::uint32_t> cell(n), start((std::size_t{1} << (depth_ * d_)) + 1, 0);
    for (std::size_t i = 0; i < n; ++i) {
      cell[i] = static_cast<std::uint32_t>(d_ == 1 ? column(x[i]) : spread(column(x[i])) | spread(column(y[i])) << 1);
      ++start[cell[i] + 1];
    }
    for (std::size_t c = 1; c < start.size(); ++c) start[c] += start[c - 1];
    g.x.resize(n), g.y.resize(y.size());
    std::vector<std::uint32_t> sorted_cell(n), next(start.begin(), start.end() - 1);
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint32_t at = next[cell[i]]++;
      g.x[at] = x[i];
      if (d_ == 2) g.y[at] = y[i];
      sorted_cell[at] = cell[i];
    }
    if (spec_.kappa.size() > 1) {
      g.weight.resize(n);
      for (double& weight : g.weight) {
        double u = random_.uniform();
        std::size_t k = 0;
        while (k + 1 < spec_.kappa.size() && u > spec_.kappa_weight[k]) u -= spec_.kappa_weight[k++];
        weight = spec_.kappa[k];
      }
    }
    std::vector<int> octave(n, 0);
    std::vector<int> octaves;
    for (std::size_t i = 0; i < n && !g.weight.empty(); ++i) octaves.push_back(octave[i] = static_cast<int>(std::floor(std::log2(g.weight[i]))));
    if (octaves.empty()) octaves.push_back(0);
    std::sort(octaves.begin(), octaves.end());
    octaves.erase(std::unique(octaves.begin(), octaves.end()), octaves.end());
    for (const int o : octaves) {
      Layer layer;
      layer.first.assign(start.size(), 0);
      for (std::size_t i = 0; i < n; ++i)
        if (octave[i] == o) {
          layer.nodes.push_back(static_cast<Node>(i));
          ++layer.first[sorted_cell[i] + 1];
          layer.largest = std::max(layer.largest, g.weight.empty() ? spec_.kappa[0] : g.weight[i]);
        }
      for (std::size_t c = 1; c < layer.first.size(); ++c) layer.first[c] += layer.first[c - 1];
      layers_.push_back(std::move(layer));
    }
  }

  [[nodiscard]] double weight(Node i) const { return g_->weight.empty() ? spec_.kappa[0] : g_->weight[i]; }

  // Candidates of two cells at one level, skipped geometrically with the majorant p_max and thinned to the pair's probability.
  void candidates(std::uint64_t a_first, std::uint64_t a_count, std::uint64_t b_first, std::uint64_t b_count, bool same, double p_max, bool local) {
    if (a_count == 0 || b_count == 0 || p_max <= 0) return;
    const std::uint64_t total = same ? a_count * (a_count - 1) / 2 : a_count * b_count;
    const double log_q = p_max < 1 ? std::log1p(-p_max) : -infinity;
    std::uint64_t at = 0;
    bool first = true;
    std::uint64_t row = 1, column = 0;
    while (true) {
      double skip = p_max < 1 ? std::floor(std::log(random_.uniform()) / log_q) : 0;
      if (!first) skip += 1;
      first = false;
      if (skip >= static_cast<double>(total)) return;
      at += static_cast<std::uint64_t>(skip);
      if (at >= total) return;
      Node i, j;
      if (same) {
        column += static_cast<std::uint64_t>(skip);
        if (column >= 4 * row) {  // a long way: invert row (row - 1)/2 <= at
          row = static_cast<std::uint64_t>(0.5 * (1 + std::sqrt(1 + 8.0 * static_cast<double>(at))));
          while (row * (row - 1) / 2 > at) --row;
          while ((row + 1) * row / 2 <= at) ++row;
          column = at - row * (row - 1) / 2;
        }
        while (column >= row) column -= row, ++row;
        i = a_->nodes[a_first + row], j = a_->nodes[a_first + column];
      } else {
        i = a_->nodes[a_first + at / b_count], j = b_->nodes[b_first + at % b_count];
      }
      double p = weight(i) * weight(j) * scale_ * (local ? spec_.kernel.local(torus_distance(*g_, i, j)) : background_);
      if (p >= 1) {
        ++capped_;
        p = 1;
      }
      if (p >= p_max || random_.uniform() * p_max < p) edges_.emplace_back(i, j);
    }
  }

  void pair_of_cells(int level, std::uint32_t ax, std::uint32_t ay, std::uint32_t bx, std::uint32_t by) {
    const std::uint64_t ca = d_ == 1 ? ax : spread(ax) | spread(ay) << 1, cb = d_ == 1 ? bx : spread(bx) | spread(by) << 1;
    const int shift = (depth_ - level) * d_;
    const std::uint32_t a0 = a_->first[ca << shift], a1 = a_->first[(ca + 1) << shift], b0 = b_->first[cb << shift], b1 = b_->first[(cb + 1) << shift];
    const double width = L_ / static_cast<double>(1u << level);
    const auto gap = [&](std::uint32_t u, std::uint32_t v) {
      const std::uint32_t cells = 1u << level, apart = u > v ? u - v : v - u, near = std::min(apart, cells - apart);
      return near > 0 ? static_cast<double>(near - 1) * width : 0.0;
    };
    const double distance = std::hypot(gap(ax, bx), d_ == 2 ? gap(ay, by) : 0.0);
    const double p_max = std::min(1.0, a_->largest * b_->largest * scale_ * spec_.kernel.local(distance) * (1 + 1e-12));
    // Less than 1e-12 candidates expected over all such pairs of cells of the whole box: nothing that a run could ever show.
    if (p_max * static_cast<double>(a1 - a0) * static_cast<double>(b1 - b0) < 1e-30) return;
    candidates(a0, a1 - a0, b0, b1 - b0, a_ == b_ && ca == cb, p_max, true);
  }

  [[nodiscard]] static bool neighbours(std::uint32_t u, std::uint32_t v, std::uint32_t cells) {
    const std::uint32_t apart = u > v ? u - v : v - u;
    return std::min(apart, cells - apart) <= 1;
  }

  // Level l serves pairs of cells that are not neighbours while their parents are; the finest level its neighbours too. Every pair of
  // nodes so belongs to exactly one pair of cells.
  void local_pairs() {
    const bool both = a_ == b_;
    for (int level = 0; level <= depth_; ++level) {
      const std::uint32_t cells = 1u << level;
      const double width = L_ / cells;
      const bool finest = level == depth_;
      // Nothing at all at this distance: skip the level (only for kernels whose tail is that short).
      if (!finest && cells >= 2 &&
          a_->largest * b_->largest * scale_ * spec_.kernel.local(width) * static_cast<double>(a_->nodes.size()) * static_cast<double>(b_->nodes.size()) < 1e-12)
        continue;
      if (level < 2 && !finest) continue;  // up to two levels all cells are neighbours on the torus
      std::vector<std::uint32_t> near;
      const auto row = [&](std::uint32_t u, std::vector<std::uint32_t>& found) {  // cells whose parents are neighbours of the parent of u
        found.clear();
        if (level == 0) { found.push_back(0); return; }
        const std::uint32_t parents = cells / 2, parent = u / 2;
        for (int step = -1; step <= 1; ++step) {
          const std::uint32_t q = (parent + parents + static_cast<std::uint32_t>(step + 0)) % parents;
          for (std::uint32_t child = 2 * q; child < 2 * q + 2; ++child)
            if (std::find(found.begin(), found.end(), child) == found.end()) found.push_back(child);
        }
      };
      std::vector<std::uint32_t> near_y;
      for (std::uint32_t ay = 0; ay < (d_ == 2 ? cells : 1); ++ay)
        for (std::uint32_t ax = 0; ax < cells; ++ax) {
          row(ax, near);
          if (d_ == 2) row(ay, near_y);
          else near_y.assign(1, 0);
          for (const std::uint32_t by : near_y)
            for (const std::uint32_t bx : near) {
              if (both && (std::uint64_t{by} << 32 | bx) < (std::uint64_t{ay} << 32 | ax)) continue;  // each unordered pair once
              const bool adjacent = neighbours(ax, bx, cells) && (d_ == 1 || neighbours(ay, by, cells));
              if (adjacent && !finest) continue;
              pair_of_cells(level, ax, ay, bx, by);
            }
        }
    }
  }

  void background_pairs() {
    const double p = std::min(1.0, a_->largest * b_->largest * scale_ * background_);
    candidates(0, a_->nodes.size(), 0, b_->nodes.size(), a_ == b_, p, false);
  }

  const SpatialSpec& spec_;
  FastStream random_;
  int d_;
  double L_;
  int depth_ = 0;
  double background_ = 0, scale_ = 0;
  std::vector<Layer> layers_;
  const Layer *a_ = nullptr, *b_ = nullptr;
  const SpatialGraph* g_ = nullptr;
  std::vector<Edge> edges_;
  std::uint64_t capped_ = 0;
};

}  // namespace

SpatialGraph spatial_graph(const SpatialSpec& spec, FastStream random) { return Builder(spec, random).build(); }

double torus_distance(const SpatialGraph& g, std::size_t i, std::size_t j) {
  double dx = std::abs(g.x[i] - g.x[j]);
  dx = std::min(dx, g.side - dx);
  if (g.dimension == 1) return dx;
  double dy = std::abs(g.y[i] - g.y[j]);
  dy = std::min(dy, g.side - dy);
  return std::sqrt(dx * dx + dy * dy);
}

std::vector<double> edge_lengths(const SpatialGraph& g) {
  std::vector<double> lengths;
  lengths.reserve(g.graph.edges());
  for (std::size_t i = 0; i < g.graph.nodes(); ++i)
    for (const Node j : g.graph.neighbours(i))
      if (i < j) lengths.push_back(torus_distance(g, i, j));
  std::sort(lengths.begin(), lengths.end());
  return lengths;
}

double quantile_of(const std::vector<double>& ascending, double q) {
  if (ascending.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double at = q * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  return below + 1 < ascending.size() ? ascending[below] + (at - static_cast<double>(below)) * (ascending[below + 1] - ascending[below]) : ascending.back();
}

}  // namespace meso::graph

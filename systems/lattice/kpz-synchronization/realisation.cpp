#include "systems/lattice/kpz-synchronization/realisation.h"

#include <fmt/format.h>

namespace meso::systems::kpz_synchronization {
namespace {

constexpr std::size_t most_columns = 512;

double root(std::span<const double> m) { return std::sqrt(std::max(0.0, m[0])); }

}  // namespace

RingPlan ring_plan(const Ask& ask, const Params& p) {
  RingPlan result;
  Plan& plan = result.plan;
  Signals& signals = result.signals;
  std::vector<double> at_start;  // 1 at t = 0: equal phases, exactly
  if (!ask.is_stationary()) {
    plan.axes = {{"t", "1", ask.times()}};
    for (const double t : ask.times()) at_start.push_back(t == 0 ? 1.0 : 0.0);
  }
  plan.signals = {{.name = "W2", .lo = 0, .path = true}, {.name = "m3"}, {.name = "m4", .lo = 0}, {.name = "cos_delta", .lo = -1, .hi = 1},
                  {.name = "slip_fraction", .lo = 0, .hi = 1}, {.name = "kuramoto_r", .lo = 0, .hi = 1}, {.name = "velocity"}, {.name = "spread", .lo = 0},
                  {.name = "locked_fraction", .lo = 0, .hi = 1}, {.name = "velocity_identity"}};
  if (ask.is_stationary())
    for (const char* of : {"W2", "cos_delta"})
      for (const char* what : {"of odd trajectories", "squared", "squared, of odd trajectories"}) plan.signals.push_back({.name = fmt::format("{} {}", of, what)});
  const bool frozen = is_columnar(p);  // with frozen frequencies the mean velocity of a realisation is random from the start
  const std::vector<double> velocity_exact = frozen ? std::vector<double>{} : at_start;
  plan.derived = {{"W2", "rad^2", {Signals::w2}, nullptr, at_start},
                  {"W", "rad", {Signals::w2}, root, at_start},
                  {"skewness", "1", {Signals::third, Signals::w2}, [](std::span<const double> m) { return m[1] > 0 ? m[0] / (m[1] * std::sqrt(m[1])) : 0.0; }, at_start},
                  {"kurtosis", "1", {Signals::fourth, Signals::w2}, [](std::span<const double> m) { return m[1] > 0 ? m[0] / (m[1] * m[1]) - 3.0 : 0.0; }, at_start},
                  {"cos_delta", "1", {Signals::cosine}, nullptr, at_start},
                  {"slip_fraction", "1", {Signals::slips}, nullptr, at_start},
                  {"kuramoto_r", "1", {Signals::order}, nullptr, at_start},
                  {"velocity", "rad/time", {Signals::velocity}, nullptr, velocity_exact},
                  {"frequency_spread", "rad/time", {Signals::spread}, root, at_start},
                  {"locked_fraction", "1", {Signals::unslipped}, nullptr, at_start},
                  {"velocity_identity", "rad/time", {Signals::identity}, nullptr, velocity_exact}};
  if (ask.is_stationary()) plan.derived.push_back({"W_sat", "rad", {Signals::w2}, root});
  const auto add_points = [&](const char* name, std::size_t count) {
    const std::size_t first = plan.signals.size();
    for (std::size_t b = 0; b < count; ++b) {
      plan.signals.push_back({.name = fmt::format("{}#{}", name, b), .lo = 0});
      plan.derived.push_back({plan.signals.back().name, "rad^2", {first + b}, nullptr, at_start});
    }
    return first;
  };
  const auto N = static_cast<std::size_t>(p.N);
  if (ask.wants("S")) signals.structure = add_points("S", signals.n_bins = WaveBins(N).q.size());
  if (ask.wants("G2")) signals.difference = add_points("G2", signals.n_separations = separations(N).size());
  return result;
}

void join(Answer& answer, const std::string& name, const Axis& axis) {
  const std::size_t width = axis.points.size();
  std::vector<Estimate> pieces;
  for (std::size_t b = 0; b < width; ++b) {
    const Estimate* piece = answer.find(fmt::format("{}#{}", name, b));
    if (piece == nullptr) return;
    pieces.push_back(*piece);
  }
  std::erase_if(answer.estimates, [&](const Estimate& e) { return e.observable.starts_with(name + "#"); });
  Estimate whole = pieces[0];
  whole.observable = name;
  whole.axes.push_back(axis);
  const std::size_t rows = pieces[0].size();
  const auto weave = [&](std::vector<double> Estimate::*member) {
    std::vector<double>& out = whole.*member;
    if (out.empty()) return;
    out.resize(rows * width);
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t b = 0; b < width; ++b) out[i * width + b] = (pieces[b].*member)[i];
  };
  for (const auto member : {&Estimate::value, &Estimate::std_error, &Estimate::skewness, &Estimate::no_variation, &Estimate::signal_range, &Estimate::exact}) weave(member);
  if (whole.batches) {
    const std::size_t count = whole.batches->count();
    whole.batches->replicate.resize(count * rows * width);
    for (std::size_t j = 0; j < count; ++j)
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t b = 0; b < width; ++b) whole.batches->replicate[(j * rows + i) * width + b] = pieces[b].batches->replicate[j * rows + i];
  }
  answer.estimates.push_back(std::move(whole));
}

Film::Film(std::size_t sites, double end, bool with_slips, std::size_t rows)
    : sites_(sites), block_((sites + most_columns - 1) / most_columns), columns_((sites + block_ - 1) / block_), every_(end / static_cast<double>(rows - 1)), with_slips_(with_slips) {}

void Film::take(double now, std::span<const double> h) {
  if (!times_.empty() && !(now > times_.back())) return;
  times_.push_back(now);
  next_ = every_ > 0 ? (std::floor(now / every_ + 1e-9) + 1) * every_ : std::numeric_limits<double>::infinity();
  next_ -= 1e-9 * every_;  // the clock is a sum of steps
  const double mean = lattice::mean_height(h);
  for (std::size_t column = 0; column < columns_; ++column) {
    phase_.push_back(h[column * block_] - mean);
    double widest = 0;  // bond of the block that differs most
    for (std::size_t i = column * block_; i < std::min(sites_, (column + 1) * block_); ++i) {
      const double bond = h[i + 1 < sites_ ? i + 1 : 0] - h[i];
      if (std::abs(bond) > std::abs(widest)) widest = bond;
    }
    const double turns = widest > std::numbers::pi ? 2.0 : widest < -std::numbers::pi ? 0.0 : 1.0;
    slipped_ = slipped_ || turns != 1.0;
    turns_.push_back(turns);
  }
}

std::vector<Portrait> Film::portraits() const {
  std::vector<double> sites;
  for (std::size_t column = 0; column < columns_; ++column) sites.push_back(static_cast<double>(column * block_));
  const std::vector<Axis> axes{{"t", "1", times_}, {"site", "1", sites}};
  std::vector<Portrait> pictures;
  pictures.push_back({.name = "phase", .title = "Phases, unwrapped, minus their mean", .unit = "rad", .axes = axes, .value = phase_});
  if (with_slips_ && slipped_)
    pictures.push_back({.name = "slips", .title = "Bonds that have slipped by a turn or more", .unit = "", .axes = axes, .value = turns_, .categories = {"slipped back", "in step", "slipped ahead"}});
  return pictures;
}

}  // namespace meso::systems::kpz_synchronization

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "base/error.h"
#include "kits/kinetics/fsp.h"

namespace meso::kinetics {
namespace {

double sum_of(std::span<const double> p) {  // compensated: the lost mass is a difference of such sums
  double sum = 0, rest = 0;
  for (const double x : p) {
    const double t = sum + x;
    rest += std::abs(sum) >= std::abs(x) ? (sum - t) + x : (x - t) + sum;
    sum = t;
  }
  return sum + rest;
}

/// The set, the law on it and the solver for both.
class Projection {
 public:
  Projection(const MasterEquation& equation, const FspOptions& options, double duration)
      : equation_(equation), options_(options), duration_(duration), space_(equation.initial()), p_{1.0} {
    std::vector<std::uint32_t> from{0};
    if (equation.network().random_start()) {
      std::tie(space_, p_) = equation.start();
      from.resize(space_.size());
      std::iota(from.begin(), from.end(), 0u);
    }
    (void)grow(std::move(from), 20, std::min<std::size_t>(options.max_states, std::max<std::size_t>(2000, 2 * space_.size())));
    build();
  }

  const StateSpace& space() const { return space_; }
  std::span<const double> law() const { return p_; }
  double lost() const { return std::max({0.0, 1 - sum_of(p_), leaked_total_}) + rounding_; }
  double solver_error() const { return solver_error_; }
  std::size_t most_states() const { return most_; }
  bool certified() const { return certified_; }

  /// Advances to `target`. @returns false if the lost mass passed the tolerance and the set cannot grow (time() says when)
  bool advance(double target) {
    while (time_ < target) {
      const bool implicit = banded_.has_value();
      double h = target - time_;
      if (!implicit && uniformised_->rate() * h > segment_) h = segment_ / uniformised_->rate();
      if (target - time_ - h < 1e-9 * target) h = target - time_;
      const double share = h / duration_;
      std::vector<double> next = p_, leaked(p_.size(), 0.0);
      double error = 0, step = step_;
      if (implicit) {
        error = banded_->advance(next, h, 0.1 * options_.tolerance * share, step);
        for (std::size_t j = 0; j < next.size(); ++j) leaked[j] = generator_.leak[j] * h * std::max(std::abs(p_[j]), std::abs(next[j]));
      } else {
        uniformised_->advance(next, h, std::max(1e-16, 1e-3 * options_.tolerance * share), leaked);
      }
      const double loss = sum_of(p_) - sum_of(next);
      const double allowed = std::max(2e-15, options_.tolerance * (0.1 + 0.9 * (time_ + h) / duration_) - std::max(0.0, leaked_total_));
      if (loss > allowed && !full_) {
        // Grow where it leaks and do this piece again from its start.
        std::vector<std::uint32_t> gates;
        double flux = 0;
        for (const double x : leaked) flux += x;
        for (std::uint32_t j = 0; j < leaked.size(); ++j)
          if (leaked[j] > 0.01 * std::min(allowed, flux) / static_cast<double>(leaked.size())) gates.push_back(j);
        if (gates.empty())
          for (std::uint32_t j = 0; j < leaked.size(); ++j)
            if (generator_.leak[j] > 0) gates.push_back(j);
        if (gates.empty()) throw NumericalBreakdown(fmt::format("the master equation lost probability {:.2g} on a set without exits", loss));
        ++again_;
        const auto wide = static_cast<double>(space_.size());
        const std::size_t layers = implicit || space_.species() == 1 ? std::max<std::size_t>(20, space_.size() / 2)
                                   : static_cast<std::size_t>(4 + again_ * 2 + std::sqrt(wide) / 10);
        if (!grow(std::move(gates), layers, options_.max_states)) full_ = true;
        segment_ = std::max(20.0, segment_ / 2);
        since_growth_ = 0;
        build();
        continue;
      }
      if (options_.progress) options_.progress(std::min(1.0, (time_ + h) / duration_));
      p_.swap(next);
      step_ = step;
      again_ = 0;
      leaked_total_ += std::max(0.0, loss);
      solver_error_ += error;
      if (implicit) certified_ = false;
      else rounding_ += 2.3e-16 * (uniformised_->rate() * h + 10);
      time_ = target - time_ - h <= 0 ? target : time_ + h;
      if (leaked_total_ > options_.tolerance + 1e-13 && full_) return time_ >= duration_ && leaked_total_ <= options_.tolerance;
      ++since_growth_;
      if (!implicit) {
        segment_ = std::min(800.0, segment_ * 1.3);
        if (since_growth_ >= 5) prune(1e-5 * options_.tolerance * share);
      }
    }
    return true;
  }
  double time() const { return time_; }

 private:
  bool grow(std::vector<std::uint32_t> from, std::size_t layers, std::size_t limit) {
    const bool within = equation_.expand(space_, std::move(from), layers, limit);
    p_.resize(space_.size(), 0.0);
    return within;
  }

  /// Drops states that together hold less than `mass`, once they are the larger part. What they held counts as lost.
  void prune(double mass) {
    if (space_.size() < 500) return;
    const double floor = mass / static_cast<double>(space_.size());
    std::vector<std::uint32_t> keep;
    for (std::uint32_t i = 0; i < p_.size(); ++i)
      if (p_[i] > floor) keep.push_back(i);
    if (2 * keep.size() > p_.size()) return;
    std::vector<double> kept;
    double dropped = sum_of(p_);
    for (const std::uint32_t i : keep) kept.push_back(p_[i]);
    space_ = space_.select(keep);
    p_ = std::move(kept);
    dropped -= sum_of(p_);
    leaked_total_ += std::max(0.0, dropped);
    // A rim, or the next piece would leak at once.
    std::vector<std::uint32_t> all(space_.size());
    std::iota(all.begin(), all.end(), 0u);
    (void)grow(std::move(all), 4, options_.max_states);
    full_ = false;
    build();
  }

  void build() {
    const std::vector<std::uint32_t> order = space_.banded_order();
    space_ = space_.select(order);
    std::vector<double> p(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) p[i] = p_[order[i]];
    p_ = std::move(p);
    most_ = std::max(most_, space_.size());
    generator_ = equation_.generator(space_);
    double rate = 0;
    for (std::size_t j = 0; j < generator_.size(); ++j) rate = std::max(rate, generator_.exit(j));
    const std::size_t band = generator_.bandwidth();
    const bool narrow = band <= 8;
    if (options_.solver == FspSolver::implicit && band > 200)
      throw ModelError(fmt::format("level 'fsp': solver = implicit needs a narrow band, this network's generator is {} wide. Use 'uniformisation' or 'automatic'.", band));
    const bool implicit = options_.solver == FspSolver::implicit || (options_.solver == FspSolver::automatic && narrow && rate * duration_ > 2e4);
    banded_.reset();
    uniformised_.reset();
    if (implicit) banded_.emplace(generator_);
    else uniformised_.emplace(generator_);
  }

  const MasterEquation& equation_;
  const FspOptions& options_;
  double duration_;
  StateSpace space_;
  std::vector<double> p_;
  num::Generator generator_;
  std::optional<num::Uniformised> uniformised_;
  std::optional<num::BandedExponential> banded_;
  double time_ = 0, segment_ = 50, step_ = 0, leaked_total_ = 0, solver_error_ = 0, rounding_ = 0;
  std::size_t most_ = 1;
  int again_ = 0, since_growth_ = 0;
  bool full_ = false, certified_ = true;
};

}  // namespace

FspSummary fsp_transient(const MasterEquation& equation, std::span<const double> times, const FspOptions& options,
                         const std::function<void(const FspState&)>& visit) {
  FspSummary summary;
  if (times.empty()) return summary;
  Projection projection(equation, options, std::max(times.back(), 1e-300));
  for (const double t : times) {
    const bool held = projection.advance(t);
    summary.states = projection.most_states();
    summary.lost = projection.lost();
    summary.certified = projection.certified();
    if (!held) {
      summary.truncated_at = projection.time();
      return summary;
    }
    FspState state;
    state.time = t;
    state.space = &projection.space();
    state.p = projection.law();
    state.lost = t > 0 ? projection.lost() : 0;
    state.solver_error = projection.solver_error();
    visit(state);
  }
  return summary;
}

}  // namespace meso::kinetics

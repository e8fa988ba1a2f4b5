#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/fsp.h"
#include "num/shift_invert.h"

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
  Projection(const MasterEquation& equation, const StartLaw& start, const FspOptions& options, double duration)
      : equation_(equation), options_(options), duration_(duration), space_(equation.network().species.size()) {
    limit_ = std::max<std::size_t>(1, std::min(options.max_states, static_cast<std::size_t>(options.max_memory / transient_bytes(equation.network()))));
    double sum = 0;
    for (const StateProbability& s : start) {
      const std::uint32_t i = space_.add(s.state);
      p_.resize(space_.size(), 0.0);
      p_[i] += s.probability;
      sum += s.probability;
    }
    leaked_total_ = std::max(0.0, 1 - sum) < 1e-15 * static_cast<double>(start.size()) ? 0 : 1 - sum;
    std::vector<std::uint32_t> all(space_.size());
    std::iota(all.begin(), all.end(), 0u);
    (void)grow(std::move(all), 20, std::min(limit_, std::max<std::size_t>(2000, 2 * space_.size())));
    build();
    if (implicit_ && options.known != nullptr) {
      for (std::size_t i = 0; i < options.known->size() && space_.size() < limit_; ++i) space_.add((*options.known)[i]);
      p_.resize(space_.size(), 0.0);
      build();
    }
  }

  const StateSpace& space() const { return space_; }
  std::span<const double> law() const { return p_; }
  double lost() const { return std::max({0.0, 1 - sum_of(p_), leaked_total_}) + rounding_; }
  double solver_error() const { return solver_error_; }
  std::size_t most_states() const { return most_; }
  bool certified() const { return certified_; }
  bool is_implicit() const { return implicit_.has_value(); }
  std::string method() const {
    const std::string products = with_commas(static_cast<unsigned long long>(products_));
    if (solutions_ == 0) return fmt::format("uniformisation, {} products", products);
    return fmt::format("implicit, {} solutions with {} eliminations ({})", with_commas(solutions_), eliminations_,
                       products_ > 0 ? "after " + products + " products of uniformisation" : fmt::format("uniformisation would take about {} products", brief(fastest_ * duration_, 2)));
  }
  std::string limit_text() const {
    if (limit_ == options_.max_states) return fmt::format("{} states (max-states)", with_commas(options_.max_states));
    return fmt::format("{} states, {} MB (max-memory)", with_commas(limit_), brief(options_.max_memory / 1e6, 3));
  }

  /// Advances to `target`. @returns false if the lost mass passed the tolerance and the set cannot grow (time() says when)
  bool advance(double target) {
    while (time_ < target) {
      const bool implicit = implicit_.has_value();
      double h = target - time_;
      if (!implicit && uniformised_->rate() * h > segment_) h = segment_ / uniformised_->rate();
      if (target - time_ - h < 1e-9 * target) h = target - time_;
      std::vector<double> next = p_, leaked(p_.size(), 0.0);
      double error = 0, step = step_;
      if (implicit) {
        const std::size_t solved = implicit_->solutions(), eliminated = implicit_->eliminations();
        const num::ShiftInvert::Step taken = implicit_->advance(next, h, 0.1 * options_.tolerance / duration_, step, [&] { tell(0); });
        solutions_ += implicit_->solutions() - solved;
        eliminations_ += implicit_->eliminations() - eliminated;
        h = taken.taken;
        error = taken.error;
        for (std::size_t j = 0; j < next.size(); ++j) leaked[j] = generator_.leak[j] * h * std::max(std::abs(p_[j]), std::abs(next[j]));
      } else {
        uniformised_->advance(next, h, std::max(1e-16, 1e-3 * options_.tolerance * h / duration_), leaked);
        products_ += uniformised_->rate() * h;
      }
      const double share = h / duration_;
      const double loss = sum_of(p_) - sum_of(next);
      const double allowed = std::max(2e-15, options_.tolerance * (0.1 + 0.9 * (time_ + h) / duration_) - std::max(0.0, leaked_total_)) + error;
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
        const std::size_t layers = space_.species() == 1 ? std::max<std::size_t>(20, space_.size() / 2)
                                                         : static_cast<std::size_t>(4 + again_ * 2 + std::sqrt(wide) / (implicit ? 4 : 10));
        if (!grow(std::move(gates), layers, limit_)) full_ = true;
        segment_ = std::max(20.0, segment_ / 2);
        since_growth_ = 0;
        build();
        continue;
      }
      p_.swap(next);
      step_ = step;
      again_ = 0;
      leaked_total_ += std::max(0.0, loss - error);
      solver_error_ += error;
      if (implicit) certified_ = false;
      else rounding_ += 2.3e-16 * (uniformised_->rate() * h + 10);
      time_ = target - time_ - h <= 0 ? target : time_ + h;
      tell(0);
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
  void tell(double ahead) const {
    if (options_.progress) options_.progress(std::min(1.0, (time_ + ahead) / duration_));
  }

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
    (void)grow(std::move(all), 4, limit_);
    full_ = false;
    build();
  }

  void build() {
    implicit_.reset();
    uniformised_.reset();
    const std::vector<std::uint32_t> order = space_.banded_order();
    space_ = space_.select(order);
    std::vector<double> p(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) p[i] = p_[order[i]];
    p_ = std::move(p);
    most_ = std::max(most_, space_.size());
    generator_ = equation_.generator(space_);
    fastest_ = 0;
    for (std::size_t j = 0; j < generator_.size(); ++j) fastest_ = std::max(fastest_, generator_.exit(j));
    if (options_.solver == FspSolver::implicit || (options_.solver == FspSolver::automatic && fastest_ * (duration_ - time_) > 2e3)) {
      dissection_.emplace(generator_, space_.counts(), space_.species());
      const auto states = static_cast<double>(space_.size());
      const double bytes = dissection_->bytes(true) + 8 * static_cast<double>(num::ShiftInvert::most_vectors + 1) * states + transient_bytes(equation_.network()) * states;
      const bool fits = bytes <= options_.max_memory;
      if (options_.solver == FspSolver::implicit && !fits)
        throw ModelError(fmt::format("level 'fsp': solver = implicit needs about {} MB on {} states (max-memory {} MB). Raise max-memory, or use 'uniformisation' or 'automatic'.",
                                     brief(bytes / 1e6, 3), with_commas(space_.size()), brief(options_.max_memory / 1e6, 3)));
      // Multiplications; those of dense fronts and long vectors count a quarter. A transient takes about 5 eliminations and 300 solutions.
      const double implicit = 5 * dissection_->work() / 4 + 300 * (2 * dissection_->entries() + static_cast<double>(num::ShiftInvert::most_vectors) * states) / 4;
      const double products = fastest_ * (duration_ - time_) * (static_cast<double>(generator_.target.size()) + states);
      if (options_.solver == FspSolver::implicit || (fits && 3 * implicit < products)) implicit_.emplace(generator_, *dissection_);
    }
    if (!implicit_) {
      dissection_.reset();
      uniformised_.emplace(generator_);
    }
  }

  const MasterEquation& equation_;
  const FspOptions& options_;
  double duration_;
  std::size_t limit_ = 1;
  StateSpace space_;
  std::vector<double> p_;
  num::Generator generator_;
  std::optional<num::Uniformised> uniformised_;
  std::optional<num::Dissection> dissection_;
  std::optional<num::ShiftInvert> implicit_;
  double time_ = 0, segment_ = 50, step_ = 0, leaked_total_ = 0, solver_error_ = 0, rounding_ = 0, products_ = 0, fastest_ = 0;
  std::size_t most_ = 1, solutions_ = 0, eliminations_ = 0;
  int again_ = 0, since_growth_ = 0;
  bool full_ = false, certified_ = true;
};

}  // namespace

double transient_bytes(const Network& network) {
  // Counts, a table at most four times as long, six vectors, starts and leaks; per transition target and rate in the generator and again by target.
  double transitions = 0;
  for (const Reaction& r : network.reactions) transitions += r.bursts.empty() ? 1 : 40;
  return 4 * static_cast<double>(network.species.size()) + 16 + 48 + 48 + 24 * transitions;
}

FspSummary fsp_transient(const MasterEquation& equation, std::span<const double> times, const FspOptions& options,
                         const std::function<void(const FspState&)>& visit) {
  return fsp_transient(equation, equation.start(), times, options, visit);
}

FspSummary fsp_transient(const MasterEquation& equation, const StartLaw& start, std::span<const double> times, const FspOptions& options,
                         const std::function<void(const FspState&)>& visit) {
  const Network& network = equation.network();
  double sum = 0;
  for (const StateProbability& s : start) {
    if (s.state.size() != network.species.size())
      throw ModelError(fmt::format("level 'fsp': a state of the law to start from has {} counts, the network has {} species", s.state.size(), network.species.size()));
    if (std::any_of(s.state.begin(), s.state.end(), [](std::int32_t n) { return n < 0; }))
      throw ModelError(fmt::format("level 'fsp': the law to start from has a negative count at {}", state_text(network, s.state)));
    if (!(s.probability >= 0)) throw ModelError(fmt::format("level 'fsp': the law to start from has probability {} at {}; it must be at least 0", brief(s.probability), state_text(network, s.state)));
    sum += s.probability;
  }
  if (!(sum > 0) || sum > 1 + 1e-12) throw ModelError(fmt::format("level 'fsp': the probabilities of the law to start from add up to {}; they must add up to 1, or less where a part is left out", brief(sum)));
  FspSummary summary;
  if (times.empty()) return summary;
  Projection projection(equation, start, options, std::max(times.back(), 1e-300));
  for (const double t : times) {
    const bool held = projection.advance(t);
    summary.states = projection.most_states();
    summary.lost = projection.lost();
    summary.certified = projection.certified();
    summary.method = projection.method();
    if (!held) {
      summary.truncated_at = projection.time();
      summary.limit = projection.limit_text();
      return summary;
    }
    FspState state;
    state.time = t;
    state.space = &projection.space();
    state.p = projection.law();
    state.lost = t > 0 || sum < 1 ? projection.lost() : 0;
    state.solver_error = projection.solver_error();
    visit(state);
  }
  if (projection.is_implicit()) summary.set = std::make_shared<const StateSpace>(projection.space());
  return summary;
}

}  // namespace meso::kinetics

// One realisation of a ring (oscillators or continuum) and what it writes on its tape.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kits/lattice/correlations.h"
#include "model/level.h"
#include "systems/lattice/kpz-synchronization/kpz_synchronization.h"

namespace meso::systems::kpz_synchronization {

/// Signals of a realisation. The first ten are always there; the others where the question needs them.
struct Signals {
  static constexpr std::size_t w2 = 0, third = 1, fourth = 2, cosine = 3, slips = 4, order = 5, velocity = 6, spread = 7, unslipped = 8, identity = 9;
  static constexpr std::size_t group = 10;  ///< stationary: of W2, then of cos_delta: value of odd trajectories, square, square of odd ones
  std::size_t structure = 0, n_bins = 0;    ///< S of each bin of wavenumbers
  std::size_t difference = 0, n_separations = 0;  ///< G2 of each separation
};

/// The plan of a question; S and G2 cost a transform at every asked time and are left out unless asked. Each of their points is a signal
/// of its own, "S#3", so that it has batches and a skewness; `join` puts them together.
struct RingPlan {
  Plan plan;
  Signals signals;
};
[[nodiscard]] RingPlan ring_plan(const Ask& ask, const Params& p);
/// Replaces the estimates "<name>#0", "<name>#1", ... by one with `axis` behind the axes they have.
void join(Answer& answer, const std::string& name, const Axis& axis);

/// Rows of a space-time portrait, taken while a realisation runs.
class Film {
 public:
  /// About `rows` pictures, evenly over [0, end].
  Film(std::size_t sites, double end, bool with_slips, std::size_t rows = 160);
  [[nodiscard]] bool due(double now) const { return now >= next_; }
  void take(double now, std::span<const double> h);
  [[nodiscard]] std::vector<Portrait> portraits() const;

 private:
  std::size_t sites_, block_, columns_;
  double every_, next_ = 0;
  bool with_slips_, slipped_ = false;
  std::vector<double> times_, phase_, turns_;
};

/// Time average of the mean force on a site, trapezium rule on samples every few steps: the right side of the velocity identity.
class ForceAverage {
 public:
  void start(double mean_force) { last_ = mean_force, sum_ = span_ = 0; }
  void add(double mean_force, double dt) { sum_ += 0.5 * (last_ + mean_force) * dt, span_ += dt, last_ = mean_force; }
  [[nodiscard]] double value() const { return span_ > 0 ? sum_ / span_ : last_; }

 private:
  double last_ = 0, sum_ = 0, span_ = 0;
};

/// One realisation of either micro description: `Force` is the oscillators' or the continuum's.
template <lattice::RingForce Force>
class Realisation {
 public:
  /// @param identity_amplitude  2 K sin(delta): mean force per (<cos Delta> - 1); NaN: taken from the force itself
  Realisation(const Params& p, Force force, double identity_amplitude, const Signals& signals, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory)
      : p_(p), force_(std::move(force)), amplitude_(identity_amplitude), signals_(signals), scheme_(scheme_of(p)), D_(is_columnar(p) ? 0.0 : p.D), dt_(time_step_of(p)),
        omega_(frequencies(p, seed, purpose, trajectory)), noise_(Stream(seed, trajectory, purpose + "/noise").fast()), h_(static_cast<std::size_t>(p.N)),
        before_(h_.size()), scratch_(h_.size()) {
    if (!omega_.empty()) omega_mean_ = lattice::mean_height(omega_);
  }

  void film(Film* film) { film_ = film; }

  void at_times(const std::vector<double>& times, Tape& tape) {
    const Spectra spectra(*this);
    double now = 0;
    shoot();
    for (std::size_t i = 0; i < times.size(); ++i) {
      std::copy(h_.begin(), h_.end(), before_.begin());
      const double start = lattice::mean_height(h_), span = times[i] - now;
      average_.start(mean_force());
      cross(span);
      if (!alive_) {  // a field that ran away: every later value is NaN, and the level flags it
        const std::size_t per_time = tape.data().size() / times.size();
        for (double& v : tape.data().subspan(i * per_time)) v = std::numeric_limits<double>::quiet_NaN();
        return;
      }
      record(tape, i, 1.0, spectra);
      record_motion(tape, i, start, span);
      now = times[i];
    }
  }

  /// Starts from one long wave of four times the saturated W^2 (but slopes of at most 1), its phase random, instead of from equal phases:
  /// the slowest mode, far from where it settles.
  void start_steep(std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory) {
    const double n = static_cast<double>(p_.N), plateau = saturation_w2(h_.size(), coupling_of(p_).slope(), randomness_of(p_));
    const double amplitude = std::min(std::sqrt(8.0 * plateau), n / (2 * std::numbers::pi));
    const double shift = Stream(seed, trajectory, purpose + "/start").uniform();
    for (std::size_t i = 0; i < h_.size(); ++i) h_[i] = amplitude * lattice::sine_cosine(2 * std::numbers::pi * (static_cast<double>(i) / n + shift)).sine;
  }

  /// @param odd  belongs to the second group of starts
  void stationary(double burn_in, double window, bool odd, Tape& tape) {
    const Spectra spectra(*this);
    shoot();
    cross(burn_in);
    std::copy(h_.begin(), h_.end(), before_.begin());
    const double start = lattice::mean_height(h_);
    average_.start(mean_force());
    const auto samples = static_cast<std::size_t>(std::max(1.0, std::round(window)));  // one a time unit
    for (std::size_t j = 0; j < samples; ++j) {
      cross(window / static_cast<double>(samples));
      record(tape, 0, 1.0 / static_cast<double>(samples), spectra);
    }
    record_motion(tape, 0, start, window);
    for (const auto& [signal, first] : {std::pair{Signals::w2, Signals::group}, std::pair{Signals::cosine, Signals::group + 3}}) {
      const double x = tape.at(signal, 0);
      tape.record(first, 0, odd ? x : 0.0);
      tape.record(first + 1, 0, x * x);
      tape.record(first + 2, 0, odd ? x * x : 0.0);
    }
    if (!alive_)
      for (double& v : tape.data()) v = std::numeric_limits<double>::quiet_NaN();
  }

 private:
  // S and G2 of one configuration, where they were asked for.
  struct Spectra {
    explicit Spectra(const Realisation& r) : bins(r.h_.size()), at(separations(r.h_.size())) {
      if (r.signals_.n_bins + r.signals_.n_separations == 0) return;
      lattice.emplace(std::vector<std::size_t>{r.h_.size()});
      if (r.signals_.n_bins > 0) s.resize(lattice->wavenumbers().count());
      if (r.signals_.n_separations > 0) c.resize(lattice->distances().count());
    }
    std::optional<lattice::CorrelationLattice> lattice;
    WaveBins bins;
    std::vector<std::size_t> at;
    mutable lattice::CorrelationLattice::Workspace work;
    mutable std::vector<double> s, c;
  };

  double mean_force() {
    if (!with_identity()) return 0;
    if (!std::isnan(amplitude_)) return amplitude_ == 0 ? 0.0 : amplitude_ * (lattice::mean_bond_cosine(h_) - 1.0);
    force_(h_, scratch_.a);
    return lattice::mean_height(scratch_.a);
  }
  [[nodiscard]] bool with_identity() const { return amplitude_ != no_identity; }

  void shoot() {
    if (film_ != nullptr && film_->due(clock_)) film_->take(clock_, h_);
  }

  void cross(double span) {
    const std::size_t stride = scheme_ == Scheme::rk4 ? 1 : 4;  // steps between samples of the mean force: a share of the cost of a step
    const std::size_t steps = steps_in(span, dt_);
    const double dt = steps > 0 ? span / static_cast<double>(steps) : 0.0;
    std::size_t since = 0;
    for (std::size_t k = 0; k < steps && alive_; ++k) {
      if (scheme_ == Scheme::euler_maruyama) lattice::euler_maruyama_step(force_, h_, omega_, D_, dt, noise_, scratch_);
      else if (scheme_ == Scheme::heun) lattice::heun_step(force_, h_, omega_, D_, dt, noise_, scratch_);
      else lattice::rk4_step(force_, h_, omega_, dt, scratch_);
      if (++since == stride || k + 1 == steps) {
        if (with_identity()) average_.add(mean_force(), dt * static_cast<double>(since));
        since = 0;
      }
      if (k % 256 == 0 || k + 1 == steps) alive_ = std::isfinite(lattice::mean_height(h_));
      clock_ += dt;
      if (film_ != nullptr && alive_) shoot();
    }
  }

  void record(Tape& tape, std::size_t i, double weight, const Spectra& spectra) {
    const lattice::RingMoments m = lattice::measure(h_);
    tape.accumulate(Signals::w2, i, m.m2, weight);
    tape.accumulate(Signals::third, i, m.m3, weight);
    tape.accumulate(Signals::fourth, i, m.m4, weight);
    tape.accumulate(Signals::cosine, i, m.cosine, weight);
    tape.accumulate(Signals::slips, i, m.slips, weight);
    tape.accumulate(Signals::order, i, m.order, weight);
    tape.accumulate(Signals::unslipped, i, m.slips == 0 ? 1.0 : 0.0, weight);
    if (!spectra.lattice) return;
    spectra.lattice->both(h_, {}, spectra.s, spectra.c, spectra.work);
    if (!spectra.s.empty()) {
      const std::vector<double> binned = spectra.bins.average(std::span<const double>(spectra.s).subspan(1));
      for (std::size_t b = 0; b < binned.size(); ++b) tape.accumulate(signals_.structure + b, i, binned[b], weight);
    }
    if (!spectra.c.empty())
      for (std::size_t l = 0; l < spectra.at.size(); ++l) tape.accumulate(signals_.difference + l, i, 2.0 * (spectra.c[0] - spectra.c[spectra.at[l]]), weight);
  }

  // Displacements since the asked time before: velocity of the mean phase and spread of the effective frequencies.
  void record_motion(Tape& tape, std::size_t i, double start, double span) {
    if (span > 0) {
      tape.record(Signals::velocity, i, (lattice::mean_height(h_) - start) / span);
      for (std::size_t site = 0; site < h_.size(); ++site) before_[site] = (h_[site] - before_[site]) / span;
      tape.record(Signals::spread, i, lattice::measure(before_).m2);
    } else {
      tape.record(Signals::velocity, i, omega_mean_ + mean_force());
    }
    tape.record(Signals::identity, i, omega_mean_ + average_.value());
  }

 public:
  /// An amplitude that says: no identity is known for this force.
  static constexpr double no_identity = -1e300;

 private:
  Params p_;
  Force force_;
  double amplitude_;
  Signals signals_;
  Scheme scheme_;
  double D_, dt_;
  std::vector<double> omega_;
  double omega_mean_ = 0;
  FastStream noise_;
  std::vector<double> h_, before_;
  lattice::RingScratch scratch_;
  ForceAverage average_;
  bool alive_ = true;
  double clock_ = 0;
  Film* film_ = nullptr;
};

}  // namespace meso::systems::kpz_synchronization

// Correlations in time of a stationary network: autocovariance and power spectrum.
//
//   <s>.autocovariance   C(tau) = <x(t) x(t + tau)> - <x>^2, at 41 lags from 0 to a tenth of the window
//   <s>.spectrum         S(omega) = integral of C(tau) exp(-i omega tau) dtau over all tau, two-sided, omega an angular frequency:
//                        C(0) = integral of S domega / 2 pi. At omega = 4 pi j / window, j = 1..64.
//
// The grids depend on the question alone, so that levels can be compared: the window is the asked one, or 50 slow times. Others are
// asked for in the observable's name: X.autocovariance@0:2:41 (from:to:count, equidistant), X.spectrum@0.5:20:40 or X.spectrum@log:0.5:20:40.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kits/kinetics/fsp.h"
#include "kits/kinetics/moment_level.h"
#include "kits/kinetics/watched.h"
#include "model/system.h"

namespace meso::kinetics {

struct CorrelationName {
  bool spectrum = false;
  std::size_t species = 0;
  std::string grid = {};             ///< as asked: "0:2:41"; "": that of the window
  std::vector<double> points = {};   ///< of the grid; empty: that of the window
  bool log = false;
};
/// Nothing if the name is about something else. @throws StudyError  a grid that is none: what is wrong with it
[[nodiscard]] std::optional<CorrelationName> parse_correlation(const Network& network, const std::string& name);
[[nodiscard]] std::optional<ObservableInfo> correlation_info(const Network& network, const std::string& name);

[[nodiscard]] std::vector<double> correlation_lags(double window);
[[nodiscard]] std::vector<double> correlation_frequencies(double window);
/// The window of a stationary question: as asked, or 50 slow times of the network (fsp.h), or of a pilot trajectory (ssa_level.h).
[[nodiscard]] double correlation_window(const Network& network, const Ask& ask);

/// From trajectories. Autocovariance: products of the counts at 400 equidistant times of the window. Spectrum: with F the Fourier integral of
/// the path (exact: a path is a staircase) over the window W, and F1, F2 over its halves, the signal is 2 |F1 + F2|^2 / W - (|F1|^2 + |F2|^2) / W.
/// A periodogram of length W has the mean S - B / W up to terms that decay like C(W); twice that of W minus that of W / 2 has the mean S,
/// and at the frequencies of the window's grid the mean count does not contribute; at others its share, known exactly, is subtracted.
/// Trajectories that are known at asked times alone (leaps) have the autocovariance; their spectrum is refused by a flag.
/// @throws StudyError  lags beyond half the window, or apart from its steps; frequencies with less than one period in it
void add_correlations(const Watched& watched, double burn_in, double window, const Ask& ask, Context& context, Answer& answer);

/// Of a Gaussian process around the stable state with drift matrix A and diffusion D: C(tau) = exp(A tau) C and
/// S(omega) = (A - i omega)^-1 D (A + i omega)^-T; Gardiner, Stochastic Methods, 4th ed., section 4.5.6. `model`: linear noise.
void add_correlations(const MomentModel& model, const Ask& ask, Context& context, Answer& answer);

/// From the master equation with generator Q and stationary law p: C(tau) = x^T exp(Q tau) (x - <x>) p and
/// S(omega) = 2 Re x^T (i omega - Q)^-1 (x - <x>) p. Left out, with a note, where that costs more than about a minute.
void add_correlations(const MasterEquation& equation, const FspStationary& law, const Ask& ask, Context& context, Answer& answer);

}  // namespace meso::kinetics

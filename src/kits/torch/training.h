// Training: losses of scores and interpolants, Adam with a schedule, checkpoints, and trained nets kept as artefacts.
//
// A minibatch is a function of (seed, step): its numbers come from Stream(seed, step, purpose), so that a training that goes on from a checkpoint
// draws what it would have drawn. What a training gives is a function of its inputs alone; where it lies on disk is named by their hash.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kits/generative/interpolant.h"
#include "kits/generative/mixture_path.h"
#include "kits/sde/mixture.h"
#include "kits/torch/net.h"
#include "model/ensemble.h"
#include "rng/stream.h"

namespace meso::learned {

/// Adam (Kingma and Ba 2014, arXiv:1412.6980; beta = 0.9, 0.999, epsilon 1e-8) and how its rate goes down.
struct Schedule {
  std::size_t steps = 3000;
  double rate = 2e-3;
  /// From this fraction of the steps on, the rate is `rate` times the factor: {{0.6, 0.2}, {0.9, 0.04}}.
  std::vector<std::pair<double, double>> drops = {};
  /// By half a cosine from `rate` down to this; without: constant between drops.
  std::optional<double> cosine_to = {};

  [[nodiscard]] double rate_at(std::size_t step) const;
  [[nodiscard]] std::string text() const;
  /// @throws ParameterError
  void validate(const std::string& where) const;
};

/// A mixture's numbers as text: names it in a key.
[[nodiscard]] std::string law_text(const sde::GaussianMixture& mixture);

/// Denoising score matching for dX = -X dt + g dW on [t_min, t_max], with t = t_min + (t_max - t_min) Beta(1, 2):
///     E w(t) |s(x_t, t) + z / sigma_t|^2 + w_R E R[u]^2,   x_t = x_0 e^-t + sigma_t z,   sigma_t^2 = g^2 (1 - e^-2t) / 2,
/// with w = 1, or sigma_t^2 where `weighted`; R at points uniform in [t_min, t_max] x [low, high]^d.
/// Source: Vincent (2011), doi:10.1162/NECO_a_00142; the residual: score-fokker-planck card.
struct ScoreLoss {
  std::string law;                                            ///< names what `draw` draws, with its numbers: part of the key
  std::function<void(Stream&, std::span<double>)> draw;       ///< one x_0
  double g = 1, t_min = 1e-5, t_max = 10;
  bool weighted = false;
  std::size_t batch = 512;
  double residual_weight = 0;
  std::size_t collocation = 512;
  double low = -3.5, high = 3.5;

  [[nodiscard]] std::string text() const;
  /// @throws ParameterError
  void validate(const NetShape& shape, const std::string& where) const;
};

/// The quadratic losses of an interpolant x_t = alpha x_0 + beta x_1 + gamma z, t stratified on [t_min, t_max]:
///     velocity  E |b|^2/2 - (alpha' x_0 + beta' x_1 + gamma' z).b,   score  E |s|^2/2 + z.s / gamma,   denoiser  E |eta|^2/2 - z.eta.
/// Each draw is used with z and with -z: near the ends the terms in gamma' z cancel.
/// Source: Albergo, Boffi and Vanden-Eijnden (2023), arXiv:2303.08797, eqs. (2.13), (2.16), (2.19), and section 6.1 for the two signs.
struct BridgeLoss {
  enum class Target { velocity, score, denoiser };
  Target target = Target::velocity;
  std::string law;                                                                             ///< names data and interpolant: part of the key
  std::function<void(Stream&, std::span<double> x0, std::span<double> x1, std::span<double> z)> draw;  ///< one triple
  std::function<generative::Coefficients(double)> coefficients;
  bool one_sided = false;         ///< x_0 is the Gaussian noise: the denoiser's target is x_0
  double t_min = 1e-4, t_max = 1 - 1e-4;
  std::size_t batch = 1024;
  bool antithetic = true;

  [[nodiscard]] std::string text() const;
  /// @throws ParameterError
  void validate(const NetShape& shape, const std::string& where) const;
};
/// The loss on a path between mixtures, with its name.
[[nodiscard]] BridgeLoss bridge_loss(std::shared_ptr<const generative::MixturePath> path, BridgeLoss::Target target);

/// Where and for whom a training runs.
struct Workplace {
  std::uint64_t seed = 1;
  std::string purpose = "training";                                ///< prefix of its streams
  std::function<std::filesystem::path(const std::string&)> artefact;  ///< file of a key; null: nothing is kept
  std::function<void(double)> progress = {};                       ///< fraction done; may throw Cancelled
  double checkpoint_seconds = 10;                                  ///< at most this much is lost when the process ends
};
/// The workplace that a level has.
[[nodiscard]] Workplace workplace_of(Context& context);

struct Trained {
  Net net;
  std::vector<double> loss;        ///< mean over each hundredth of the steps
  bool diverged = false;
  std::size_t diverged_at = 0;     ///< the step
  double diverged_loss = 0;
  std::string key;                 ///< of the artefact
  bool reused = false;             ///< it was there already
  /// "training diverged at step 120 of 3000: loss 3e+08 ...", for a flag.
  [[nodiscard]] std::string divergence_text() const;
  std::size_t steps = 0;
};

/// Trains, or takes what an equal training left. A loss that is not finite, or beyond 1e4 times the first one (and 1e4), has diverged.
/// @throws ParameterError  shape, loss or schedule;  RunError  the artefact cannot be written;  Cancelled from progress, with a checkpoint left
[[nodiscard]] Trained train(const NetShape& shape, const ScoreLoss& loss, const Schedule& schedule, const Workplace& workplace);
[[nodiscard]] Trained train(const NetShape& shape, const BridgeLoss& loss, const Schedule& schedule, const Workplace& workplace);

/// Mean-square residuals of a scalar net, for dX = -X dt + g dW.
struct Residuals {
  double uniform = 0;      ///< over points uniform in [t_min, t_max] x [low, high]^d
  double uniform_se = 0;
};
/// R of a net's potential at given points, in double.
[[nodiscard]] std::vector<double> residuals(const Net& net, std::span<const double> t, std::span<const double> x, double g);
/// By n points of the stream (seed, 0, purpose).
[[nodiscard]] Residuals mean_square_residual(const Net& net, double g, double t_min, double t_max, double low, double high, std::size_t n, std::uint64_t seed, const std::string& purpose);

}  // namespace meso::learned

#include "kits/torch/training.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <numbers>

#include "base/archive.h"
#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"
#include "base/version.h"
#include "kits/torch/autograd.h"

namespace meso::learned {

namespace fs = std::filesystem;

double Schedule::rate_at(std::size_t step) const {
  const double fraction = static_cast<double>(step) / static_cast<double>(steps);
  if (cosine_to) return *cosine_to + (rate - *cosine_to) * 0.5 * (1 + std::cos(std::numbers::pi * fraction));
  double factor = 1;
  for (const auto& [from, times] : drops)
    if (fraction >= from) factor = times;
  return rate * factor;
}

std::string Schedule::text() const {
  std::string said = fmt::format("adam {} steps rate {}", steps, exact(rate));
  for (const auto& [from, times] : drops) said += fmt::format(" x{} from {}", exact(times), exact(from));
  if (cosine_to) said += fmt::format(" cosine to {}", exact(*cosine_to));
  return said;
}

void Schedule::validate(const std::string& where) const {
  if (steps < 1) throw ParameterError(fmt::format("{}: a training of no steps", where));
  if (!(rate > 0) || !std::isfinite(rate)) throw ParameterError(fmt::format("{}: a learning rate of {}; it must be positive", where, brief(rate)));
  if (cosine_to && !(*cosine_to >= 0 && *cosine_to <= rate)) throw ParameterError(fmt::format("{}: the rate goes from {} down to {}; the last must be between 0 and the first", where, brief(rate), brief(*cosine_to)));
  if (cosine_to && !drops.empty()) throw ParameterError(fmt::format("{}: a rate goes down either by a cosine or by steps", where));
}

std::string law_text(const sde::GaussianMixture& mixture) {
  std::string said = fmt::format("mixture {}:", mixture.dimension());
  for (const auto* numbers : {&mixture.weights(), &mixture.component_means(), &mixture.component_covariances()})
    for (const double number : *numbers) said += " " + exact(number);
  return said;
}

std::string ScoreLoss::text() const {
  return fmt::format("score matching of {}; g {} t {} {} {} batch {}; residual {} at {} in {} {}", law, exact(g), exact(t_min), exact(t_max), weighted ? "weighted" : "plain", batch, exact(residual_weight),
                     residual_weight > 0 ? collocation : 0, exact(low), exact(high));
}

void ScoreLoss::validate(const NetShape& shape, const std::string& where) const {
  if (!(g > 0)) throw ParameterError(fmt::format("{}: g = {}; the noise of the forward process must be positive", where, brief(g)));
  if (!(t_min > 0)) throw ParameterError(fmt::format("{}: t_min = {}; at t = 0 the score matched, z / sigma_t, is infinite: t_min must be positive", where, brief(t_min)));
  if (!(t_max > t_min)) throw ParameterError(fmt::format("{}: times from {} to {}; the last must be the larger", where, brief(t_min), brief(t_max)));
  if (batch < 1) throw ParameterError(fmt::format("{}: a batch of no points", where));
  if (!(residual_weight >= 0) || !std::isfinite(residual_weight)) throw ParameterError(fmt::format("{}: w_R = {}; the weight of the residual is 0 or positive", where, brief(residual_weight)));
  if (residual_weight > 0) {
    if (shape.outputs != 1) throw ParameterError(fmt::format("{}: w_R = {}, but the residual belongs to a log-density: the net must be a scalar whose gradient is the score", where, brief(residual_weight)));
    if (collocation < 1) throw ParameterError(fmt::format("{}: w_R = {} with no collocation points", where, brief(residual_weight)));
    if (shape.activation == Activation::relu) throw ParameterError(fmt::format("{}: w_R = {}: the residual needs second derivatives, which relu does not have; take softplus, tanh or silu", where, brief(residual_weight)));
    if (!(high > low)) throw ParameterError(fmt::format("{}: collocation from {} to {}; the last must be the larger", where, brief(low), brief(high)));
  }
}

std::string BridgeLoss::text() const {
  const char* const names[] = {"velocity", "score", "denoiser"};
  return fmt::format("interpolant {} of {}; t {} {} batch {}{}", names[static_cast<int>(target)], law, exact(t_min), exact(t_max), batch, antithetic ? " twice" : "");
}

void BridgeLoss::validate(const NetShape& shape, const std::string& where) const {
  if (shape.outputs != shape.dimension) throw ParameterError(fmt::format("{}: a net of {} outputs for a field of {} coordinates", where, shape.outputs, shape.dimension));
  if (!(t_min >= 0) || !(t_max > t_min) || !(t_max <= 1)) throw ParameterError(fmt::format("{}: times from {} to {}; they must lie in [0, 1], the last the larger", where, brief(t_min), brief(t_max)));
  if (batch < 1) throw ParameterError(fmt::format("{}: a batch of no points", where));
  if (target == Target::score)
    for (const double t : {t_min, t_max})
      if (const double gamma = coefficients(t).gamma; !(gamma > 0)) throw ParameterError(fmt::format("{}: gamma({}) = {}: the score matched, -z / gamma, is singular there; cut the ends or learn the denoiser", where, brief(t), brief(gamma)));
}

BridgeLoss bridge_loss(std::shared_ptr<const generative::MixturePath> path, BridgeLoss::Target target) {
  BridgeLoss loss;
  loss.target = target;
  loss.law = fmt::format("{} to {} coupled {} by {}", law_text(path->start()), law_text(path->end()), exact(path->coupling()), path->interpolant().spec().text());
  loss.draw = [path](Stream& rng, std::span<double> x0, std::span<double> x1, std::span<double> z) { path->draw(rng, x0, x1, z); };
  loss.one_sided = path->interpolant().one_sided();
  loss.coefficients = [path](double t) { return path->interpolant().at(t); };
  return loss;
}

Workplace workplace_of(Context& context) {
  Workplace place;
  place.seed = context.seed();
  place.purpose = context.purpose();
  place.artefact = [&context](const std::string& key) { return context.artefact(key); };
  place.progress = [&context](double fraction) { context.progress(fraction); };
  return place;
}

std::string Trained::divergence_text() const {
  return fmt::format("training diverged at step {} of {}: loss {}. Try a smaller learning rate, a longer t_min or a smoother activation", diverged_at, steps, brief(diverged_loss));
}

namespace {

/// A minibatch in rows, and the loss on it.
class Objective {
 public:
  virtual ~Objective() = default;
  [[nodiscard]] virtual at::Tensor loss(const Module& net, Stream& rng) = 0;
};

class ScoreObjective final : public Objective {
 public:
  ScoreObjective(const NetShape& shape, const ScoreLoss& loss) : shape_(shape), l_(loss), d_(shape.dimension) {}

  at::Tensor loss(const Module& net, Stream& rng) override {
    const std::size_t n = l_.batch;
    t_.resize(n);
    x_.resize(n * d_);
    target_.resize(n * d_);
    weight_.resize(n);
    x0_.resize(d_);
    for (std::size_t k = 0; k < n; ++k) {
      const double t = t_[k] = l_.t_min + (l_.t_max - l_.t_min) * (1 - std::sqrt(rng.uniform()));  // Beta(1, 2) by its inverse
      const double sigma = l_.g * std::sqrt(-0.5 * std::expm1(-2 * t)), mean = std::exp(-t);
      l_.draw(rng, x0_);
      weight_[k] = l_.weighted ? sigma * sigma : 1;
      for (std::size_t i = 0; i < d_; ++i) {
        const double z = rng.normal();
        x_[k * d_ + i] = mean * x0_[i] + sigma * z;
        target_[k * d_ + i] = -z / sigma;
      }
    }
    const auto type = net.type();
    const at::Tensor t = tensor_of(t_, 1, type), target = tensor_of(target_, d_, type);
    at::Tensor x = tensor_of(x_, d_, type), score;
    if (shape_.outputs == 1) {
      x.requires_grad_(true);
      score = gradient(net(t, x), x);
    } else {
      score = net(t, x);
    }
    at::Tensor total = (score - target).square().sum(1, true);
    if (l_.weighted) total = total * tensor_of(weight_, 1, type);
    total = total.mean();
    if (l_.residual_weight > 0) {
      t_.resize(l_.collocation);
      x_.resize(l_.collocation * d_);
      for (std::size_t k = 0; k < l_.collocation; ++k) {
        t_[k] = l_.t_min + (l_.t_max - l_.t_min) * rng.uniform();
        for (std::size_t i = 0; i < d_; ++i) x_[k * d_ + i] = l_.low + (l_.high - l_.low) * rng.uniform();
      }
      const at::Tensor r = fokker_planck_residual([&](const at::Tensor& time, const at::Tensor& place) { return net(time, place); }, tensor_of(t_, 1, type), tensor_of(x_, d_, type), l_.g);
      total = total + l_.residual_weight * r.square().mean();
    }
    return total;
  }

 private:
  NetShape shape_;
  const ScoreLoss& l_;
  std::size_t d_;
  std::vector<double> t_, x_, target_, weight_, x0_;
};

class BridgeObjective final : public Objective {
 public:
  BridgeObjective(const NetShape& shape, const BridgeLoss& loss) : l_(loss), d_(shape.dimension) {}

  at::Tensor loss(const Module& net, Stream& rng) override {
    const std::size_t n = l_.batch, signs = l_.antithetic ? 2 : 1;
    t_.resize(signs * n);
    x_.resize(signs * n * d_);
    target_.resize(signs * n * d_);
    x0_.resize(d_);
    x1_.resize(d_);
    z_.resize(d_);
    for (std::size_t k = 0; k < n; ++k) {
      const double t = l_.t_min + (l_.t_max - l_.t_min) * (static_cast<double>(k) + rng.uniform()) / static_cast<double>(n);
      const generative::Coefficients c = l_.coefficients(t);
      const double gamma_rate = c.gamma > 0 ? c.gamma_product / c.gamma : 0;
      l_.draw(rng, x0_, x1_, z_);
      for (std::size_t s = 0; s < signs; ++s) t_[s * n + k] = t;
      for (std::size_t i = 0; i < d_; ++i) {
        for (std::size_t s = 0; s < signs; ++s) {
          const double z = s == 0 ? z_[i] : -z_[i];
          const std::size_t at = (s * n + k) * d_ + i;
          x_[at] = c.alpha * x0_[i] + c.beta * x1_[i] + c.gamma * z;
          switch (l_.target) {
            case BridgeLoss::Target::velocity: target_[at] = c.alpha_rate * x0_[i] + c.beta_rate * x1_[i] + gamma_rate * z; break;
            case BridgeLoss::Target::score: target_[at] = -z / c.gamma; break;
            case BridgeLoss::Target::denoiser: target_[at] = l_.one_sided ? x0_[i] : z; break;
          }
        }
      }
    }
    const auto type = net.type();
    const at::Tensor field = net(tensor_of(t_, 1, type), tensor_of(x_, d_, type));
    return (0.5 * field.square() - tensor_of(target_, d_, type) * field).sum(1).mean();
  }

 private:
  const BridgeLoss& l_;
  std::size_t d_;
  std::vector<double> t_, x_, target_, x0_, x1_, z_;
};

/// Everything that decides the next step.
struct State {
  std::size_t step = 0;
  std::vector<double> weights, first_moment, second_moment;
  std::vector<double> loss;
  double sum = 0, scale = 0;
  bool diverged = false;
  std::size_t diverged_at = 0;
  double diverged_loss = 0;
};

constexpr std::uint32_t format = 1;  // of artefacts; raised when a training of the same inputs would give other bits

std::string sealed(const State& s, const std::string& text) {
  ArchiveWriter out;
  out.put(format);
  out.put(text);
  out.put(static_cast<std::uint64_t>(s.step));
  for (const auto* numbers : {&s.weights, &s.first_moment, &s.second_moment, &s.loss}) out.put(*numbers);
  for (const double number : {s.sum, s.scale, s.diverged_loss}) out.put(number);
  out.put(s.diverged);
  out.put(static_cast<std::uint64_t>(s.diverged_at));
  return out.sealed();
}

/// What a file of this training holds; nothing if it is not there, damaged or another training's.
std::optional<State> opened(const fs::path& path, const std::string& text) {
  std::error_code absent;
  if (!fs::exists(path, absent)) return {};
  try {
    ArchiveReader in(read_file(path));
    std::string owner;
    State s;
    if (in.get<std::uint32_t>() != format) return {};
    in.get(owner);
    if (owner != text) return {};
    s.step = in.get<std::uint64_t>();
    for (auto* numbers : {&s.weights, &s.first_moment, &s.second_moment, &s.loss}) in.get(*numbers);
    for (double* number : {&s.sum, &s.scale, &s.diverged_loss}) in.get(*number);
    in.get(s.diverged);
    s.diverged_at = in.get<std::uint64_t>();
    return s;
  } catch (const Error&) {
    return {};  // it is made again
  }
}

/// One training of a key at a time in this process: the second finds what the first made.
std::shared_ptr<std::mutex> turn_of(const std::string& key) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<std::mutex>> turns;
  const std::lock_guard lock(mutex);
  auto turn = turns[key].lock();
  if (!turn) turns[key] = turn = std::make_shared<std::mutex>();
  return turn;
}

at::Tensor flat_tensor(const std::vector<double>& values, at::ScalarType type) { return tensor_of(values, 1, type).view({-1}); }

std::vector<double> numbers_of(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.to(at::kDouble).contiguous();
  return {plain.data_ptr<double>(), plain.data_ptr<double>() + plain.numel()};
}

Trained run(const NetShape& shape, const std::string& loss_text, Objective& objective, const Schedule& schedule, const Workplace& place) {
  prepare_torch();
  // libtorch with its instruction set decides bits too: an artefact of another machine is another artefact.
  const std::string text = fmt::format("{}\n{}\n{}\nseed {} {}\nmesoscope {}\n{}", shape.text(), loss_text, schedule.text(), place.seed, place.purpose, version, arithmetic());
  const std::string key = fmt::format("net-{}{}", hex(fnv1a(text)), hex(mix64(fnv1a(text, 0x9ae16a3b2f90404fULL))));
  const auto turn = turn_of(key);
  const std::lock_guard lock(*turn);
  const fs::path file = place.artefact ? place.artefact(key) : fs::path(), part = file.empty() ? file : fs::path(file.string() + ".part");

  Trained result;
  result.key = key;
  result.steps = schedule.steps;
  const auto finish = [&](const State& s) {
    result.net = Net{shape, s.weights};
    result.loss = s.loss;
    result.diverged = s.diverged;
    result.diverged_at = s.diverged_at;
    result.diverged_loss = s.diverged_loss;
    return result;
  };
  if (!file.empty())
    if (const auto ready = opened(file, text)) {
      result.reused = true;
      return finish(*ready);
    }

  State s;
  if (auto begun = part.empty() ? std::nullopt : opened(part, text)) {
    s = std::move(*begun);
  } else {
    s.weights = Net::initialised(shape, place.seed, place.purpose + "/weights").weights;
    s.first_moment.assign(s.weights.size(), 0);
    s.second_moment.assign(s.weights.size(), 0);
  }
  Module net(Net{shape, s.weights});
  at::Tensor m = flat_tensor(s.first_moment, net.type()), v = flat_tensor(s.second_moment, net.type());
  const auto keep = [&] {
    s.weights = net.weights();
    s.first_moment = numbers_of(m);
    s.second_moment = numbers_of(v);
  };
  const auto save = [&](const fs::path& path) {
    keep();
    write_file_atomically(path, sealed(s, text));
  };

  using Clock = std::chrono::steady_clock;
  auto saved = Clock::now(), told = saved;
  const double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  const std::size_t record = std::max<std::size_t>(1, schedule.steps / 100);
  while (!s.diverged) {
    const auto now = Clock::now();
    if (!part.empty() && std::chrono::duration<double>(now - saved).count() >= place.checkpoint_seconds) {
      save(part);
      saved = now;
    }
    if (place.progress && std::chrono::duration<double>(now - told).count() >= 0.05) {
      told = now;
      try {
        place.progress(static_cast<double>(s.step) / static_cast<double>(schedule.steps));
      } catch (...) {
        if (!part.empty()) save(part);
        throw;
      }
    }
    Stream rng(place.seed, s.step, place.purpose + "/batch");
    const at::Tensor loss = objective.loss(net, rng);
    const double value = loss.item<double>();
    if (s.step == 0) s.scale = std::abs(value);
    if (!std::isfinite(value) || std::abs(value) > 1e4 * std::max(s.scale, 1.0)) {
      s.diverged = true;
      s.diverged_at = s.step;
      s.diverged_loss = value;
      break;
    }
    if (s.step == schedule.steps) break;  // the last step has been looked at too
    const auto slopes = torch::autograd::grad({loss}, net.leaves(), {}, false, false, true);
    {
      const at::NoGradGuard constant;
      std::vector<at::Tensor> flat;
      for (std::size_t l = 0; l < slopes.size(); ++l) flat.push_back(slopes[l].defined() ? slopes[l].reshape({-1}) : at::zeros({net.leaves()[l].numel()}, net.leaves()[l].options().requires_grad(false)));
      const at::Tensor g = at::cat(flat);
      const double count = static_cast<double>(s.step + 1), rate = schedule.rate_at(s.step);
      m.mul_(beta1).add_(g, 1 - beta1);
      v.mul_(beta2).addcmul_(g, g, 1 - beta2);
      const at::Tensor change = m / (v.sqrt().mul_(1 / std::sqrt(1 - std::pow(beta2, count))).add_(epsilon)) * (-rate / (1 - std::pow(beta1, count)));
      std::int64_t at = 0;
      for (at::Tensor leaf : net.leaves()) {
        leaf.add_(change.narrow(0, at, leaf.numel()).view(leaf.sizes()));
        at += leaf.numel();
      }
    }
    s.sum += value;
    if (++s.step % record == 0) {
      s.loss.push_back(s.sum / static_cast<double>(record));
      s.sum = 0;
    }
  }
  keep();
  if (!file.empty()) {
    save(file);
    std::error_code gone;
    fs::remove(part, gone);
  }
  return finish(s);
}

}  // namespace

Trained train(const NetShape& shape, const ScoreLoss& loss, const Schedule& schedule, const Workplace& workplace) {
  shape.validate("training");
  loss.validate(shape, "training");
  schedule.validate("training");
  ScoreObjective objective(shape, loss);
  return run(shape, loss.text(), objective, schedule, workplace);
}

Trained train(const NetShape& shape, const BridgeLoss& loss, const Schedule& schedule, const Workplace& workplace) {
  shape.validate("training");
  loss.validate(shape, "training");
  schedule.validate("training");
  BridgeObjective objective(shape, loss);
  return run(shape, loss.text(), objective, schedule, workplace);
}

std::vector<double> residuals(const Net& net, std::span<const double> t, std::span<const double> x, double g) {
  if (net.shape.outputs != 1) throw ParameterError(fmt::format("a net of {} outputs is no log-density: its Fokker-Planck residual is not defined", net.shape.outputs));
  Net real = net;
  real.shape.precision = Precision::real;
  const Module module(real);
  const at::NoGradGuard constant;
  const std::size_t d = net.shape.dimension, most = 4096;
  std::vector<double> all;
  for (std::size_t first = 0; first < t.size(); first += most) {
    const std::size_t count = std::min(most, t.size() - first);
    const at::Tensor places = tensor_of(x.subspan(first * d, count * d), d, at::kDouble);
    const auto part = numbers_of(fokker_planck_residual(module.derivatives(tensor_of(t.subspan(first, count), 1, at::kDouble), places, true), places, g));
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

Residuals mean_square_residual(const Net& net, double g, double t_min, double t_max, double low, double high, std::size_t n, std::uint64_t seed, const std::string& purpose) {
  Stream rng(seed, 0, purpose);
  const std::size_t d = net.shape.dimension;
  std::vector<double> t(n), x(n * d);
  for (double& time : t) time = t_min + (t_max - t_min) * rng.uniform();
  for (double& place : x) place = low + (high - low) * rng.uniform();
  double sum = 0, squares = 0;
  for (const double r : residuals(net, t, x, g)) {
    sum += r * r;
    squares += r * r * r * r;
  }
  const double count = static_cast<double>(n), mean = sum / count;
  return {mean, std::sqrt(std::max(0.0, squares / count - mean * mean) / count)};
}

}  // namespace meso::learned

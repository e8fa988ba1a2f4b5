// What libtorch differentiates, against closed forms.
#include "kits/torch/autograd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "kits/torch/net_potential.h"
#include "kits/torch/training.h"
#include "rng/stream.h"

namespace meso::learned {
namespace {

/// log p_t of a mixture of three Gaussians under dX = -X dt + dW, as a function of tensors.
struct Mixture {
  std::int64_t d;
  double weight[3] = {0.3, 0.3, 0.4}, sd = 0.3;
  [[nodiscard]] double mean(std::int64_t component, std::int64_t i) const { return component == 0 ? -2 + 0.3 * static_cast<double>(i) : component == 1 ? 0.5 - static_cast<double>(i) : 2.0; }

  [[nodiscard]] at::Tensor log_density(const at::Tensor& t, const at::Tensor& x) const {
    const at::Tensor decay = at::exp(-t), variance = sd * sd * decay * decay + 0.5 * (1 - decay * decay);
    std::vector<at::Tensor> terms;
    for (std::int64_t k = 0; k < 3; ++k) {
      std::vector<double> m;
      for (std::int64_t i = 0; i < d; ++i) m.push_back(mean(k, i));
      const at::Tensor off = x - decay * tensor_of(m, m.size(), at::kDouble);
      terms.push_back(std::log(weight[k]) - (off * off).sum(1, true) / (2 * variance) - 0.5 * static_cast<double>(d) * at::log(2 * std::numbers::pi * variance));
    }
    return at::logsumexp(at::cat(terms, 1), 1, true);
  }
};

struct Points {
  at::Tensor t, x;
};
Points random_points(std::int64_t d) {
  const std::size_t n = 1000;
  Stream rng(11, 0, "test/points");
  std::vector<double> t(n), x(n * static_cast<std::size_t>(d));
  for (double& v : t) v = 0.01 + 5 * rng.uniform();
  for (double& v : x) v = -3.5 + 7 * rng.uniform();
  return {tensor_of(t, 1, at::kDouble), tensor_of(x, static_cast<std::size_t>(d), at::kDouble)};
}

TEST(Residual, IsTheClosedFormForAScaledLogDensity) {  // card score-fokker-planck, check 5
  for (const std::int64_t d : {1, 2}) {
    const Mixture mixture{d};
    const Points p = random_points(d);
    for (const double delta : {0.0, 0.1, -0.2, 0.5}) {
      const at::Tensor r = fokker_planck_residual([&](const at::Tensor& t, const at::Tensor& x) { return (1 + delta) * mixture.log_density(t, x); }, p.t, p.x, 1);
      const at::Tensor x = p.x.detach().requires_grad_(true), s = gradient(mixture.log_density(p.t, x), x);
      const at::Tensor exact = delta * (static_cast<double>(d) - 0.5 * (1 + delta) * (s * s).sum(1, true));
      EXPECT_LT((r - exact).abs().max().item<double>(), 1e-6) << "d = " << d << ", delta = " << delta;
      if (delta != 0) { EXPECT_GT(exact.abs().max().item<double>(), 0.05) << "there is something to see"; }
    }
  }
}

TEST(Residual, AFunctionOfTimeAddsItsDerivative) {
  const Mixture mixture{2};
  const Points p = random_points(2);
  const at::Tensor r = fokker_planck_residual([&](const at::Tensor& t, const at::Tensor& x) { return mixture.log_density(t, x) + at::sin(2 * t); }, p.t, p.x, 1);
  EXPECT_LT((r - 2 * at::cos(2 * p.t)).abs().max().item<double>(), 1e-6);
}

TEST(Residual, OfTheStationaryLawVanishesForEveryNoise) {  // exp(-x^2 / g^2)
  const Points p = random_points(2);
  for (const double g : {0.5, 1.0, 2.0}) {
    const at::Tensor r = fokker_planck_residual([&](const at::Tensor& t, const at::Tensor& x) { return 0 * t - (x * x).sum(1, true) / (g * g); }, p.t, p.x, g);
    EXPECT_LT(r.abs().max().item<double>(), 1e-10) << g;
  }
}

TEST(Module, IsTheNetOfTheKernels) {
  for (const Activation a : {Activation::softplus, Activation::tanh, Activation::silu, Activation::relu}) {
    NetShape shape;
    shape.dimension = 2;
    shape.time = {TimeFeature::t, TimeFeature::decay, TimeFeature::centred};
    shape.state_scale = 2;
    shape.widths = {20, 30};
    shape.activation = a;
    shape.beta = 10;
    shape.baseline = 1;
    shape.precision = Precision::real;
    const Net net = Net::initialised(shape, 1, "test/net");
    const Module module(net);
    EXPECT_EQ(module.weights(), net.weights);
    Stream rng(3, 0, "test/points");
    std::vector<double> x(200), u(100), s(200);
    for (double& v : x) v = rng.normal();
    const GradientField field(net);
    field.potential(0.7, x, u);
    field.at(0.7, x, s);
    at::Tensor place = tensor_of(x, 2, at::kDouble).requires_grad_(true);
    const at::Tensor value = module(at::full({100, 1}, 0.7, at::kDouble), place), slope = gradient(value, place);
    EXPECT_LT((value - tensor_of(u, 1, at::kDouble)).abs().max().item<double>(), 1e-13) << to_text(a);
    EXPECT_LT((slope - tensor_of(s, 2, at::kDouble)).abs().max().item<double>(), 1e-13) << to_text(a);
  }
}

TEST(Module, DerivativesCarriedForwardAreThoseOfLibtorch) {
  for (const Activation a : {Activation::softplus, Activation::tanh, Activation::silu, Activation::relu})
    for (const std::size_t d : {1, 2, 3}) {
      NetShape shape;
      shape.dimension = d;
      shape.time = {TimeFeature::t, TimeFeature::decay, TimeFeature::centred};
      shape.state_scale = 2;
      shape.widths = {20, 30, 10};
      shape.activation = a;
      shape.beta = 7;
      shape.baseline = 0.8;
      shape.precision = Precision::real;
      const Module module(Net::initialised(shape, 5, "test/net"));
      Stream rng(3, 0, "test/points");
      std::vector<double> x(50 * d), t(50);
      for (double& v : x) v = rng.normal();
      for (double& v : t) v = 3 * rng.uniform();
      const at::Tensor time = tensor_of(t, 1, at::kDouble), place = tensor_of(x, d, at::kDouble);
      const ScalarOf scalar = [&](const at::Tensor& when, const at::Tensor& where) { return module(when, where); };
      // Of a piecewise linear net libtorch has no second derivatives to give: they vanish but at the kinks.
      const bool kinked = a == Activation::relu;
      const DerivativesOf ours = module.derivatives(time, place, true), first = module.derivatives(time, place, false);
      const at::Tensor there = place.detach().requires_grad_(true);
      const DerivativesOf theirs = kinked ? DerivativesOf{module(time, place), ours.in_time, gradient(module(time, there), there), at::full({50, 1}, -1.6 * static_cast<double>(d), at::kDouble)} : derivatives_of(scalar, time, place);
      const auto near = [&](const at::Tensor& p, const at::Tensor& q) { return p.sizes() == q.sizes() && (p - q).abs().max().item<double>() < 1e-11; };
      EXPECT_TRUE(near(ours.value, theirs.value) && near(first.value, theirs.value)) << to_text(a) << d;
      EXPECT_TRUE(near(ours.gradient, theirs.gradient) && near(first.gradient, theirs.gradient)) << to_text(a) << d;
      EXPECT_TRUE(near(ours.in_time, theirs.in_time)) << to_text(a) << d;
      EXPECT_TRUE(near(ours.laplacian, theirs.laplacian)) << to_text(a) << d;
      // And by the weights, which is what training asks.
      if (kinked) continue;
      const auto slope = [&](const DerivativesOf& of) { return torch::autograd::grad({fokker_planck_residual(of, place, 1).square().mean()}, module.leaves(), {}, false, false, true); };
      const auto by_ours = slope(module.derivatives(time, place, true)), by_theirs = slope(derivatives_of(scalar, time, place));
      for (std::size_t l = 0; l + 1 < by_ours.size(); ++l) EXPECT_LT((by_ours[l] - by_theirs[l]).abs().max().item<double>(), 1e-9 * (1 + by_theirs[l].abs().max().item<double>())) << to_text(a) << d << ", leaf " << l;
    }
}

TEST(Module, ResidualsOfANetAreThoseOfItsDerivatives) {
  NetShape shape;
  shape.time = {TimeFeature::t, TimeFeature::decay};
  shape.widths = {16, 16};
  shape.activation = Activation::tanh;
  shape.baseline = 1;
  shape.precision = Precision::real;
  const Net net = Net::initialised(shape, 2, "test/net");
  const GradientField field(net);
  const double t = 0.8, h = 1e-4;
  const std::vector<double> x{-1.5, -0.2, 0.4, 2.1};
  const auto r = residuals(net, std::vector<double>(x.size(), t), x, 1);
  std::vector<double> s(4), right(4), left(4), later(4), earlier(4), x_right = x, x_left = x;
  for (double& v : x_right) v += h;
  for (double& v : x_left) v -= h;
  field.at(t, x, s);
  field.at(t, x_right, right);
  field.at(t, x_left, left);
  field.potential(t + h, x, later);
  field.potential(t - h, x, earlier);
  for (std::size_t k = 0; k < x.size(); ++k) {
    const double by_differences = (later[k] - earlier[k]) / (2 * h) - 1 - x[k] * s[k] - 0.5 * (s[k] * s[k] + (right[k] - left[k]) / (2 * h));
    EXPECT_NEAR(r[k], by_differences, 1e-6) << x[k];
  }
  // The same through the generative kit, which takes a net for a potential like any other.
  const auto as_potential = generative::residual(NetPotential(net), generative::OrnsteinUhlenbeck{}, t, x);
  for (std::size_t k = 0; k < x.size(); ++k) EXPECT_NEAR(as_potential[k], r[k], 1e-12);
  shape.dimension = shape.outputs = 2;
  shape.baseline = 0;
  try {
    (void)residuals(Net::initialised(shape, 1, "x"), std::vector<double>{1}, std::vector<double>{1, 1}, 1);
    ADD_FAILURE() << "a field net has no residual";
  } catch (const ParameterError& error) {
    EXPECT_NE(std::string(error.what()).find("a net of 2 outputs is no log-density"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace meso::learned

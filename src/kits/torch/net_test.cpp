// Fields of nets by our kernels, against the definition written out.
#include "kits/torch/net.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "rng/stream.h"

namespace meso::learned {
namespace {

double activated(Activation a, double beta, double z) {
  switch (a) {
    case Activation::softplus: return std::max(z, 0.0) + std::log1p(std::exp(-std::abs(beta * z))) / beta;
    case Activation::tanh: return std::tanh(z);
    case Activation::silu: return z / (1 + std::exp(-z));
    case Activation::relu: return std::max(z, 0.0);
  }
  return 0;
}

/// The net at one point, by its definition.
std::vector<double> defined(const Net& net, double t, const std::vector<double>& x) {
  std::vector<double> h;
  for (const TimeFeature f : net.shape.time) h.push_back(value_of(f, t));
  for (const double xi : x) h.push_back(xi / net.shape.state_scale);
  const auto sizes = net.shape.sizes();
  const double* w = net.weights.data();
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
    std::vector<double> next(sizes[l + 1]);
    for (std::size_t r = 0; r < next.size(); ++r) {
      next[r] = w[sizes[l] * sizes[l + 1] + r];
      for (std::size_t c = 0; c < h.size(); ++c) next[r] += w[r * h.size() + c] * h[c];
      if (l + 2 < sizes.size()) next[r] = activated(net.shape.activation, net.shape.beta, next[r]);
    }
    w += (sizes[l] + 1) * sizes[l + 1];
    h = next;
  }
  for (double& v : h)
    for (const double xi : x) v -= net.shape.baseline * xi * xi;
  return h;
}

std::vector<NetShape> shapes() {
  std::vector<NetShape> all;
  for (const Activation a : {Activation::softplus, Activation::tanh, Activation::silu, Activation::relu})
    for (const std::size_t d : {1, 2, 5})
      for (const Precision p : {Precision::real, Precision::single}) {
        NetShape s;
        s.dimension = d;
        s.time = {TimeFeature::t, TimeFeature::decay, TimeFeature::centred};
        s.state_scale = 3;
        s.widths = {13, 80, 7};
        s.activation = a;
        s.beta = a == Activation::softplus ? 5 : 1;
        s.baseline = 0.75;
        s.precision = p;
        all.push_back(s);
      }
  return all;
}

std::vector<double> random_points(std::size_t count) {
  Stream rng(7, 0, "test/points");
  std::vector<double> x(count);
  for (double& xi : x) xi = 3 * rng.normal();
  return x;
}

TEST(Net, PotentialAndGradientAreThoseOfTheDefinition) {
  for (const NetShape& shape : shapes()) {
    const std::size_t d = shape.dimension, n = 131;  // two blocks and a part of one
    const Net net = Net::initialised(shape, 3, "test/net");
    const GradientField field(net);
    const auto x = random_points(n * d);
    std::vector<double> u(n), g(n * d);
    const double t = 0.37;
    field.potential(t, x, u);
    field.at(t, x, g);
    const bool real = shape.precision == Precision::real;
    for (std::size_t k = 0; k < n; ++k) {
      std::vector<double> at(x.begin() + static_cast<std::ptrdiff_t>(k * d), x.begin() + static_cast<std::ptrdiff_t>((k + 1) * d));
      const double size = 1 + 0.75 * static_cast<double>(d) * 9;
      EXPECT_NEAR(u[k], defined(net, t, at)[0], (real ? 1e-13 : 1e-6) * size) << shape.text();
      if (shape.activation == Activation::relu && !real) continue;
      for (std::size_t i = 0; i < d; ++i) {
        const double h = 1e-5;
        auto up = at, down = at;
        up[i] += h;
        down[i] -= h;
        EXPECT_NEAR(g[k * d + i], (defined(net, t, up)[0] - defined(net, t, down)[0]) / (2 * h), (real ? 1e-7 : 1e-5) * size) << shape.text();
      }
    }
  }
}

TEST(Net, AFieldNetIsThatOfTheDefinition) {
  for (NetShape shape : shapes()) {
    shape.outputs = shape.dimension;
    shape.baseline = 0;
    const std::size_t d = shape.dimension, n = 70;
    const Net net = Net::initialised(shape, 4, "test/net");
    const auto x = random_points(n * d);
    std::vector<double> v(n * d);
    const NetField field(net);
    field.at(0.9, x, v);
    for (std::size_t k = 0; k < n; ++k) {
      const auto truth = defined(net, 0.9, std::vector<double>(x.begin() + static_cast<std::ptrdiff_t>(k * d), x.begin() + static_cast<std::ptrdiff_t>((k + 1) * d)));
      for (std::size_t i = 0; i < d; ++i) EXPECT_NEAR(v[k * d + i], truth[i], shape.precision == Precision::real ? 1e-13 : 1e-6) << shape.text();
    }
  }
}

TEST(Net, FarOutNothingOverflows) {
  for (const NetShape& shape : shapes()) {
    const GradientField field(Net::initialised(shape, 5, "test/net"));
    std::vector<double> x(shape.dimension, 1e4), g(shape.dimension);
    field.at(0, x, g);
    for (const double gi : g) EXPECT_TRUE(std::isfinite(gi)) << shape.text();
  }
}

TEST(Net, TheValueAtAPointDoesNotDependOnItsCompany) {
  for (const NetShape& shape : shapes()) {
    const GradientField field(Net::initialised(shape, 3, "test/net"));
    const std::size_t d = shape.dimension, n = 200;
    const auto x = random_points(n * d);
    std::vector<double> together(n * d), alone(d);
    field.at(0.5, x, together);
    for (std::size_t k = 0; k < n; ++k) {
      field.at(0.5, std::span(x).subspan(k * d, d), alone);
      EXPECT_EQ(std::memcmp(alone.data(), together.data() + k * d, d * sizeof(double)), 0) << shape.text();
    }
  }
}

TEST(Net, StartsFromItsStream) {
  NetShape shape;
  const Net a = Net::initialised(shape, 1, "a"), again = Net::initialised(shape, 1, "a"), other = Net::initialised(shape, 2, "a"), elsewhere = Net::initialised(shape, 1, "b");
  EXPECT_EQ(a.weights, again.weights);
  EXPECT_NE(a.weights, other.weights);
  EXPECT_NE(a.weights, elsewhere.weights);
  EXPECT_EQ(a.weights.size(), shape.parameters());
  EXPECT_EQ(shape.parameters(), (2u + 1) * 64 + 65 * 64 + 65);
  for (std::size_t i = 192; i < 192 + 65 * 64; ++i) EXPECT_LE(std::abs(a.weights[i]), 1 / 8.0) << "1/sqrt(64)";
}

#define EXPECT_SAYS(statement, part)                                                            \
  try {                                                                                          \
    (void)(statement);                                                                           \
    ADD_FAILURE() << "is accepted; expected: " << part;                                          \
  } catch (const ParameterError& error) {                                                        \
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();          \
  }

TEST(Net, RefusesWhatIsNoNet) {
  const auto checked = [](auto change) {
    NetShape shape;
    change(shape);
    shape.validate("level 'learned'");
    return 0;
  };
  EXPECT_SAYS(checked([](NetShape& s) { s.widths = {}; }), "level 'learned': a net needs at least one hidden layer");
  EXPECT_SAYS(checked([](NetShape& s) { s.widths = {64, 0}; }), "a hidden layer of 0 units; 1 to 4096 are possible");
  EXPECT_SAYS(checked([](NetShape& s) { s.dimension = 3, s.outputs = 2; }), "2 outputs; a net of 3 coordinates is a scalar (1) or a field (3)");
  EXPECT_SAYS(checked([](NetShape& s) { s.state_scale = 0; }), "the state's scale is 0; it must be positive");
  EXPECT_SAYS(checked([](NetShape& s) { s.dimension = s.outputs = 2, s.baseline = 1; }), "the baseline -1 |x|^2 belongs to a scalar net; this one has 2 outputs");
  EXPECT_SAYS(activation_of("sofplus", "level 'learned'"), "level 'learned': unknown activation 'sofplus'. Did you mean 'softplus'?");
  NetShape two;
  two.dimension = two.outputs = 2;
  EXPECT_SAYS(GradientField(Net::initialised(two, 1, "x")), "a net of 2 outputs has no gradient field");
  two.outputs = 1;
  EXPECT_SAYS(NetField(Net::initialised(two, 1, "x")), "a net of 1 outputs is no field on 2 coordinates");
}

}  // namespace
}  // namespace meso::learned

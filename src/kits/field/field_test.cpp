#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "kits/field/collective.h"
#include "kits/field/entropy.h"
#include "kits/field/kernels.h"
#include "kits/field/kinks.h"
#include "kits/field/relaxation.h"
#include "kits/field/thermal.h"
#include "kits/field/wave.h"
#include "testing/statistics.h"

namespace meso::field {
namespace {

constexpr double pi_number = std::numbers::pi;

std::vector<double> on(const Grid& grid, const std::function<double(double)>& f) {
  std::vector<double> values;
  for (const double x : grid.coordinates()) values.push_back(f(x));
  return values;
}

double distance(std::span<const double> a, std::span<const double> b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

// ---- grids and transforms -------------------------------------------------------------------------------------------

TEST(Grid, RefusesWhatItCannotHold) {
  const auto said = [](Grid grid) -> std::string {
    try {
      grid.check();
    } catch (const ParameterError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(said(ring(10, 9)).find("n = 9 points: a field needs an even number"), std::string::npos);
  EXPECT_NE(said(ring(10, 6)).find("at least 8"), std::string::npos);
  EXPECT_NE(said(ring(-1, 16)).find("box length -1"), std::string::npos);
  EXPECT_NE(said({{0, 0}, {1, 1}, {8, 8}, Boundary::antiperiodic}).find("antiperiodic"), std::string::npos);
  EXPECT_EQ(said(ring(10, 12)), "");  // not a power of two
}

// Every mode is an eigenfunction: the whole operator is tested, at lengths with and without powers of two.
TEST(Spectral, EveryModeOfARingIsAnEigenfunctionOfTheLaplacian) {
  for (const Boundary boundary : {Boundary::periodic, Boundary::antiperiodic})
    for (const std::size_t n : {8u, 10u, 12u, 30u, 64u}) {
      const Grid grid = ring(7.0, n, boundary);
      Spectral spectral(grid);
      FieldVector phi(n), out(n), slope(n);
      for (std::size_t m = 0; m < n / 2; ++m) {
        const double k = 2 * pi_number * (static_cast<double>(m) + (boundary == Boundary::antiperiodic ? 0.5 : 0.0)) / 7.0;
        for (std::size_t j = 0; j < n; ++j) phi[j] = std::cos(k * grid.coordinate(0, j) + 0.3);
        spectral.laplacian(phi, out);
        spectral.derivative(phi, 0, slope);
        for (std::size_t j = 0; j < n; ++j) {
          ASSERT_NEAR(out[j], -k * k * phi[j], 1e-12 * (1 + k * k)) << n << " points, mode " << m;
          ASSERT_NEAR(slope[j], -k * std::sin(k * grid.coordinate(0, j) + 0.3), 1e-12 * (1 + k)) << n << " points, mode " << m;
        }
      }
    }
}

TEST(Spectral, TheTorusHasTheSameLaplacianAlongBothAxes) {
  const Grid grid{{0, -1}, {3.0, 5.0}, {12, 16}, Boundary::periodic};
  Spectral spectral(grid);
  FieldVector phi(grid.size()), out(grid.size()), slope(grid.size());
  const double kx = 2 * pi_number * 2 / 3.0, ky = 2 * pi_number * 3 / 5.0;
  for (std::size_t i = 0; i < grid.size(); ++i) phi[i] = std::sin(kx * grid.coordinate(0, i / 16)) * std::cos(ky * grid.coordinate(1, i % 16) + 0.2);
  spectral.laplacian(phi, out);
  for (std::size_t i = 0; i < grid.size(); ++i) ASSERT_NEAR(out[i], -(kx * kx + ky * ky) * phi[i], 1e-11);
  spectral.derivative(phi, 1, slope);
  for (std::size_t i = 0; i < grid.size(); ++i) ASSERT_NEAR(slope[i], -ky * std::sin(kx * grid.coordinate(0, i / 16)) * std::sin(ky * grid.coordinate(1, i % 16) + 0.2), 1e-11);
}

TEST(Spectral, ModesGiveTheFieldBackAndItsSumOfSquares) {
  Stream stream(1, 0, "test/field");
  for (const Grid& grid : {ring(5, 24), ring(5, 24, Boundary::antiperiodic), Grid{{0, 0}, {2, 3}, {8, 10}, Boundary::periodic}}) {
    Spectral spectral(grid);
    FieldVector phi(grid.size()), back(grid.size());
    double mean = 0;
    for (double& x : phi) x = stream.normal(), mean += x * x / static_cast<double>(grid.size());
    ModeVector modes(spectral.modes());
    spectral.to_modes(phi, modes);
    double parseval = 0;
    for (std::size_t i = 0; i < modes.size(); ++i) parseval += spectral.weight()[i] * std::norm(modes[i]);
    EXPECT_NEAR(parseval, mean, 1e-13);
    spectral.from_modes(modes, back);
    EXPECT_LT(distance(phi, back), 1e-13);
    // The Laplacian through modes and through the half-length transforms.
    FieldVector direct(grid.size());
    spectral.laplacian(phi, direct);
    for (std::size_t i = 0; i < modes.size(); ++i) modes[i] *= -spectral.k_squared()[i];
    spectral.from_modes(modes, back);
    EXPECT_LT(distance(direct, back), 1e-10);
  }
}

// ---- potentials -----------------------------------------------------------------------------------------------------

TEST(Potential, FastLoopsGiveTheNumbersOfTheFormula) {
  Stream stream(2, 0, "test/field");
  std::vector<double> phi(333), fast(333), slow(333);
  for (double& x : phi) x = 6 * stream.normal();
  const std::map<std::string, double> c{{"a", 1.3}, {"b", -0.7}};
  for (const Potential& v : {Potential::linear(1.7), Potential::phi4(1.3, 0.8), Potential::sine_gordon(), Potential::formula("a*(1 - cos(b*phi))/b", c), Potential::formula("phi^6/6 + a*phi^3 - phi", c)}) {
    v.slopes(phi, fast);
    v.interpreted().slopes(phi, slow);
    for (std::size_t i = 0; i < phi.size(); ++i) ASSERT_NEAR(fast[i], slow[i], 1e-12 * (1 + std::abs(slow[i]))) << v.text() << " at " << phi[i];
  }
}

TEST(Potential, TheUsualThreeAreWhatTheyAre) {
  for (const double x : {-2.0, -0.3, 0.0, 1.1}) {
    EXPECT_NEAR(Potential::linear(2).slope(x), 4 * x, 1e-14);
    EXPECT_NEAR(Potential::phi4(1.5, 2).value(x), 0.375 * std::pow(x * x - 4, 2), 1e-13);
    EXPECT_NEAR(Potential::phi4(1.5, 2).slope(x), 1.5 * x * (x * x - 4), 1e-13);
    EXPECT_NEAR(Potential::phi4(1.5, 2).curvature(x), 1.5 * (3 * x * x - 4), 1e-13);
    EXPECT_NEAR(Potential::sine_gordon().slope(x), std::sin(x), 1e-15);
  }
}

TEST(Potential, TheSineOfTheLoopIsGoodToRounding) {
  for (double x = -200; x < 200; x += 0.0371) {
    double y;
    kernels::sine(&x, 1, 1, &y, 1);
    ASSERT_NEAR(y, std::sin(x), 4e-16 + 2e-16 * std::abs(x) * 0.05) << x;
  }
}

TEST(Potential, RefusesUnknownNamesAndWrongValues) {
  const auto said = [](const std::function<void()>& f) -> std::string {
    try {
      f();
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(said([] { (void)Potential::formula("lambda*phi^2 + lamda", {{"lambda", 1}}); }).find("names 'lamda', which is neither phi nor a constant (known: phi, lambda). Did you mean 'lambda'?"), std::string::npos);
  EXPECT_NE(said([] { (void)Potential::phi4(1, 0); }).find("v = 0"), std::string::npos);
  EXPECT_NE(said([] { (void)Potential::phi4(1, -1); }).find("v = -1"), std::string::npos);
  EXPECT_NE(said([] { (void)Potential::phi4(-1, 1); }).find("lambda = -1"), std::string::npos);
  EXPECT_FALSE(said([] { (void)Potential::formula("phi^"); }).empty());
}

// ---- the wave equation ----------------------------------------------------------------------------------------------

TEST(WaveField, BothSchemesHaveTheirOrder) {
  // A nonlinear field against its own solution at a much smaller step of the higher order.
  const Grid grid = ring(20, 64);
  const std::vector<double> phi = on(grid, [](double x) { return 1.5 * std::exp(-x * x / 4); }), pi = on(grid, [](double x) { return 0.3 * std::cos(2 * pi_number * x / 20); });
  const auto solve = [&](double dt, Scheme scheme) {
    WaveField field(Spectral(grid), Potential::phi4(1, 1), phi, pi);
    field.advance(dt, static_cast<std::size_t>(std::lround(4 / dt)), scheme);
    return std::vector<double>(field.phi().begin(), field.phi().end());
  };
  const std::vector<double> truth = solve(4.0 / 6400, Scheme::suzuki4);
  for (const Scheme scheme : {Scheme::verlet, Scheme::suzuki4}) {
    std::vector<double> steps, errors;
    for (const int count : {100, 200, 400, 800}) steps.push_back(4.0 / count), errors.push_back(distance(solve(4.0 / count, scheme), truth));
    EXPECT_TRUE(OrderIs(steps, errors, scheme == Scheme::verlet ? 2.0 : 4.0, 0.05));
  }
}

TEST(WaveField, LinearModesFollowTheirExactMotion) {
  for (const Boundary boundary : {Boundary::periodic, Boundary::antiperiodic}) {
    const Grid grid = ring(10, 32, boundary);
    const double k = 2 * pi_number * (boundary == Boundary::periodic ? 3.0 : 3.5) / 10, w2 = k * k + 2.25;
    const std::vector<double> phi = on(grid, [&](double x) { return std::cos(k * x); }), zero(32, 0.0);
    WaveField field(Spectral(grid), Potential::linear(1.5), phi, zero);
    field.advance(1e-3, 5000, Scheme::suzuki4);
    const Propagator exact = propagator(w2, 0, 5);
    for (std::size_t j = 0; j < 32; ++j) {
      EXPECT_NEAR(field.phi()[j], exact.m11 * phi[j], 1e-9);
      EXPECT_NEAR(field.pi()[j], exact.m21 * phi[j], 1e-9);
    }
  }
}

TEST(WaveField, RunsBackToItsStart) {
  const Grid grid = ring(30, 128);
  const std::vector<double> phi = on(grid, [](double x) { return std::tanh(x + 5) - std::tanh(x - 5) - 1; }), pi = on(grid, [](double x) { return 0.1 * std::sin(2 * pi_number * x / 30); });
  for (const Scheme scheme : {Scheme::verlet, Scheme::suzuki4}) {
    WaveField field(Spectral(grid), Potential::phi4(1, 1), phi, pi);
    field.advance(0.02, 500, scheme);
    EXPECT_GT(distance(field.phi(), phi), 0.1);
    field.reverse();
    field.advance(0.02, 500, scheme);
    EXPECT_LT(distance(field.phi(), phi), 1e-11);
    WaveField other(Spectral(grid), Potential::phi4(1, 1), phi, pi);  // or with a negative step
    other.advance(0.02, 500, scheme);
    other.advance(-0.02, 500, scheme);
    EXPECT_LT(distance(other.phi(), phi), 1e-11);
  }
}

TEST(WaveField, TheStabilityLimitIsWhereItBlowsUp) {
  EXPECT_NEAR(stability_limit(Scheme::verlet, 4.0), 0.5, 1e-15);
  const Grid grid = ring(10, 32);
  std::vector<double> phi(32, 0.0), zero(32, 0.0);
  for (std::size_t j = 0; j < 32; ++j) phi[j] = 1e-3 * (j % 2 ? -1.0 : 1.0) + 0.5 * std::cos(2 * pi_number * static_cast<double>(j) / 32);
  const double omega = std::sqrt(grid.k_max() * grid.k_max() + 1);
  for (const Scheme scheme : {Scheme::verlet, Scheme::suzuki4})
    for (const double factor : {0.99, 1.03}) {
      WaveField field(Spectral(grid), Potential::linear(1), phi, zero);
      field.advance(factor * stability_limit(scheme, omega), 2000, scheme);
      double largest = 0;
      const bool small = field.finite(&largest) && largest < 2;
      EXPECT_EQ(small, factor < 1) << factor;
    }
}

TEST(WaveField, TheEnergyErrorOfFixedStepsIsBoundedAndOfSecondOrder) {
  const Grid grid = ring(60, 256);
  const std::vector<double> phi = on(grid, [](double x) { return std::exp(-x * x / 4); }), zero(256, 0.0);
  const WaveField start(Spectral(grid), Potential::formula("phi^2/2 + phi^4/4"), phi, zero);
  std::vector<double> steps, errors;
  for (const double dt : {0.04, 0.02, 0.01}) {
    WaveField field = start;
    const double energy = field.energy();
    double early = 0, late = 0;
    for (int i = 1; i <= 100; ++i) {
      field.advance(dt, static_cast<std::size_t>(std::lround(1 / dt)));
      double& worst = i <= 50 ? early : late;
      worst = std::max(worst, std::abs(field.energy() / energy - 1));
    }
    EXPECT_LT(late, 2 * early);  // it does not grow
    steps.push_back(dt), errors.push_back(std::max(early, late));
  }
  EXPECT_TRUE(OrderIs(steps, errors, 2, 0.05));
}

TEST(WaveField, TheAdaptiveRuleChangesItsStepWithinItsBounds) {
  const Grid grid = ring(60, 256);
  const std::vector<double> phi = on(grid, [](double x) { return std::exp(-x * x / 4); }), zero(256, 0.0);
  WaveField field(Spectral(grid), Potential::formula("phi^2/2 + phi^4/4"), phi, zero);
  double dt = 0.5 / grid.k_max(), shortest = dt, longest = 0, worst = 0;
  const double energy = field.energy();
  for (int i = 1; i <= 50; ++i) {
    field.adaptive(i, 1e-6, dt);
    shortest = std::min(shortest, dt), longest = std::max(longest, dt);
    worst = std::max(worst, std::abs(field.energy() / energy - 1));
  }
  EXPECT_NEAR(field.time(), 50, 1e-9);
  EXPECT_LT(shortest, 0.49 / grid.k_max());
  EXPECT_GE(shortest, 0.1 / grid.k_max() * 0.69);  // the rule may leave a shortened step behind; it is clamped before use
  EXPECT_GT(worst, 1e-6);
  EXPECT_LT(worst, 1e-2);
}

TEST(WaveField, AFieldThatRunsAwayIsSeen) {
  const Grid grid = ring(10, 16);
  const std::vector<double> phi(16, 2.0), zero(16, 0.0);
  WaveField field(Spectral(grid), Potential::formula("-phi^4"), phi, zero);
  field.advance(0.05, 200);
  EXPECT_FALSE(field.finite());
  std::vector<double> bad(16, 0.0);
  bad[3] = std::nan("");
  EXPECT_THROW(WaveField(Spectral(grid), Potential(), bad, zero), ParameterError);
}

TEST(WaveField, LangevinWithoutTemperatureIsFriction) {
  const Grid grid = ring(10, 32);
  const std::vector<double> phi = on(grid, [](double x) { return std::cos(2 * pi_number * x / 10); }), zero(32, 0.0);
  std::vector<double> steps, errors;
  const double k = 2 * pi_number / 10;
  for (const double dt : {0.04, 0.02, 0.01}) {
    WaveField field(Spectral(grid), Potential::linear(1), phi, zero);
    FastStream never = Stream(1, 0, "test").fast();
    field.langevin(dt, static_cast<std::size_t>(std::lround(6 / dt)), 0.4, 0, never);
    steps.push_back(dt), errors.push_back(std::abs(field.phi()[16] - propagator(k * k + 1, 0.4, 6).m11));
  }
  EXPECT_TRUE(OrderIs(steps, errors, 2, 0.05));
}

// ---- relaxation -----------------------------------------------------------------------------------------------------

TEST(RelaxationField, HasOrderFourWithStepsFarBeyondTheStiffLimit) {
  const Grid grid = ring(40, 128);  // k_max^2 = 101: an explicit step would need dt < 0.02
  const std::vector<double> phi = on(grid, [](double x) { return 0.4 * std::sin(2 * pi_number * x / 40) + 0.2 * std::cos(6 * pi_number * x / 40); });
  const Potential v = Potential::formula("(phi^2 - 1)^2/4");
  const auto solve = [&](double dt) {
    RelaxationField field(Spectral(grid), v, phi);
    field.advance(dt, static_cast<std::size_t>(std::lround(4 / dt)));
    return std::vector<double>(field.phi().begin(), field.phi().end());
  };
  const std::vector<double> truth = solve(1.0 / 512);
  std::vector<double> steps, errors;
  for (const double dt : {0.125, 0.0625, 0.03125, 0.015625}) steps.push_back(dt), errors.push_back(distance(solve(dt), truth));
  EXPECT_TRUE(OrderIs(steps, errors, 4, 0.15));
}

TEST(RelaxationField, AnAllenCahnFrontMovesWithItsExactSpeed) {
  // phi_t = phi_xx + phi (1 - phi)(phi - a) has the front [1 + tanh((x + c t)/(2 sqrt 2))]/2 with c = (1 - 2a)/sqrt 2: a pair of them on a ring.
  const double a = 0.25, c = (1 - 2 * a) / std::sqrt(2.0), width = 2 * std::sqrt(2.0);
  const Grid grid = ring(160, 512);
  const std::vector<double> phi = on(grid, [&](double x) { return 0.5 * (std::tanh((x + 20) / width) - std::tanh((x - 20) / width)); });
  RelaxationField field(Spectral(grid), Potential::formula("a*phi^2/2 - (1 + a)*phi^3/3 + phi^4/4", {{"a", a}}), phi);
  const auto half = [&] {
    std::vector<double> shifted(field.phi().begin(), field.phi().end());
    for (double& x : shifted) x -= 0.5;
    return half_separation(grid, shifted);
  };
  field.advance(0.05, 200);
  const double before = half();
  field.advance(0.05, 800);
  EXPECT_NEAR((half() - before) / 40, c, 2e-6);  // the tails of the two fronts meet at e^(-28)
}

// ---- kinks ----------------------------------------------------------------------------------------------------------

TEST(Kinks, ZerosAreFoundToFourthOrder) {
  std::vector<double> steps, errors;
  for (const std::size_t n : {32u, 64u, 128u}) {
    const Grid grid = ring(10, n);
    double worst = 0;
    for (double at = 0.007; at < 1; at += 0.013) {  // wherever the zero lies between the points
      const std::vector<Zero> z = zeros(grid, on(grid, [&](double x) { return std::sin(2 * pi_number * (x - at) / 10) + 0.3 * std::sin(4 * pi_number * (x - at) / 10); }));
      ASSERT_EQ(z.size(), 2u);
      EXPECT_FALSE(z[0].rising);
      EXPECT_TRUE(z[1].rising);
      worst = std::max(worst, std::abs(z[1].x - at));
    }
    steps.push_back(grid.spacing()), errors.push_back(worst);
  }
  EXPECT_TRUE(OrderIs(steps, errors, 5, 0.3));  // sin is odd about its zero: the error term of order 4 has no fourth derivative to stand on there
  const Grid anti = ring(10, 64, Boundary::antiperiodic);
  EXPECT_EQ(zeros(anti, on(anti, [](double x) { return std::tanh(x - 0.2); })).size(), 1u);
}

TEST(Kinks, CrossingsAndEscapesAreCounted) {
  CrossingCounter counter;
  for (int i = 0; i <= 1000; ++i) counter.watch(0.01 * i, std::cos(2 * pi_number * 0.01 * i + 0.1));
  ASSERT_EQ(counter.times().size(), 10u);
  EXPECT_NEAR(counter.times()[0], 0.25 - 0.1 / (2 * pi_number), 1e-4);
  EXPECT_EQ(counter.count(2.0), 2u);
  std::vector<double> t, bounced, captured, passing;
  for (int i = 0; i <= 1000; ++i) {
    t.push_back(0.1 * i);
    bounced.push_back(std::abs(10 - 0.3 * t.back()) * (t.back() > 33.3 ? 0.5 : 1.0));
    captured.push_back(t.back() < 33 ? 10 - 0.3 * t.back() : 1 + std::sin(t.back()));
    passing.push_back(10 + 0.1 * t.back());
  }
  EXPECT_NEAR(escape_of(t, bounced, 5, 20).speed, 0.15, 1e-12);
  EXPECT_FALSE(escape_of(t, captured, 5, 20).escaped);
  EXPECT_FALSE(escape_of(t, passing, 5, 20).escaped);  // they never met
}

TEST(PairCoordinate, HasTheRightLimitsAndConservesItsEnergy) {
  const double xi = std::sqrt(2.0), mass = 2 * std::sqrt(2.0) / 3;
  const PairCoordinate pair({[=](double x) { return std::tanh(x / xi); }, [=](double x) { return 1 / (xi * std::pow(std::cosh(x / xi), 2)); },
                             [=](double x) { return -2 * std::tanh(x / xi) / (xi * xi * std::pow(std::cosh(x / xi), 2)); }, 1, xi},
                            Potential::phi4(1, 1));
  EXPECT_NEAR(pair.at(20).u, 2 * mass, 1e-9);
  EXPECT_NEAR(pair.at(20).g, 2 * mass, 1e-9);
  EXPECT_NEAR(pair.at(0).u, 0, 1e-12);
  for (const double a : {0.5, 1.5, 3.0}) {  // the derivatives are derivatives
    const double h = 1e-5;
    EXPECT_NEAR(pair.at(a).du, (pair.at(a + h).u - pair.at(a - h).u) / (2 * h), 1e-8);
    EXPECT_NEAR(pair.at(a).dg, (pair.at(a + h).g - pair.at(a - h).g) / (2 * h), 1e-8);
    EXPECT_GT(pair.at(a).du, 0);  // attraction
  }
  std::vector<double> times;
  for (int i = 0; i <= 80; ++i) times.push_back(i);
  const PairCoordinate::Path path = pair.solve(10, -0.2, times);
  for (std::size_t i = 0; i < times.size(); ++i) EXPECT_NEAR(pair.energy(path.a[i], path.speed[i]), pair.energy(10, -0.2), 1e-5);
  EXPECT_LT(*std::min_element(path.a.begin(), path.a.end()), 0.5);
  EXPECT_NEAR(path.speed.back(), 0.2, 1e-4);  // one degree of freedom: it comes back as it went
}

// ---- entropies ------------------------------------------------------------------------------------------------------

TEST(Entropies, OfKnownLaws) {
  const std::vector<double> flat(100, -3.0);
  const Entropies e = entropies(flat, 0.5);
  EXPECT_NEAR(e.shannon, std::log(100.0), 1e-12);
  for (const double h : {e.renyi_half, e.renyi_2, e.renyi_10}) EXPECT_NEAR(h, std::log(100.0), 1e-12);
  EXPECT_NEAR(e.tsallis_2, 0.99, 1e-12);
  EXPECT_NEAR(e.tsallis_half, 2 * (10 - 1), 1e-12);
  EXPECT_NEAR(e.shannon_differential, std::log(50.0), 1e-12);
  // Dividing by the integral and summing without dx: -sum rho ln rho directly.
  const Grid grid = ring(20, 200);
  const std::vector<double> bump = on(grid, [](double x) { return std::exp(-x * x / 8); });
  double integral = 0, library = 0;
  for (const double x : bump) integral += x * x * grid.spacing();
  for (const double x : bump) library -= x * x / integral * std::log(x * x / integral);
  EXPECT_NEAR(entropies(bump, grid.spacing()).shannon_density_sum, library, 1e-10);
  EXPECT_NEAR(entropies(bump, grid.spacing()).shannon_differential, 0.5 * std::log(2 * pi_number * std::numbers::e * 2), 1e-5);  // phi^2 is Gaussian of variance 2
  const std::vector<double> p{0.5, 0.25, 0.25};
  EXPECT_NEAR(renyi(p, 1), shannon(p), 1e-15);
  EXPECT_NEAR(renyi(p, 1.0001), shannon(p), 1e-4);
  EXPECT_NEAR(tsallis(p, 0.9999), shannon(p), 1e-4);
  const std::vector<double> nothing(8, 0.0);
  EXPECT_FALSE(entropies(nothing, 1).defined);
  EXPECT_TRUE(std::isnan(entropies(nothing, 1).shannon));
}

// ---- statistical mechanics ------------------------------------------------------------------------------------------

TEST(Thermal, ModesRelaxAsTheirMomentEquationsSay) {
  // d<xx>/dt = 2<xp>, d<xp>/dt = <pp> - w2<xx> - eta<xp>, d<pp>/dt = -2 w2<xp> - 2 eta<pp> + 2 eta T, by RK4.
  for (const double w2 : {0.0, 0.2, 4.0})
    for (const double eta : {0.1, 0.9, 5.0}) {
      double y[3]{0, 0, 0};
      const double temperature = 0.7, h = 1e-3;
      const auto rhs = [&](const double* v, double* d) { d[0] = 2 * v[1], d[1] = v[2] - w2 * v[0] - eta * v[1], d[2] = -2 * w2 * v[1] - 2 * eta * v[2] + 2 * eta * temperature; };
      for (int i = 0; i < 3000; ++i) {
        double k1[3], k2[3], k3[3], k4[3], z[3];
        rhs(y, k1);
        for (int c = 0; c < 3; ++c) z[c] = y[c] + h / 2 * k1[c];
        rhs(z, k2);
        for (int c = 0; c < 3; ++c) z[c] = y[c] + h / 2 * k2[c];
        rhs(z, k3);
        for (int c = 0; c < 3; ++c) z[c] = y[c] + h * k3[c];
        rhs(z, k4);
        for (int c = 0; c < 3; ++c) y[c] += h / 6 * (k1[c] + 2 * k2[c] + 2 * k3[c] + k4[c]);
      }
      const ModeMoments m = damped_mode(w2, eta, temperature, 3);
      EXPECT_NEAR(m.phi2, y[0], 1e-10) << w2 << ", " << eta;
      EXPECT_NEAR(m.pi2, y[2], 1e-10) << w2 << ", " << eta;
    }
}

TEST(Thermal, TheTransferOperatorKnowsTheHarmonicRingAndTheQuarticOscillator) {
  const double w = 1.3, temperature = 0.4, length = 7;
  const TransferOperator t = transfer_operator(Potential::linear(w), temperature, length);
  EXPECT_NEAR(t.phi2, temperature / (2 * w) / std::tanh(w * length / 2), 1e-9);  // sum over all modes of T/(L (k^2 + w^2))
  EXPECT_NEAR(t.correlation_length, 1 / w, 1e-9);
  EXPECT_NEAR(t.levels[0], temperature * w / 2, 1e-10);
  const TransferOperator quartic = transfer_operator(Potential::formula("phi^4"), 1, 1e3);
  EXPECT_NEAR(quartic.levels[0], 0.667986259155777, 1e-9);  // ground state of p^2/2 + x^4, Hioe and Montroll (1975), doi:10.1063/1.522747
  EXPECT_THROW((void)transfer_operator(Potential::sine_gordon(), 0.5, 10), ModelError);
}

TEST(Thermal, TheDoubleWellIsSymmetricAndSlow) {
  const TransferOperator cold = transfer_operator(Potential::phi4(1, 1), 0.15, 1e4), warm = transfer_operator(Potential::phi4(1, 1), 0.4, 1e4);
  EXPECT_NEAR(cold.mean, 0, 1e-6);
  EXPECT_GT(cold.correlation_length, 10 * warm.correlation_length);
  EXPECT_LT(cold.error, 1e-8);
  // Low temperature: <phi^2> = v^2 - 2 T ... : fluctuations sigma^2 = T/(2 sqrt 2) about each vacuum pull the mean in by 3 sigma^2/2, so 1 - 3 sigma^2 + sigma^2 to first order.
  const TransferOperator colder = transfer_operator(Potential::phi4(1, 1), 0.02, 10);
  const double sigma2 = 0.02 / (2 * std::sqrt(2.0)) / std::tanh(std::sqrt(2.0) * 10 / 2);
  EXPECT_NEAR(colder.phi2, 1 - 2 * sigma2, 6 * sigma2 * sigma2 * 2);
}

TEST(Thermal, HartreeIsExactForALinearFieldAndToFirstOrderInTemperature) {
  const Spectral spectral(ring(10, 512));
  const Hartree linear = hartree(Potential::linear(1.2), spectral, 1, 0.3, 0);
  ASSERT_TRUE(linear.found);
  double sum = 0;
  for (std::size_t i = 0; i < spectral.modes(); ++i) sum += spectral.weight()[i] * 0.3 / (10 * (spectral.k_squared()[i] + 1.44));
  EXPECT_NEAR(linear.variance, sum, 1e-12);
  // A convex quartic: the error of Hartree vanishes as T^3 (it has all diagrams to first order beyond the mass). Grid modes beyond k_max are taken from the comparison.
  std::vector<double> temperatures, errors;
  const Spectral fine(ring(10, 65536));
  for (const double temperature : {0.04, 0.02, 0.01}) {
    const Hartree h = hartree(Potential::formula("phi^2/2 + phi^4/4"), fine, 1, temperature, 0);
    const double exact = transfer_operator(Potential::formula("phi^2/2 + phi^4/4"), temperature, 10).phi2;
    temperatures.push_back(temperature), errors.push_back(std::abs(h.variance + temperature / (pi_number * fine.grid().k_max()) - exact));
  }
  EXPECT_TRUE(OrderIs(temperatures, errors, 3, 0.35));
}

}  // namespace
}  // namespace meso::field

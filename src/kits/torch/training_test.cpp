// Trainings: what they learn where the answer is known, that they repeat and resume to the bit, and how they fail.
#include "kits/torch/training.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cmath>
#include <cstring>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/files.h"

namespace meso::learned {
namespace {

namespace fs = std::filesystem;

/// x_0 ~ N(0, 1/4): s = -x / v(t), v = 1/2 - e^-2t / 4.
ScoreLoss gaussian_loss() {
  ScoreLoss loss;
  loss.law = "N(0, 1/4)";
  loss.draw = [](Stream& rng, std::span<double> x) {
    for (double& xi : x) xi = 0.5 * rng.normal();
  };
  loss.t_min = 0.01;
  loss.t_max = 3;
  loss.weighted = true;
  loss.batch = 128;
  return loss;
}

NetShape small_net(Precision precision = Precision::single) {
  NetShape shape;
  shape.time = {TimeFeature::t, TimeFeature::decay};
  shape.widths = {24, 24};
  shape.activation = Activation::tanh;
  shape.baseline = 1;
  shape.precision = precision;
  return shape;
}

class Training : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder = fs::temp_directory_path() / (std::string("meso-training-") + info->name() + "-" + std::to_string(getpid()));
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }
  [[nodiscard]] Workplace here() const {
    Workplace place;
    place.artefact = [this](const std::string& key) { return folder / key; };
    return place;
  }
  static Workplace nowhere() { return {}; }
  fs::path folder;
};

/// Mean of |s - s*|^2 over |s*|^2 under the law, t uniform: quadrature in both.
double relative_error(const Net& net) {
  const GradientField field(net);
  double wrong = 0, all = 0;
  for (double t = 0.05; t < 3; t += 0.05) {
    const double v = 0.5 - 0.25 * std::exp(-2 * t);
    std::vector<double> x, s;
    for (double q = -4; q <= 4.001; q += 0.1) x.push_back(q * std::sqrt(v));
    s.resize(x.size());
    field.at(t, x, s);
    for (std::size_t k = 0; k < x.size(); ++k) {
      const double weight = std::exp(-x[k] * x[k] / (2 * v)), truth = -x[k] / v;
      wrong += weight * (s[k] - truth) * (s[k] - truth);
      all += weight * truth * truth;
    }
  }
  return std::sqrt(wrong / all);
}

TEST_F(Training, LearnsTheScoreOfAGaussian) {
  Schedule schedule{.steps = 1500, .rate = 5e-3, .cosine_to = 1e-5};
  NetShape shape = small_net();
  shape.baseline = 0;  // nothing of the answer is given away
  const double before = relative_error(Net::initialised(shape, 1, "training/weights"));
  const Trained trained = train(shape, gaussian_loss(), schedule, nowhere());
  EXPECT_FALSE(trained.diverged);
  EXPECT_EQ(trained.loss.size(), 100u);
  EXPECT_GT(before, 0.5);
  EXPECT_LT(relative_error(trained.net), 0.05);
  EXPECT_LT(trained.loss.back(), trained.loss.front());
}

TEST_F(Training, TheResidualFallsWhereItIsWeighed) {
  const Schedule schedule{.steps = 600, .rate = 5e-3, .cosine_to = 1e-5};
  ScoreLoss plain = gaussian_loss(), weighed = gaussian_loss();
  weighed.residual_weight = 1;
  weighed.collocation = 128;
  weighed.low = plain.low = -2;
  weighed.high = plain.high = 2;
  const auto residual = [&](const ScoreLoss& loss) { return mean_square_residual(train(small_net(), loss, schedule, nowhere()).net, 1, 0.01, 3, -2, 2, 2000, 1, "test/residual").uniform; };
  EXPECT_LT(residual(weighed), 0.1 * residual(plain));
}

TEST_F(Training, LearnsTheVelocityOfAGaussianBridge) {  // N(0,1) to N(2,1), linear, gamma = 0: b = 2 + (2t - 1)(x - 2t) / ((1-t)^2 + t^2)
  const std::vector<double> sd{1};
  const auto path = std::make_shared<generative::MixturePath>(sde::GaussianMixture::isotropic({1}, {0}, sd), sde::GaussianMixture::isotropic({1}, {2}, sd),
                                                              generative::Interpolant({.path = "linear", .latent = "none"}));
  BridgeLoss loss = bridge_loss(path, BridgeLoss::Target::velocity);
  loss.batch = 256;
  NetShape shape;
  shape.time = {TimeFeature::centred};
  shape.state_scale = 3;
  shape.widths = {32, 32};
  const Trained trained = train(shape, loss, {.steps = 1500, .rate = 1e-2, .cosine_to = 1e-5}, nowhere());
  const NetField field(trained.net);
  double wrong = 0, all = 0;
  for (double t = 0.05; t < 1; t += 0.05) {
    const double v = (1 - t) * (1 - t) + t * t;
    for (double q = -3; q <= 3; q += 0.2) {
      const std::vector<double> x{2 * t + q * std::sqrt(v)};
      std::vector<double> b(1);
      field.at(t, x, b);
      const double truth = 2 + (2 * t - 1) * (x[0] - 2 * t) / v, weight = std::exp(-q * q / 2);
      wrong += weight * (b[0] - truth) * (b[0] - truth);
      all += weight * truth * truth;
    }
  }
  EXPECT_LT(std::sqrt(wrong / all), 0.05);
}

// ---- bits ----------------------------------------------------------------------------------------------------------

const Schedule short_schedule{.steps = 120, .rate = 2e-3, .drops = {{0.6, 0.2}}};

TEST_F(Training, RepeatsToTheBitOnAnyThread) {
  for (const Precision p : {Precision::single, Precision::real}) {
    ScoreLoss loss = gaussian_loss();
    loss.residual_weight = 0.1;
    const auto once = train(small_net(p), loss, short_schedule, nowhere()).net.weights;
    std::vector<double> there, beside;
    {
      std::jthread one([&] { there = train(small_net(p), loss, short_schedule, nowhere()).net.weights; });
      std::jthread two([&] { beside = train(small_net(p), loss, short_schedule, nowhere()).net.weights; });
    }
    EXPECT_EQ(once, there);
    EXPECT_EQ(once, beside);
    Workplace other;
    other.seed = 2;
    EXPECT_NE(once, train(small_net(p), loss, short_schedule, other).net.weights);
  }
}

TEST_F(Training, InterruptedItGoesOnToTheSameBits) {
  const auto whole = train(small_net(), gaussian_loss(), short_schedule, nowhere());
  for (int interruptions = 0, done = 0; done == 0; ++interruptions) {
    ASSERT_LT(interruptions, 100);
    Workplace place = here();
    int calls = 0;
    place.progress = [&](double) {
      if (++calls == 2) throw Cancelled();  // calls are 50 ms apart: some steps each time
    };
    try {
      const auto resumed = train(small_net(), gaussian_loss(), short_schedule, place);
      EXPECT_EQ(resumed.net.weights, whole.net.weights);
      EXPECT_EQ(resumed.loss, whole.loss);
      done = 1;
    } catch (const Cancelled&) {
      EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1) << "a checkpoint is left";
    }
  }
}

TEST_F(Training, KilledHalfWayItGoesOnToTheSameBits) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  // The death test is another process, which runs this test anew up to the kill: both know the folder by its fixed name.
  const fs::path place_of_both = fs::path(::testing::TempDir()) / "meso-training-killed";
  const Schedule schedule{.steps = 800, .rate = 2e-3};
  const auto work = [&](bool killed) {
    Workplace place;
    place.artefact = [&](const std::string& key) {
      fs::create_directories(place_of_both);
      return place_of_both / key;
    };
    place.checkpoint_seconds = 0;  // after every step
    if (killed)
      place.progress = [](double fraction) {
        if (fraction > 0.3) std::raise(SIGKILL);
      };
    return train(small_net(), gaussian_loss(), schedule, place);
  };
  fs::remove_all(place_of_both);
  EXPECT_EXIT((void)work(true), ::testing::KilledBySignal(SIGKILL), "");
  ASSERT_EQ(std::distance(fs::directory_iterator(place_of_both), fs::directory_iterator()), 1);
  EXPECT_TRUE(fs::directory_iterator(place_of_both)->path().string().ends_with(".part"));
  double first = -1;
  Workplace place;
  place.artefact = [&](const std::string& key) { return place_of_both / key; };
  place.progress = [&](double fraction) {
    if (first < 0) first = fraction;
  };
  const auto resumed = train(small_net(), gaussian_loss(), schedule, place), whole = train(small_net(), gaussian_loss(), schedule, nowhere());
  EXPECT_EQ(resumed.net.weights, whole.net.weights);
  EXPECT_GT(first, 0.3) << "it went on from where it was killed";
  fs::remove_all(place_of_both);
}

TEST_F(Training, ATrainedNetIsUsedAgainForEqualInputsOnly) {
  const auto first = train(small_net(), gaussian_loss(), short_schedule, here()), second = train(small_net(), gaussian_loss(), short_schedule, here());
  EXPECT_FALSE(first.reused);
  EXPECT_TRUE(second.reused);
  EXPECT_EQ(first.net.weights, second.net.weights);
  EXPECT_EQ(first.key, second.key);
  const auto key_with = [&](auto change) {
    NetShape shape = small_net();
    ScoreLoss loss = gaussian_loss();
    Schedule schedule{.steps = 2, .rate = 2e-3};
    Workplace place = nowhere();
    change(shape, loss, schedule, place);
    return train(shape, loss, schedule, place).key;
  };
  const std::string plain = key_with([](auto&...) {});
  EXPECT_NE(plain, key_with([](NetShape& s, auto&...) { s.beta = 2; }));
  EXPECT_NE(plain, key_with([](NetShape& s, auto&...) { s.widths = {24, 25}; }));
  EXPECT_NE(plain, key_with([](NetShape&, ScoreLoss& l, auto&...) { l.law = "N(0, 1/3)"; }));
  EXPECT_NE(plain, key_with([](NetShape&, ScoreLoss& l, auto&...) { l.batch = 127; }));
  EXPECT_NE(plain, key_with([](NetShape&, ScoreLoss& l, auto&...) { l.weighted = false; }));
  EXPECT_NE(plain, key_with([](NetShape&, ScoreLoss& l, auto&...) { l.residual_weight = 1; }));
  EXPECT_NE(plain, key_with([](NetShape&, ScoreLoss&, Schedule& s, auto&) { s.rate = 1e-3; }));
  EXPECT_NE(plain, key_with([](NetShape&, ScoreLoss&, Schedule&, Workplace& p) { p.seed = 5; }));
  EXPECT_NE(plain, key_with([](NetShape&, ScoreLoss&, Schedule&, Workplace& p) { p.purpose = "other"; }));
  EXPECT_EQ(plain, key_with([](NetShape&, ScoreLoss&, Schedule&, Workplace& p) { p.checkpoint_seconds = 1; })) << "nothing that leaves the bits alone";
}

TEST_F(Training, ADamagedArtefactIsMadeAgain) {
  const auto first = train(small_net(), gaussian_loss(), short_schedule, here());
  const fs::path file = folder / first.key;
  std::string bytes = read_file(file);
  bytes[bytes.size() / 2] ^= 1;
  std::ofstream(file, std::ios::binary) << bytes;
  const auto again = train(small_net(), gaussian_loss(), short_schedule, here());
  EXPECT_FALSE(again.reused);
  EXPECT_EQ(first.net.weights, again.net.weights);
}

// ---- failures ------------------------------------------------------------------------------------------------------

TEST_F(Training, DivergenceIsToldWithStepAndLoss) {
  NetShape shape = small_net();
  shape.activation = Activation::silu;  // tanh would only saturate
  const Schedule wild{.steps = 300, .rate = 1e3};
  const Trained trained = train(shape, gaussian_loss(), wild, here());
  ASSERT_TRUE(trained.diverged);
  EXPECT_GT(trained.diverged_at, 0u);
  EXPECT_LT(trained.diverged_at, 300u);
  EXPECT_FALSE(std::abs(trained.diverged_loss) < 1e4);
  EXPECT_NE(trained.divergence_text().find("training diverged at step " + std::to_string(trained.diverged_at) + " of 300: loss "), std::string::npos) << trained.divergence_text();
  const Trained again = train(shape, gaussian_loss(), wild, here());
  EXPECT_TRUE(again.reused && again.diverged) << "it is not tried again";
  EXPECT_EQ(again.divergence_text(), trained.divergence_text());
}

TEST_F(Training, DivergenceInTheVeryLastStepIsToldToo) {
  NetShape shape = small_net();
  shape.activation = Activation::silu;
  const Trained trained = train(shape, gaussian_loss(), {.steps = 1, .rate = 1e6}, nowhere());
  ASSERT_TRUE(trained.diverged);
  EXPECT_EQ(trained.diverged_at, 1u);
}
TEST_F(Training, AnOrdinaryTrainingIsNotCalledDivergent) { EXPECT_FALSE(train(small_net(), gaussian_loss(), short_schedule, nowhere()).diverged); }

TEST(Schedules, GoDownAsTheySay) {
  const Schedule steps{.steps = 1000, .rate = 1e-3, .drops = {{0.6, 0.2}, {0.9, 0.04}}}, cosine{.steps = 1000, .rate = 2e-2, .cosine_to = 2e-5};
  EXPECT_DOUBLE_EQ(steps.rate_at(0), 1e-3);
  EXPECT_DOUBLE_EQ(steps.rate_at(599), 1e-3);
  EXPECT_DOUBLE_EQ(steps.rate_at(600), 2e-4);
  EXPECT_DOUBLE_EQ(steps.rate_at(900), 4e-5);
  EXPECT_DOUBLE_EQ(cosine.rate_at(0), 2e-2);
  EXPECT_DOUBLE_EQ(cosine.rate_at(500), (2e-2 + 2e-5) / 2);
  EXPECT_NEAR(cosine.rate_at(1000), 2e-5, 1e-18);
}

template <class Shape, class Loss>
std::string refusal(const Shape& shape, const Loss& loss, const Schedule& schedule = {.steps = 1}) {
  try {
    (void)train(shape, loss, schedule, {});
  } catch (const ParameterError& error) {
    return error.what();
  }
  return "accepted";
}

TEST_F(Training, RefusesWhatCannotBeLearned) {
  const auto score = [](auto change) {
    ScoreLoss loss = gaussian_loss();
    change(loss);
    return refusal(small_net(), loss);
  };
  const auto has = [](const std::string& text, const std::string& part) { EXPECT_NE(text.find(part), std::string::npos) << text; };
  has(score([](ScoreLoss& l) { l.t_min = 0; }), "t_min = 0; at t = 0 the score matched, z / sigma_t, is infinite");
  has(score([](ScoreLoss& l) { l.residual_weight = -1; }), "w_R = -1; the weight of the residual is 0 or positive");
  has(score([](ScoreLoss& l) { l.t_max = 0.001; }), "times from 0.01 to 0.001");
  has(score([](ScoreLoss& l) { l.batch = 0; }), "a batch of no points");
  has(score([](ScoreLoss& l) { l.residual_weight = 1, l.low = 4; }), "collocation from 4 to 3.5");
  ScoreLoss weighed = gaussian_loss();
  weighed.residual_weight = 1;
  NetShape field = small_net();
  field.dimension = field.outputs = 2;
  field.baseline = 0;
  has(refusal(field, weighed), "the residual belongs to a log-density: the net must be a scalar");
  NetShape kinked = small_net();
  kinked.activation = Activation::relu;
  has(refusal(kinked, weighed), "the residual needs second derivatives, which relu does not have");
  has(refusal(small_net(), gaussian_loss(), {.steps = 0}), "a training of no steps");
  has(refusal(small_net(), gaussian_loss(), {.steps = 5, .rate = -1}), "a learning rate of -1; it must be positive");
  has(refusal(small_net(), gaussian_loss(), {.steps = 5, .rate = 1e-3, .cosine_to = 1}), "the rate goes from 0.001 down to 1");
  BridgeLoss bridge;
  bridge.target = BridgeLoss::Target::score;
  bridge.coefficients = [](double t) { return generative::Coefficients{.gamma = t * (1 - t)}; };
  bridge.t_min = 0;
  has(refusal(small_net(), bridge), "gamma(0) = 0: the score matched, -z / gamma, is singular there; cut the ends or learn the denoiser");
  bridge.t_max = 2;
  has(refusal(small_net(), bridge), "times from 0 to 2; they must lie in [0, 1]");
}

}  // namespace
}  // namespace meso::learned

#include "systems/generative/score-fokker-planck/score_fokker_planck.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "systems/generative/score-fokker-planck/learned.h"

namespace meso::systems::score_fokker_planck {
namespace {

constexpr const char* owner = "system 'score-fokker-planck'";

const Schema<Params>& schema() {
  static const Schema<Params> fields{
      {"data", &Params::data, {.unit = "", .doc = "law of the data: a Gaussian mixture on the line (w, m, sd), or in the plane nine Gaussians, two rings, eight squares", .allowed = {"mixture", "blob", "circles2", "checker"}}},
      {"w", &Params::w, {.doc = "mixture: weights, summing to 1"}},
      {"m", &Params::m, {.doc = "mixture: means, one a weight"}},
      {"sd", &Params::sd, {.doc = "mixture: standard deviations, one for all or one a weight; 0 is a point"}},
      {"score", &Params::score, {.unit = "", .doc = "the score model s: exact; scaled, (1 + delta) times the exact one; lagged, the exact one at lag t; other, that of a mixture with means other_m; formula, grad u; learned, the gradient of a net trained by denoising score matching", .allowed = {"exact", "scaled", "lagged", "other", "formula", "learned"}}},
      {"delta", &Params::delta, {.doc = "scaled score: relative error", .min = -0.9, .max = 10}},
      {"lag", &Params::lag, {.doc = "lagged score: its clock runs this much faster", .min = 0, .max = 100, .min_excluded = true}},
      {"other_m", &Params::other_m, {.doc = "score = other: means of that mixture, with w and sd of the data"}},
      {"u", &Params::u, {.unit = "", .doc = "score = formula: log-density u in t and x (in the plane x, y), differentiated symbolically"}},
      {"w_R", &Params::w_R, {.doc = "learned score: weight of the mean-square Fokker-Planck residual in the loss", .min = 0, .max = 1e6}},
      {"loss", &Params::loss, {.unit = "", .doc = "learned score: score matching weighted by the noise's variance sigma_t^2, or plain as in the paper", .allowed = {"weighted", "plain"}}},
      {"training", &Params::training, {.doc = "learned score: Adam steps", .min = 1, .max = 1e7}},
      {"batch", &Params::batch, {.doc = "learned score: points of a minibatch, and collocation points of the residual", .min = 1, .max = 1e6}},
      {"width", &Params::width, {.doc = "learned score: units of a hidden layer", .min = 1, .max = 4096}},
      {"layers", &Params::layers, {.doc = "learned score: hidden layers", .min = 1, .max = 16}},
      {"rate", &Params::rate, {.doc = "learned score: learning rate of Adam at the start; it goes down by steps", .min = 0, .min_excluded = true}},
      {"activation", &Params::activation, {.unit = "", .doc = "learned score: of the hidden units; automatic: tanh on the line, softplus with beta = 10 in the plane", .allowed = {"automatic", "softplus", "tanh", "silu", "relu"}}},
      {"baseline", &Params::baseline, {.doc = "learned score: -|x|^2, the log-density of pure noise, is added to the net"}},
      {"T", &Params::T, {.unit = "time", .doc = "noising time at which sampling starts", .min = 0, .max = 100, .min_excluded = true}},
      {"t_min", &Params::t_min, {.unit = "time", .doc = "noising time at which samples are read: 0 is the data", .min = 0, .max = 100}},
      {"prior", &Params::prior, {.unit = "", .doc = "law that sampling starts from: the stationary normal law N(0, 1/2), or the exact p_T of a mixture", .allowed = {"normal", "exact"}}},
      {"low", &Params::low, {.doc = "left end of grids and bins on the line", .min = -1000, .max = 1000}},
      {"high", &Params::high, {.doc = "right end of grids and bins on the line", .min = -1000, .max = 1000}},
  };
  return fields;
}

std::shared_ptr<const generative::Field> make_score(const Params& p, const generative::ScoreModel& m) {
  using namespace generative;
  if (p.score == "formula") {
    if (p.u.empty()) throw ParameterError(fmt::format("{}: score = formula and no u is given; it is the log-density as a formula, \"-x^2\" say", owner));
    return std::make_shared<FormulaPotential>(p.u, m.dimension());
  }
  if (!m.data.mixture)
    throw ParameterError(fmt::format("{}: score = {} needs a law with a score in closed form; data '{}' has none. Take data = mixture or blob, score = formula or score = learned", owner, p.score, p.data));
  if (p.score == "other") {
    if (m.dimension() != 1) throw ParameterError(fmt::format("{}: score = other is for data = mixture; data '{}' has two dimensions", owner, p.data));
    if (p.other_m.size() != p.m.size()) throw ParameterError(fmt::format("{}: other_m has {} entries; it must have {}, one a weight", owner, p.other_m.size(), p.m.size()));
    return std::make_shared<MixturePotential>(*mixture_law(p.w, p.other_m, p.sd).mixture, m.process);
  }
  const auto exact = std::make_shared<MixturePotential>(*m.data.mixture, m.process);
  if (p.score == "scaled") return std::make_shared<ChangedPotential>(exact, 1 + p.delta, 1);
  if (p.score == "lagged") return std::make_shared<ChangedPotential>(exact, 1, p.lag);
  return exact;
}

}  // namespace

generative::ScoreModel model(const Params& p) {
  generative::ScoreModel m;
  m.data = p.data == "mixture" ? generative::mixture_law(p.w, p.m, p.sd) : generative::data_law(p.data);
  m.end = p.T;
  m.t_min = p.t_min;
  m.exact_start = p.prior == "exact";
  m.low = p.low;
  m.high = p.high;
  m.score_name = p.score;
  generative::check(m, owner);
  if (p.score == "learned")
    m.score = learned_score(m, {.residual_weight = p.w_R, .weighted = p.loss == "weighted", .steps = static_cast<std::size_t>(p.training), .batch = static_cast<std::size_t>(p.batch),
                                .width = static_cast<std::size_t>(p.width), .layers = static_cast<std::size_t>(p.layers), .rate = p.rate, .activation = p.activation, .baseline = p.baseline}, owner);
  else
    m.score = [score = make_score(p, m)](Context&) { return score; };
  return m;
}

System system() {
  return Define<Params>("score-fokker-planck", "Score models between ODE and SDE (Fokker-Planck residual)", "generative", schema())
      .paper("score-fokker-planck", "Closing the ODE-SDE gap in score-based diffusion models through the Fokker-Planck equation", "2023-11-27")
      .doc("A diffusion model learns the score of noised data. Samples are drawn by the reverse diffusion or by the probability flow; with the exact score both have the law of the data, "
           "with another they differ, by as much as the score's log-density fails to obey the Fokker-Planck equation. Four laws at every time: truth, reverse diffusion, "
           "probability flow, and what the score itself claims. Here the scores are exact, too strong, late, consistent but wrong, or learned; the start may be to blame, the steps, or the score.")
      .no_time()
      .check([](const Params& p) { (void)model(p); })
      .levels([](const Params& p) { return generative::levels(std::make_shared<const generative::ScoreModel>(model(p))); })
      .extend([](const Params& p, Case& bound) {
        const generative::ScoreModel m = model(p);
        bound.observables = generative::observables(m);
        if (m.exact_start) return;
        if (const generative::PriorMismatch mismatch = generative::prior_mismatch(m); mismatch.warn) bound.notes.push_back(generative::describe(mismatch, m));
      });
}

}  // namespace meso::systems::score_fokker_planck

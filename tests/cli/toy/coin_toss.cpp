// Tosses of a coin: the smallest system with a micro level and a reduced one. The number of heads of n tosses is
// binomial; the reduced level puts a normal law with the same two moments in its place (de Moivre 1738).
#include "model/system.h"

namespace meso::systems::coin_toss {
namespace {

struct Params {
  std::int64_t tosses = 20;
  double p = 0.5;
};

const Schema<Params>& schema() {
  static const Schema<Params> schema{
      {"tosses", &Params::tosses, {.unit = "1", .doc = "tosses per trajectory", .min = 1, .max = 1e6}},
      {"p", &Params::p, {.unit = "1", .doc = "probability of heads", .min = 0, .max = 1}},
  };
  return schema;
}

struct Tosses {  // one trajectory: all tosses, one by one
  Params params;
  Plan plan(const Ask&) const {
    Plan plan;
    plan.signals = {{.name = "heads", .lo = 0, .hi = static_cast<double>(params.tosses)}};
    plan.derived = {{"heads.mean", "1", {0}}};
    return plan;
  }
  void sample(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory, Tape& tape) const {
    Stream rng(seed, trajectory, purpose);
    double heads = 0;
    for (std::int64_t i = 0; i < params.tosses; ++i) heads += rng.bernoulli(params.p) ? 1 : 0;
    tape.record(0, 0, heads);
  }
};

}  // namespace

System system() {
  return Define<Params>("coin-toss", "Tosses of a coin", "tests", schema())
      .paper("coin-toss", "A system to copy from", "2026-01-01")
      .doc("n independent tosses of a coin that shows heads with probability p.")
      .no_time()
      .observe({.name = "heads.mean", .unit = "1", .doc = "mean number of heads, E[heads] = n p"})
      .level({.name = "tosses", .rung = Rung::micro, .doc = "every toss is drawn", .sampled = true, .grain = 64},
             [](const Params& p) { return sampled(Tosses{p}, 64); })
      .level({.name = "normal", .rung = Rung::moments, .doc = "mean n p of the normal law", .parent = "tosses",
              .approximation = "the binomial law replaced by a normal one", .source = "de Moivre, The Doctrine of Chances, 2nd ed. (1738)"},
             [](const Params& p) {
               return [p](const Ask&, Context&) {
                 Answer answer;
                 answer.estimates.push_back(solved_estimate("heads.mean", "1", {}, {static_cast<double>(p.tosses) * p.p}));
                 return answer;
               };
             });
}

}  // namespace meso::systems::coin_toss

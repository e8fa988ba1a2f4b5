#include "kits/kinetics/equations.h"

#include "kits/kinetics/closure_fixture.h"
#include "kits/kinetics/linear_noise.h"
#include "kits/kinetics/rate_equation.h"

namespace meso::kinetics {
namespace {

using namespace testing;

TEST(Equations, DimerRateEquationAndClosure) {
  EXPECT_EQ(rate_equation_level(dimer(10)).equations({}, false),
            "Rate equation, amounts in molecules (concentration times volume)\n  d<X>/dt = 10 - 0.2 <X>^2\n");
  const std::string text = closure_level(dimer(10)).equations(normal(2), false);
  EXPECT_NE(text.find("d<X>/dt = 10 + 0.2 <X> - 0.2 <X>^2 - 0.2 Var(X)"), std::string::npos) << text;
  EXPECT_NE(text.find("closure normal-2: K(X,X,X) = 0"), std::string::npos) << text;
  const std::string closed = text.substr(text.find("\nclosed:"));
  EXPECT_EQ(closed.find("K("), std::string::npos) << closed;
}

TEST(Equations, LatexIsBalanced) {
  for (const std::string& text : {closure_level(brusselator(10, 2)).equations(normal(3), true), linear_noise_level(brusselator(10, 2)).equations({}, true)}) {
    EXPECT_EQ(std::count(text.begin(), text.end(), '{'), std::count(text.begin(), text.end(), '}'));
    EXPECT_NE(text.find("\\begin{align}"), std::string::npos);
    EXPECT_EQ(text.find("e-"), std::string::npos) << text;
  }
}

TEST(Equations, LinearNetworksNeedNoClosure) {
  EXPECT_NE(closure_level(mrna_protein()).equations(normal(2), false).find("every closure of this order is exact"), std::string::npos);
}

TEST(Equations, LawsAndConservedSpeciesAreShown) {
  const NetworkSpec spec{.species = {"A", "B"}, .reactions = {"A -> B, = A/(1 + A)", "B -> A, 1"}, .volume = 1, .initial = {{"A", 5}}};
  const std::string text = closure_level(spec.bind({})).equations(normal(2), false);
  EXPECT_NE(text.find("conserved: B = 5 - A"), std::string::npos) << text;
  EXPECT_NE(text.find("with a1 = "), std::string::npos) << text;
  EXPECT_NE(text.find("(d^2 a1/dA^2)"), std::string::npos) << text;
}

}  // namespace
}  // namespace meso::kinetics

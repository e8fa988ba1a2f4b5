#include "num/formula.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "base/error.h"
#include "rng/stream.h"

namespace meso::num {
namespace {

double value_of(const Formula& f, const std::vector<std::string>& names = {}, const std::vector<double>& values = {}) { return Program(f, names)(values); }
double value_of(const std::string& text) { return value_of(Formula::parse(text)); }
std::string tidy(const std::string& text) { return Formula::parse(text).text(); }

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const ModelError& error) {
    return error.what();
  }
  return "nothing was thrown";
}
std::string parse_error(const std::string& text) {
  return message_of([&] { (void)Formula::parse(text); });
}

TEST(Formula, HasThePrecedencesOfMathematics) {
  EXPECT_EQ(value_of("1 + 2*3"), 7);
  EXPECT_EQ(value_of("8/4/2"), 1);
  EXPECT_EQ(value_of("8 - 4 - 2"), 2);
  EXPECT_EQ(value_of("2^3^2"), 512);
  EXPECT_EQ(value_of("-3^2"), -9);
  EXPECT_EQ(value_of("2^-2"), 0.25);
  EXPECT_EQ(value_of("1e-3 + .5 + 2.E1"), 20.501);
  EXPECT_EQ(value_of("max(1, 3, 2) - min(4, 2)*abs(-2) + floor(2.7) + pow(2, 3)"), 3 - 4 + 2 + 8);
  EXPECT_DOUBLE_EQ(value_of("exp(log(2)) + sqrt(9) + tanh(0) + sin(0) + cos(0) + tan(0)"), 6);
  EXPECT_TRUE(std::isinf(value_of("1/0")));
}

TEST(Formula, AMinusInFrontOfWhatStaysUndefinedIsReadBackAsIt) {
  EXPECT_EQ(tidy("0 - 0/0"), "-(0/0)");
  EXPECT_EQ(tidy(tidy("0 - 0/0/3")), tidy("0 - 0/0/3"));
  EXPECT_EQ(tidy("-(1/0)"), "-1/0");
  EXPECT_EQ(value_of(tidy("-(1/0)")), -std::numeric_limits<double>::infinity());
}

TEST(Formula, ErrorsSayWhereWhatWasFoundAndWhatWasExpected) {
  EXPECT_EQ(parse_error("vmax*X/(K + "), "formula, position 13: found the end; expected a number, a name or '('\n  vmax*X/(K + \n              ^");
  EXPECT_EQ(parse_error("(a + b"), "formula, position 7: found the end; expected ')' for the '(' at position 1\n  (a + b\n        ^");
  EXPECT_NE(parse_error("2X").find("position 2: found 'X'; expected an operator (write '*' for a product)"), std::string::npos);
  EXPECT_NE(parse_error("(2X)").find("position 3: found 'X'; expected an operator (write '*' for a product)"), std::string::npos);
  EXPECT_NE(parse_error("a)").find("without a '('"), std::string::npos);
  EXPECT_NE(parse_error("a**2").find("a power is written '^'"), std::string::npos);
  EXPECT_NE(parse_error("epx(2)").find("unknown function 'epx'. Did you mean 'exp'?"), std::string::npos);
  EXPECT_NE(parse_error("exp(1, 2)").find("exp takes 1 argument, 2 given"), std::string::npos);
  EXPECT_NE(parse_error("min(1)").find("2 or more"), std::string::npos);
  EXPECT_NE(parse_error("1e999").find("out of range"), std::string::npos);
  EXPECT_NE(parse_error("  ").find("is empty"), std::string::npos);
  EXPECT_NE(parse_error("a < b").find("found '<'; expected an operator"), std::string::npos);
  EXPECT_NE(parse_error("a + µ").find("found 'µ'"), std::string::npos);
  EXPECT_NE(parse_error(std::string(100000, '(')).find("nested deeper"), std::string::npos);
  EXPECT_NE(parse_error(std::string(100000, '-')).find("nested deeper"), std::string::npos);
  std::string sum = "1";
  for (int i = 0; i < 20000; ++i) sum += "+x";
  EXPECT_NE(parse_error(sum).find("longer than"), std::string::npos);
  const std::vector<std::string> slots{"X", "Km"};
  EXPECT_NE(message_of([&] { Program(Formula::parse("X/(KM + X)"), slots); }).find("'KM' in the formula 'X/(KM + X)' is not known. Did you mean 'Km'?"), std::string::npos);
}

TEST(Formula, IsPrintedWithAsFewParenthesesAsItNeeds) {
  EXPECT_EQ(tidy("((a) + (b*c))"), "a + b*c");
  EXPECT_EQ(tidy("(a + b)*c"), "(a + b)*c");
  EXPECT_EQ(tidy("a - (b - c)"), "a - (b - c)");
  EXPECT_EQ(tidy("a/(b*c)"), "a/(b*c)");
  EXPECT_EQ(tidy("(a^b)^c"), "(a^b)^c");
  EXPECT_EQ(tidy("a^(b^c)"), "a^b^c");
  EXPECT_EQ(tidy("(-a)^2"), "(-a)^2");
  EXPECT_EQ(tidy("-a*b + 0*c + 1*d"), "-a*b + d");
  EXPECT_EQ(tidy("a + -2*b"), "a - 2*b");
  EXPECT_EQ(tidy("2*3*a"), "6*a");
  EXPECT_EQ(tidy("1/0"), "1/0") << "what is not finite is not folded: a message can show it";
  EXPECT_EQ(Formula::parse("k_on*X^2/(Km + X)").text(true), "\\frac{k_{\\mathrm{on}} \\, {X}^{2}}{\\mathrm{Km} + X}");
  EXPECT_EQ(Formula::parse("1e-12*k1*alpha*exp(-x/2)").text(true), "10^{-12} \\, k_{1} \\, \\alpha \\, \\exp\\left(-\\frac{x}{2}\\right)");
}

/// A random expression whose values are finite and smooth for variables near 1..2.
Formula random_formula(FastStream& rng, int depth) {
  if (depth == 0 || rng.uniform() < 0.1) {
    if (rng.uniform() < 0.4) return Formula::constant(std::floor(rng.uniform() * 80 - 20) / 16);
    return Formula::variable(std::vector<std::string>{"x", "y", "z"}[rng.below(3)]);
  }
  const Formula a = random_formula(rng, depth - 1), b = random_formula(rng, depth - 1);
  const Formula two = Formula::constant(2);
  switch (rng.below(13)) {
    case 0:
    case 1: return a + b;
    case 2: return a - b;
    case 3:
    case 4: return a * b;
    case 5: return a / (two + b * b);
    case 6: return -a;
    case 7: return pow(a, Formula::constant(static_cast<double>(2 + rng.below(2))));
    case 8: return pow(Formula::constant(1) + a * a, Formula::call("sin", {b}));
    case 9: return Formula::call("log", {two + a * a}) - Formula::call("sqrt", {two + b * b});
    case 10: return Formula::call("exp", {Formula::call("cos", {a})});
    case 11: return Formula::call("tanh", {a}) + Formula::call("abs", {b});
    default: return rng.uniform() < 0.5 ? Formula::call("min", {a, b}) : Formula::call("max", {a, b});
  }
}

TEST(Formula, PrintedAndParsedAgainIsTheSameFormula) {
  FastStream rng = Stream(1, 0, "test/formula").fast();
  const std::vector<std::string> names{"x", "y", "z"};
  int checked = 0;
  for (int i = 0; i < 3000; ++i) {
    const Formula f = random_formula(rng, 1 + static_cast<int>(rng.below(5)));
    const Formula g = Formula::parse(f.text());
    ASSERT_EQ(g.text(), f.text());
    const std::vector<double> at{rng.uniform() + 1, rng.uniform() + 1, rng.uniform() + 1};
    const double a = value_of(f, names, at), b = value_of(g, names, at);
    if (!std::isfinite(a)) continue;
    EXPECT_EQ(a, b) << f.text();
    ++checked;
  }
  EXPECT_GT(checked, 2500);
}

TEST(Formula, DerivativesAgreeWithCentralDifferences) {
  FastStream rng = Stream(2, 0, "test/formula").fast();
  const std::vector<std::string> names{"x", "y", "z"};
  int checked = 0;
  for (int i = 0; i < 3000; ++i) {
    const Formula f = random_formula(rng, 1 + static_cast<int>(rng.below(4)));
    const Program program(f, names), slope(f.derivative("y"), names);
    std::vector<double> at{rng.uniform() + 1, rng.uniform() + 1, rng.uniform() + 1};
    // Richardson extrapolation of the central difference at h and h/2; where the two disagree, h is too coarse for this formula
    // or a kink of abs, min or max lies between, and nothing can be said.
    const auto central = [&](double h) {
      auto low = at, high = at;
      low[1] -= h;
      high[1] += h;
      return (program(high) - program(low)) / (2 * h);
    };
    const double h = 1e-4, coarse = central(h), fine = central(h / 2), best = (4 * fine - coarse) / 3;
    const double size = std::max({1.0, std::abs(program(at)), std::abs(best)});
    if (!std::isfinite(best) || std::abs(coarse - fine) > 1e-5 * size) continue;
    EXPECT_NEAR(slope(at), best, 1e-7 * size) << f.text() << "\n  derivative " << f.derivative("y").text();
    ++checked;
  }
  EXPECT_GT(checked, 2000) << "too few formulas were smooth enough to check";
}

// Found by fuzzing: a formula whose derivative held that of every argument twice took a minute to be written.
TEST(Formula, DerivativesOfLongListsStayShort) {
  for (const char* function : {"min", "max"}) {
    std::string text = std::string(function) + "(x^2";
    for (int i = 1; i < 40; ++i) text += ", x^2 + " + std::to_string(i % 2 == 0 ? i : -i) + "*x";
    const Formula f = Formula::parse(text + ")"), slope = f.derivative("x");
    EXPECT_LT(slope.text().size(), 40 * f.text().size()) << function;
    EXPECT_EQ(value_of(slope, {"x"}, {3}), 2 * 3 + (function == std::string("min") ? -39 : 38));
  }
}

// Found by fuzzing: powers of sums within powers of sums would be multiplied out for minutes.
TEST(Formula, PolynomialsThatAreTooLongAreNotMultipliedOut) {
  const std::vector<std::string> names{"x", "y", "z"};
  std::map<std::vector<int>, double> terms;
  EXPECT_TRUE(Formula::parse("(x + y + z - 1)^8").polynomial(names, terms));
  EXPECT_EQ(terms.size(), 165u);  // binomial(8 + 3, 3)
  EXPECT_FALSE(Formula::parse("(x + y + z - (x + y + z - 1)^8)^8").polynomial(names, terms));
  EXPECT_FALSE(Formula::parse("(x + y + z - 1)^16 * (x - y + z + 1)^16").polynomial(names, terms));
}

TEST(Formula, SubstitutesAndFolds) {
  const Formula f = Formula::parse("vmax*X/(K + X) + 0*t");
  EXPECT_EQ(f.variables(), (std::vector<std::string>{"K", "X", "vmax"}));
  EXPECT_EQ(f.substitute(std::map<std::string, double>{{"vmax", 10}, {"K", 4}}).text(), "10*X/(4 + X)");
  double value = 0;
  EXPECT_TRUE(f.substitute(std::map<std::string, double>{{"vmax", 10}, {"K", 4}, {"X", 1}}).is_constant(&value));
  EXPECT_EQ(value, 2);
  EXPECT_EQ(f.substitute(std::map<std::string, Formula>{{"X", Formula::parse("a + b")}}).text(), "vmax*(a + b)/(K + (a + b))");
  EXPECT_FALSE(f.is_constant());
}

TEST(Formula, KnowsItsPolynomial) {
  const std::vector<std::string> names{"X", "Y"};
  std::map<std::vector<int>, double> terms;
  ASSERT_TRUE(Formula::parse("(X + 2*Y)^2 - X*X + 3/4*Y - 0*X + 1").polynomial(names, terms));
  EXPECT_EQ(terms, (std::map<std::vector<int>, double>{{{0, 0}, 1}, {{0, 1}, 0.75}, {{0, 2}, 4}, {{1, 1}, 4}}));
  EXPECT_FALSE(Formula::parse("X/(1 + X)").polynomial(names, terms));
  EXPECT_FALSE(Formula::parse("X^1.5").polynomial(names, terms));
  EXPECT_FALSE(Formula::parse("k*X").polynomial(names, terms));
  EXPECT_FALSE(Formula::parse("max(X, 0)").polynomial(names, terms));
  EXPECT_TRUE(Formula::parse("max(2, 3)*X").polynomial(names, terms));
  EXPECT_EQ(terms, (std::map<std::vector<int>, double>{{{1, 0}, 3}}));
}

TEST(Program, RefusesNestingDeeperThanItsStackAndRunsAtThatDepth) {
  const auto nested = [](int depth) {
    std::string text = "x";
    for (int i = 1; i < depth; ++i) text = "x + (" + text + ")*2";
    return text;
  };
  const std::vector<std::string> slots{"x"};
  const std::vector<double> one{1};
  EXPECT_EQ(Program(Formula::parse(nested(50)), slots)(one), std::exp2(50) - 1);
  EXPECT_NE(message_of([&] { Program(Formula::parse(nested(70)), slots); }).find("nested too deeply"), std::string::npos);
}

TEST(Formula, ConditionsAreNumbersAndChooseBranches) {
  const std::vector<std::string> slots{"x", "y"};
  const auto value = [&](const char* text, double x, double y) { return Program(Formula::parse(text), slots)(std::vector<double>{x, y}); };
  EXPECT_EQ(value("lt(x, y) + 10*le(x, y) + 100*eq(x, y)", 1, 2), 11);
  EXPECT_EQ(value("lt(x, y) + 10*le(x, y) + 100*eq(x, y)", 2, 2), 110);
  EXPECT_EQ(value("if(lt(x, y), x, y^2)", 1, 3), 1);
  EXPECT_EQ(value("if(lt(x, y), x, y^2)", 4, 3), 9);
  EXPECT_EQ(value("if(lt(x, 0), 1/x, 5)", 0, 0), 5);  // the branch that is not taken may be undefined
  EXPECT_EQ(Formula::parse("if(lt(1, 2), x, y)").text(), "x");
  EXPECT_EQ(Formula::parse("if(le(x, y), x + 1, 2*y)").text(), "if(le(x, y), x + 1, 2*y)");
  EXPECT_EQ(Formula::parse("if(lt(x, y), x^2, 3*x)").derivative("x").text(), "if(lt(x, y), 2*x, 3)");
  EXPECT_EQ(value("factorial(5) + factorial(0)", 0, 0), 121);
  EXPECT_THROW((void)Formula::parse("lt(x)"), ModelError);
  EXPECT_THROW((void)Formula::parse("factorial(x)").derivative("x"), ModelError);
  // Derivatives of the inverse and hyperbolic functions against central differences.
  for (const char* text : {"asin(x)", "acos(x)", "atan(x)", "sinh(x)", "cosh(x)", "asinh(x)", "acosh(x + 2)", "atanh(x)"}) {
    const double h = 1e-5, slope = Program(Formula::parse(text).derivative("x"), slots)(std::vector<double>{0.3, 0});
    EXPECT_NEAR(slope, (value(text, 0.3 + h, 0) - value(text, 0.3 - h, 0)) / (2 * h), 1e-8) << text;
  }
}

}  // namespace
}  // namespace meso::num

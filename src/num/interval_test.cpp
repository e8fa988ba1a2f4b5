#include "num/interval.h"

#include <gtest/gtest.h>

#include <cmath>

namespace meso::num {
namespace {

const std::vector<std::string> slots{"x", "t"};

TEST(IntervalProgram, HoldsEveryValueOfTheFormulaOverTheBox) {
  for (const char* text : {"x^2 - 3*x + 1", "sin(3*t)*x", "cos(t) + 2", "exp(-t)*x/(2 + x)", "x^3*(t - 1)", "min(x, t)*max(x - t, 0.5)", "abs(x - 2)", "floor(4*t)", "if(lt(t, 1), x, 7)",
                           "sqrt(x)*log(1 + t)", "tanh(x - t)", "cosh(x - 2)", "atan(t)*asinh(x)", "x^1.5", "sign(t - 0.5)", "le(x, t) + eq(x, x)", "factorial(x + 1)"}) {
    const Formula formula = Formula::parse(text);
    const IntervalProgram bounds(formula, slots);
    const Program value(formula, slots);
    for (const double x0 : {0.1, 1.0, 2.5})
      for (const double t0 : {0.0, 0.4, 2.0}) {
        const double dx = 1.3, dt = 0.9;
        const std::vector<Interval> box{{x0, x0 + dx}, {t0, t0 + dt}};
        const Interval found = bounds(box);
        for (int i = 0; i <= 20; ++i)
          for (int j = 0; j <= 20; ++j) {
            const std::vector<double> at{x0 + dx * i / 20, t0 + dt * j / 20};
            const double v = value(at), slack = 1e-12 * (1 + std::abs(v));
            EXPECT_GE(v, found.lo - slack) << text;
            EXPECT_LE(v, found.hi + slack) << text;
          }
      }
  }
  // Tight where each variable stands once.
  const Interval sine = IntervalProgram(Formula::parse("sin(t)"), slots)(std::vector<Interval>{{0, 0}, {1, 2}});
  EXPECT_DOUBLE_EQ(sine.lo, std::sin(1.0));
  EXPECT_EQ(sine.hi, 1);
}

TEST(IntervalProgram, GivesTheWholeLineWhereTheFormulaIsUndefined) {
  for (const char* text : {"1/(t - 1)", "log(t - 1)", "sqrt(t - 1)"}) {
    const Interval found = IntervalProgram(Formula::parse(text), slots)(std::vector<Interval>{{0, 0}, {0.5, 1.5}});
    EXPECT_EQ(found.lo, -std::numeric_limits<double>::infinity()) << text;
    EXPECT_EQ(found.hi, std::numeric_limits<double>::infinity()) << text;
  }
}

TEST(FirstChange, FindsTheFirstDoubleAtWhichAConditionChanges) {
  const auto first = [](const char* text, double from, double to) {
    const Formula formula = Formula::parse(text);
    std::vector<double> values{3, 0};
    return first_change(Program(formula, slots), IntervalProgram(formula, slots), values, 1, from, to);
  };
  EXPECT_EQ(first("le(22.5, t)", 0, 100), 22.5);
  EXPECT_EQ(first("lt(22.5, t)", 0, 100), std::nextafter(22.5, 100));
  EXPECT_EQ(first("le(22.5, t)", 0, std::numeric_limits<double>::infinity()), 22.5);
  EXPECT_EQ(first("le(22.5, t)", 22.5, 100), std::nullopt);
  EXPECT_NEAR(first("lt(0.9, sin(t))", 0, 100).value(), std::asin(0.9), 1e-15);
  EXPECT_EQ(first("lt(1.1, sin(t))", 0, 100), std::nullopt);
  // A pulse of width 1e-6 somewhere in 100 time units is not stepped over, and conditions combine.
  EXPECT_EQ(first("min(le(73.25, t), lt(t, 73.250001))", 0, 100), 73.25);
  EXPECT_EQ(first("min(le(x, t), 1 - lt(t, 5))", 0, 100), 5);
}

}  // namespace
}  // namespace meso::num

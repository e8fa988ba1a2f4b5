#include <gtest/gtest.h>

#include "base/error.h"
#include "model/schema.h"
#include "model/system.h"

namespace meso {
namespace {

struct Params {
  double volume = 10;
  std::int64_t X0 = 0;
  std::string kind = "normal";
  bool combinatoric = false;
  std::vector<double> table = {1, 2};
};

const Schema<Params> schema{
    {"volume", &Params::volume, {.unit = "1", .doc = "system size", .min = 0, .min_excluded = true}},
    {"X0", &Params::X0, {.unit = "molecules", .min = 0}},
    {"kind", &Params::kind, {.allowed = {"normal", "poisson"}}},
    {"combinatoric", &Params::combinatoric, {}},
    {"table", &Params::table, {}},
};

std::string message_of(const Table& given) {
  try {
    (void)schema.read(given, "system 'toy'");
  } catch (const ParameterError& error) {
    return error.what();
  }
  return "";
}

TEST(Schema, DefaultsComeFromTheStructAndGivenValuesReplaceThem) {
  const Params p = schema.read({{"volume", 4}, {"kind", "poisson"}, {"table", std::vector<double>{3}}}, "system 'toy'");
  EXPECT_EQ(p.volume, 4.0) << "an integer is a number";
  EXPECT_EQ(p.X0, 0);
  EXPECT_EQ(p.kind, "poisson");
  EXPECT_EQ(p.table, std::vector<double>{3});
  EXPECT_EQ(to_text(schema.infos()[0].fallback), "10");
}

TEST(Schema, BadInputIsNamedWithItsPlaceItsRangeAndTheNearestName) {
  EXPECT_EQ(message_of({{"volum", Value(4, "s.toml:14")}}),
            "s.toml:14: unknown parameter 'volum' of system 'toy'. Did you mean 'volume'?\n  known: volume, X0, kind, combinatoric, table");
  EXPECT_EQ(message_of({{"volume", Value(0.0, "--set")}}), "--set: volume of system 'toy' is 0; it must be above 0 (system size)");
  EXPECT_NE(message_of({{"volume", std::numeric_limits<double>::quiet_NaN()}}), "");
  EXPECT_EQ(message_of({{"X0", 1.5}}), "X0 of system 'toy' must be an integer, not '1.5'");
  EXPECT_NE(message_of({{"kind", "normale"}}).find("Did you mean 'normal'?"), std::string::npos);
  EXPECT_NE(message_of({{"combinatoric", 1}}), "");
}

TEST(Value, TextBecomesTheNarrowestType) {
  EXPECT_TRUE(std::holds_alternative<std::int64_t>(value_from_text("12", "").data));
  EXPECT_TRUE(std::holds_alternative<double>(value_from_text("1e3", "").data));
  EXPECT_TRUE(std::holds_alternative<bool>(value_from_text("true", "").data));
  EXPECT_TRUE(std::holds_alternative<std::string>(value_from_text("normal", "").data));
  EXPECT_EQ(std::get<std::vector<double>>(value_from_text("[1, 2.5]", "").data), (std::vector<double>{1, 2.5}));
}

TEST(Define, BuildsASystemWhoseCaseChecksItsParameters) {
  const System toy = Define<Params>("toy", "A toy", "tests", schema)
                         .observe({"X.mean", "molecules", "mean of X"})
                         .check([](const Params& p) { if (p.X0 > 5) throw ParameterError("X0 too large"); })
                         .level({.name = "flat"}, [](const Params& p) {
                           return [p](const Ask&, Context&) { return Answer{.estimates = {solved_estimate("X.mean", "molecules", {}, {p.volume})}}; };
                         });
  const Case bound = toy.bind({{"volume", 3}});
  EXPECT_EQ(std::get<double>(bound.parameters.at("volume").data), 3.0);
  EXPECT_EQ(bound.level("flat").info.name, "flat");
  EXPECT_THROW((void)bound.level("flt"), StudyError);
  EXPECT_THROW((void)toy.bind({{"X0", 6}}), ParameterError);
}

}  // namespace
}  // namespace meso

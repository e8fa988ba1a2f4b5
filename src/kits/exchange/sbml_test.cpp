// Reading SBML: each feature against a closed form, each bad input by its message, and export that reads back as the same network.
#include "kits/exchange/sbml.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "exec/engine.h"
#include "kits/kinetics/ladder.h"
#include "kits/kinetics/process_system.h"
#include "testing/statistics.h"

namespace meso::exchange {
namespace {

using kinetics::process_system;
using num::Formula;

const std::string math_open = "<math xmlns=\"http://www.w3.org/1998/Math/MathML\">";
std::string math(const std::string& inside) { return math_open + inside + "</math>"; }
std::string ci(const std::string& name) { return "<ci>" + name + "</ci>"; }
std::string cn(double value) { return "<cn>" + std::to_string(value) + "</cn>"; }
const std::string now = "<csymbol encoding=\"text\" definitionURL=\"http://www.sbml.org/sbml/symbols/time\">t</csymbol>";
std::string op(const std::string& name, const std::string& a, const std::string& b = "", const std::string& c = "") { return "<apply><" + name + "/>" + a + b + c + "</apply>"; }

std::string species(const std::string& id, double amount, const std::string& more = "hasOnlySubstanceUnits=\"true\" boundaryCondition=\"false\" constant=\"false\"", const std::string& compartment = "C") {
  return "<species id=\"" + id + "\" compartment=\"" + compartment + "\" initialAmount=\"" + std::to_string(amount) + "\" " + more + "/>";
}
const std::string by_concentration = "hasOnlySubstanceUnits=\"false\" boundaryCondition=\"false\" constant=\"false\"";
std::string parameter(const std::string& id, double value, bool constant = true) { return "<parameter id=\"" + id + "\" value=\"" + std::to_string(value) + "\" constant=\"" + (constant ? "true" : "false") + "\"/>"; }
std::string term(const std::string& s, double count = 1, const std::string& more = "") { return "<speciesReference species=\"" + s + "\" stoichiometry=\"" + std::to_string(count) + "\" constant=\"true\"" + more + "/>"; }
std::string reaction(const std::string& id, const std::string& left, const std::string& right, const std::string& law, const std::string& more = "reversible=\"false\" fast=\"false\"", const std::string& local = "",
                     const std::string& modifiers = "") {
  return "<reaction id=\"" + id + "\" " + more + ">" + (left.empty() ? "" : "<listOfReactants>" + left + "</listOfReactants>") + (right.empty() ? "" : "<listOfProducts>" + right + "</listOfProducts>") +
         (modifiers.empty() ? "" : "<listOfModifiers>" + modifiers + "</listOfModifiers>") + "<kineticLaw>" + math(law) + local + "</kineticLaw></reaction>";
}
std::string assignment(const std::string& variable, const std::string& value) { return "<eventAssignment variable=\"" + variable + "\">" + math(value) + "</eventAssignment>"; }
std::string event(const std::string& id, const std::string& trigger, const std::string& assignments, const std::string& delay = "", const std::string& priority = "", bool persistent = true, bool initial = false,
                  bool from_trigger = true) {
  return "<event id=\"" + id + "\" useValuesFromTriggerTime=\"" + (from_trigger ? "true" : "false") + "\"><trigger initialValue=\"" + (initial ? "true" : "false") + "\" persistent=\"" + (persistent ? "true" : "false") + "\">" +
         math(trigger) + "</trigger>" + (delay.empty() ? "" : "<delay>" + math(delay) + "</delay>") + (priority.empty() ? "" : "<priority>" + math(priority) + "</priority>") + "<listOfEventAssignments>" + assignments +
         "</listOfEventAssignments></event>";
}
std::string list(const std::string& name, const std::string& inside) { return inside.empty() ? "" : "<listOf" + name + ">" + inside + "</listOf" + name + ">"; }

struct Parts {
  std::string functions, units, compartments = "<compartment id=\"C\" spatialDimensions=\"3\" size=\"2\" constant=\"true\"/>", species, parameters, initial, rules, constraints, reactions, events, attributes;
};
std::string document(const Parts& p) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sbml xmlns=\"http://www.sbml.org/sbml/level3/version1/core\" level=\"3\" version=\"1\">\n<model id=\"m\" " + p.attributes + ">\n" +
         list("FunctionDefinitions", p.functions) + list("UnitDefinitions", p.units) + list("Compartments", p.compartments) + list("Species", p.species) + list("Parameters", p.parameters) +
         list("InitialAssignments", p.initial) + list("Rules", p.rules) + list("Constraints", p.constraints) + list("Reactions", p.reactions) + list("Events", p.events) + "</model>\n</sbml>\n";
}

Case bound(const Parts& parts, const Table& values = {}) { return process_system(read_sbml_text(document(parts), "my.xml"), "model", "title").bind(values); }

/// Values of one observable over times by one level.
std::vector<double> run(const Case& model, const std::string& level, const std::vector<double>& times, const std::string& observable, std::uint64_t n = 0) {
  const Level& found = model.level(level);
  Ask ask{.when = Times{times}, .observables = {observable}, .target_error = 1e-8};
  ask.options = resolve(found.info.options, {}, level);
  LevelRun engine({.seed = 5, .threads = 1}, "test/" + level);
  if (n > 0) engine.set_trajectories(n);
  const Answer answer = found.run(ask, engine);
  for (const Flag& flag : answer.flags) EXPECT_FALSE(flag.fatal) << flag.text;
  return answer.estimates.at(0).value;
}

std::string refusal(const std::string& text) {
  try {
    (void)process_system(read_sbml_text(text, "my.xml"), "model", "title").bind({});
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}
std::string refusal(const Parts& parts) { return refusal(document(parts)); }

Parts decay(const std::string& law = op("times", ci("k"), ci("S"))) {
  return {.species = species("S", 100), .parameters = parameter("k", 0.5), .reactions = reaction("r", term("S"), "", law)};
}

// ------------------------------------------------------------------------------------------------------------- features

TEST(Sbml, ConcentrationsAreAmountsOverTheSizeOfTheCompartment) {
  // S in a compartment of size 2, by concentration: dA/dt = -k A/2.
  Parts parts = decay();
  parts.species = species("S", 100, by_concentration);
  EXPECT_NEAR(run(bound(parts), "rate-equation", {0, 2}, "S.mean")[1], 100 * std::exp(-0.5), 1e-5);
  // Given by concentration: 50 per volume are 100.
  parts.species = "<species id=\"S\" compartment=\"C\" initialConcentration=\"50\" " + by_concentration + "/>";
  EXPECT_NEAR(run(bound(parts), "rate-equation", {0, 2}, "S.mean")[1], 100 * std::exp(-0.5), 1e-5);
  EXPECT_NEAR(run(bound(parts, {{"S0_per_volume", Value(25.0)}}), "rate-equation", {0, 2}, "S.mean")[0], 50, 1e-12);
}

TEST(Sbml, CompartmentsMayChangeTheirSize) {
  // The volume grows as dV/dt = 1 from 2; the amount follows dA/dt = -k A/V: A = 100 (2/(2 + t))^k.
  Parts parts = decay();
  parts.species = species("S", 100, by_concentration);
  parts.compartments = "<compartment id=\"C\" spatialDimensions=\"3\" size=\"2\" constant=\"false\"/>";
  parts.rules = "<rateRule variable=\"C\">" + math(cn(1)) + "</rateRule>";
  const Case model = bound(parts);
  EXPECT_NEAR(run(model, "rate-equation", {0, 3}, "S.mean")[1], 100 * std::pow(0.4, 0.5), 1e-5);
  EXPECT_NEAR(run(model, "rate-equation", {0, 3}, "C.mean")[1], 5, 1e-9);
  // Exactly: each molecule survives with probability 0.4^0.5.
  const double p = std::pow(0.4, 0.5);
  EXPECT_TRUE(MeansMatch({{100 * p, run(model, "ssa", {0, 3}, "S.mean", 300)[1], std::sqrt(100 * p * (1 - p) / 300), "survivors"}}, 3));
  // By a rule of the time: the same law through thinning.
  parts.rules = "<assignmentRule variable=\"C\">" + math(op("plus", cn(2), now)) + "</assignmentRule>";
  EXPECT_TRUE(MeansMatch({{100 * p, run(bound(parts), "ssa", {0, 3}, "S.mean", 3000)[1], std::sqrt(100 * p * (1 - p) / 3000), "survivors"}}, 1));
}

TEST(Sbml, RateRulesOfConcentrationsKeepTheirMeaningWhenTheVolumeChanges) {
  // d[S]/dt = -[S] from 50; the volume doubles at t = 1 and the amount in it stays: [S] halves.
  Parts parts{.species = species("S", 100, by_concentration), .rules = "<rateRule variable=\"S\">" + math(op("minus", ci("S"))) + "</rateRule>",
              .events = event("grow", op("geq", now, cn(1)), assignment("C", cn(4)))};
  parts.compartments = "<compartment id=\"C\" spatialDimensions=\"3\" size=\"2\" constant=\"false\"/>";
  const auto amount = run(bound(parts), "rate-equation", {0, 0.5, 1, 2}, "S.mean");
  EXPECT_NEAR(amount[1], 100 * std::exp(-0.5), 1e-5);
  EXPECT_NEAR(amount[2], 100 * std::exp(-1.0), 1e-5);
  EXPECT_NEAR(amount[3], 100 * std::exp(-2.0), 1e-5);
}

TEST(Sbml, FunctionsInitialAssignmentsLocalParametersAndConversionFactors) {
  Parts parts{.functions = "<functionDefinition id=\"f\">" + math("<lambda><bvar>" + ci("x") + "</bvar><bvar>" + ci("y") + "</bvar>" + op("times", ci("x"), ci("y")) + "</lambda>") + "</functionDefinition>" +
                           "<functionDefinition id=\"g\">" + math("<lambda><bvar>" + ci("z") + "</bvar><apply>" + ci("f") + ci("z") + cn(2) + "</apply></lambda>") + "</functionDefinition>",
              .species = "<species id=\"S\" compartment=\"C\" initialAmount=\"1\" hasOnlySubstanceUnits=\"true\" boundaryCondition=\"false\" constant=\"false\" conversionFactor=\"c\"/>",
              .parameters = parameter("k", 3) + parameter("a", 1) + parameter("c", 4),
              .initial = "<initialAssignment symbol=\"S\">" + math(op("times", ci("a"), cn(8))) + "</initialAssignment>" + "<initialAssignment symbol=\"a\">" + math("<apply>" + ci("g") + ci("k") + "</apply>") + "</initialAssignment>",
              .reactions = reaction("r", term("S"), "", op("times", ci("k"), ci("S")), "reversible=\"false\" fast=\"false\"", "<listOfLocalParameters><localParameter id=\"k\" value=\"0.25\"/></listOfLocalParameters>")};
  // a = g(3) = 6, S(0) = 48; the law's own k is 0.25, times conversion factor 4: dS/dt = -S.
  const auto s = run(bound(parts), "rate-equation", {0, 1}, "S.mean");
  EXPECT_NEAR(s[0], 48, 1e-12);
  EXPECT_NEAR(s[1], 48 * std::exp(-1.0), 1e-6);
  // Parameters are set by name, and what is computed from them follows.
  const auto changed = run(bound(parts, {{"k", Value(5.0)}, {"r_k", Value(0.5)}}), "rate-equation", {0, 1}, "S.mean");
  EXPECT_NEAR(changed[0], 80, 1e-12);
  EXPECT_NEAR(changed[1], 80 * std::exp(-2.0), 1e-6);
}

TEST(Sbml, PiecewiseLawsJumpWhereTheySay) {
  // Production at rate 1000 in [1, 1.001] only: one step of a solver must not pass over it.
  Parts parts = decay();
  parts.species = species("S", 0);
  parts.reactions = reaction("r", "", term("S"), "<piecewise><piece>" + cn(1000) + op("and", op("geq", now, cn(1)), op("lt", now, cn(1.001))) + "</piece><otherwise>" + cn(0) + "</otherwise></piecewise>");
  const Case model = bound(parts);
  EXPECT_NEAR(run(model, "rate-equation", {0, 0.9, 5}, "S.mean")[2], 1, 1e-6);
  EXPECT_TRUE(MeansMatch({{1, run(model, "ssa", {0, 5}, "S.mean", 4000)[1], std::sqrt(1.0 / 4000), "pulse"}}, 0.2));
}

TEST(Sbml, EventsDelaysPrioritiesAndPersistence) {
  const auto value = [](const Parts& parts, double t, const char* level = "rate-equation") { return run(bound(parts), level, {0, t}, "x.mean", level[0] == 's' ? 8 : 0)[1]; };
  Parts parts{.species = species("S", 0), .parameters = parameter("x", 1, false) + parameter("y", 0, false), .rules = "<rateRule variable=\"y\">" + math(cn(1)) + "</rateRule>"};
  for (const char* level : {"rate-equation", "ssa"}) {
    // Executed 0.5 after the trigger, with the value of the trigger's moment or that of the execution.
    parts.events = event("e", op("gt", ci("y"), cn(1)), assignment("x", ci("y")), cn(0.5));
    EXPECT_NEAR(value(parts, 1.4, level), 1, 1e-9) << level;
    EXPECT_NEAR(value(parts, 2, level), 1, 1e-6) << level;
    parts.events = event("e", op("gt", ci("y"), cn(1)), assignment("x", ci("y")), cn(0.5), "", true, false, false);
    EXPECT_NEAR(value(parts, 2, level), 1.5, 1e-6) << level;
    // The higher priority first: x = (1 + 10) * 3 and not 1 * 3 + 10.
    parts.events = event("low", op("geq", now, cn(1)), assignment("x", op("times", ci("x"), cn(3))), "", cn(1), true, false, false) +
                   event("high", op("geq", now, cn(1)), assignment("x", op("plus", ci("x"), cn(10))), "", cn(2), true, false, false);
    EXPECT_EQ(value(parts, 2, level), 33) << level;
    // Not persistent: cancelled, because the trigger is false again when its time comes.
    const std::string pulse = op("and", op("geq", now, cn(1)), op("lt", now, cn(1.2)));
    parts.events = event("e", pulse, assignment("x", cn(7)), cn(0.5), "", false);
    EXPECT_EQ(value(parts, 3, level), 1) << level;
    parts.events = event("e", pulse, assignment("x", cn(7)), cn(0.5), "", true);
    EXPECT_EQ(value(parts, 3, level), 7) << level;
    // One event sets off the next; at t = 0 only where the trigger counts as false before.
    parts.events = event("first", op("geq", now, cn(0)), assignment("x", cn(4))) + event("second", op("gt", ci("x"), cn(3)), assignment("x", op("plus", ci("x"), cn(0.5))));
    EXPECT_EQ(value(parts, 1, level), 4.5) << level;
    parts.events = event("first", op("geq", now, cn(0)), assignment("x", cn(4)), "", "", true, true);
    EXPECT_EQ(value(parts, 1, level), 1) << level;
  }
  // At the moment of the event its effect is seen.
  parts.events = event("e", op("geq", now, cn(2)), assignment("x", cn(9)));
  EXPECT_EQ(value(parts, 2), 9);
}

TEST(Sbml, StateEventsFireInTheRateEquationAtTheCrossing) {
  // S decays from 100 with rate 0.5; whenever it falls below 50 it is set to 100: a saw-tooth with period log(2)/0.5.
  Parts parts = decay();
  parts.events = event("refill", op("lt", ci("S"), cn(50)), assignment("S", cn(100)));
  const double period = std::log(2.0) / 0.5;
  const std::vector<double> times{0, 1, 3, 6, 10};
  const auto s = run(bound(parts), "rate-equation", times, "S.mean");
  for (std::size_t i = 0; i < times.size(); ++i) EXPECT_NEAR(s[i], 100 * std::exp(-0.5 * std::fmod(times[i], period)), 1e-4) << times[i];
}

TEST(Sbml, StoichiometriesMayBeNamedAndMayVary) {
  Parts parts = decay(cn(2));
  parts.species = species("S", 0);
  parts.parameters = "";
  parts.reactions = reaction("r", "", "<speciesReference id=\"n\" species=\"S\" stoichiometry=\"3\" constant=\"false\"/>", cn(2));
  EXPECT_NEAR(run(bound(parts), "rate-equation", {0, 1}, "S.mean")[1], 6, 1e-8);
  parts.rules = "<assignmentRule variable=\"n\">" + math(op("times", cn(2), now)) + "</assignmentRule>";
  EXPECT_NEAR(run(bound(parts), "rate-equation", {0, 3}, "S.mean")[1], 18, 1e-6);  // integral of 4 t
}

TEST(Sbml, ReversibleLawsAreSplitForTheTrajectories) {
  // A <-> B with one law kf*A - kr*B: binomial at the end, mean 100 kr/(kf + kr).
  Parts parts{.species = species("A", 100) + species("B", 0), .parameters = parameter("kf", 3) + parameter("kr", 1),
              .reactions = reaction("r", term("A"), term("B"), op("minus", op("times", ci("kf"), ci("A")), op("times", ci("kr"), ci("B"))), "reversible=\"true\" fast=\"false\"")};
  const Case model = bound(parts);
  EXPECT_TRUE(MeansMatch({{25, run(model, "ssa", {0, 20}, "A.mean", 2000)[1], std::sqrt(100 * 0.25 * 0.75 / 2000), "A"}}, 1));
  EXPECT_NEAR(run(model, "fsp", {0, 20}, "A.variance")[1], 18.75, 1e-6);
  EXPECT_NEAR(run(model, "rate-equation", {0, 20}, "A.mean")[1], 25, 1e-5);
}

TEST(Sbml, PlainNetworksHaveTheWholeLadderAndOthersSayWhyNot) {
  const Case plain = bound(decay());
  EXPECT_NE(plain.find_level("closure"), nullptr);
  Parts parts = decay();
  parts.events = event("e", op("geq", now, cn(2)), assignment("S", cn(9)));
  const Case other = bound(parts);
  EXPECT_EQ(other.find_level("fsp"), nullptr);
  ASSERT_FALSE(other.notes.empty());
  EXPECT_NE(other.notes.back().find("fsp, closure, reconstruction and lna are not offered: it has events ('e')"), std::string::npos);
}

TEST(Sbml, ReadsLevelTwoAsItIsMeant) {
  // Level 2: substance is redefined as items; a concentration in a compartment of size 2; stoichiometryMath; an event that cannot fire at t = 0.
  const std::string text = R"(<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="m">
<listOfUnitDefinitions><unitDefinition id="substance"><listOfUnits><unit kind="item"/></listOfUnits></unitDefinition></listOfUnitDefinitions>
<listOfCompartments><compartment id="C" size="2"/></listOfCompartments>
<listOfSpecies><species id="S" compartment="C" initialAmount="10"/></listOfSpecies>
<listOfParameters><parameter id="k" value="0.5"/></listOfParameters>
<listOfReactions><reaction id="r" reversible="false"><listOfReactants><speciesReference species="S"><stoichiometryMath>)" +
                           math(cn(2)) + "</stoichiometryMath></speciesReference></listOfReactants><kineticLaw>" + math(op("times", ci("k"), ci("S"))) + "</kineticLaw></reaction></listOfReactions><listOfEvents><event id=\"e\"><trigger>" +
                           math(op("geq", now, cn(0))) + "</trigger><listOfEventAssignments>" + assignment("S", cn(100)) + "</listOfEventAssignments></event></listOfEvents></model></sbml>";
  const Case model = process_system(read_sbml_text(text, "two.xml"), "model", "title").bind({});
  EXPECT_NEAR(run(model, "rate-equation", {0, 2}, "S.mean")[1], 10 * std::exp(-1.0), 1e-6);  // dA/dt = -2 k A/2
  EXPECT_EQ(model.observable("S.mean").unit, "molecules");
}

TEST(Sbml, MathematicsMeansWhatItSays) {
  const auto value = [](const std::string& formula) {
    Parts parts{.species = species("S", 1), .parameters = parameter("x", 0.5) + parameter("y", 3) + parameter("z", 0, false), .rules = "<assignmentRule variable=\"z\">" + math(op("plus", formula, op("times", cn(0), now))) + "</assignmentRule>"};
    return run(bound(parts), "rate-equation", {0, 1}, "z.mean")[1];
  };
  const std::string x = ci("x"), y = ci("y");
  const std::map<std::string, std::pair<std::string, double>> cases{
      {"sec", {op("sec", x), 1 / std::cos(0.5)}}, {"arccot", {op("arccot", x), std::atan(2.0)}}, {"arcsec", {op("arcsec", y), std::acos(1.0 / 3)}}, {"coth", {op("coth", x), 1 / std::tanh(0.5)}},
      {"arcsech", {op("arcsech", x), std::acosh(2.0)}}, {"log10", {op("log", y), std::log10(3.0)}}, {"logbase", {"<apply><log/><logbase>" + cn(2) + "</logbase>" + y + "</apply>", std::log2(3.0)}},
      {"root", {"<apply><root/><degree>" + cn(3) + "</degree>" + y + "</apply>", std::cbrt(3.0)}}, {"factorial", {op("factorial", y), 6}}, {"ceiling", {op("ceiling", x), 1}}, {"power", {op("power", y, x), std::sqrt(3.0)}},
      {"rational", {"<cn type=\"rational\">3<sep/>4</cn>", 0.75}}, {"e-notation", {"<cn type=\"e-notation\">3<sep/>-2</cn>", 0.03}}, {"pi", {"<pi/>", std::acos(-1.0)}},
      {"chain", {"<piecewise><piece>" + cn(7) + op("lt", x, cn(1), y) + "</piece><otherwise>" + cn(8) + "</otherwise></piecewise>", 7}},
      {"xor", {"<piecewise><piece>" + cn(7) + op("xor", op("lt", x, y), op("gt", y, x)) + "</piece><otherwise>" + cn(8) + "</otherwise></piecewise>", 8}},
      {"not", {"<piecewise><piece>" + cn(7) + op("not", op("eq", x, y)) + "</piece><otherwise>" + cn(8) + "</otherwise></piecewise>", 7}},
      {"avogadro", {op("divide", "<csymbol encoding=\"text\" definitionURL=\"http://www.sbml.org/sbml/symbols/avogadro\">N</csymbol>", "<cn>6.02214179e23</cn>"), 1}}};
  for (const auto& [name, pair] : cases) EXPECT_NEAR(value(pair.first), pair.second, 1e-12) << name;
}

TEST(Sbml, LevelThreeVersionTwoTakesNumbersAsConditions) {
  // not(2) is false, and(2, 3) is true; min, max, quotient, rem and implies belong to this version.
  const auto value = [](const std::string& formula) {
    Parts parts{.species = species("S", 1), .parameters = parameter("z", 0, false), .rules = "<assignmentRule variable=\"z\">" + math(op("plus", formula, op("times", cn(0), now))) + "</assignmentRule>"};
    std::string text = document(parts);
    text.replace(text.find("version1/core"), 13, "version2/core");
    text.replace(text.find("version=\"1\">"), 12, "version=\"2\">");
    return run(process_system(read_sbml_text(text, "my.xml"), "model", "title").bind({}), "rate-equation", {0, 1}, "z.mean")[1];
  };
  const auto either = [](const std::string& condition) { return "<piecewise><piece>" + cn(7) + condition + "</piece><otherwise>" + cn(8) + "</otherwise></piecewise>"; };
  EXPECT_EQ(value(either(op("not", cn(2)))), 8);
  EXPECT_EQ(value(either(op("and", cn(2), cn(3)))), 7);
  EXPECT_EQ(value(either(op("implies", cn(2), cn(0)))), 8);
  EXPECT_EQ(value(op("max", cn(2), cn(5), cn(3))), 5);
  EXPECT_EQ(value(op("quotient", cn(-7), cn(2))), -3);
  EXPECT_EQ(value(op("rem", cn(-7), cn(2))), -1);
}

std::string second_version(const Parts& parts) {
  std::string text = document(parts);
  text.replace(text.find("version1/core"), 13, "version2/core");
  text.replace(text.find("version=\"1\">"), 12, "version=\"2\">");
  return text;
}

TEST(Sbml, BoundarySpeciesAreChangedByRulesAndNotByReactions) {
  // B grows as 1 + t by its rule although a reaction consumes it; S gains k B. E is constant, a reactant all the same.
  Parts parts{.species = species("B", 1, "hasOnlySubstanceUnits=\"true\" boundaryCondition=\"true\" constant=\"false\"") + species("E", 4, "hasOnlySubstanceUnits=\"true\" boundaryCondition=\"true\" constant=\"true\"") + species("S", 0),
              .parameters = parameter("k", 0.5), .rules = "<rateRule variable=\"B\">" + math(cn(1)) + "</rateRule>",
              .reactions = reaction("r", term("B") + term("E"), term("S"), op("times", ci("k"), op("times", ci("B"), ci("E"))))};
  const Case model = bound(parts);
  EXPECT_NEAR(run(model, "rate-equation", {0, 2}, "B.mean")[1], 3, 1e-9);
  EXPECT_NEAR(run(model, "rate-equation", {0, 2}, "E.mean")[1], 4, 1e-12);
  EXPECT_NEAR(run(model, "rate-equation", {0, 2}, "S.mean")[1], 0.5 * 4 * (2 + 2), 1e-6);
}

TEST(Sbml, CompartmentsOfNoDimensionHoldAmounts) {
  Parts parts = decay();
  parts.compartments = "<compartment id=\"C\" spatialDimensions=\"0\" constant=\"true\"/>";
  parts.species = species("S", 100, by_concentration);
  EXPECT_NEAR(run(bound(parts), "rate-equation", {0, 2}, "S.mean")[1], 100 * std::exp(-1.0), 1e-5);
}

TEST(Sbml, SizesOfInitialAssignmentsScaleConcentrations) {
  // The size is 4 and not 2: 10 per volume are 40, and the law sees 10.
  Parts parts = decay();
  parts.species = "<species id=\"S\" compartment=\"C\" initialConcentration=\"10\" " + by_concentration + "/>";
  parts.initial = "<initialAssignment symbol=\"C\">" + math(op("times", cn(8), ci("k"))) + "</initialAssignment>";
  EXPECT_NEAR(run(bound(parts), "rate-equation", {0, 2}, "S.mean")[0], 40, 1e-12);
  EXPECT_NEAR(run(bound(parts), "rate-equation", {0, 2}, "S.mean")[1], 40 * std::exp(-0.5 / 4 * 2), 1e-5);
  // Assigned as a concentration: 3 per volume in 4.
  parts.initial += "<initialAssignment symbol=\"S\">" + math(cn(3)) + "</initialAssignment>";
  EXPECT_NEAR(run(bound(parts), "rate-equation", {0, 2}, "S.mean")[0], 12, 1e-12);
}

TEST(Sbml, ModelsHaveAConversionFactorAndSpeciesTheirOwn) {
  // Extents count pairs: A (the model's factor 2) loses 2 per firing, B (its own, 3) gains 3.
  Parts parts{.species = species("A", 100) + "<species id=\"B\" compartment=\"C\" initialAmount=\"0\" hasOnlySubstanceUnits=\"true\" boundaryCondition=\"false\" constant=\"false\" conversionFactor=\"own\"/>",
              .parameters = parameter("k", 0.25) + parameter("two", 2) + parameter("own", 3), .reactions = reaction("r", term("A"), term("B"), op("times", ci("k"), ci("A"))), .attributes = "conversionFactor=\"two\""};
  const Case model = bound(parts);
  const double left = 100 * std::exp(-0.5);
  EXPECT_NEAR(run(model, "rate-equation", {0, 1}, "A.mean")[1], left, 1e-5);
  EXPECT_NEAR(run(model, "rate-equation", {0, 1}, "B.mean")[1], 1.5 * (100 - left), 1e-5);
  EXPECT_EQ(run(model, "ssa", {0, 1}, "A.mean", 64)[1] + 2.0 / 3 * run(model, "ssa", {0, 1}, "B.mean", 64)[1], 100);
}

TEST(Sbml, EventsSetStoichiometriesAndConcentrationsInGrowingCompartments) {
  // n is 1 until t = 1 and 3 from there: 2 + 2 * 3 * 2 at t = 3.
  Parts parts = decay(cn(2));
  parts.species = species("S", 0);
  parts.parameters = "";
  parts.reactions = reaction("r", "", "<speciesReference id=\"n\" species=\"S\" stoichiometry=\"1\" constant=\"false\"/>", cn(2));
  parts.events = event("e", op("geq", now, cn(1)), assignment("n", cn(3)));
  EXPECT_NEAR(run(bound(parts), "rate-equation", {0, 3}, "S.mean")[1], 14, 1e-6);
  // Poisson with 1 and then 3 a firing: mean 14, variance 2 + 36.
  EXPECT_TRUE(MeansMatch({{14, run(bound(parts), "ssa", {0, 3}, "S.mean", 6000)[1], std::sqrt(38.0 / 6000), "S"}}, 0.8));
  // A volume of 2 + t; at t = 1 the concentration is set to 5: 15 molecules, which stay.
  Parts grown{.compartments = "<compartment id=\"C\" spatialDimensions=\"3\" size=\"2\" constant=\"false\"/>", .species = species("S", 1, by_concentration),
              .rules = "<rateRule variable=\"C\">" + math(cn(1)) + "</rateRule>", .events = event("e", op("geq", now, cn(1)), assignment("S", cn(5)))};
  EXPECT_NEAR(run(bound(grown), "rate-equation", {0, 1, 4}, "S.mean")[2], 15, 1e-6);
}

TEST(Sbml, DelaysOfEventsFollowTheStateAndPrioritiesToo) {
  // Executed x = 2 after t = 1, with the delay of the trigger's moment; of two at once the one whose priority is higher then.
  Parts parts{.species = species("S", 0), .parameters = parameter("x", 2, false) + parameter("y", 1, false), .rules = "<rateRule variable=\"y\">" + math(cn(1)) + "</rateRule>"};
  for (const char* level : {"rate-equation", "ssa"}) {
    const auto value = [&](double t) { return run(bound(parts), level, {0, t}, "x.mean", level[0] == 's' ? 8 : 0)[1]; };
    parts.events = event("e", op("geq", now, cn(1)), assignment("x", cn(7)), ci("x"));
    EXPECT_EQ(value(2.9), 2) << level;
    EXPECT_EQ(value(3.1), 7) << level;
    parts.events = event("a", op("geq", now, cn(1)), assignment("x", op("times", ci("x"), cn(10))), "", ci("y"), true, false, false) +
                   event("b", op("geq", now, cn(1)), assignment("x", op("plus", ci("x"), cn(1))), "", op("minus", ci("y")), true, false, false);
    EXPECT_EQ(value(2), 21) << level;  // y is 2 then: a before b
  }
}

TEST(Sbml, RatesOfReactionsAreNamesInRulesTriggersAndInitialAssignments) {
  Parts parts = decay();
  parts.parameters += parameter("z", 0, false) + parameter("a", 0) + parameter("hit", 0, false);
  parts.rules = "<rateRule variable=\"z\">" + math(ci("r")) + "</rateRule>";
  parts.initial = "<initialAssignment symbol=\"a\">" + math(op("times", cn(2), ci("r"))) + "</initialAssignment>";
  parts.events = event("e", op("lt", ci("r"), cn(25)), assignment("hit", ci("a")));
  const Case model = bound(parts);
  EXPECT_NEAR(run(model, "rate-equation", {0, 1}, "z.mean")[1], 100 * (1 - std::exp(-0.5)), 1e-5);
  const auto hit = run(model, "rate-equation", {0, 1.38, 1.39}, "hit.mean");  // S below 50 at log(2)/0.5 = 1.386
  EXPECT_EQ(hit[1], 0);
  EXPECT_NEAR(hit[2], 100, 1e-9);
}

TEST(Sbml, NamedStoichiometriesMakeBatches) {
  // Batches of n = 5 come at rate 3 and stay: five times Poisson.
  Parts parts{.species = species("S", 0), .reactions = reaction("r", "", "<speciesReference id=\"n\" species=\"S\" stoichiometry=\"5\" constant=\"true\"/>", cn(3))};
  EXPECT_TRUE(MeansMatch({{30, run(bound(parts), "ssa", {0, 2}, "S.mean", 6000)[1], std::sqrt(150.0 / 6000), "mean"}}, 1.5));
  EXPECT_NEAR(run(bound(parts), "fsp", {0, 2}, "S.variance")[1], 150, 1e-4);
  EXPECT_NEAR(run(bound(parts, {{"n", Value(2.0)}}), "fsp", {0, 2}, "S.variance")[1], 24, 1e-5);
}

TEST(Sbml, PiecewiseAndLogicNestAndInfinityIsANumber) {
  const auto value = [](const std::string& formula) {
    Parts parts{.species = species("S", 1), .parameters = parameter("x", 0.5) + parameter("z", 0, false), .rules = "<assignmentRule variable=\"z\">" + math(op("plus", formula, op("times", cn(0), now))) + "</assignmentRule>"};
    return run(bound(parts), "rate-equation", {0, 1}, "z.mean")[1];
  };
  const std::string x = ci("x");
  const auto either = [](const std::string& condition) { return "<piecewise><piece>" + cn(7) + condition + "</piece><piece>" + cn(8) + op("not", condition) + "</piece></piecewise>"; };
  EXPECT_EQ(value(either(op("lt", x, "<infinity/>"))), 7);
  EXPECT_EQ(value(either(op("and", op("or", op("lt", x, cn(0)), op("neq", x, cn(2))), op("not", op("xor", "<true/>", "<false/>", "<true/>"))))), 7);
  EXPECT_EQ(value(either("<apply><and/></apply>")), 7);
  EXPECT_EQ(value(either("<apply><or/></apply>")), 8);
  EXPECT_EQ(value("<piecewise><piece>" + either(op("gt", x, cn(1))) + op("geq", x, cn(0.5)) + "</piece><otherwise>" + cn(9) + "</otherwise></piecewise>"), 8);
  EXPECT_NEAR(value("<apply><times/></apply>"), 1, 1e-15);
  EXPECT_NEAR(value("<apply><plus/></apply>"), 0, 1e-15);
  EXPECT_NEAR(value("<exponentiale/>"), std::exp(1.0), 1e-15);
}

TEST(Sbml, WhatLevelThreeVersionTwoMayLeaveOut) {
  // An event without a trigger never fires, one without assignments does nothing, a rule without mathematics is none.
  Parts parts = decay();
  parts.parameters += parameter("z", 3, false);
  parts.rules = "<assignmentRule variable=\"z\"/>";
  parts.events = "<event id=\"never\" useValuesFromTriggerTime=\"true\"><listOfEventAssignments>" + assignment("S", cn(0)) + "</listOfEventAssignments></event>" +
                 "<event id=\"idle\" useValuesFromTriggerTime=\"true\"><trigger initialValue=\"false\" persistent=\"true\">" + math(op("geq", now, cn(1))) + "</trigger></event>";
  std::string text = second_version(parts);
  while (text.find(" fast=\"false\"") != std::string::npos) text.erase(text.find(" fast=\"false\""), 13);
  const Case model = process_system(read_sbml_text(text, "my.xml"), "model", "title").bind({});
  EXPECT_NEAR(run(model, "rate-equation", {0, 2}, "S.mean")[1], 100 * std::exp(-1.0), 1e-5);
}

// ------------------------------------------------------------------------------------------------------------ bad input

TEST(SbmlRefuses, RecursiveFunctionDefinitions) {
  Parts parts = decay();
  const auto function = [](const std::string& id, const std::string& calls) {
    return "<functionDefinition id=\"" + id + "\">" + math("<lambda><bvar>" + ci("x") + "</bvar><apply>" + ci(calls) + ci("x") + "</apply></lambda>") + "</functionDefinition>";
  };
  parts.functions = function("f", "g") + function("g", "f");
  EXPECT_NE(refusal(parts).find("function definition 'f' is recursive: f -> g -> f"), std::string::npos) << refusal(parts);
  EXPECT_NE(refusal(parts).find("my.xml:"), std::string::npos);
}

TEST(SbmlRefuses, WhatItDoesNotSupportByName) {
  Parts parts = decay();
  parts.rules = "<algebraicRule>" + math(op("minus", ci("S"), cn(1))) + "</algebraicRule>";
  EXPECT_NE(refusal(parts).find("algebraic rules are not supported"), std::string::npos) << refusal(parts);
  parts = decay();
  parts.reactions = reaction("quick", term("S"), "", ci("k"), "reversible=\"false\" fast=\"true\"");
  EXPECT_NE(refusal(parts).find("reaction 'quick' is marked fast=\"true\"; fast reactions (instant equilibrium) are not supported"), std::string::npos) << refusal(parts);
  parts = decay("<apply><csymbol encoding=\"text\" definitionURL=\"http://www.sbml.org/sbml/symbols/delay\">delay</csymbol>" + ci("S") + cn(1) + "</apply>");
  EXPECT_NE(refusal(parts).find("reaction 'r': delay() is not supported"), std::string::npos) << refusal(parts);
  parts = decay();
  parts.constraints = "<constraint>" + math(op("gt", ci("S"), cn(1))) + "</constraint>";
  EXPECT_NE(refusal(parts).find("constraints are not supported"), std::string::npos) << refusal(parts);
  parts = decay("<apply><csymbol encoding=\"text\" definitionURL=\"http://www.sbml.org/sbml/symbols/rateOf\">rateOf</csymbol>" + ci("S") + "</apply>");
  EXPECT_NE(refusal(second_version(parts)).find("reaction 'r': rateOf() is not supported; write the rate out"), std::string::npos) << refusal(second_version(parts));
  parts = decay();
  parts.reactions = "<reaction id=\"r\" reversible=\"false\" fast=\"false\"><listOfReactants>" + term("S") + "</listOfReactants></reaction>";
  EXPECT_NE(refusal(parts).find("reaction 'r' has no kinetic law: nothing says how fast it is"), std::string::npos) << refusal(parts);
  parts = decay();
  parts.reactions = reaction("r", "<speciesReference species=\"S\" constant=\"true\"/>", "", ci("k"));
  EXPECT_NE(refusal(parts).find("reaction 'r': 'S' has no stoichiometry"), std::string::npos) << refusal(parts);
  std::string package = document(decay());
  package.replace(package.find(" level=\"3\""), 10, " xmlns:spatial=\"http://www.sbml.org/sbml/level3/version1/spatial/version1\" spatial:required=\"true\" level=\"3\"");
  EXPECT_NE(refusal(package).find("the model requires the SBML package 'spatial', which is not supported"), std::string::npos) << refusal(package);
  EXPECT_NE(refusal(std::string(R"(<sbml xmlns="http://www.sbml.org/sbml/level1" level="1" version="2"><model><listOfCompartments><compartment name="c"/></listOfCompartments></model></sbml>)"))
                .find("SBML Level 1 is not supported"),
            std::string::npos);
}

TEST(SbmlRefuses, UnknownUnitsAndNegativeStoichiometries) {
  Parts parts = decay();
  parts.parameters = "<parameter id=\"k\" value=\"1\" constant=\"true\" units=\"secnd\"/>";
  EXPECT_NE(refusal(parts).find("parameter 'k': unknown unit 'secnd'. Did you mean 'second'?"), std::string::npos) << refusal(parts);
  parts = decay();
  parts.reactions = reaction("r", term("S", -2), "", op("times", ci("k"), ci("S")));
  EXPECT_NE(refusal(parts).find("reaction 'r': the stoichiometry of 'S' is -2; it must not be negative"), std::string::npos) << refusal(parts);
}

TEST(SbmlRefuses, DuplicateAndUnknownNamesAndMissingValues) {
  Parts parts = decay();
  parts.parameters += parameter("S", 1);
  EXPECT_NE(refusal(parts).find("has the id of another element"), std::string::npos) << refusal(parts);
  EXPECT_NE(refusal(decay(op("times", ci("k"), ci("SS")))).find("'SS'"), std::string::npos);
  parts = decay();
  parts.parameters = "<parameter id=\"k\" constant=\"true\"/>";
  EXPECT_NE(refusal(parts).find("reaction 'r': S -> 0: 'k' has no value: give it one in the model"), std::string::npos) << refusal(parts);
  parts = decay();
  parts.reactions = "";
  EXPECT_NE(refusal(parts).find("the model has no reactions, no rules and no events: nothing happens in it"), std::string::npos) << refusal(parts);
  EXPECT_NE(refusal(std::string("<sbml xmlns=")).find("my.xml:"), std::string::npos);
  EXPECT_NE(refusal(std::string("hello")).find("my.xml"), std::string::npos);
  // Ids are ASCII; names for people need not be.
  std::string unicode = document(decay());
  unicode.replace(unicode.find("id=\"k\""), 6, "id=\"\xce\xba\"");
  EXPECT_NE(refusal(unicode), "");
  std::string named = document(decay());
  named.replace(named.find("<parameter id"), 13, "<parameter name=\"\xce\xba\" id");
  EXPECT_EQ(refusal(named), "");
}

TEST(SbmlRefuses, ValuesThatDependOnEachOther) {
  Parts parts = decay();
  parts.parameters += parameter("a", 1, false) + parameter("b", 1, false);
  parts.initial = "<initialAssignment symbol=\"a\">" + math(ci("b")) + "</initialAssignment><initialAssignment symbol=\"b\">" + math(ci("a")) + "</initialAssignment>";
  EXPECT_NE(refusal(parts), "");
}

TEST(SbmlRefuses, TrajectoriesOfWhatIsNoCount) {
  const auto ssa_of = [](const Parts& parts, double t = 1, std::uint64_t n = 4) -> std::string {
    try {
      (void)run(bound(parts), "ssa", {0, t}, "S.mean", n);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  Parts parts = decay();
  parts.species = species("S", 0.5);
  EXPECT_NE(ssa_of(parts).find("ssa: 'S' starts with 0.5; exact simulation needs whole numbers of molecules"), std::string::npos) << ssa_of(parts);
  parts = decay();
  parts.species = species("S", 100, "hasOnlySubstanceUnits=\"true\" boundaryCondition=\"false\" constant=\"false\" substanceUnits=\"mole\"");
  EXPECT_NE(ssa_of(parts).find("ssa: amounts are in mol, not in molecules"), std::string::npos) << ssa_of(parts);
  // A law that is negative, overflows, or takes molecules that are not there.
  parts = decay(op("minus", ci("k"), ci("S")));
  EXPECT_NE(refusal(parts).find("the propensity is -99.5 at S = 100"), std::string::npos) << refusal(parts);
  parts = decay(op("exp", op("times", cn(1000), ci("S"))));
  EXPECT_NE(refusal(parts).find("the propensity is inf at S = 100"), std::string::npos) << refusal(parts);
  parts.events = event("e", op("geq", now, cn(2)), assignment("S", cn(9)));  // no longer a plain network: found when it runs
  EXPECT_NE(ssa_of(parts).find("the propensity is inf at t = 0, S = 100; it must be a number >= 0"), std::string::npos) << ssa_of(parts);
  parts = decay(ci("k"));
  parts.species = species("S", 1);
  parts.events = event("e", op("geq", now, cn(1000)), assignment("S", cn(9)));
  EXPECT_NE(ssa_of(parts, 200).find("fired although S had too few molecules"), std::string::npos) << ssa_of(parts, 200);
}

TEST(SbmlRuns, ABillionMoleculesAndExplosions) {
  // 1e9 molecules at rate 1e-9 each: Poisson-like, mean loss 1.
  Parts parts = decay();
  parts.species = species("S", 1e9);
  EXPECT_TRUE(MeansMatch({{1e9 - 1, run(bound(parts, {{"k", Value(1e-9)}}), "ssa", {0, 1}, "S.mean", 4000)[1], std::sqrt(1.0 / 4000), "S"}}, 0.2));
  // X -> 2X with a rate that grows as X^2 explodes in a finite time: stopped and flagged, with the time.
  Parts bomb{.species = species("S", 10), .parameters = parameter("k", 1), .reactions = reaction("r", term("S"), term("S", 2), op("times", ci("k"), op("times", ci("S"), ci("S"))))};
  bomb.events = event("e", op("geq", now, cn(1000)), assignment("S", cn(9)));
  for (const bool with_event : {false, true}) {
    if (!with_event) bomb.events = "";
    const Case model = bound(bomb);
    const Level& ssa = model.level("ssa");
    Ask ask{.when = Times{{0, 0.01, 1}}, .observables = {"S.mean"}};
    ask.options = resolve(ssa.info.options, {{"max-events", Value(200000.0)}}, "ssa");
    LevelRun engine({.seed = 1, .threads = 1}, "test");
    engine.set_trajectories(8);
    const Answer answer = ssa.run(ask, engine);
    ASSERT_FALSE(answer.flags.empty());
    EXPECT_EQ(answer.flags[0].kind, "diverged");
    EXPECT_NE(answer.flags[0].text.find("of the trajectories were stopped before t = 1"), std::string::npos) << answer.flags[0].text;
    EXPECT_TRUE(answer.flags[0].fatal);
  }
}

// --------------------------------------------------------------------------------------------------------------- export

TEST(SbmlExport, ReadsBackAsTheSameNetwork) {
  const kinetics::NetworkSpec spec{.species = {"X", "Y"},
                                   .reactions = {"2X + Y -> 3X, 0.9", "X <-> Y, 1; 0.5", "X -> 0, = vmax*X/(K + X)*if(lt(X, 5), 1, 2) + 0*abs(Y)", "0 -> Y, = 1 + sin(t)^2 + min(X, 3) + max(Y, sign(X))"},
                                   .constants = {{"vmax", 4}, {"K", 10}},
                                   .volume = 2,
                                   .initial = {{"X", 7}, {"Y", 3}}};
  const kinetics::Network network = spec.bind({});
  const kinetics::Process process = kinetics::bind(read_sbml_text(write_sbml(network, "a title <&>"), "out.xml"), {});
  ASSERT_EQ(kinetics::beyond_network(process), "");
  const kinetics::Network again = kinetics::plain_network(process);
  EXPECT_EQ(again.species, network.species);
  EXPECT_EQ(again.initial, network.initial);
  ASSERT_EQ(again.reactions.size(), network.reactions.size());
  const kinetics::Propensities before(network), after(again);
  for (std::size_t r = 0; r < network.reactions.size(); ++r) {
    EXPECT_EQ(again.reactions[r].change, network.reactions[r].change) << r;
    for (const double x : {0.0, 1.0, 6.0, 40.0})
      for (const double y : {0.0, 2.0, 9.0})
        for (const double t : {0.0, 1.7}) {
          const std::vector<double> n{x, y};
          EXPECT_NEAR(after(r, n, t), before(r, n, t), 1e-12 * (1 + before(r, n, t))) << r << " at " << x << ", " << y;
        }
  }
}

Case written_and_read(const Case& model) { return process_system(read_sbml_text(write_sbml(model, "model", "title"), "out.xml"), "model", "title").bind({}); }

TEST(SbmlExport, ReadsBackWithTheAnswersOfEveryDeterministicLevel) {
  // Pairs and triples in a volume of 8: the rate equation's powers are not the propensities' falling factorials, and both must come back.
  const kinetics::NetworkSpec spec{.species = {"X", "Y"}, .reactions = {"2X -> 3X, 1.1", "3X -> 2X, 0.4", "0 -> X, 2.25", "X -> 0, 2.5", "X + Y -> Y, 0.3", "0 <-> Y, 1; 0.5", "X -> 0, = 3*X/(2 + X)"}, .volume = 8,
                                   .initial = {{"X", 5}, {"Y", 9}}};
  const Case before = kinetics::network_system(spec, "model", "title").bind({}), after = written_and_read(before);
  const std::vector<double> times{0, 0.5, 2, 5};
  for (const char* level : {"rate-equation", "lna", "closure"})
    for (const char* observable : {"X.mean", "Y.mean", "X.variance"}) {
      if (std::string(level) == "rate-equation" && std::string(observable) == "X.variance") continue;
      const auto a = run(before, level, times, observable), b = run(after, level, times, observable);
      for (std::size_t i = 0; i < times.size(); ++i) EXPECT_NEAR(b[i], a[i], 1e-5 * (1 + std::abs(a[i]))) << level << ' ' << observable << " at " << times[i];
    }
  EXPECT_EQ(run(after, "ssa", times, "X.mean", 64), run(before, "ssa", times, "X.mean", 64));
  // A reader that does not know the annotation has n (n - 1) in its rate equation: a law that was edited since is read as it stands.
  std::string text = write_sbml(before, "model", "");
  const auto at = text.find("<massAction");
  ASSERT_NE(at, std::string::npos);
  const kinetics::ProcessSpec known = read_sbml_text(text, "out.xml");
  while (text.find("<massAction") != std::string::npos) text.replace(text.find("<massAction"), 11, "<somethingElse");
  const kinetics::ProcessSpec plain = read_sbml_text(text, "out.xml");
  EXPECT_TRUE(known.reactions[0].macroscopic.has_value());
  EXPECT_FALSE(plain.reactions[0].macroscopic.has_value());
}

TEST(SbmlExport, KeepsEventsAndWhatTheySet) {
  const kinetics::NetworkSpec spec{.species = {"X"},
                                   .reactions = {"0 -> X, k", "X -> 0, 0.5"},
                                   .constants = {{"k", 3}},
                                   .initial = {{"X", 4}},
                                   .events = {{.name = "dose", .at = {0, 2}, .add = {{"X", "10"}}}, {.name = "switch off", .when = "X < 6 and t > 1", .set = {{"k", "k/2"}}}}};
  const Case before = kinetics::network_system(spec, "model", "title").bind({}), after = written_and_read(before);
  const std::vector<double> times{0, 1, 2, 6};
  const auto a = run(before, "rate-equation", times, "X.mean"), b = run(after, "rate-equation", times, "X.mean");
  EXPECT_NEAR(a[0], 14, 1e-9) << "the design: the first dose is at the start";
  for (std::size_t i = 0; i < times.size(); ++i) EXPECT_NEAR(b[i], a[i], 1e-6 * a[i]) << times[i];
  EXPECT_EQ(run(after, "ssa", times, "X.mean", 64), run(before, "ssa", times, "X.mean", 64));
}

TEST(SbmlExport, KeepsRulesEventsAndVaryingStoichiometriesOfAModelFile) {
  Parts parts{.species = species("S", 100, by_concentration) + species("T", 7, "hasOnlySubstanceUnits=\"true\" boundaryCondition=\"true\" constant=\"true\"") +
                         "<species id=\"U\" compartment=\"C\" hasOnlySubstanceUnits=\"true\" boundaryCondition=\"false\" constant=\"false\"/>",
              .parameters = parameter("k", 0.5) + parameter("t", 2) + parameter("z", 0, false) + parameter("w", 1, false),
              .rules = "<assignmentRule variable=\"z\">" + math(op("plus", op("times", ci("S"), ci("w")), now)) + "</assignmentRule><rateRule variable=\"w\">" + math(op("minus", ci("w"))) + "</rateRule>" +
                       "<assignmentRule variable=\"U\">" + math(op("times", ci("T"), ci("w"))) + "</assignmentRule><assignmentRule variable=\"n\">" + math(op("plus", cn(1), ci("w"))) + "</assignmentRule>",
              .reactions = reaction("reaction_2", "<speciesReference id=\"n\" species=\"S\" constant=\"false\"/>", "", op("times", ci("k"), op("times", ci("S"), ci("t")))) + reaction("other", "", term("S", 3), ci("T"), "reversible=\"false\" fast=\"false\"", "", "<modifierSpeciesReference species=\"T\"/>"),
              .events = event("e", op("and", op("gt", ci("z"), cn(2)), op("not", op("lt", now, cn(1)))), assignment("w", op("plus", ci("w"), cn(2))), cn(0.5), cn(3), false, true, false)};
  const Case before = bound(parts), after = written_and_read(before);
  const std::vector<double> times{0, 0.7, 1.4, 3};
  for (const char* observable : {"S.mean", "z.mean", "w.mean", "U.mean", "T.mean"}) {
    const auto a = run(before, "rate-equation", times, observable), b = run(after, "rate-equation", times, observable);
    for (std::size_t i = 0; i < times.size(); ++i) EXPECT_NEAR(b[i], a[i], 1e-6 * (1 + std::abs(a[i]))) << observable << " at " << times[i];
  }
  EXPECT_GT(run(before, "rate-equation", times, "w.mean")[3], 0.3) << "the design: the event happens";
}

TEST(SbmlExport, RefusesByNameWhatSbmlHasNoWordsFor) {
  const auto refused = [](const kinetics::NetworkSpec& spec) -> std::string {
    try {
      (void)write_sbml(kinetics::network_system(spec, "mine", "title").bind({}), "mine", "");
    } catch (const ModelError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refused({.species = {"P"}, .reactions = {"0 -> burst(2) P, 1"}}), "mine cannot be exported: reaction '0 -> burst(2) P, 1': a product drawn from a law (burst) has no words in SBML");
  EXPECT_EQ(refused({.species = {"P"}, .reactions = {"0 -> P, 1 after gamma(2, 3)"}}), "mine cannot be exported: reaction '0 -> P, 1 after gamma(2, 3)': products that come after a delay have no words in SBML");
  EXPECT_EQ(refused({.species = {"P"}, .reactions = {"0 -> P, k"}, .constants = {{"k", 2}}, .noise = {{"k", "gamma(4, k)"}}}),
            "mine cannot be exported: noise: 'k' is drawn per trajectory; random numbers have no words in SBML");
  EXPECT_EQ(refused({.species = {"P"}, .reactions = {"0 -> P, 2"}, .initial = {{"P", 4}}, .initial_law = {{"P", "poisson"}}}),
            "mine cannot be exported: the initial count of P is drawn from a law; random numbers have no words in SBML");
  try {
    (void)write_sbml(Case{}, "ising", "");
    FAIL() << "accepted";
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "'ising' is no reaction network: only those are written as SBML");
  }
}

TEST(SbmlExport, GivesEveryNameAnIdOfItsOwn) {
  // Names that are words of formulas elsewhere, names that contain each other, and those that the file itself uses.
  const kinetics::NetworkSpec spec{.species = {"compartment", "reaction_1", "X", "X1", "X11", "time", "pi", "network"},
                                   .reactions = {"compartment + X -> X1, 0.1", "X1 -> X11 + time, 2", "time -> pi, = 0.5*time/(1 + pi)", "pi -> reaction_1, 1", "reaction_1 -> network, 0.3"},
                                   .initial = {{"compartment", 20}, {"X", 30}}};
  const Case before = kinetics::network_system(spec, "model", "title").bind({}), after = written_and_read(before);
  for (const char* observable : {"compartment.mean", "reaction_1.mean", "X.mean", "X1.mean", "X11.mean", "time.mean", "pi.mean", "network.mean"})
    EXPECT_EQ(run(after, "ssa", {0, 1, 3}, observable, 16), run(before, "ssa", {0, 1, 3}, observable, 16)) << observable;
}

}  // namespace
}  // namespace meso::exchange

#include "kits/exchange/sbml.h"

#include <fmt/format.h>
#include <sbml/SBMLTypes.h>
#include <sbml/extension/SBasePlugin.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "kits/kinetics/described.h"

LIBSBML_CPP_NAMESPACE_USE  // some builds of the library have a namespace of their own, Debian's has none

namespace meso::exchange {
namespace {

using kinetics::ProcessSpec;
using num::Formula;
using num::Op;

Formula call(const char* name, std::vector<Formula> args) { return Formula::call(name, std::move(args)); }
Formula number(double value) { return Formula::constant(value); }

/// Numbers stand for conditions in Level 3 Version 2 (what is not 0 is true): 1 or 0, so that logic can be min, max and 1 - x.
bool is_condition(const Formula& f) {
  const Formula::Node& n = *f.root();
  switch (n.op) {
    case Op::number: return n.value == 0 || n.value == 1;
    case Op::less:
    case Op::less_equal:
    case Op::equal: return true;
    case Op::min:
    case Op::max: return is_condition(n.args[0]) && is_condition(n.args[1]);
    case Op::subtract: return n.args[0].root()->op == Op::number && n.args[0].root()->value == 1 && is_condition(n.args[1]);
    case Op::select: return is_condition(n.args[1]) && is_condition(n.args[2]);
    default: return false;
  }
}
Formula as_condition(const Formula& f) { return is_condition(f) ? f : number(1) - call("eq", {f, number(0)}); }

/// An annotation of a kinetic law that write_sbml leaves: falling factorials of its propensity stand for powers in the rate equation. Other programs
/// pass it over, and then their rate equation differs by the terms of order 1/volume that n (n - 1) has.
constexpr const char* own_annotations = "urn:mesoscope:sbml";
constexpr const char* mass_action = "massAction";

bool says_mass_action(const ::KineticLaw* law) {
  const ::XMLNode* annotation = law != nullptr && law->isSetAnnotation() ? law->getAnnotation() : nullptr;
  for (unsigned i = 0; annotation != nullptr && i < annotation->getNumChildren(); ++i)
    if (annotation->getChild(i).getName() == mass_action && annotation->getChild(i).getURI() == own_annotations) return true;
  return false;
}

/// Words of an element for a reader: "reaction 'r1'".
std::string named(const char* what, const std::string& id) { return fmt::format("{} '{}'", what, id); }

class Reader {
 public:
  Reader(const ::Model& model, std::string file) : model_(model), file_(std::move(file)), level_(model.getLevel()), version_(model.getVersion()) {}

  void check_supported();
  ProcessSpec read();

 private:
  struct Scope {
    std::map<std::string, Formula> names;  // bound variables of a function, local parameters of a law
    std::string what;
    unsigned line = 0;
  };
  [[noreturn]] void fail(unsigned line, const std::string& text) const { throw ModelError(fmt::format("{}{}: {}", file_, line > 0 ? fmt::format(":{}", line) : "", text)); }
  void check_functions() const;
  void check_units() const;
  void check_unit(const std::string& unit, unsigned line, const std::string& what) const;
  [[nodiscard]] std::string unit_of_substance(const ::Species& species);
  [[nodiscard]] std::string unit_kind(const std::string& name, std::string* kind) const;

  [[nodiscard]] std::string rename(const std::string& id) const {
    const auto found = renamed_.find(id);
    return found == renamed_.end() ? id : found->second;
  }
  [[nodiscard]] Formula symbol(const std::string& id, const Scope& scope);
  [[nodiscard]] Formula convert(const ::ASTNode* node, const Scope& scope);
  [[nodiscard]] Formula law(const ::Reaction& reaction);
  [[nodiscard]] bool in_concentration(const ::Species& s) const {
    const ::Compartment* c = model_.getCompartment(s.getCompartment());
    return !s.getHasOnlySubstanceUnits() && !(c != nullptr && c->isSetSpatialDimensions() && c->getSpatialDimensionsAsDouble() == 0);
  }
  [[nodiscard]] Formula size_of(const ::Species& s) const { return Formula::variable(rename(s.getCompartment())); }
  [[nodiscard]] Formula to_amount(const ::Species& s, const Formula& value) const { return in_concentration(s) ? value * size_of(s) : value; }
  [[nodiscard]] bool concentration_state(const std::string& id) const { return concentration_states_.contains(id); }
  void read_quantities(ProcessSpec& spec);
  void read_reaction(const ::Reaction& reaction, ProcessSpec& spec);
  void read_event(const ::Event& event, std::size_t index, ProcessSpec& spec);
  [[nodiscard]] std::string parameter_name(const std::string& wanted) {
    return taken_.insert(wanted).second ? wanted : "";
  }

  const ::Model& model_;
  std::string file_;
  unsigned level_, version_;
  std::map<std::string, std::string> renamed_;
  std::set<std::string> concentration_states_;  // species whose concentration follows a rate rule
  std::map<std::string, const ::InitialAssignment*> initial_;
  std::map<std::string, const ::Rule*> rules_;
  std::map<std::string, const ::SpeciesReference*> references_;
  std::set<std::string> varying_, taken_;
  std::vector<std::string> calling_, laws_;
};

// ------------------------------------------------------------------------------------------------------ what is refused

void Reader::check_supported() {
  check_functions();
  for (unsigned i = 0; i < model_.getNumRules(); ++i)
    if (const auto* rule = model_.getRule(i); rule->isAlgebraic())
      fail(rule->getLine(), "algebraic rules are not supported: solve the equation for one of its variables and write an assignment rule");
  for (unsigned i = 0; i < model_.getNumReactions(); ++i) {
    const auto* r = model_.getReaction(i);
    if (r->isSetFast() && r->getFast())
      fail(r->getLine(), fmt::format("{} is marked fast=\"true\"; fast reactions (instant equilibrium) are not supported: give it finite rates, or eliminate it", named("reaction", r->getId())));
    const auto check = [&](const ::SpeciesReference* s) {
      if (s->isSetStoichiometry() && s->getStoichiometry() < 0)
        fail(s->getLine(), fmt::format("{}: the stoichiometry of '{}' is {}; it must not be negative (write the species on the other side)", named("reaction", r->getId()), s->getSpecies(),
                                       exact(s->getStoichiometry())));
    };
    for (unsigned k = 0; k < r->getNumReactants(); ++k) check(r->getReactant(k));
    for (unsigned k = 0; k < r->getNumProducts(); ++k) check(r->getProduct(k));
  }
  if (model_.getNumConstraints() > 0) fail(model_.getConstraint(0)->getLine(), "constraints are not supported; remove the <constraint>, or make it an event");
  std::map<std::string, unsigned> seen;
  const auto unique = [&](const std::string& id, unsigned line, const char* what) {
    if (id.empty()) return;
    if (const auto [at, fresh] = seen.emplace(id, line); !fresh) fail(line, fmt::format("{} has the id of another element (line {}); ids are unique in a model", named(what, id), at->second));
  };
  for (unsigned i = 0; i < model_.getNumFunctionDefinitions(); ++i) unique(model_.getFunctionDefinition(i)->getId(), model_.getFunctionDefinition(i)->getLine(), "function definition");
  for (unsigned i = 0; i < model_.getNumCompartments(); ++i) unique(model_.getCompartment(i)->getId(), model_.getCompartment(i)->getLine(), "compartment");
  for (unsigned i = 0; i < model_.getNumSpecies(); ++i) unique(model_.getSpecies(i)->getId(), model_.getSpecies(i)->getLine(), "species");
  for (unsigned i = 0; i < model_.getNumParameters(); ++i) unique(model_.getParameter(i)->getId(), model_.getParameter(i)->getLine(), "parameter");
  for (unsigned i = 0; i < model_.getNumReactions(); ++i) unique(model_.getReaction(i)->getId(), model_.getReaction(i)->getLine(), "reaction");
  for (unsigned i = 0; i < model_.getNumEvents(); ++i) unique(model_.getEvent(i)->getId(), model_.getEvent(i)->getLine(), "event");
  check_units();
}

/// A function that calls itself, over however many others, has no value.
void Reader::check_functions() const {
  std::vector<std::string> path;
  std::set<std::string> done;
  const auto visit = [&](const auto& self, const std::string& id) -> void {
    const auto* f = model_.getFunctionDefinition(id);
    if (f == nullptr || f->getBody() == nullptr || done.contains(id)) return;
    if (const auto at = std::find(path.begin(), path.end(), id); at != path.end()) {
      std::vector<std::string> circle(at, path.end());
      circle.push_back(id);
      fail(f->getLine(), fmt::format("function definition '{}' is recursive: {}", id, join(circle, " -> ")));
    }
    path.push_back(id);
    const auto walk = [&](const auto& again, const ::ASTNode* node) -> void {
      if (node->getType() == ::AST_FUNCTION) self(self, node->getName());
      for (unsigned i = 0; i < node->getNumChildren(); ++i) again(again, node->getChild(i));
    };
    walk(walk, f->getBody());
    path.pop_back();
    done.insert(id);
  };
  for (unsigned i = 0; i < model_.getNumFunctionDefinitions(); ++i) visit(visit, model_.getFunctionDefinition(i)->getId());
}

void Reader::check_unit(const std::string& unit, unsigned line, const std::string& what) const {
  if (unit.empty() || model_.getUnitDefinition(unit) != nullptr || ::UnitKind_isValidUnitKindString(unit.c_str(), level_, version_) != 0) return;
  std::vector<std::string> known;
  if (level_ < 3) {
    known = {"substance", "volume", "area", "length", "time"};
    if (std::find(known.begin(), known.end(), unit) != known.end()) return;
  }
  for (unsigned i = 0; i < model_.getNumUnitDefinitions(); ++i) known.push_back(model_.getUnitDefinition(i)->getId());
  for (const char* kind : {"item", "mole", "dimensionless", "litre", "metre", "second", "gram", "kilogram"}) known.emplace_back(kind);
  fail(line, fmt::format("{}: unknown unit '{}'.{}\n  known: {} and the other units of SBML", what, unit, did_you_mean(unit, known), join(known)));
}

void Reader::check_units() const {
  for (unsigned i = 0; i < model_.getNumUnitDefinitions(); ++i) {
    const auto* d = model_.getUnitDefinition(i);
    for (unsigned k = 0; k < d->getNumUnits(); ++k)
      if (d->getUnit(k)->getKind() == ::UNIT_KIND_INVALID) fail(d->getUnit(k)->getLine(), fmt::format("{}: unknown kind of unit", named("unit definition", d->getId())));
  }
  for (unsigned i = 0; i < model_.getNumCompartments(); ++i) check_unit(model_.getCompartment(i)->getUnits(), model_.getCompartment(i)->getLine(), named("compartment", model_.getCompartment(i)->getId()));
  for (unsigned i = 0; i < model_.getNumSpecies(); ++i) check_unit(model_.getSpecies(i)->getSubstanceUnits(), model_.getSpecies(i)->getLine(), named("species", model_.getSpecies(i)->getId()));
  for (unsigned i = 0; i < model_.getNumParameters(); ++i) check_unit(model_.getParameter(i)->getUnits(), model_.getParameter(i)->getLine(), named("parameter", model_.getParameter(i)->getId()));
  for (unsigned i = 0; i < model_.getNumReactions(); ++i)
    if (const auto* kinetic = model_.getReaction(i)->getKineticLaw(); kinetic != nullptr)
      for (unsigned k = 0; k < kinetic->getNumParameters(); ++k)
        check_unit(kinetic->getParameter(k)->getUnits(), kinetic->getParameter(k)->getLine(), named("local parameter", kinetic->getParameter(k)->getId()));
  if (level_ == 3) {
    check_unit(model_.getSubstanceUnits(), model_.getLine(), "model (substanceUnits)");
    check_unit(model_.getTimeUnits(), model_.getLine(), "model (timeUnits)");
    check_unit(model_.getVolumeUnits(), model_.getLine(), "model (volumeUnits)");
    check_unit(model_.getExtentUnits(), model_.getLine(), "model (extentUnits)");
  }
}

/// A unit in short ("s", "mol", "1e-09 mol"); `kind` is the base unit if there is one alone.
std::string Reader::unit_kind(const std::string& name, std::string* kind) const {
  const auto* d = model_.getUnitDefinition(name);
  if (kind != nullptr) *kind = d == nullptr ? name : "";
  const auto brief_name = [](const std::string& k) { return k == "mole" ? std::string("mol") : k == "second" ? std::string("s") : k == "dimensionless" ? std::string("1") : k; };
  if (d == nullptr) return brief_name(name);
  if (d->getNumUnits() != 1) return name;
  const auto* unit = d->getUnit(0);
  const std::string base = ::UnitKind_toString(unit->getKind());
  if (unit->getExponentAsDouble() != 1) return name;
  if (kind != nullptr) *kind = base;
  const double factor = unit->getMultiplier() * std::pow(10.0, unit->getScale());
  if (factor == 1) return brief_name(base);
  if (kind != nullptr && base != "mole" && base != "gram" && base != "kilogram") *kind = "";
  return fmt::format("{} {}", brief(factor, 6), brief_name(base));
}

std::string Reader::unit_of_substance(const ::Species& species) {
  std::string name = species.getSubstanceUnits();
  if (name.empty() && level_ == 3) name = model_.getSubstanceUnits();
  if (name.empty() && level_ < 3) name = model_.getUnitDefinition("substance") != nullptr ? "substance" : "";
  if (name == "substance" && level_ < 3 && model_.getUnitDefinition("substance") == nullptr) name = "mole";
  if (name.empty()) return "molecules";
  std::string kind;
  const std::string text = unit_kind(name, &kind);
  if (kind == "item" || kind == "dimensionless") return "molecules";
  return text;
}

// --------------------------------------------------------------------------------------------------------------- MathML

Formula Reader::symbol(const std::string& id, const Scope& scope) {
  if (const auto bound = scope.names.find(id); bound != scope.names.end()) return bound->second;
  if (const auto* s = model_.getSpecies(id)) {
    if (concentration_state(id)) return Formula::variable("[" + rename(id) + "]");
    const Formula amount = Formula::variable(rename(id));
    return in_concentration(*s) ? amount / size_of(*s) : amount;
  }
  if (model_.getCompartment(id) != nullptr || model_.getParameter(id) != nullptr || references_.contains(id)) return Formula::variable(rename(id));
  if (const auto* r = model_.getReaction(id)) return law(*r);
  std::vector<std::string> known;
  for (const auto& [name, formula] : scope.names) known.push_back(name);
  for (unsigned i = 0; i < model_.getNumSpecies(); ++i) known.push_back(model_.getSpecies(i)->getId());
  for (unsigned i = 0; i < model_.getNumCompartments(); ++i) known.push_back(model_.getCompartment(i)->getId());
  for (unsigned i = 0; i < model_.getNumParameters(); ++i) known.push_back(model_.getParameter(i)->getId());
  fail(scope.line, fmt::format("{}: unknown name '{}'.{}\n  known: {}", scope.what, id, did_you_mean(id, known), join(known)));
}

Formula Reader::convert(const ::ASTNode* node, const Scope& scope) {
  if (node == nullptr) fail(scope.line, fmt::format("{}: has no formula", scope.what));
  const unsigned n = node->getNumChildren();
  const auto arg = [&](unsigned i) { return convert(node->getChild(i), scope); };
  const auto need = [&](unsigned least, unsigned most, const char* what) {
    if (n < least || n > most) fail(scope.line, fmt::format("{}: {} takes {} argument{}, {} given", scope.what, what, least == most ? fmt::format("{}", least) : fmt::format("{} or more", least), most == 1 ? "" : "s", n));
  };
  const auto unary = [&](const char* name) {
    need(1, 1, name);
    return call(name, {arg(0)});
  };
  const auto reciprocal = [&](const char* name, const char* of) {  // 1 / of(x)
    need(1, 1, name);
    return number(1) / call(of, {arg(0)});
  };
  const auto of_reciprocal = [&](const char* name, const char* of) {  // of(1 / x)
    need(1, 1, name);
    return call(of, {number(1) / arg(0)});
  };
  const auto fold = [&](double neutral, const auto& combine) {
    Formula result = n > 0 ? arg(0) : number(neutral);
    for (unsigned i = 1; i < n; ++i) result = combine(result, arg(i));
    return result;
  };
  // a < b < c: every neighbouring pair
  const auto compare = [&](const auto& pair) {
    need(2, 1000, "a comparison");
    Formula result = pair(arg(0), arg(1));
    for (unsigned i = 2; i < n; ++i) result = call("min", {result, pair(arg(i - 1), arg(i))});
    return result;
  };
  const auto truth = [&](unsigned i) { return as_condition(arg(i)); };
  const auto logical = [&](double neutral, const auto& combine) {
    Formula result = n > 0 ? truth(0) : number(neutral);
    for (unsigned i = 1; i < n; ++i) result = combine(result, truth(i));
    return result;
  };
  const auto truncated = [](const Formula& x) { return call("sign", {x}) * call("floor", {call("abs", {x})}); };
  const auto log_of = [&](const Formula& x) { return call("log", {x}); };
  switch (node->getType()) {
    case AST_INTEGER: return number(static_cast<double>(node->getInteger()));
    case AST_REAL:
    case AST_REAL_E:
    case AST_RATIONAL: return number(node->getReal());
    case AST_CONSTANT_E: return number(std::numbers::e);
    case AST_CONSTANT_PI: return number(std::numbers::pi);
    case AST_CONSTANT_TRUE: return number(1);
    case AST_CONSTANT_FALSE: return number(0);
    case AST_NAME: return symbol(node->getName(), scope);
    case AST_NAME_TIME: return Formula::variable(kinetics::time_name);
    case AST_NAME_AVOGADRO: return number(6.02214179e23);  // the value that SBML Level 3 fixes
    case AST_PLUS: return fold(0, [](const Formula& a, const Formula& b) { return a + b; });
    case AST_TIMES: return fold(1, [](const Formula& a, const Formula& b) { return a * b; });
    case AST_MINUS:
      need(1, 2, "minus");
      return n == 1 ? -arg(0) : arg(0) - arg(1);
    case AST_DIVIDE: need(2, 2, "divide"); return arg(0) / arg(1);
    case AST_POWER:
    case AST_FUNCTION_POWER: need(2, 2, "power"); return pow(arg(0), arg(1));
    case AST_FUNCTION_ROOT:
      need(1, 2, "root");
      if (n == 1) return call("sqrt", {arg(0)});
      {
        const Formula degree = arg(0);
        double value = 0;
        return degree.is_constant(&value) && value == 2 ? call("sqrt", {arg(1)}) : pow(arg(1), number(1) / degree);
      }
    case AST_FUNCTION_ABS: return unary("abs");
    case AST_FUNCTION_EXP: return unary("exp");
    case AST_FUNCTION_LN: return unary("log");
    case AST_FUNCTION_LOG:
      need(1, 2, "log");
      return n == 1 ? log_of(arg(0)) / number(std::numbers::ln10) : log_of(arg(1)) / log_of(arg(0));
    case AST_FUNCTION_FLOOR: return unary("floor");
    case AST_FUNCTION_CEILING: need(1, 1, "ceiling"); return -call("floor", {-arg(0)});
    case AST_FUNCTION_FACTORIAL: return unary("factorial");
    case AST_FUNCTION_SIN: return unary("sin");
    case AST_FUNCTION_COS: return unary("cos");
    case AST_FUNCTION_TAN: return unary("tan");
    case AST_FUNCTION_SEC: return reciprocal("sec", "cos");
    case AST_FUNCTION_CSC: return reciprocal("csc", "sin");
    case AST_FUNCTION_COT: return reciprocal("cot", "tan");
    case AST_FUNCTION_SINH: return unary("sinh");
    case AST_FUNCTION_COSH: return unary("cosh");
    case AST_FUNCTION_TANH: return unary("tanh");
    case AST_FUNCTION_SECH: return reciprocal("sech", "cosh");
    case AST_FUNCTION_CSCH: return reciprocal("csch", "sinh");
    case AST_FUNCTION_COTH: return reciprocal("coth", "tanh");
    case AST_FUNCTION_ARCSIN: return unary("asin");
    case AST_FUNCTION_ARCCOS: return unary("acos");
    case AST_FUNCTION_ARCTAN: return unary("atan");
    case AST_FUNCTION_ARCSEC: return of_reciprocal("arcsec", "acos");
    case AST_FUNCTION_ARCCSC: return of_reciprocal("arccsc", "asin");
    case AST_FUNCTION_ARCCOT: return of_reciprocal("arccot", "atan");
    case AST_FUNCTION_ARCSINH: return unary("asinh");
    case AST_FUNCTION_ARCCOSH: return unary("acosh");
    case AST_FUNCTION_ARCTANH: return unary("atanh");
    case AST_FUNCTION_ARCSECH: return of_reciprocal("arcsech", "acosh");
    case AST_FUNCTION_ARCCSCH: return of_reciprocal("arccsch", "asinh");
    case AST_FUNCTION_ARCCOTH: return of_reciprocal("arccoth", "atanh");
    case AST_FUNCTION_MIN:
    case AST_FUNCTION_MAX: {
      need(1, 1000, "min or max");
      const char* name = node->getType() == AST_FUNCTION_MIN ? "min" : "max";
      return fold(0, [&](const Formula& a, const Formula& b) { return call(name, {a, b}); });
    }
    case AST_FUNCTION_QUOTIENT: need(2, 2, "quotient"); return truncated(arg(0) / arg(1));
    case AST_FUNCTION_REM: need(2, 2, "rem"); return arg(0) - arg(1) * truncated(arg(0) / arg(1));
    case AST_RELATIONAL_LT: return compare([](const Formula& a, const Formula& b) { return call("lt", {a, b}); });
    case AST_RELATIONAL_LEQ: return compare([](const Formula& a, const Formula& b) { return call("le", {a, b}); });
    case AST_RELATIONAL_GT: return compare([](const Formula& a, const Formula& b) { return call("lt", {b, a}); });
    case AST_RELATIONAL_GEQ: return compare([](const Formula& a, const Formula& b) { return call("le", {b, a}); });
    case AST_RELATIONAL_EQ: return compare([](const Formula& a, const Formula& b) { return call("eq", {a, b}); });
    case AST_RELATIONAL_NEQ: need(2, 2, "neq"); return number(1) - call("eq", {arg(0), arg(1)});
    case AST_LOGICAL_AND: return logical(1, [](const Formula& a, const Formula& b) { return call("min", {a, b}); });
    case AST_LOGICAL_OR: return logical(0, [](const Formula& a, const Formula& b) { return call("max", {a, b}); });
    case AST_LOGICAL_NOT: need(1, 1, "not"); return number(1) - truth(0);
    case AST_LOGICAL_XOR: return logical(0, [](const Formula& a, const Formula& b) { return call("if", {a, number(1) - b, b}); });
    case AST_LOGICAL_IMPLIES: need(2, 2, "implies"); return call("max", {number(1) - truth(0), truth(1)});
    case AST_FUNCTION_PIECEWISE: {
      Formula result = n % 2 == 1 ? arg(n - 1) : number(std::numeric_limits<double>::quiet_NaN());
      for (unsigned i = n / 2; i-- > 0;) result = call("if", {arg(2 * i + 1), arg(2 * i), result});
      return result;
    }
    case AST_FUNCTION: {
      const std::string id = node->getName() != nullptr ? node->getName() : "";
      const auto* f = model_.getFunctionDefinition(id);
      if (f == nullptr) {
        std::vector<std::string> known;
        for (unsigned i = 0; i < model_.getNumFunctionDefinitions(); ++i) known.push_back(model_.getFunctionDefinition(i)->getId());
        fail(scope.line, fmt::format("{}: unknown function '{}'.{}", scope.what, id, did_you_mean(id, known)));
      }
      if (f->getNumArguments() != n) fail(scope.line, fmt::format("{}: function '{}' takes {} arguments, {} given", scope.what, id, f->getNumArguments(), n));
      Scope inner{{}, named("function definition", id), f->getLine()};
      for (unsigned i = 0; i < n; ++i) inner.names.emplace(f->getArgument(i)->getName(), arg(i));
      return convert(f->getBody(), inner);
    }
    case AST_FUNCTION_DELAY: fail(scope.line, fmt::format("{}: delay() is not supported (delay differential equations); delays of events are", scope.what));
    case AST_FUNCTION_RATE_OF: fail(scope.line, fmt::format("{}: rateOf() is not supported; write the rate out", scope.what));
    default: break;
  }
  const char* name = node->getName();
  const std::unique_ptr<char, void (*)(void*)> text(::SBML_formulaToL3String(node), std::free);
  fail(scope.line, fmt::format("{}: '{}' is not supported in formulas", scope.what, name != nullptr ? name : text ? text.get() : "?"));
}

/// The kinetic law with its local parameters. A law may name another reaction: its rate.
Formula Reader::law(const ::Reaction& reaction) {
  const std::string what = named("reaction", reaction.getId());
  const auto* kinetic = reaction.getKineticLaw();
  if (kinetic == nullptr || kinetic->getMath() == nullptr) fail(reaction.getLine(), fmt::format("{} has no kinetic law: nothing says how fast it is", what));
  if (std::find(laws_.begin(), laws_.end(), reaction.getId()) != laws_.end()) fail(reaction.getLine(), fmt::format("{}: kinetic laws name each other in a circle: {} -> {}", what, join(laws_, " -> "), reaction.getId()));
  laws_.push_back(reaction.getId());
  Scope scope{{}, what, kinetic->getLine()};
  for (unsigned k = 0; k < kinetic->getNumParameters(); ++k) {
    const std::string id = kinetic->getParameter(k)->getId();
    scope.names.emplace(id, Formula::variable(reaction.getId() + "." + id));
  }
  Formula result = convert(kinetic->getMath(), scope);
  laws_.pop_back();
  return result;
}

// -------------------------------------------------------------------------------------------------------------- elements

void Reader::read_quantities(ProcessSpec& spec) {
  const auto initial_formula = [&](const std::string& id, const char* what) -> std::optional<Formula> {
    const auto found = initial_.find(id);
    if (found == initial_.end()) return std::nullopt;
    const Scope scope{{}, fmt::format("initial assignment of {}", named(what, id)), found->second->getLine()};
    return convert(found->second->getMath(), scope);
  };
  const auto assigned = [&](const std::string& id) {
    const auto rule = rules_.find(id);
    return rule != rules_.end() && rule->second->isAssignment();
  };
  const auto plain = [&](ProcessSpec::Quantity q, const std::string& id, const char* what, bool set, double value) {
    q.observed = varying_.contains(id);
    if (const auto formula = initial_formula(id, what)) q.initial = formula;
    else if (set && !assigned(id)) {
      q.initial = number(value);
      q.parameter = parameter_name(q.name);
    }
    spec.quantities.push_back(std::move(q));
  };
  for (unsigned i = 0; i < model_.getNumCompartments(); ++i) {
    const auto* c = model_.getCompartment(i);
    const std::string name = c->getName();
    plain({.name = rename(c->getId()), .unit = unit_kind(c->getUnits().empty() ? "1" : c->getUnits(), nullptr), .doc = name.empty() ? "size of compartment " + c->getId() : "size of " + name}, c->getId(),
          "compartment", c->isSetSize(), c->getSize());
  }
  for (unsigned i = 0; i < model_.getNumParameters(); ++i) {
    const auto* p = model_.getParameter(i);
    plain({.name = rename(p->getId()), .unit = p->getUnits().empty() ? "1" : unit_kind(p->getUnits(), nullptr), .doc = p->getName().empty() ? "parameter of the model" : p->getName()}, p->getId(), "parameter",
          p->isSetValue(), p->getValue());
  }
  for (const auto& [id, reference] : references_)
    plain({.name = rename(id), .doc = "stoichiometry of " + reference->getSpecies()}, id, "stoichiometry", reference->isSetStoichiometry(), reference->getStoichiometry());
  for (unsigned i = 0; i < model_.getNumReactions(); ++i) {
    const auto* r = model_.getReaction(i);
    const auto* kinetic = r->getKineticLaw();
    for (unsigned k = 0; kinetic != nullptr && k < kinetic->getNumParameters(); ++k) {
      const auto* p = kinetic->getParameter(k);
      ProcessSpec::Quantity q{.name = r->getId() + "." + p->getId(), .unit = p->getUnits().empty() ? "1" : unit_kind(p->getUnits(), nullptr), .doc = fmt::format("{} of reaction {}", p->getId(), r->getId())};
      if (p->isSetValue()) {
        q.initial = number(p->getValue());
        q.parameter = parameter_name(r->getId() + "_" + p->getId());
      }
      spec.quantities.push_back(std::move(q));
    }
  }
  std::set<std::string> not_counted;
  for (unsigned i = 0; i < model_.getNumSpecies(); ++i) {
    const auto* s = model_.getSpecies(i);
    const std::string id = s->getId(), name = rename(id);
    ProcessSpec::Quantity q{.name = name, .unit = unit_of_substance(*s), .doc = "initial " + (s->getName().empty() ? id : s->getName()), .observed = true, .counted = true};
    if (q.unit != "molecules" && not_counted.insert(q.unit).second) {}
    const bool concentration = concentration_state(id);
    std::optional<Formula> start;
    std::string parameter;
    if (const auto formula = initial_formula(id, "species")) start = concentration ? *formula : to_amount(*s, *formula);
    else if (s->isSetInitialAmount() && !assigned(id)) {
      start = number(s->getInitialAmount());
      if (concentration) start = *start / size_of(*s);
      else parameter = parameter_name(name + "0");
    } else if (s->isSetInitialConcentration() && !assigned(id)) {
      // A number of its own, so that it can be set: concentration times size is the amount.
      ProcessSpec::Quantity density{.name = name + "0_per_volume", .unit = "1", .doc = "initial concentration of " + (s->getName().empty() ? id : s->getName()), .initial = number(s->getInitialConcentration())};
      density.parameter = parameter_name(density.name);
      if (density.parameter.empty()) density.name = "[" + name + "]0";
      start = concentration ? Formula::variable(density.name) : Formula::variable(density.name) * size_of(*s);
      spec.quantities.push_back(std::move(density));
    }
    if (concentration) {
      spec.quantities.push_back({.name = "[" + name + "]", .doc = "concentration of " + id, .initial = start});
      spec.assignments.push_back({name, Formula::variable("[" + name + "]") * size_of(*s)});
    } else {
      q.initial = start;
      q.parameter = parameter;
    }
    spec.quantities.push_back(std::move(q));
  }
  if (!not_counted.empty())
    spec.not_counts = fmt::format("amounts are in {}, not in molecules; exact simulation counts molecules (unit 'item')", join(std::vector<std::string>(not_counted.begin(), not_counted.end())));
}

void Reader::read_reaction(const ::Reaction& r, ProcessSpec& spec) {
  const auto term = [](const ::SpeciesReference* s) {
    const double count = s->isSetStoichiometry() ? s->getStoichiometry() : 1;
    return count == 1 ? s->getSpecies() : fmt::format("{} {}", exact(count), s->getSpecies());
  };
  std::vector<std::string> left, right;
  for (unsigned k = 0; k < r.getNumReactants(); ++k) left.push_back(term(r.getReactant(k)));
  for (unsigned k = 0; k < r.getNumProducts(); ++k) right.push_back(term(r.getProduct(k)));
  ProcessSpec::Reaction reaction{.text = fmt::format("{}: {} -> {}", named("reaction", r.getId()), left.empty() ? "0" : join(left, " + "), right.empty() ? "0" : join(right, " + ")),
                                 .changes = {}, .rate = law(r), .reversible = r.getReversible()};
  if (says_mass_action(r.getKineticLaw()))
    if (const auto product = kinetics::falling_product(reaction.rate)) reaction.macroscopic = product->powers();
  const auto side = [&](const ::SpeciesReference* s, double sign) {
    const auto* species = model_.getSpecies(s->getSpecies());
    if (species == nullptr) fail(s->getLine(), fmt::format("{}: unknown species '{}'", named("reaction", r.getId()), s->getSpecies()));
    if (species->getBoundaryCondition() || species->getConstant()) return;
    Formula amount = number(1);
    if (s->isSetStoichiometryMath()) {
      const Scope scope{{}, fmt::format("{}: stoichiometry of '{}'", named("reaction", r.getId()), s->getSpecies()), s->getLine()};
      amount = convert(s->getStoichiometryMath()->getMath(), scope);
    } else if (level_ == 3 && s->isSetId()) {
      amount = Formula::variable(rename(s->getId()));
    } else if (s->isSetStoichiometry() || level_ < 3) {
      amount = number(s->getStoichiometry() / (level_ < 3 ? s->getDenominator() : 1));
    } else {
      fail(s->getLine(), fmt::format("{}: '{}' has no stoichiometry", named("reaction", r.getId()), s->getSpecies()));
    }
    std::string factor = species->isSetConversionFactor() ? species->getConversionFactor() : level_ == 3 && model_.isSetConversionFactor() ? model_.getConversionFactor() : "";
    if (!factor.empty()) amount = amount * Formula::variable(rename(factor));
    reaction.changes.push_back({rename(s->getSpecies()), number(sign) * amount});
  };
  for (unsigned k = 0; k < r.getNumReactants(); ++k) side(r.getReactant(k), -1);
  for (unsigned k = 0; k < r.getNumProducts(); ++k) side(r.getProduct(k), 1);
  spec.reactions.push_back(std::move(reaction));
}

void Reader::read_event(const ::Event& e, std::size_t index, ProcessSpec& spec) {
  const std::string id = e.getId().empty() ? fmt::format("number {}", index + 1) : e.getId();
  const Scope scope{{}, named("event", id), e.getLine()};
  if (!e.isSetTrigger() || e.getTrigger()->getMath() == nullptr) {  // Level 3 Version 2: it never fires
    spec.notes.push_back(fmt::format("event '{}' has no trigger: it never fires", id));
    return;
  }
  const auto* trigger = e.getTrigger();
  ProcessSpec::Event event{.name = id, .trigger = convert(trigger->getMath(), scope)};
  if (level_ == 3) {
    event.initially = trigger->getInitialValue();
    event.persistent = trigger->getPersistent();
  }
  event.values_from_trigger = e.getUseValuesFromTriggerTime();
  if (e.isSetDelay() && e.getDelay()->getMath() != nullptr) event.delay = convert(e.getDelay()->getMath(), scope);
  if (e.isSetPriority() && e.getPriority()->getMath() != nullptr) event.priority = convert(e.getPriority()->getMath(), scope);
  std::map<std::string, Formula> sizes;  // new sizes of compartments that this event assigns
  std::set<std::string> set_here;
  for (unsigned k = 0; k < e.getNumEventAssignments(); ++k) {
    const auto* a = e.getEventAssignment(k);
    if (a->getMath() == nullptr) continue;
    if (!set_here.insert(a->getVariable()).second) fail(a->getLine(), fmt::format("event '{}' assigns '{}' twice", id, a->getVariable()));
    if (model_.getCompartment(a->getVariable()) != nullptr) sizes.emplace(rename(a->getVariable()), convert(a->getMath(), scope));
  }
  for (unsigned k = 0; k < e.getNumEventAssignments(); ++k) {
    const auto* a = e.getEventAssignment(k);
    const std::string variable = a->getVariable();
    if (a->getMath() == nullptr) continue;
    const Formula value = convert(a->getMath(), scope);
    const auto* s = model_.getSpecies(variable);
    if (s == nullptr) {
      if (model_.getCompartment(variable) == nullptr && model_.getParameter(variable) == nullptr && !references_.contains(variable))
        fail(a->getLine(), fmt::format("event '{}' assigns '{}', which is no species, compartment, parameter or stoichiometry", id, variable));
      event.assignments.push_back({rename(variable), value});
    } else if (concentration_state(variable)) {
      event.assignments.push_back({"[" + rename(variable) + "]", value});
    } else {
      event.assignments.push_back({rename(variable), in_concentration(*s) ? value * size_of(*s).substitute(sizes) : value});
    }
  }
  // A compartment that changes its size keeps the amounts in it: concentrations that are states of their own are rescaled.
  for (const std::string& species : concentration_states_) {
    const auto* s = model_.getSpecies(species);
    const auto size = sizes.find(rename(s->getCompartment()));
    if (size == sizes.end() || set_here.contains(species)) continue;
    const std::string state = "[" + rename(species) + "]";
    event.assignments.push_back({state, Formula::variable(state) * size_of(*s) / size->second});
  }
  spec.events.push_back(std::move(event));
}

ProcessSpec Reader::read() {
  ProcessSpec spec;
  spec.title = model_.getName().empty() ? model_.getId() : model_.getName();
  std::string time = level_ == 3 ? model_.getTimeUnits() : model_.getUnitDefinition("time") != nullptr ? "time" : "";
  spec.time_unit = time.empty() ? "1" : unit_kind(time, nullptr);

  for (unsigned i = 0; i < model_.getNumReactions(); ++i) {
    const auto* r = model_.getReaction(i);
    const auto note = [&](const ::SpeciesReference* s) {
      if (level_ == 3 && s->isSetId()) references_.emplace(s->getId(), s);
    };
    for (unsigned k = 0; k < r->getNumReactants(); ++k) note(r->getReactant(k));
    for (unsigned k = 0; k < r->getNumProducts(); ++k) note(r->getProduct(k));
  }
  // Names that mean something else here get an underscore.
  const auto reserve = [&](const std::string& id) {
    taken_.insert(id);
    if (id != kinetics::time_name) return;
    renamed_.emplace(id, id + "_");
    taken_.insert(id + "_");
    spec.notes.push_back(fmt::format("'{}' is called '{}_' here ({} is the time)", id, id, kinetics::time_name));
  };
  for (unsigned i = 0; i < model_.getNumCompartments(); ++i) reserve(model_.getCompartment(i)->getId());
  for (unsigned i = 0; i < model_.getNumSpecies(); ++i) reserve(model_.getSpecies(i)->getId());
  for (unsigned i = 0; i < model_.getNumParameters(); ++i) reserve(model_.getParameter(i)->getId());
  for (const auto& [id, reference] : references_) reserve(id);
  // A constant's own id is its parameter's name.
  for (unsigned i = 0; i < model_.getNumCompartments(); ++i) taken_.erase(rename(model_.getCompartment(i)->getId()));
  for (unsigned i = 0; i < model_.getNumParameters(); ++i) taken_.erase(rename(model_.getParameter(i)->getId()));
  for (const auto& [id, reference] : references_) taken_.erase(rename(id));

  for (unsigned i = 0; i < model_.getNumInitialAssignments(); ++i)
    if (const auto* a = model_.getInitialAssignment(i); a->getMath() != nullptr) initial_.emplace(a->getSymbol(), a);
  for (unsigned i = 0; i < model_.getNumRules(); ++i) {
    const auto* rule = model_.getRule(i);
    if (rule->getMath() == nullptr) continue;
    rules_.emplace(rule->getVariable(), rule);
    varying_.insert(rule->getVariable());
    const auto* s = model_.getSpecies(rule->getVariable());
    if (s != nullptr && rule->isRate() && in_concentration(*s)) concentration_states_.insert(rule->getVariable());
  }
  for (unsigned i = 0; i < model_.getNumEvents(); ++i)
    for (unsigned k = 0; k < model_.getEvent(i)->getNumEventAssignments(); ++k) varying_.insert(model_.getEvent(i)->getEventAssignment(k)->getVariable());

  read_quantities(spec);
  for (const auto& [variable, rule] : rules_) {
    const Scope scope{{}, fmt::format("{} rule of '{}'", rule->isRate() ? "rate" : "assignment", variable), rule->getLine()};
    const Formula value = convert(rule->getMath(), scope);
    const auto* s = model_.getSpecies(variable);
    if (s == nullptr && model_.getCompartment(variable) == nullptr && model_.getParameter(variable) == nullptr && !references_.contains(variable))
      fail(rule->getLine(), fmt::format("{}: '{}' is no species, compartment, parameter or stoichiometry", scope.what, variable));
    if (rule->isRate()) spec.rates.push_back({concentration_state(variable) ? "[" + rename(variable) + "]" : rename(variable), value});
    else spec.assignments.push_back({rename(variable), s != nullptr ? to_amount(*s, value) : value});
  }
  for (unsigned i = 0; i < model_.getNumReactions(); ++i) read_reaction(*model_.getReaction(i), spec);
  for (unsigned i = 0; i < model_.getNumEvents(); ++i) read_event(*model_.getEvent(i), i, spec);
  if (spec.reactions.empty() && spec.rates.empty() && spec.assignments.empty() && spec.events.empty())
    fail(model_.getLine(), "the model has no reactions, no rules and no events: nothing happens in it");
  if (model_.getNumSpecies() == 0 && varying_.empty()) fail(model_.getLine(), "the model has no species and no variable: there is nothing to observe");
  return spec;
}

std::string first_line(std::string text) {
  text = std::string(trim(text));
  for (char& c : text)
    if (c == '\n' || c == '\t') c = ' ';
  while (text.find("  ") != std::string::npos) text.replace(text.find("  "), 2, " ");
  return text.size() > 400 ? text.substr(0, 400) + "..." : text;
}

ProcessSpec read_document(::SBMLDocument& document, const std::string& name) {
  const auto raise_errors = [&] {
    unsigned errors = 0;
    const ::SBMLError* first = nullptr;
    for (unsigned i = 0; i < document.getNumErrors(); ++i)
      if (document.getError(i)->getSeverity() >= ::LIBSBML_SEV_ERROR) {
        if (first == nullptr) first = document.getError(i);
        ++errors;
      }
    if (first == nullptr) return;
    throw ModelError(fmt::format("{}{}: {} (SBML rule {}){}", name, first->getLine() > 0 ? fmt::format(":{}", first->getLine()) : "", first_line(first->getMessage()), first->getErrorId(),
                                 errors > 1 ? fmt::format("\n  and {} more", errors - 1) : ""));
  };
  const ::Model* model = document.getModel();
  if (model == nullptr) {
    raise_errors();
    throw ModelError(fmt::format("{}: holds no SBML model", name));
  }
  if (document.getLevel() < 2) throw ModelError(fmt::format("{}: SBML Level {} is not supported; convert the model to Level 2 or 3", name, document.getLevel()));
  for (unsigned i = 0; document.getLevel() >= 3 && i < document.getNumPlugins(); ++i) {
    const std::string package = document.getPlugin(i)->getPackageName();
    if (package == "l3v2extendedmath") continue;  // what Level 3 Version 2 added to MathML: the library's own book-keeping
    if (document.getPackageRequired(package)) throw ModelError(fmt::format("{}: the model requires the SBML package '{}', which is not supported", name, package));
  }
  for (int i = 0; i < document.getNumUnknownPackages(); ++i)
    if (document.getUnknownPackageURI(i).size() > 0 && document.getPackageRequired(document.getUnknownPackageURI(i)))
      throw ModelError(fmt::format("{}: the model requires the SBML package '{}', which is not supported", name, document.getUnknownPackagePrefix(i)));
  Reader reader(*model, name);
  // A reader's own words first; then whatever else the standard demands (units apart: an inconsistency there changes no number).
  bool broken = false;
  for (unsigned i = 0; i < document.getNumErrors(); ++i) broken = broken || document.getError(i)->getCategory() == ::LIBSBML_CAT_XML;
  if (broken) raise_errors();
  reader.check_supported();
  ProcessSpec spec = reader.read();
  raise_errors();
  document.setConsistencyChecks(::LIBSBML_CAT_UNITS_CONSISTENCY, false);
  document.setConsistencyChecks(::LIBSBML_CAT_MODELING_PRACTICE, false);
  document.setConsistencyChecks(::LIBSBML_CAT_SBO_CONSISTENCY, false);
  document.checkConsistency();
  raise_errors();
  return spec;
}

}  // namespace

kinetics::ProcessSpec read_sbml_text(const std::string& text, const std::string& name) {
  const std::unique_ptr<::SBMLDocument> document(::readSBMLFromString(text.c_str()));
  return read_document(*document, name);
}

kinetics::ProcessSpec read_sbml(const std::filesystem::path& file) {
  if (!std::filesystem::is_regular_file(file)) throw ModelError(fmt::format("{}: there is no such file", file.string()));
  return read_sbml_text(read_file(file), file.string());
}

// ---------------------------------------------------------------------------------------------------------------- export

namespace {

using Ast = std::unique_ptr<::ASTNode>;

Ast ast(::ASTNodeType_t type) { return std::make_unique<::ASTNode>(type); }

Ast math_of(const Formula& f, const std::map<std::string, std::string>& rename) {
  const Formula::Node& n = *f.root();
  const auto with = [&](ASTNodeType_t type) {
    Ast node = ast(type);
    for (const Formula& argument : n.args) node->addChild(math_of(argument, rename).release());
    return node;
  };
  switch (n.op) {
    case Op::number: {
      Ast node = ast(AST_REAL);
      node->setValue(n.value);
      return node;
    }
    case Op::variable: {
      if (n.name == kinetics::time_name) {
        Ast node = ast(AST_NAME_TIME);
        node->setName("time");
        return node;
      }
      Ast node = ast(AST_NAME);
      const auto found = rename.find(n.name);
      node->setName((found == rename.end() ? n.name : found->second).c_str());
      return node;
    }
    case Op::add: return with(AST_PLUS);
    case Op::subtract:
    case Op::negate: return with(AST_MINUS);
    case Op::multiply: return with(AST_TIMES);
    case Op::divide: return with(AST_DIVIDE);
    case Op::power: return with(AST_POWER);
    case Op::exp: return with(AST_FUNCTION_EXP);
    case Op::log: return with(AST_FUNCTION_LN);
    case Op::sqrt: {
      Ast node = ast(AST_FUNCTION_ROOT), two = ast(AST_INTEGER);
      two->setValue(2);
      node->addChild(two.release());
      node->addChild(math_of(n.args[0], rename).release());
      return node;
    }
    case Op::sin: return with(AST_FUNCTION_SIN);
    case Op::cos: return with(AST_FUNCTION_COS);
    case Op::tan: return with(AST_FUNCTION_TAN);
    case Op::tanh: return with(AST_FUNCTION_TANH);
    case Op::asin: return with(AST_FUNCTION_ARCSIN);
    case Op::acos: return with(AST_FUNCTION_ARCCOS);
    case Op::atan: return with(AST_FUNCTION_ARCTAN);
    case Op::sinh: return with(AST_FUNCTION_SINH);
    case Op::cosh: return with(AST_FUNCTION_COSH);
    case Op::asinh: return with(AST_FUNCTION_ARCSINH);
    case Op::acosh: return with(AST_FUNCTION_ARCCOSH);
    case Op::atanh: return with(AST_FUNCTION_ARCTANH);
    case Op::factorial: return with(AST_FUNCTION_FACTORIAL);
    case Op::abs: return with(AST_FUNCTION_ABS);
    case Op::floor: return with(AST_FUNCTION_FLOOR);
    case Op::less:
    case Op::less_equal:
    case Op::equal: {  // as a number: piecewise(1, a < b, 0)
      Ast node = ast(AST_FUNCTION_PIECEWISE), one = ast(AST_INTEGER), zero = ast(AST_INTEGER);
      one->setValue(1);
      zero->setValue(0);
      node->addChild(one.release());
      node->addChild(with(n.op == Op::less ? AST_RELATIONAL_LT : n.op == Op::less_equal ? AST_RELATIONAL_LEQ : AST_RELATIONAL_EQ).release());
      node->addChild(zero.release());
      return node;
    }
    case Op::min:
    case Op::max: {  // Level 3 Version 1 has no min and max
      Ast node = ast(AST_FUNCTION_PIECEWISE), smaller = ast(n.op == Op::min ? AST_RELATIONAL_LT : AST_RELATIONAL_GT);
      for (const Formula& argument : n.args) smaller->addChild(math_of(argument, rename).release());
      node->addChild(math_of(n.args[0], rename).release());
      node->addChild(smaller.release());
      node->addChild(math_of(n.args[1], rename).release());
      return node;
    }
    case Op::sign:
      return math_of(call("if", {call("lt", {number(0), n.args[0]}), number(1), call("if", {call("lt", {n.args[0], number(0)}), number(-1), number(0)})}), rename);
    case Op::select: {
      Ast node = ast(AST_FUNCTION_PIECEWISE), differs = ast(AST_RELATIONAL_NEQ), zero = ast(AST_INTEGER);
      zero->setValue(0);
      differs->addChild(math_of(n.args[0], rename).release());
      differs->addChild(zero.release());
      node->addChild(math_of(n.args[1], rename).release());
      node->addChild(differs.release());
      node->addChild(math_of(n.args[2], rename).release());
      return node;
    }
  }
  throw ModelError("a formula has an operation that SBML has no word for");
}

}  // namespace

namespace {

/// A condition as MathML has it: true or false.
Ast condition_of(const Formula& f, const std::map<std::string, std::string>& rename) {
  const Formula::Node& n = *f.root();
  const auto both = [&](ASTNodeType_t type, bool conditions) {
    Ast node = ast(type);
    for (const Formula& argument : n.args) node->addChild((conditions ? condition_of(argument, rename) : math_of(argument, rename)).release());
    return node;
  };
  switch (n.op) {
    case Op::number: return ast(n.value != 0 ? AST_CONSTANT_TRUE : AST_CONSTANT_FALSE);
    case Op::less: return both(AST_RELATIONAL_LT, false);
    case Op::less_equal: return both(AST_RELATIONAL_LEQ, false);
    case Op::equal: return both(AST_RELATIONAL_EQ, false);
    case Op::min:
    case Op::max:
      if (is_condition(f)) return both(n.op == Op::min ? AST_LOGICAL_AND : AST_LOGICAL_OR, true);
      break;
    case Op::subtract:
      if (is_condition(f)) {
        Ast node = ast(AST_LOGICAL_NOT);
        node->addChild(condition_of(n.args[1], rename).release());
        return node;
      }
      break;
    default: break;
  }
  Ast node = ast(AST_RELATIONAL_NEQ), zero = ast(AST_INTEGER);
  zero->setValue(0);
  node->addChild(math_of(f, rename).release());
  node->addChild(zero.release());
  return node;
}

/// What a reaction is written with: its name, and both sides as (state, count).
struct Sides {
  std::string name;
  std::vector<std::pair<std::size_t, double>> left, right;
};

class Writer {
 public:
  Writer(const kinetics::Process& process, double size) : process_(process), size_(size) {}
  std::string write(const std::string& title, const std::vector<Sides>& sides);

 private:
  [[nodiscard]] static bool is_id(const std::string& text) {
    return !text.empty() && (std::isalpha(static_cast<unsigned char>(text[0])) != 0 || text[0] == '_') &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 128 && (std::isalnum(c) != 0 || c == '_'); });
  }
  /// An id of its own for a name: the name itself where it is one.
  std::string id_for(const std::string& name, const std::string& otherwise) {
    std::string id = is_id(name) ? name : otherwise;
    while (!taken_.insert(id).second) id += "_";
    return id;
  }
  void add_rule(::Rule* rule, const std::string& variable, const Formula& value) {
    rule->setVariable(variable);
    rule->setMath(math_of(value, ids_).get());
  }
  void add_species(const std::string& id, const std::string& name, double amount, bool constant, bool ruled);
  void add_reaction(std::size_t r, const Sides& sides);
  void add_event(std::size_t e);

  const kinetics::Process& process_;
  double size_;
  ::Model* model_ = nullptr;
  std::string compartment_;
  std::set<std::string> taken_;
  std::map<std::string, std::string> ids_;  // name of a slot -> id
};

void Writer::add_species(const std::string& id, const std::string& name, double amount, bool constant, bool ruled) {
  ::Species* species = model_->createSpecies();
  species->setId(id);
  if (name != id) species->setName(name);
  species->setCompartment(compartment_);
  if (!ruled) species->setInitialAmount(amount);
  species->setHasOnlySubstanceUnits(true);
  species->setBoundaryCondition(constant || ruled);
  species->setConstant(constant);
}

void Writer::add_reaction(std::size_t r, const Sides& sides) {
  const kinetics::Process::Reaction& reaction = process_.reactions[r];
  ::Reaction* out = model_->createReaction();
  std::string own = sides.name.starts_with("reaction '") ? sides.name.substr(10, sides.name.find('\'', 10) - 10) : "";  // of a model file
  out->setId(id_for(own, fmt::format("reaction_{}", r + 1)));
  out->setName(sides.name);
  out->setReversible(reaction.reversible);
  out->setFast(false);
  std::set<std::string> written;
  const auto reference = [&](std::size_t slot, bool left) {
    ::SpeciesReference* s = left ? out->createReactant() : out->createProduct();
    s->setSpecies(ids_.at(process_.names[slot]));
    written.insert(process_.names[slot]);
    return s;
  };
  for (const bool left : {true, false})
    for (const auto& [slot, count] : left ? sides.left : sides.right) {
      ::SpeciesReference* s = reference(slot, left);
      s->setStoichiometry(count);
      s->setConstant(true);
    }
  for (const auto& [slot, amount] : reaction.varying) {
    ::SpeciesReference* s = reference(slot, false);
    const std::string id = id_for("", fmt::format("stoichiometry_{}_{}", r + 1, slot + 1));
    s->setId(id);
    s->setConstant(false);
    add_rule(model_->createAssignmentRule(), id, amount);
  }
  for (const std::string& name : reaction.rate.variables())
    if (name != kinetics::time_name && model_->getSpecies(ids_.at(name)) != nullptr && written.insert(name).second) out->createModifier()->setSpecies(ids_.at(name));
  ::KineticLaw* kinetic = out->createKineticLaw();
  kinetic->setMath(math_of(reaction.rate, ids_).get());
  if (reaction.macroscopic && reaction.macroscopic->text() != reaction.rate.text())
    kinetic->setAnnotation(fmt::format("<annotation><{} xmlns=\"{}\"/></annotation>", mass_action, own_annotations));
}

void Writer::add_event(std::size_t e) {
  const kinetics::Process::Event& event = process_.events[e];
  ::Event* out = model_->createEvent();
  const std::string id = id_for(event.name, fmt::format("event_{}", e + 1));
  out->setId(id);
  if (event.name != id) out->setName(event.name);
  out->setUseValuesFromTriggerTime(event.values_from_trigger);
  ::Trigger* trigger = out->createTrigger();
  trigger->setInitialValue(event.initially);
  trigger->setPersistent(event.persistent);
  trigger->setMath(condition_of(event.trigger, ids_).get());
  if (event.delay) out->createDelay()->setMath(math_of(*event.delay, ids_).get());
  if (event.priority) out->createPriority()->setMath(math_of(*event.priority, ids_).get());
  for (const auto& [slot, value] : event.assignments) {
    ::EventAssignment* assignment = out->createEventAssignment();
    assignment->setVariable(ids_.at(process_.names[slot]));
    assignment->setMath(math_of(value, ids_).get());
  }
}

std::string Writer::write(const std::string& title, const std::vector<Sides>& sides) {
  const kinetics::Process& p = process_;
  ::SBMLDocument document(3, 1);
  model_ = document.createModel();
  if (!title.empty()) model_->setName(title);
  if (p.time_unit == "s") model_->setTimeUnits("second");
  std::string unit = "item";
  if (!p.not_counts.empty()) {
    unit = "mole";
    for (const auto& observed : p.observed)
      if (observed.counted && observed.unit != "mol") throw ModelError(fmt::format("cannot be written in SBML here: {} is in {}; amounts are written in molecules or in mol", observed.name, observed.unit));
  }
  model_->setSubstanceUnits(unit);
  model_->setExtentUnits(unit);

  // A state that counts, or that reactions change, is a species; others are parameters.
  std::vector<char> is_species(p.counted.begin(), p.counted.end());
  for (const auto& r : p.reactions) {
    for (const auto& [slot, amount] : r.change) is_species[slot] = 1;
    for (const auto& [slot, amount] : r.varying) is_species[slot] = 1;
  }
  for (const bool names : {true, false})  // names that are ids first, so that they keep them; the last slot is the time
    for (std::size_t slot = 0; slot + 1 < p.names.size(); ++slot)
      if (is_id(p.names[slot]) == names) ids_[p.names[slot]] = id_for(p.names[slot], fmt::format("quantity_{}", slot + 1));
  model_->setId(id_for("network", "network"));
  compartment_ = id_for("compartment", "compartment");
  ::Compartment* c = model_->createCompartment();
  c->setId(compartment_);
  c->setSpatialDimensions(3.0);
  c->setSize(size_);
  c->setConstant(true);

  for (std::size_t slot = 0; slot < p.n_states; ++slot) {
    const std::string& name = p.names[slot];
    if (is_species[slot] != 0) add_species(ids_.at(name), name, p.initial[slot], false, false);
  }
  for (const auto& observed : p.observed) {
    if (!observed.counted) continue;
    if (observed.slot == kinetics::Process::npos) add_species(id_for(observed.name, "constant_species"), observed.name, observed.value, true, false);
    else if (observed.slot >= p.n_states) add_species(ids_.at(observed.name), observed.name, 0, false, true);
  }
  const auto add_parameter = [&](const std::string& name, std::optional<double> value) {
    ::Parameter* parameter = model_->createParameter();
    parameter->setId(ids_.at(name));
    if (ids_.at(name) != name) parameter->setName(name);
    if (value) parameter->setValue(*value);
    parameter->setConstant(false);
  };
  for (std::size_t slot = 0; slot < p.n_states; ++slot)
    if (is_species[slot] == 0) add_parameter(p.names[slot], std::isfinite(p.initial[slot]) ? std::optional(p.initial[slot]) : std::nullopt);
  for (std::size_t k = 0; k < p.n_assigned; ++k) {
    const std::string& name = p.names[p.n_states + k];
    if (model_->getSpecies(ids_.at(name)) == nullptr) add_parameter(name, std::nullopt);
    add_rule(model_->createAssignmentRule(), ids_.at(name), p.assigned[k]);
  }
  for (std::size_t slot = 0; slot < p.n_states; ++slot)
    if (p.rates[slot]) add_rule(model_->createRateRule(), ids_.at(p.names[slot]), *p.rates[slot]);
  for (std::size_t r = 0; r < p.reactions.size(); ++r) add_reaction(r, sides[r]);
  for (std::size_t e = 0; e < p.events.size(); ++e) add_event(e);
  const std::unique_ptr<char, void (*)(void*)> text(::writeSBMLToString(&document), std::free);
  return text.get();
}

}  // namespace

std::string write_sbml(const kinetics::Network& network, const std::string& title) {
  for (const auto& law : network.start_laws)
    if (law.kind != kinetics::CountLaw::Kind::point)
      throw ModelError(fmt::format("the initial count of {} is drawn from a law; random numbers have no words in SBML", network.species[static_cast<std::size_t>(&law - network.start_laws.data())]));
  for (const kinetics::OpenConstant& constant : network.open_constants)
    if (constant.law) throw ModelError(fmt::format("noise: '{}' is drawn per trajectory; random numbers have no words in SBML", constant.name));
  std::vector<Sides> sides;
  for (const kinetics::Reaction& reaction : network.reactions) {
    const std::string label = fmt::format("{}reaction '{}'", reaction.where.empty() ? "" : reaction.where + ": ", reaction.text);
    if (!reaction.bursts.empty()) throw ModelError(label + ": a product drawn from a law (burst) has no words in SBML");
    if (reaction.delay) throw ModelError(label + ": products that come after a delay have no words in SBML");
    sides.push_back({reaction.text, {reaction.reactants.begin(), reaction.reactants.end()}, {reaction.products.begin(), reaction.products.end()}});
  }
  return Writer(kinetics::process_of(network), network.volume).write(title, sides);
}

std::string write_sbml(const kinetics::Process& process, const std::string& title) {
  if (!process.drawn.empty() || !process.start_laws.empty()) throw ModelError("numbers are drawn per trajectory; random numbers have no words in SBML");
  std::vector<Sides> sides;
  for (const auto& reaction : process.reactions) {
    if (reaction.delay) throw ModelError(fmt::format("{}: products that come after a delay have no words in SBML", reaction.text));
    sides.push_back({reaction.text, {}, {}});
    for (const auto& [slot, amount] : reaction.change) (amount < 0 ? sides.back().left : sides.back().right).emplace_back(slot, std::abs(amount));
  }
  return Writer(process, 1).write(title, sides);
}

std::string write_sbml(const Case& bound, const std::string& system, const std::string& title) {
  const kinetics::Described* from = kinetics::described(bound);
  if (from == nullptr) throw InputError(fmt::format("'{}' is no reaction network: only those are written as SBML", system));
  try {
    return from->network ? write_sbml(*from->network, title) : write_sbml(*from->process, title);
  } catch (const ModelError& error) {
    throw ModelError(fmt::format("{} cannot be exported: {}", system, error.what()));
  }
}

}  // namespace meso::exchange

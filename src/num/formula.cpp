#include "num/formula.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/text.h"

namespace meso::num {
namespace {

using Node = Formula::Node;

struct Function {
  const char* name;
  Op op;
  const char* latex;
};
constexpr std::array<Function, 25> functions{{{"exp", Op::exp, "\\exp"},
                                              {"log", Op::log, "\\ln"},
                                              {"sqrt", Op::sqrt, "\\sqrt"},
                                              {"sin", Op::sin, "\\sin"},
                                              {"cos", Op::cos, "\\cos"},
                                              {"tan", Op::tan, "\\tan"},
                                              {"tanh", Op::tanh, "\\tanh"},
                                              {"abs", Op::abs, ""},
                                              {"sign", Op::sign, "\\operatorname{sign}"},
                                              {"floor", Op::floor, ""},
                                              {"min", Op::min, "\\min"},
                                              {"max", Op::max, "\\max"},
                                              {"asin", Op::asin, "\\arcsin"},
                                              {"acos", Op::acos, "\\arccos"},
                                              {"atan", Op::atan, "\\arctan"},
                                              {"sinh", Op::sinh, "\\sinh"},
                                              {"cosh", Op::cosh, "\\cosh"},
                                              {"asinh", Op::asinh, "\\operatorname{arsinh}"},
                                              {"acosh", Op::acosh, "\\operatorname{arcosh}"},
                                              {"atanh", Op::atanh, "\\operatorname{artanh}"},
                                              {"factorial", Op::factorial, ""},
                                              {"lt", Op::less, "<"},
                                              {"le", Op::less_equal, "\\le"},
                                              {"eq", Op::equal, "="},
                                              {"if", Op::select, ""}}};

/// Arguments that a function takes.
std::size_t arity(Op op) {
  switch (op) {
    case Op::min:
    case Op::max:
    case Op::less:
    case Op::less_equal:
    case Op::equal: return 2;
    case Op::select: return 3;
    default: return 1;
  }
}

const Function& function_of(Op op) {
  return *std::find_if(functions.begin(), functions.end(), [op](const Function& f) { return f.op == op; });
}

/// x^n by squaring: polynomials are evaluated without pow, with the same bits on every machine.
double integer_power(double x, int n) {
  double result = 1;
  for (unsigned k = static_cast<unsigned>(std::abs(n)); k != 0; k >>= 1) {
    if (k & 1) result *= x;
    x *= x;
  }
  return n < 0 ? 1 / result : result;
}

double power(double x, double y) {
  if (y == std::floor(y) && std::abs(y) <= 64) return integer_power(x, static_cast<int>(y));
  return std::pow(x, y);
}

}  // namespace

// The one definition of what an operation computes: folding, programs and vector kernels share it.
double apply(Op op, double a, double b) {
  switch (op) {
    case Op::add: return a + b;
    case Op::subtract: return a - b;
    case Op::multiply: return a * b;
    case Op::divide: return a / b;
    case Op::negate: return -a;
    case Op::power: return power(a, b);
    case Op::exp: return std::exp(a);
    case Op::log: return std::log(a);
    case Op::sqrt: return std::sqrt(a);
    case Op::sin: return std::sin(a);
    case Op::cos: return std::cos(a);
    case Op::tan: return std::tan(a);
    case Op::tanh: return std::tanh(a);
    case Op::abs: return std::abs(a);
    case Op::sign: return a > 0 ? 1 : a < 0 ? -1 : a;  // NaN stays NaN
    case Op::floor: return std::floor(a);
    case Op::min: return b < a || std::isnan(b) ? b : a;
    case Op::max: return b > a || std::isnan(b) ? b : a;
    case Op::asin: return std::asin(a);
    case Op::acos: return std::acos(a);
    case Op::atan: return std::atan(a);
    case Op::sinh: return std::sinh(a);
    case Op::cosh: return std::cosh(a);
    case Op::asinh: return std::asinh(a);
    case Op::acosh: return std::acosh(a);
    case Op::atanh: return std::atanh(a);
    case Op::factorial: return a == std::floor(a) && a >= 0 && a < 171 ? std::round(std::tgamma(a + 1)) : std::tgamma(a + 1);
    case Op::less: return std::isnan(a) || std::isnan(b) ? a + b : a < b ? 1 : 0;
    case Op::less_equal: return std::isnan(a) || std::isnan(b) ? a + b : a <= b ? 1 : 0;
    case Op::equal: return std::isnan(a) || std::isnan(b) ? a + b : a == b ? 1 : 0;
    case Op::select:  // three arguments: chosen where the arguments are
    case Op::number:
    case Op::variable: break;
  }
  return a;
}

namespace {

Formula node(Op op, std::vector<Formula> args) { return Formula(std::make_shared<const Node>(Node{op, 0, {}, std::move(args)})); }

bool is_number(const Formula& f, double& value) {
  if (f.root()->op != Op::number) return false;
  value = f.root()->value;
  return true;
}
bool is_number_equal(const Formula& f, double value) { return f.root()->op == Op::number && f.root()->value == value; }

Formula make(Op op, std::vector<Formula> args);

/// -2*x -> 2*x and -2/x -> 2/x, so that a sum reads "a - 2*x"; nothing for anything else.
std::optional<Formula> without_sign(const Formula& f) {
  const Node& n = *f.root();
  double value = 0;
  if (n.op == Op::multiply || n.op == Op::divide) {
    if (is_number(n.args[0], value)) return value < 0 ? std::optional(make(n.op, {Formula::constant(-value), n.args[1]})) : std::nullopt;
    if (const auto positive = without_sign(n.args[0])) return make(n.op, {*positive, n.args[1]});
  }
  return std::nullopt;
}

/// The node for op(args), folded if it is a finite constant, with neutral elements dropped.
Formula make(Op op, std::vector<Formula> args) {
  double a = 0, b = 0;
  if (op == Op::select) return is_number(args[0], a) ? args[a != 0 ? 1 : 2] : node(op, std::move(args));
  bool constant = true;
  if (!args.empty()) constant = is_number(args[0], a);
  if (args.size() > 1) {
    const bool second = is_number(args[1], b);
    constant = constant && second;
  }
  if (constant) {
    const double value = apply(op, a, b);
    if (std::isfinite(value)) return Formula::constant(value);
    return node(op, std::move(args));  // 1/0 stays as written, so that a message can show it
  }
  const auto is_negation = [](const Formula& f) { return f.root()->op == Op::negate; };
  switch (op) {
    case Op::add:
      if (is_number_equal(args[0], 0)) return args[1];
      if (is_number_equal(args[1], 0)) return args[0];
      if (is_negation(args[1])) return make(Op::subtract, {args[0], args[1].root()->args[0]});
      if (is_number(args[1], b) && b < 0) return make(Op::subtract, {args[0], Formula::constant(-b)});
      if (const auto positive = without_sign(args[1])) return make(Op::subtract, {args[0], *positive});
      break;
    case Op::subtract:
      if (is_number_equal(args[0], 0)) return make(Op::negate, {args[1]});
      if (is_number_equal(args[1], 0)) return args[0];
      if (is_negation(args[1])) return make(Op::add, {args[0], args[1].root()->args[0]});
      if (is_number(args[1], b) && b < 0) return make(Op::add, {args[0], Formula::constant(-b)});
      if (const auto positive = without_sign(args[1])) return make(Op::add, {args[0], *positive});
      break;
    case Op::multiply:
      for (const int i : {0, 1}) {
        const auto at = static_cast<std::size_t>(i);
        if (is_number_equal(args[at], 0)) return Formula::constant(0);
        if (is_number_equal(args[at], 1)) return args[1 - at];
        if (is_number_equal(args[at], -1)) return make(Op::negate, {args[1 - at]});
      }
      if (is_negation(args[0])) return make(Op::negate, {make(Op::multiply, {args[0].root()->args[0], args[1]})});
      if (is_negation(args[1])) return make(Op::negate, {make(Op::multiply, {args[0], args[1].root()->args[0]})});
      break;
    case Op::divide:
      if (is_number_equal(args[0], 0)) return Formula::constant(0);
      if (is_number_equal(args[1], 1)) return args[0];
      if (is_number_equal(args[1], -1)) return make(Op::negate, {args[0]});
      if (is_negation(args[0])) return make(Op::negate, {make(Op::divide, {args[0].root()->args[0], args[1]})});
      break;
    case Op::negate:
      if (is_negation(args[0])) return args[0].root()->args[0];
      if (const auto positive = without_sign(args[0])) return *positive;
      break;
    case Op::power:
      if (is_number_equal(args[1], 0)) return Formula::constant(1);
      if (is_number_equal(args[1], 1)) return args[0];
      if (is_number_equal(args[0], 1)) return Formula::constant(1);
      break;
    default: break;
  }
  return node(op, std::move(args));
}

// ------------------------------------------------------------------------------------------------------------ parser

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Formula whole() {
    Formula result = sum();
    skip_blanks();
    if (at_ < text_.size()) {
      const char c = text_[at_];
      if (is_letter(c) || is_digit(c) || c == '(') fail(at_, fmt::format("found {}; expected an operator (write '*' for a product)", found()));
      if (c == ')') fail(at_, "found ')' without a '(' before it");
      fail(at_, fmt::format("found {}; expected an operator + - * / ^ or the end", found()));
    }
    return result;
  }

 private:
  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  std::string found() const {
    if (at_ >= text_.size()) return "the end";
    std::size_t end = at_ + 1;
    if (is_letter(text_[at_]) || is_digit(text_[at_]))
      while (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end]))) ++end;
    while (end < text_.size() && (static_cast<unsigned char>(text_[end]) & 0xc0) == 0x80) ++end;  // a whole UTF-8 character
    return fmt::format("'{}'", text_.substr(at_, end - at_));
  }
  [[noreturn]] void fail(std::size_t position, const std::string& what) const {
    throw ModelError(fmt::format("formula, position {}: {}\n  {}\n  {:>{}}", position + 1, what, text_, "^", position + 1));
  }
  bool accept(char c) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  struct Deeper {  // guards the call stack against ((((...
    explicit Deeper(Parser& p) : parser(p) {
      if (++parser.depth_ > 200) parser.fail(parser.at_, "nested deeper than 200 levels");
    }
    ~Deeper() { --parser.depth_; }
    Parser& parser;
  };

  void count_node() {  // a sum of n terms is a tree of depth n: keeps recursion over it harmless
    if (++nodes_ > 5000) fail(at_, "longer than 5,000 terms");
  }

  Formula sum() {
    const Deeper guard(*this);
    Formula left = product();
    while (true) {
      if (accept('+')) left = make(Op::add, {left, product()});
      else if (accept('-')) left = make(Op::subtract, {left, product()});
      else return left;
      count_node();
    }
  }
  Formula product() {
    Formula left = signed_factor();
    while (true) {
      if (accept('*')) {
        if (at_ < text_.size() && text_[at_] == '*') fail(at_ - 1, "found '**'; a power is written '^'");
        left = make(Op::multiply, {left, signed_factor()});
      } else if (accept('/')) {
        left = make(Op::divide, {left, signed_factor()});
      } else {
        return left;
      }
      count_node();
    }
  }
  Formula signed_factor() {
    const Deeper guard(*this);
    if (accept('-')) return make(Op::negate, {signed_factor()});
    if (accept('+')) return signed_factor();
    const Formula base = primary();
    if (!accept('^')) return base;
    return make(Op::power, {base, signed_factor()});  // to the right, and 2^-3 is allowed
  }
  Formula primary() {
    count_node();
    skip_blanks();
    if (at_ >= text_.size()) fail(at_, text_.empty() || trim(text_).empty() ? "is empty" : "found the end; expected a number, a name or '('");
    const char c = text_[at_];
    if (accept('(')) {
      const std::size_t open = at_ - 1;
      Formula inside = sum();
      close(open);
      return inside;
    }
    if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) return number();
    if (is_letter(c)) return name();
    fail(at_, fmt::format("found {}; expected a number, a name or '('", found()));
  }
  void close(std::size_t open) {
    if (accept(')')) return;
    skip_blanks();
    if (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]) || text_[at_] == '('))
      fail(at_, fmt::format("found {}; expected an operator (write '*' for a product)", found()));
    fail(at_, fmt::format("found {}; expected ')' for the '(' at position {}", found(), open + 1));
  }
  Formula number() {
    const char* begin = text_.data() + at_;
    double value = 0;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    const std::size_t start = at_;
    at_ += static_cast<std::size_t>(end - begin);
    if (error != std::errc() || !std::isfinite(value)) fail(start, fmt::format("the number {} is out of range", std::string(begin, end)));
    return Formula::constant(value);
  }
  Formula name() {
    const std::size_t start = at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) ++at_;
    const std::string name(text_.substr(start, at_ - start));
    if (!accept('(')) return Formula::variable(name);
    const std::size_t open = at_ - 1;
    std::vector<Formula> arguments;
    arguments.push_back(sum());
    while (accept(',')) arguments.push_back(sum());
    close(open);
    try {
      return Formula::call(name, std::move(arguments));
    } catch (const ModelError& error) {
      fail(start, error.what());
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0, nodes_ = 0;
};

// ------------------------------------------------------------------------------------------------------------- text

// Precedences: 1 sum, 2 product and minus sign, 3 power, 4 atom.
int precedence(const Formula& f) {
  switch (f.root()->op) {
    case Op::add:
    case Op::subtract: return 1;
    case Op::multiply:
    case Op::divide:
    case Op::negate: return 2;
    case Op::power: return 3;
    case Op::number: return f.root()->value < 0 ? 2 : 4;
    default: return 4;
  }
}

std::string latex_number(double value) {
  const std::string text = exact(value);
  const auto e = text.find('e');
  if (e == std::string::npos) return text;
  const std::string mantissa = text.substr(0, e);
  const int exponent = std::stoi(text.substr(e + 1));
  const std::string power = fmt::format("10^{{{}}}", exponent);
  if (mantissa == "1") return power;
  return fmt::format("{} \\cdot {}", mantissa, power);
}

std::string latex_name(const std::string& name) {
  static const std::set<std::string> greek{"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi", "pi", "rho",
                                           "sigma", "tau", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega"};
  if (name == "volume") return "\\Omega";
  std::string stem = name, index;
  if (const auto at = name.find('_'); at != std::string::npos && at > 0) {
    stem = name.substr(0, at);
    index = name.substr(at + 1);
  } else {
    std::size_t digits = name.size();
    while (digits > 1 && name[digits - 1] >= '0' && name[digits - 1] <= '9') --digits;
    stem = name.substr(0, digits);
    index = name.substr(digits);
  }
  const auto escaped = [](std::string text) {
    for (std::size_t at = 0; (at = text.find('_', at)) != std::string::npos; at += 2) text.insert(at, "\\");
    return text;
  };
  std::string result = greek.contains(stem) ? "\\" + stem : stem.size() == 1 && stem != "_" ? stem : "\\mathrm{" + escaped(stem) + "}";
  if (!index.empty()) {
    const bool plain = index.size() == 1 || std::all_of(index.begin(), index.end(), [](char c) { return c >= '0' && c <= '9'; });
    result += plain ? "_{" + escaped(index) + "}" : "_{\\mathrm{" + escaped(index) + "}}";
  }
  return result;
}

std::string write(const Formula& f, bool latex);

/// f, in parentheses if it binds less tightly than `least`.
std::string bracketed(const Formula& f, int least, bool latex) {
  const std::string inside = write(f, latex);
  if (precedence(f) >= least) return inside;
  return latex ? "\\left(" + inside + "\\right)" : "(" + inside + ")";
}

/// 0/0 and the like, which stay as written: a minus in front of them must not be read as one of the zero.
bool leads_with_zero(const Formula& f) {
  if (f.root()->op == Op::multiply || f.root()->op == Op::divide) return leads_with_zero(f.root()->args[0]);
  return is_number_equal(f, 0);
}

std::string write(const Formula& f, bool latex) {
  const Node& n = *f.root();
  switch (n.op) {
    case Op::number: return latex ? latex_number(n.value) : exact(n.value);
    case Op::variable: return latex ? latex_name(n.name) : n.name;
    case Op::add: return write(n.args[0], latex) + " + " + bracketed(n.args[1], 2, latex);
    case Op::subtract: return write(n.args[0], latex) + " - " + bracketed(n.args[1], 2, latex);
    case Op::multiply: {
      // A minus sign inside a product stands in parentheses unless it leads; products group to the left as parsed.
      const std::string left = bracketed(n.args[0], 2, latex);
      const bool numbers = n.args[1].root()->op == Op::number;
      std::string right = bracketed(n.args[1], 3, latex);
      return left + (latex ? (numbers ? " \\cdot " : " \\, ") : "*") + right;
    }
    case Op::divide:
      if (latex) return "\\frac{" + write(n.args[0], true) + "}{" + write(n.args[1], true) + "}";
      return bracketed(n.args[0], 2, false) + "/" + bracketed(n.args[1], 3, false);
    case Op::negate: return "-" + bracketed(n.args[0], leads_with_zero(n.args[0]) ? 3 : 2, latex);
    case Op::power: {
      const std::string base = bracketed(n.args[0], 4, latex);
      if (latex) return (n.args[0].root()->op == Op::variable ? "{" + base + "}" : base) + "^{" + write(n.args[1], true) + "}";
      return base + "^" + bracketed(n.args[1], 3, false);
    }
    default: break;
  }
  const Function& function = function_of(n.op);
  if (!latex) {
    std::string inside = write(n.args[0], false);
    for (std::size_t i = 1; i < n.args.size(); ++i) inside += ", " + write(n.args[i], false);
    return fmt::format("{}({})", function.name, inside);
  }
  const std::string inside = write(n.args[0], true);
  if (n.op == Op::sqrt) return "\\sqrt{" + inside + "}";
  if (n.op == Op::abs) return "\\left|" + inside + "\\right|";
  if (n.op == Op::factorial) return bracketed(n.args[0], 4, true) + "!";
  if (n.op == Op::less || n.op == Op::less_equal || n.op == Op::equal) return fmt::format("\\left[{} {} {}\\right]", inside, function.latex, write(n.args[1], true));
  if (n.op == Op::select)
    return fmt::format("\\begin{{cases}}{} & \\text{{if }}{}\\\\ {} & \\text{{else}}\\end{{cases}}", write(n.args[1], true), inside, write(n.args[2], true));
  if (n.op == Op::floor) return "\\left\\lfloor " + inside + "\\right\\rfloor";
  return fmt::format("{}\\left({}{}\\right)", function.latex, inside, n.args.size() > 1 ? ", " + write(n.args[1], true) : "");
}

void collect(const Formula& f, std::set<std::string>& names) {
  if (f.root()->op == Op::variable) names.insert(f.root()->name);
  for (const Formula& argument : f.root()->args) collect(argument, names);
}

using Terms = std::map<std::vector<int>, double>;

Terms product_of(const Terms& a, const Terms& b) {
  Terms result;
  for (const auto& [ea, ca] : a)
    for (const auto& [eb, cb] : b) {
      std::vector<int> e = ea;
      for (std::size_t i = 0; i < e.size(); ++i) e[i] += eb[i];
      result[e] += ca * cb;
    }
  return result;
}

/// Beyond so many pairs of terms nothing is multiplied out: a few powers within powers would take minutes.
constexpr std::size_t most_pairs = 100000;

bool expand(const Formula& f, std::span<const std::string> names, Terms& terms) {
  const Node& n = *f.root();
  const std::vector<int> none(names.size(), 0);
  terms.clear();
  if (double value; f.is_constant(&value)) {
    terms[none] = value;
    return std::isfinite(value);
  }
  Terms a, b;
  switch (n.op) {
    case Op::variable: {
      const auto at = std::find(names.begin(), names.end(), n.name);
      if (at == names.end()) return false;
      std::vector<int> e = none;
      e[static_cast<std::size_t>(at - names.begin())] = 1;
      terms[e] = 1;
      return true;
    }
    case Op::negate:
      if (!expand(n.args[0], names, terms)) return false;
      for (auto& [e, c] : terms) c = -c;
      return true;
    case Op::add:
    case Op::subtract:
      if (!expand(n.args[0], names, terms) || !expand(n.args[1], names, b)) return false;
      for (const auto& [e, c] : b) terms[e] += n.op == Op::add ? c : -c;
      return true;
    case Op::multiply:
      if (!expand(n.args[0], names, a) || !expand(n.args[1], names, b) || a.size() * b.size() > most_pairs) return false;
      terms = product_of(a, b);
      return true;
    case Op::divide: {
      double divisor = 0;
      if (!n.args[1].is_constant(&divisor) || !expand(n.args[0], names, terms)) return false;
      for (auto& [e, c] : terms) c /= divisor;
      return divisor != 0;
    }
    case Op::power: {
      double exponent = 0;
      if (!n.args[1].is_constant(&exponent) || exponent != std::floor(exponent) || exponent < 0 || exponent > 64) return false;
      if (!expand(n.args[0], names, a)) return false;
      terms[none] = 1;
      for (int i = 0; i < static_cast<int>(exponent); ++i) {
        if (terms.size() * a.size() > most_pairs) return false;
        terms = product_of(terms, a);
      }
      return true;
    }
    default: return false;
  }
}

Formula replace(const Formula& f, const std::map<std::string, Formula>& values) {
  const Node& n = *f.root();
  if (n.op == Op::number) return f;
  if (n.op == Op::variable) {
    const auto found = values.find(n.name);
    return found == values.end() ? f : found->second;
  }
  std::vector<Formula> args;
  args.reserve(n.args.size());
  for (const Formula& argument : n.args) args.push_back(replace(argument, values));
  return make(n.op, std::move(args));
}

}  // namespace

Formula Formula::parse(std::string_view text) { return Parser(text).whole(); }
Formula Formula::constant(double value) { return Formula(std::make_shared<const Node>(Node{Op::number, value + 0.0, {}, {}})); }  // -0 becomes 0
Formula Formula::variable(std::string name) { return Formula(std::make_shared<const Node>(Node{Op::variable, 0, std::move(name), {}})); }

Formula Formula::call(const std::string& function, std::vector<Formula> arguments) {
  if (function == "pow") {
    if (arguments.size() != 2) throw ModelError(fmt::format("pow takes 2 arguments, {} given", arguments.size()));
    return make(Op::power, std::move(arguments));
  }
  const auto found = std::find_if(functions.begin(), functions.end(), [&](const Function& f) { return function == f.name; });
  if (found == functions.end()) {
    std::vector<std::string> known{"pow"};
    for (const Function& f : functions) known.emplace_back(f.name);
    throw ModelError(fmt::format("unknown function '{}'.{} Known: {}", function, did_you_mean(function, known), join(known)));
  }
  if (found->op == Op::min || found->op == Op::max) {
    if (arguments.size() < 2) throw ModelError(fmt::format("{} takes 2 or more arguments, {} given", function, arguments.size()));
    Formula result = arguments[0];
    for (std::size_t i = 1; i < arguments.size(); ++i) result = make(found->op, {result, arguments[i]});
    return result;
  }
  if (const std::size_t wanted = arity(found->op); arguments.size() != wanted)
    throw ModelError(fmt::format("{} takes {} argument{}, {} given", function, wanted, wanted == 1 ? "" : "s", arguments.size()));
  return make(found->op, std::move(arguments));
}

Formula operator+(const Formula& a, const Formula& b) { return make(Op::add, {a, b}); }
Formula operator-(const Formula& a, const Formula& b) { return make(Op::subtract, {a, b}); }
Formula operator*(const Formula& a, const Formula& b) { return make(Op::multiply, {a, b}); }
Formula operator/(const Formula& a, const Formula& b) { return make(Op::divide, {a, b}); }
Formula operator-(const Formula& a) { return make(Op::negate, {a}); }
Formula pow(const Formula& base, const Formula& exponent) { return make(Op::power, {base, exponent}); }

std::vector<std::string> Formula::variables() const {
  std::set<std::string> names;
  collect(*this, names);
  return {names.begin(), names.end()};
}

bool Formula::is_constant(double* value) const {
  const Node& n = *root_;
  if (n.op == Op::variable) return false;
  if (n.op == Op::number) {
    if (value != nullptr) *value = n.value;
    return true;
  }
  std::array<double, 3> a{};
  for (std::size_t i = 0; i < n.args.size(); ++i)
    if (!n.args[i].is_constant(&a[i])) return false;
  if (value != nullptr) {
    *value = n.op == Op::select ? a[a[0] != 0 ? 1 : 2] : apply(n.op, a[0], a[1]);
    if (std::isnan(*value)) *value = std::numeric_limits<double>::quiet_NaN();  // 0/0 has a sign bit, which would be printed
  }
  return true;
}

bool Formula::polynomial(std::span<const std::string> names, std::map<std::vector<int>, double>& terms) const {
  if (!expand(*this, names, terms)) return false;
  std::erase_if(terms, [](const auto& term) { return term.second == 0; });
  return true;
}

std::string Formula::text(bool latex) const { return write(*this, latex); }

Formula Formula::substitute(const std::map<std::string, double>& values) const {
  std::map<std::string, Formula> formulas;
  for (const auto& [name, value] : values) formulas.emplace(name, constant(value));
  return replace(*this, formulas);
}

Formula Formula::substitute(const std::map<std::string, Formula>& values) const { return replace(*this, values); }

Formula Formula::derivative(const std::string& name) const {
  const Node& n = *root_;
  const Formula zero = constant(0), one = constant(1), two = constant(2);
  if (n.op == Op::number) return zero;
  if (n.op == Op::variable) return n.name == name ? one : zero;
  const Formula& a = n.args[0];
  if (n.op == Op::select) {
    const Formula dthen = n.args[1].derivative(name), delse = n.args[2].derivative(name);
    if (is_number_equal(dthen, 0) && is_number_equal(delse, 0)) return zero;
    return call("if", {a, dthen, delse});
  }
  const Formula da = a.derivative(name);
  const Formula& b = n.args.size() > 1 ? n.args[1] : a;
  const Formula db = n.args.size() > 1 ? b.derivative(name) : zero;
  if (is_number_equal(da, 0) && is_number_equal(db, 0)) return zero;
  switch (n.op) {
    case Op::add: return da + db;
    case Op::subtract: return da - db;
    case Op::negate: return -da;
    case Op::multiply: return da * b + a * db;
    case Op::divide: return is_number_equal(db, 0) ? da / b : (da * b - a * db) / pow(b, two);
    case Op::power:
      if (is_number_equal(db, 0)) return b * pow(a, b - one) * da;
      if (is_number_equal(da, 0)) return *this * call("log", {a}) * db;
      return *this * (db * call("log", {a}) + b * da / a);
    case Op::exp: return *this * da;
    case Op::log: return da / a;
    case Op::sqrt: return da / (two * *this);
    case Op::sin: return call("cos", {a}) * da;
    case Op::cos: return -(call("sin", {a}) * da);
    case Op::tan: return (one + pow(*this, two)) * da;
    case Op::tanh: return (one - pow(*this, two)) * da;
    case Op::abs: return call("sign", {a}) * da;
    case Op::asin: return da / call("sqrt", {one - pow(a, two)});
    case Op::acos: return -(da / call("sqrt", {one - pow(a, two)}));
    case Op::atan: return da / (one + pow(a, two));
    case Op::sinh: return call("cosh", {a}) * da;
    case Op::cosh: return call("sinh", {a}) * da;
    case Op::asinh: return da / call("sqrt", {pow(a, two) + one});
    case Op::acosh: return da / call("sqrt", {pow(a, two) - one});
    case Op::atanh: return da / (one - pow(a, two));
    case Op::factorial: throw ModelError(fmt::format("'{}' has no derivative by '{}' here: a factorial of what varies", text(), name));
    case Op::sign:
    case Op::less:
    case Op::less_equal:
    case Op::equal:
    case Op::floor: return zero;
    // Each derivative once: a list of n would else be 2^n terms long. Where both are equal the second's is taken.
    case Op::min: return call("if", {call("lt", {a, b}), da, db});
    case Op::max: return call("if", {call("lt", {b, a}), da, db});
    case Op::select:
    case Op::number:
    case Op::variable: break;
  }
  return zero;
}

// ---------------------------------------------------------------------------------------------------------- program

Program::Program(const Formula& formula, std::span<const std::string> slots) {
  std::size_t held = 0;
  const auto emit = [&](const auto& self, const Formula& f) -> void {
    const Node& n = *f.root();
    if (n.op == Op::number) {
      code_.push_back({Op::number, 0, n.value});
      ++held;
    } else if (n.op == Op::variable) {
      const auto at = std::find(slots.begin(), slots.end(), n.name);
      if (at == slots.end()) {
        const std::vector<std::string> known(slots.begin(), slots.end());
        throw ModelError(fmt::format("'{}' in the formula '{}' is not known.{}\n  known: {}", n.name, formula.text(), did_you_mean(n.name, known), join(known)));
      }
      code_.push_back({Op::variable, static_cast<std::uint32_t>(at - slots.begin()), 0});
      ++held;
    } else {
      for (const Formula& argument : n.args) self(self, argument);
      code_.push_back({n.op, 0, 0});
      held -= n.args.size() - 1;
    }
    if (held > max_depth) throw ModelError(fmt::format("the formula is nested too deeply to be compiled: more than {} values at once", max_depth));
  };
  emit(emit, formula);
}

double Program::run(const double* values) const {
  std::array<double, max_depth + 1> stack;
  double* top = stack.data();  // stack[0] is never read: the first push stores nothing useful below
  double last = 0;             // the top of the stack, in a register
  for (const Instruction& i : code_) {
    switch (i.op) {
      case Op::number:
        *top++ = last;
        last = i.value;
        break;
      case Op::variable:
        *top++ = last;
        last = values[i.slot];
        break;
      case Op::add: last = *--top + last; break;
      case Op::subtract: last = *--top - last; break;
      case Op::multiply: last = *--top * last; break;
      case Op::divide: last = *--top / last; break;
      case Op::negate: last = -last; break;
      case Op::power:
      case Op::min:
      case Op::less:
      case Op::less_equal:
      case Op::equal:
      case Op::max: last = apply(i.op, *--top, last); break;
      case Op::select: {
        const double then = *--top, condition = *--top;
        if (condition != 0) last = then;
        break;
      }
      default: last = apply(i.op, last, 0); break;
    }
  }
  return last;
}

}  // namespace meso::num

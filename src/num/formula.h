// Formulas as people write them: numbers, names, + - * / ^, parentheses, functions. Parsed once, evaluated fast,
// differentiated symbolically.
//
// Functions: exp log sqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh abs sign floor factorial of one argument,
// pow(a, b), min and max of two or more. Conditions are numbers, 1 or 0: lt(a, b), le(a, b), eq(a, b); if(c, a, b) is a where c is not zero.
// '^' binds tighter than a minus in front of it (-x^2 is -(x^2)) and groups to the right. log is the natural logarithm.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meso::num {

/// An immutable expression tree. Variables are named; evaluation binds them to slots of a vector.
/// Every way of making one folds constants and drops neutral elements (0 + x, 1 x, x^1), so text() is already tidy.
class Formula {
 public:
  /// @throws ModelError with the position, what was found and what was expected; unknown functions with the nearest name
  [[nodiscard]] static Formula parse(std::string_view text);
  [[nodiscard]] static Formula constant(double value);
  [[nodiscard]] static Formula variable(std::string name);
  /// A function by its name ("exp", "pow", "min", ...). @throws ModelError unknown name, wrong number of arguments
  [[nodiscard]] static Formula call(const std::string& function, std::vector<Formula> arguments);

  /// Names of all variables, sorted.
  [[nodiscard]] std::vector<std::string> variables() const;
  /// d/d name, simplified. abs, min, max, if have the derivative of the branch taken (at a tie: 0 for abs, the second's for min and max), floor, sign and conditions have 0.
  /// @throws ModelError for a factorial of what depends on `name`
  [[nodiscard]] Formula derivative(const std::string& name) const;
  /// Constants put in; whatever becomes constant is folded.
  [[nodiscard]] Formula substitute(const std::map<std::string, double>& values) const;
  [[nodiscard]] Formula substitute(const std::map<std::string, Formula>& values) const;
  /// True if no variable is left; `value` is its value (which may be infinite or NaN: 1/0, log(-1)).
  [[nodiscard]] bool is_constant(double* value = nullptr) const;
  /// Polynomial in `names` (other variables must be gone): exponents -> coefficient, zero coefficients left out;
  /// false if it is none (a name in a denominator or a function, a fractional or negative power, a power above 64) or too long a one (products of more than 100,000 pairs of terms).
  [[nodiscard]] bool polynomial(std::span<const std::string> names, std::map<std::vector<int>, double>& terms) const;
  /// With as few parentheses as the precedences need; parse(text()) is the same formula. LaTeX: k_on becomes k_{\mathrm{on}}.
  [[nodiscard]] std::string text(bool latex = false) const;

  friend Formula operator+(const Formula& a, const Formula& b);
  friend Formula operator-(const Formula& a, const Formula& b);
  friend Formula operator*(const Formula& a, const Formula& b);
  friend Formula operator/(const Formula& a, const Formula& b);
  friend Formula operator-(const Formula& a);
  friend Formula pow(const Formula& base, const Formula& exponent);

  struct Node;
  explicit Formula(std::shared_ptr<const Node> root) : root_(std::move(root)) {}
  [[nodiscard]] const std::shared_ptr<const Node>& root() const { return root_; }

 private:
  std::shared_ptr<const Node> root_;
};

/// Operations of a formula; those after `power` are functions with a name.
enum class Op : std::uint8_t { number, variable, add, subtract, multiply, divide, negate, power, exp, log, sqrt, sin, cos, tan, tanh, abs, sign, floor, min, max,
                               asin, acos, atan, sinh, cosh, asinh, acosh, atanh, factorial, less, less_equal, equal, select };

/// What an operation of one or two arguments computes (b is not read by those of one).
[[nodiscard]] double apply(Op op, double a, double b);

/// A node of the tree: `args` has as many entries as the operation needs (0 to 3).
struct Formula::Node {
  Op op = Op::number;
  double value = 0;   ///< of a number
  std::string name;   ///< of a variable
  std::vector<Formula> args;
};

/// A formula compiled to a flat program over slots: no allocation, no name look-up per evaluation. Thread-safe.
class Program {
 public:
  static constexpr std::size_t max_depth = 64;  ///< values held at once; only very lopsided nesting needs more

  Program() = default;
  /// @param slots  slot i holds variable slots[i]
  /// @throws ModelError for a variable without a slot (nearest name), or a formula nested deeper than max_depth
  Program(const Formula& formula, std::span<const std::string> slots);
  [[nodiscard]] double operator()(std::span<const double> values) const { return run(values.data()); }
  [[nodiscard]] double run(const double* values) const;

 private:
  struct Instruction {
    Op op;
    std::uint32_t slot;
    double value;
  };
  std::vector<Instruction> code_;
};

}  // namespace meso::num

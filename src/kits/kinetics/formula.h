// Formulas as people write them: numbers, names, + - * / ^, parentheses, functions. Parsed once, evaluated fast,
// differentiated symbolically.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meso::kinetics {

/// An immutable expression tree. Variables are named; evaluation binds them to slots of a vector.
class Formula {
 public:
  /// @throws ModelError with the position, what was found and what was expected; unknown functions with the nearest name
  [[nodiscard]] static Formula parse(std::string_view text);
  [[nodiscard]] static Formula constant(double value);
  [[nodiscard]] static Formula variable(std::string name);

  /// Names of all variables, sorted.
  [[nodiscard]] std::vector<std::string> variables() const;
  /// d/d name, simplified.
  [[nodiscard]] Formula derivative(const std::string& name) const;
  /// Constants put in; whatever becomes constant is folded.
  [[nodiscard]] Formula substitute(const std::map<std::string, double>& values) const;
  [[nodiscard]] Formula substitute(const std::map<std::string, Formula>& values) const;
  /// True if no variable is left; `value` is its value.
  [[nodiscard]] bool is_constant(double* value = nullptr) const;
  /// Polynomial in `names` (other variables must be gone): exponents -> coefficient; false if it is none.
  [[nodiscard]] bool polynomial(std::span<const std::string> names, std::map<std::vector<int>, double>& terms) const;
  [[nodiscard]] std::string text(bool latex = false) const;

  friend Formula operator+(const Formula& a, const Formula& b);
  friend Formula operator-(const Formula& a, const Formula& b);
  friend Formula operator*(const Formula& a, const Formula& b);
  friend Formula operator/(const Formula& a, const Formula& b);

  struct Node;
  explicit Formula(std::shared_ptr<const Node> root) : root_(std::move(root)) {}
  [[nodiscard]] const std::shared_ptr<const Node>& root() const { return root_; }

 private:
  std::shared_ptr<const Node> root_;
};

/// A formula compiled to a flat program over slots: no allocation, no name look-up per evaluation.
class Program {
 public:
  Program() = default;
  /// @param slots  slot i holds variable slots[i]. @throws ModelError for a variable without a slot (nearest name)
  Program(const Formula& formula, std::span<const std::string> slots);
  [[nodiscard]] double operator()(std::span<const double> values) const;

 private:
  struct Instruction {
    int op;
    double value;
    int slot;
  };
  std::vector<Instruction> code_;
  std::size_t depth_ = 0;
};

}  // namespace meso::kinetics

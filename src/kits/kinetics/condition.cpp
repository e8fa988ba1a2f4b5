#include "kits/kinetics/condition.h"

#include <fmt/format.h>

#include <cctype>
#include <optional>
#include <vector>

#include "base/error.h"

namespace meso::kinetics {
namespace {

using num::Formula;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  return text;
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Cut at every `word` outside of parentheses.
std::vector<std::string_view> cut(std::string_view text, std::string_view word) {
  std::vector<std::string_view> parts;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
    if (depth != 0 || text.substr(i, word.size()) != word || (i > 0 && is_word(text[i - 1])) || (i + word.size() < text.size() && is_word(text[i + word.size()]))) continue;
    parts.push_back(text.substr(begin, i - begin));
    i += word.size() - 1;
    begin = i + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

struct Comparison {
  std::size_t at, length;
};

/// Comparison signs outside of parentheses.
std::vector<Comparison> signs(std::string_view text) {
  std::vector<Comparison> found;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (depth != 0 || (c != '<' && c != '>' && c != '=' && c != '!')) continue;
    const std::size_t length = i + 1 < text.size() && text[i + 1] == '=' ? 2 : 1;
    found.push_back({i, length});
    i += length - 1;
  }
  return found;
}

/// True if the first parenthesis closes at the very end.
bool enclosed(std::string_view text) {
  if (text.size() < 2 || text.front() != '(' || text.back() != ')') return false;
  int depth = 0;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
    if (depth == 0) return false;
  }
  return true;
}

Formula condition(std::string_view text, std::string_view whole) {
  text = trimmed(text);
  if (text.empty()) throw ModelError(fmt::format("condition '{}': something is missing beside 'and' or 'or', or all of it", whole));
  for (const auto& [word, function] : {std::pair{"or", "max"}, std::pair{"and", "min"}}) {
    const std::vector<std::string_view> parts = cut(text, word);
    if (parts.size() == 1) continue;
    Formula joined = condition(parts[0], whole);
    for (std::size_t k = 1; k < parts.size(); ++k) joined = Formula::call(function, {joined, condition(parts[k], whole)});
    return joined;
  }
  const std::vector<Comparison> found = signs(text);
  if (found.empty()) {
    if (enclosed(text)) return condition(text.substr(1, text.size() - 2), whole);
    const Formula formula = Formula::parse(text);
    const num::Op op = formula.root()->op;
    if (op == num::Op::less || op == num::Op::less_equal || op == num::Op::equal || op == num::Op::min || op == num::Op::max || op == num::Op::select || op == num::Op::number) return formula;
    throw ModelError(fmt::format("condition '{}': '{}' compares nothing; write it like 'X >= 20'", whole, text));
  }
  if (found.size() > 1) throw ModelError(fmt::format("condition '{}': '{}' has {} comparisons; join them by 'and' or 'or'", whole, text, found.size()));
  const std::string_view sign = text.substr(found[0].at, found[0].length);
  const auto side = [&](std::string_view part) {
    if (trimmed(part).empty()) throw ModelError(fmt::format("condition '{}': nothing stands on one side of '{}'", whole, sign));
    return Formula::parse(part);
  };
  const Formula left = side(text.substr(0, found[0].at)), right = side(text.substr(found[0].at + found[0].length));
  if (sign == "<") return Formula::call("lt", {left, right});
  if (sign == "<=") return Formula::call("le", {left, right});
  if (sign == ">") return Formula::call("lt", {right, left});
  if (sign == ">=") return Formula::call("le", {right, left});
  if (sign == "==") return Formula::call("eq", {left, right});
  if (sign == "!=") return Formula::constant(1) - Formula::call("eq", {left, right});
  throw ModelError(fmt::format("condition '{}': '{}' is no comparison; known: < <= > >= == !=", whole, sign));
}

}  // namespace

Formula parse_condition(std::string_view text) { return condition(text, trimmed(text)); }

}  // namespace meso::kinetics

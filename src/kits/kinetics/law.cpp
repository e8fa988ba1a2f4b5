#include "kits/kinetics/law.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace meso::kinetics {
namespace {

using num::Formula;

struct Known {
  const char* name;
  std::vector<const char*> arguments;
};
const std::vector<Known>& known_laws() {
  static const std::vector<Known> laws{{"fixed", {"value"}},          {"exponential", {"mean"}},       {"gamma", {"shape", "mean"}}, {"erlang", {"steps", "mean"}},
                                       {"uniform", {"low", "high"}}, {"log-normal", {"mean", "cv"}}, {"normal", {"mean", "sd"}},   {"two-point", {"a", "b", "p"}}};
  return laws;
}

std::string spelled(const Known& law) {
  std::vector<std::string> names(law.arguments.begin(), law.arguments.end());
  return fmt::format("{}({})", law.name, join(names));
}

}  // namespace

double Law::mean() const {
  switch (kind) {
    case Kind::fixed:
    case Kind::exponential:
    case Kind::log_normal: return a;
    case Kind::gamma: return b;
    case Kind::uniform: return (a + b) / 2;
    case Kind::normal: {  // of the normal law given that it is positive
      const double z = a / b, density = std::exp(-z * z / 2) / std::sqrt(2 * std::acos(-1.0)), above = std::erfc(-z / std::sqrt(2.0)) / 2;
      return a + b * density / above;
    }
    case Kind::two_point: return p * a + (1 - p) * b;
  }
  return a;
}

LawText parse_law(std::string_view given) {
  LawText law;
  while (!given.empty() && std::isspace(static_cast<unsigned char>(given.front())) != 0) given.remove_prefix(1);
  while (!given.empty() && std::isspace(static_cast<unsigned char>(given.back())) != 0) given.remove_suffix(1);
  law.text = given;
  if (given.empty()) throw ModelError("a law is missing: a number, or one like gamma(2, 3)");
  const std::size_t open = given.find('(');
  const std::string name(given.substr(0, open == std::string_view::npos ? 0 : open));
  const bool word = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_'; });
  for (const Known& known : known_laws()) {
    if (name != known.name && !(name == "lognormal" && std::string_view(known.name) == "log-normal")) continue;
    if (given.back() != ')') throw ModelError(fmt::format("law '{}': the closing parenthesis is missing or something follows it", given));
    const std::string_view inside = given.substr(open + 1, given.size() - open - 2);
    int depth = 0;
    std::size_t begin = 0;
    std::vector<std::string_view> parts;
    for (std::size_t i = 0; i <= inside.size(); ++i) {
      if (i < inside.size()) depth += inside[i] == '(' ? 1 : inside[i] == ')' ? -1 : 0;
      if (i < inside.size() && (inside[i] != ',' || depth != 0)) continue;
      parts.push_back(inside.substr(begin, i - begin));
      begin = i + 1;
    }
    if (parts.size() != known.arguments.size()) throw ModelError(fmt::format("law '{}': {} number{} given, it is written {}", given, parts.size(), parts.size() == 1 ? "" : "s", spelled(known)));
    law.name = known.name;
    for (const std::string_view part : parts) law.arguments.push_back(Formula::parse(part));
    return law;
  }
  try {
    law.arguments.push_back(Formula::parse(given));
  } catch (const ModelError&) {
    if (!word) throw;
    std::vector<std::string> names, forms;
    for (const Known& known : known_laws()) {
      names.emplace_back(known.name);
      forms.push_back(spelled(known));
    }
    throw ModelError(fmt::format("unknown law '{}' in '{}'.{}\n  known: {}", name, given, did_you_mean(name, names), join(forms)));
  }
  return law;
}

Law bind_law(const LawText& text, const std::map<std::string, double>& numbers) {
  Law law;
  std::vector<double> value;
  for (const Formula& argument : text.arguments) {
    double number = 0;
    const Formula bound = argument.substitute(numbers);
    if (!bound.is_constant(&number)) throw ModelError(fmt::format("law '{}': '{}' is no constant; a law is made of constants and 'volume'", text.text, bound.variables().front()));
    value.push_back(number);
  }
  const auto refuse = [&](std::size_t k, const char* what) {
    const auto known = std::find_if(known_laws().begin(), known_laws().end(), [&](const Known& one) { return text.name == one.name; });
    throw ModelError(fmt::format("law '{}': {} is {}; it must be {}", text.text, known->arguments[k], exact(value[k]), what));
  };
  const auto positive = [&](std::size_t k) {
    if (!(value[k] > 0 && std::isfinite(value[k]))) refuse(k, "a number above 0");
  };
  const auto not_negative = [&](std::size_t k) {
    if (!(value[k] >= 0 && std::isfinite(value[k]))) refuse(k, "a number >= 0");
  };
  law.a = value[0];
  if (value.size() > 1) law.b = value[1];
  using Kind = Law::Kind;
  if (text.name == "fixed") {
    not_negative(0);
  } else if (text.name == "exponential") {
    law.kind = Kind::exponential;
    positive(0);
  } else if (text.name == "gamma" || text.name == "erlang") {
    law.kind = Kind::gamma;
    positive(0);
    positive(1);
    if (text.name == "erlang" && value[0] != std::floor(value[0])) refuse(0, "a whole number above 0");
  } else if (text.name == "uniform") {
    law.kind = Kind::uniform;
    not_negative(0);
    if (!(value[1] >= value[0] && std::isfinite(value[1]))) refuse(1, "a number not below low");
  } else if (text.name == "log-normal") {
    law.kind = Kind::log_normal;
    positive(0);
    not_negative(1);
  } else if (text.name == "normal") {
    law.kind = Kind::normal;
    not_negative(1);
    if (!(value[0] > 0 && std::isfinite(value[0]))) refuse(0, "a number above 0");
  } else {
    law.kind = Kind::two_point;
    not_negative(0);
    not_negative(1);
    law.p = value[2];
    if (!(law.p >= 0 && law.p <= 1)) refuse(2, "from 0 to 1");
  }
  return law;
}

}  // namespace meso::kinetics

#include "model/value.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/text.h"

namespace meso {

std::string to_text(const Value& value) {
  return std::visit(
      [](const auto& v) -> std::string {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, bool>) return v ? "true" : "false";
        else if constexpr (std::is_same_v<T, double>) return exact(v);
        else if constexpr (std::is_same_v<T, std::int64_t>) return std::to_string(v);
        else if constexpr (std::is_same_v<T, std::string>) return v;
        else return fmt::format("[{}]", fmt::join(v, ", "));
      },
      value.data);
}

std::string to_text(const Table& table) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : table) parts.push_back(name + "=" + to_text(value));
  return join(parts);
}

Value value_from_text(std::string_view text, std::string where) {
  text = trim(text);
  if (text == "true" || text == "false") return {text == "true", std::move(where)};
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
    std::vector<double> list;
    for (const std::string& part : split(text.substr(1, text.size() - 2), ',')) {
      double number = 0;
      if (!parse_number(part, number)) return {std::string(text), std::move(where)};
      list.push_back(number);
    }
    return {std::move(list), std::move(where)};
  }
  double number = 0;
  if (!parse_number(text, number)) return {std::string(text), std::move(where)};
  const bool integer = text.find_first_not_of("+-0123456789") == std::string_view::npos && std::abs(number) < 9e15;
  if (integer) return {static_cast<std::int64_t>(number), std::move(where)};
  return {number, std::move(where)};
}

double as_number(const Value& value) {
  if (const auto* real = std::get_if<double>(&value.data)) return *real;
  if (const auto* integer = std::get_if<std::int64_t>(&value.data)) return static_cast<double>(*integer);
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace meso

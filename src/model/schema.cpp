#include "model/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace meso {
namespace {

using Type = ParameterInfo::Type;

std::string place(const Value& value) { return value.where.empty() ? "" : value.where + ": "; }

const char* type_name(Type type) {
  switch (type) {
    case Type::real: return "a number";
    case Type::integer: return "an integer";
    case Type::boolean: return "true or false";
    case Type::text: return "a word";
    case Type::list: return "a list of numbers";
  }
  return "";
}

std::string range_text(const ParameterInfo& info) {
  const bool low = std::isfinite(info.min), high = std::isfinite(info.max);
  const char* above = info.min_excluded ? "above" : "at least";
  if (low && high) return fmt::format("{} {} and at most {}", above, brief(info.min, 12), brief(info.max, 12));
  if (low) return fmt::format("{} {}", above, brief(info.min, 12));
  if (high) return fmt::format("at most {}", brief(info.max, 12));
  return "finite";
}

void check_range(const ParameterInfo& info, double number, const Value& given, const std::string& owner) {
  const bool below = info.min_excluded ? number <= info.min : number < info.min;
  if (std::isfinite(number) && !below && number <= info.max) return;
  throw ParameterError(fmt::format("{}{} of {} is {}; it must be {}{}{}", place(given), info.name, owner, to_text(given), range_text(info),
                                   info.unit == "1" || info.unit.empty() ? "" : " " + info.unit, info.doc.empty() ? "" : " (" + info.doc + ")"));
}

Value convert(const ParameterInfo& info, const Value& given, const std::string& owner) {
  const auto wrong = [&] {
    return ParameterError(fmt::format("{}{} of {} must be {}, not '{}'", place(given), info.name, owner, type_name(info.type), to_text(given)));
  };
  switch (info.type) {
    case Type::real: {
      const double number = as_number(given);
      const bool is_number = std::holds_alternative<double>(given.data) || std::holds_alternative<std::int64_t>(given.data);
      if (!is_number) throw wrong();
      check_range(info, number, given, owner);
      return {number, given.where};
    }
    case Type::integer: {
      const double number = as_number(given);
      const bool is_number = std::holds_alternative<double>(given.data) || std::holds_alternative<std::int64_t>(given.data);
      if (!is_number || number != std::floor(number) || std::abs(number) > 9e15) throw wrong();
      check_range(info, number, given, owner);
      return {static_cast<std::int64_t>(number), given.where};
    }
    case Type::boolean:
      if (!std::holds_alternative<bool>(given.data)) throw wrong();
      return given;
    case Type::text: {
      if (!std::holds_alternative<std::string>(given.data)) throw wrong();
      const std::string& word = std::get<std::string>(given.data);
      if (!info.allowed.empty() && std::find(info.allowed.begin(), info.allowed.end(), word) == info.allowed.end())
        throw ParameterError(fmt::format("{}unknown {} '{}' of {}.{}\n  known: {}", place(given), info.name, word, owner, did_you_mean(word, info.allowed), join(info.allowed)));
      return given;
    }
    case Type::list: {
      std::vector<double> list;
      if (const auto* numbers = std::get_if<std::vector<double>>(&given.data)) list = *numbers;
      else if (std::isfinite(as_number(given))) list = {as_number(given)};
      else throw wrong();
      for (const double number : list) check_range(info, number, given, owner);
      return {std::move(list), given.where};
    }
  }
  throw wrong();
}

}  // namespace

Table resolve(std::span<const ParameterInfo> infos, const Table& given, const std::string& owner) {
  for (const auto& [name, value] : given) {
    bool known = false;
    for (const ParameterInfo& info : infos) known = known || info.name == name;
    if (known) continue;
    std::vector<std::string> names;
    for (const ParameterInfo& info : infos) names.push_back(info.name);
    throw ParameterError(fmt::format("{}unknown {} '{}' of {}.{}\n  known: {}", place(value), owner.starts_with("level") ? "option" : "parameter", name, owner,
                                     did_you_mean(name, names), names.empty() ? "none" : join(names)));
  }
  Table full;
  for (const ParameterInfo& info : infos) {
    const auto found = given.find(info.name);
    full[info.name] = found == given.end() ? info.fallback : convert(info, found->second, owner);
  }
  return full;
}

}  // namespace meso

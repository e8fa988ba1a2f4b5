// Values and tables: what TOML, --set, Python keywords and sweeps all become before a schema reads them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace meso {

/// A parameter or option value with the place it came from ("study.toml:14", "--set"), for messages.
struct Value {
  std::variant<double, std::int64_t, bool, std::string, std::vector<double>> data;
  std::string where;

  Value() : data(0.0) {}
  template <class T>
  Value(T v, std::string w = {}) : where(std::move(w)) {  // NOLINT: implicit on purpose, tables read like data
    if constexpr (std::is_same_v<T, bool>) data = v;
    else if constexpr (std::is_integral_v<T>) data = static_cast<std::int64_t>(v);
    else if constexpr (std::is_floating_point_v<T>) data = static_cast<double>(v);
    else if constexpr (std::is_same_v<T, std::vector<double>>) data = std::move(v);
    else data = std::string(std::move(v));
  }
  bool operator==(const Value& other) const { return data == other.data; }  // the place is not part of the value
};

/// Name -> value, sorted by name.
using Table = std::map<std::string, Value, std::less<>>;

/// As it would be typed: "4", "0.1", "normal", "[1, 2]".
[[nodiscard]] std::string to_text(const Value& value);

/// "volume=4, k1=5".
[[nodiscard]] std::string to_text(const Table& table);

/// Reads "4", "0.1", "true", "[1, 2]" or, failing these, a word. @throws nothing: anything is at least a string.
[[nodiscard]] Value value_from_text(std::string_view text, std::string where);

/// A number (integers too) or NaN.
[[nodiscard]] double as_number(const Value& value);

}  // namespace meso

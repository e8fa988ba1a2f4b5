// Names and numbers in messages: the nearest right name, numbers as people write them, lists.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meso {

/// The name among `known` with the smallest edit distance to `given`, or "" if none is near (distance > 1/3 of the length, at least 2).
[[nodiscard]] std::string nearest_name(std::string_view given, std::span<const std::string> known);

/// " Did you mean 'volume'?" or "".
[[nodiscard]] std::string did_you_mean(std::string_view given, std::span<const std::string> known);

/// "a, b, c".
[[nodiscard]] std::string join(std::span<const std::string> parts, std::string_view separator = ", ");

/// Parts between separators, blanks trimmed; "" gives no parts.
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);

[[nodiscard]] std::string_view trim(std::string_view text);

/// Shortest decimal form that reads back to the same double ("0.1", "1e-300", "nan", "inf").
[[nodiscard]] std::string exact(double value);

/// `digits` significant digits, no trailing zeros: "0.863", "1.2e-05".
[[nodiscard]] std::string brief(double value, int digits = 4);

/// The whole of `text` as a double (also "inf", "nan"); false if it is not one.
[[nodiscard]] bool parse_number(std::string_view text, double& value);

/// True for one identifier of letters, digits and underscore that does not begin with a digit.
[[nodiscard]] bool is_identifier(std::string_view text);

/// "3.2 s", "4 min 05 s", "2 h 10 min".
[[nodiscard]] std::string duration(double seconds);

/// 40000 -> "40,000".
[[nodiscard]] std::string with_commas(unsigned long long value);

}  // namespace meso

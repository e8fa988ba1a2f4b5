// Text into HTML, SVG and JSON inside a script, safely.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace meso::report {

/// For element content and quoted attributes: & < > " ' and control characters that XML forbids (dropped).
[[nodiscard]] std::string escape_html(std::string_view text);

/// A JSON string with its quotes. `<`, `>` and `&` are written as \u escapes, so that no "</script>" or "<!--" can end the
/// script element it stands in, and so are U+2028 and U+2029; bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string json_string(std::string_view text);

/// `digits` significant digits; null for NaN and infinities.
[[nodiscard]] std::string json_number(double value, int digits = 7);

/// Number of characters (code points) in UTF-8.
[[nodiscard]] std::size_t length(std::string_view utf8);

/// Upper estimate of the width of sans-serif text in pixels at this font size.
[[nodiscard]] double text_width(std::string_view utf8, double font_size);

/// Lines of at most `width` characters, broken at blanks; longer words are cut. At least one line.
[[nodiscard]] std::vector<std::string> wrap(std::string_view text, std::size_t width);

/// At most `width` characters, the end replaced by "...".
[[nodiscard]] std::string shorten(std::string_view text, std::size_t width);

}  // namespace meso::report

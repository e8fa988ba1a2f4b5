#include "report/markup.h"

#include <fmt/format.h>

#include <cmath>

namespace meso::report {
namespace {

/// Length of the UTF-8 sequence at `at`, or 0 if it is not one (RFC 3629: no overlong forms, no surrogates).
std::size_t sequence(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t k) { return at + k < text.size() ? static_cast<unsigned char>(text[at + k]) : 0u; };
  const auto tail = [&](std::size_t k) { return (byte(k) & 0xC0u) == 0x80u; };
  const unsigned b = byte(0);
  if (b < 0x80) return 1;
  if (b >= 0xC2 && b <= 0xDF) return tail(1) ? 2 : 0;
  if (b >= 0xE0 && b <= 0xEF) {
    if (!tail(1) || !tail(2) || (b == 0xE0 && byte(1) < 0xA0) || (b == 0xED && byte(1) > 0x9F)) return 0;
    return 3;
  }
  if (b >= 0xF0 && b <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3) || (b == 0xF0 && byte(1) < 0x90) || (b == 0xF4 && byte(1) > 0x8F)) return 0;
    return 4;
  }
  return 0;
}

template <class Emit>
void each_character(std::string_view text, Emit emit) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t n = sequence(text, at);
    emit(n == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(at, n));
    at += n == 0 ? 1 : n;
  }
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  each_character(text, [&](std::string_view c) {
    const char first = c.front();
    if (c.size() > 1) out += c;
    else if (first == '&') out += "&amp;";
    else if (first == '<') out += "&lt;";
    else if (first == '>') out += "&gt;";
    else if (first == '"') out += "&quot;";
    else if (first == '\'') out += "&#39;";
    else if (first == '\n' || first == '\t' || static_cast<unsigned char>(first) >= 0x20) out += first;
  });
  return out;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  each_character(text, [&](std::string_view c) {
    const auto first = static_cast<unsigned char>(c.front());
    if (c == "\xE2\x80\xA8") out += "\\u2028";
    else if (c == "\xE2\x80\xA9") out += "\\u2029";
    else if (c.size() > 1) out += c;
    else if (first == '"') out += "\\\"";
    else if (first == '\\') out += "\\\\";
    else if (first == '\n') out += "\\n";
    else if (first < 0x20 || first == '<' || first == '>' || first == '&' || first == 0x7f) out += fmt::format("\\u{:04x}", first);
    else out += c;
  });
  return out + '"';
}

std::string json_number(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}g}", value, digits) : "null";
}

std::size_t length(std::string_view utf8) {
  std::size_t n = 0;
  each_character(utf8, [&](std::string_view) { ++n; });
  return n;
}

double text_width(std::string_view utf8, double font_size) {
  double em = 0;
  each_character(utf8, [&](std::string_view c) {
    const char first = c.front();
    if (c.size() == 1 && std::string_view("iljtfr.,:;'|!()[] -").find(first) != std::string_view::npos) em += 0.38;
    else if (c.size() == 1 && (std::string_view("mwMW@%").find(first) != std::string_view::npos)) em += 0.95;
    else if (c.size() == 1 && first >= 'A' && first <= 'Z') em += 0.72;
    else em += 0.6;
  });
  return em * font_size;
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  if (width == 0) width = 1;
  std::vector<std::string> lines;
  std::string line, word;
  std::size_t line_length = 0, word_length = 0;
  const auto put_word = [&] {
    if (word.empty()) return;
    if (line_length > 0 && line_length + 1 + word_length > width) {
      lines.push_back(std::move(line));
      line.clear();
      line_length = 0;
    }
    if (line_length > 0) { line += ' '; ++line_length; }
    line += word;
    line_length += word_length;
    word.clear();
    word_length = 0;
  };
  each_character(text, [&](std::string_view c) {
    if (c == " " || c == "\n" || c == "\t") return put_word();
    if (word_length == width) put_word();
    word += c;
    ++word_length;
  });
  put_word();
  if (!line.empty() || lines.empty()) lines.push_back(std::move(line));
  return lines;
}

std::string shorten(std::string_view text, std::size_t width) {
  if (length(text) <= width) return std::string(text);
  std::string out;
  std::size_t n = 0;
  each_character(text, [&](std::string_view c) {
    if (n + 3 < width) { out += c; ++n; }
  });
  return out + std::string("...").substr(0, std::min<std::size_t>(3, width));
}

}  // namespace meso::report

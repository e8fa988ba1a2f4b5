#include "io/toml.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>

#include "base/files.h"
#include "base/text.h"

namespace meso {
namespace {

namespace fs = std::filesystem;

// A document nested deeper than this has no meaning here, and the recursions of parser and writer need an end.
constexpr std::size_t max_depth = 100;

std::string place(const std::string& name, std::size_t line) { return fmt::format("{}:{}", name, line); }

std::string line_of(const std::string& name, const toml::source_region& region) { return place(name, region.begin.line); }

/// First byte that is not part of valid UTF-8, or npos.
std::size_t first_bad_utf8(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned char lead = at(i);
    const std::size_t n = lead < 0x80 ? 1 : lead >= 0xC2 && lead < 0xE0 ? 2 : lead >= 0xE0 && lead < 0xF0 ? 3 : lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
    if (n == 0 || i + n > text.size()) return i;
    for (std::size_t k = 1; k < n; ++k)
      if ((at(i + k) & 0xC0) != 0x80) return i;
    if (n == 3 && ((lead == 0xE0 && at(i + 1) < 0xA0) || (lead == 0xED && at(i + 1) >= 0xA0))) return i;  // overlong, surrogate
    if (n == 4 && ((lead == 0xF0 && at(i + 1) < 0x90) || (lead == 0xF4 && at(i + 1) >= 0x90))) return i;  // overlong, beyond U+10FFFF
    i += n;
  }
  return std::string_view::npos;
}

std::size_t line_at(std::string_view text, std::size_t position) {
  return 1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(position), '\n'));
}

/// The parser recurses once per part of a dotted key and would overrun the stack on a hostile one, so keys are counted first.
/// Outside strings and comments only a dotted key has more than two dots on a line without blanks, commas or brackets.
void refuse_deep_keys(std::string_view text, const std::string& name) {
  std::size_t line = 1, dots = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' || c == '\'') {  // a string, or a quoted part of a key: skip to its end
      const bool longs = i + 2 < text.size() && text[i + 1] == c && text[i + 2] == c;
      const std::size_t n = longs ? 3 : 1;
      for (i += n; i < text.size(); ++i) {
        if (text[i] == '\\' && c == '"') { ++i; continue; }
        if (text[i] == '\n') {
          ++line;
          if (!longs) break;  // a broken string: the parser says so
        }
        if (text[i] == c && (!longs || (i + 2 < text.size() && text[i + 1] == c && text[i + 2] == c))) { i += n - 1; break; }
      }
    } else if (c == '#') {
      while (i + 1 < text.size() && text[i + 1] != '\n') ++i;
    } else if (c == '\n' || c == ',' || c == '=' || c == '{') {
      line += c == '\n';
      dots = 0;
    } else if (c == '.' && ++dots > max_depth) {
      throw InputError(fmt::format("{}: a key of more than {} parts", place(name, line), max_depth));
    }
  }
}

TomlNode convert(const toml::node& node, const std::string& name, std::size_t depth) {
  TomlNode out;
  out.where = line_of(name, node.source());
  if (depth > max_depth) throw InputError(fmt::format("{}: nested more than {} deep", out.where, max_depth));
  switch (node.type()) {
    case toml::node_type::boolean: out.data = node.as_boolean()->get(); break;
    case toml::node_type::integer: out.data = static_cast<std::int64_t>(node.as_integer()->get()); break;
    case toml::node_type::floating_point: out.data = node.as_floating_point()->get(); break;
    case toml::node_type::string: out.data = node.as_string()->get(); break;
    case toml::node_type::array: {
      TomlNode::Array items;
      for (const toml::node& item : *node.as_array()) items.push_back(convert(item, name, depth + 1));
      out.data = std::move(items);
      break;
    }
    case toml::node_type::table: {
      const toml::table& table = *node.as_table();
      out.inline_style = table.is_inline();
      std::vector<std::pair<const toml::key*, const toml::node*>> members;
      for (const auto& [key, value] : table) members.emplace_back(&key, &value);
      std::stable_sort(members.begin(), members.end(), [](const auto& a, const auto& b) {  // the parser sorts by name; the file's order is kept here
        const toml::source_position p = a.first->source().begin, q = b.first->source().begin;
        return p.line != q.line ? p.line < q.line : p.column < q.column;
      });
      TomlNode::Entries entries;
      for (const auto& [key, value] : members)
        entries.push_back({std::string(key->str()), line_of(name, key->source()), convert(*value, name, depth + 1)});
      out.data = std::move(entries);
      break;
    }
    default: throw InputError(fmt::format("{}: a date or time, which is not used here; write it as a string, in quotes", out.where));
  }
  return out;
}

bool is_bare_key(const std::string& key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string quoted(const std::string& text) {
  if (const std::size_t bad = first_bad_utf8(text); bad != std::string_view::npos)
    throw InputError(fmt::format("a text is not UTF-8 at byte {} and cannot be written as TOML: '{}...'", bad + 1, text.substr(0, bad)));
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\t': out += "\\t"; break;
      case '\r': out += "\\r"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) out += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
        else out += c;
    }
  }
  return out + "\"";
}

std::string key_text(const std::string& key) { return is_bare_key(key) ? key : quoted(key); }

std::string number_text(double value) {
  if (std::isnan(value)) return "nan";  // without its sign, which has no meaning
  std::string text = exact(value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";  // else it would read back as an integer ("inf" has its n)
  return text;
}

/// An array that is written as [[key]].
bool is_array_of_tables(const TomlNode& node) {
  return node.is_array() && !node.items().empty() &&
         std::all_of(node.items().begin(), node.items().end(), [](const TomlNode& item) { return item.is_table() && !item.inline_style; });
}

bool is_block(const TomlNode& node) { return (node.is_table() && !node.inline_style) || is_array_of_tables(node); }

void write_table(const TomlNode& table, const std::string& path, std::string& out) {
  for (const TomlEntry& entry : table.entries())
    if (!is_block(entry.value)) out += key_text(entry.key) + " = " + toml_value(entry.value) + "\n";
  for (const TomlEntry& entry : table.entries()) {
    if (!is_block(entry.value)) continue;
    const std::string name = path.empty() ? key_text(entry.key) : path + "." + key_text(entry.key);
    if (entry.value.is_array()) {
      for (const TomlNode& item : entry.value.items()) {
        out += (out.empty() ? "[[" : "\n[[") + name + "]]\n";
        write_table(item, name, out);
      }
      continue;
    }
    const TomlNode::Entries& members = entry.value.entries();
    const bool implied = !members.empty() && std::all_of(members.begin(), members.end(), [](const TomlEntry& m) { return is_block(m.value); });
    if (!implied) out += (out.empty() ? "[" : "\n[") + name + "]\n";  // [a.b] says [a] by itself
    write_table(entry.value, name, out);
  }
}

}  // namespace

TomlNode::TomlNode() : data(Entries{}) {}
TomlNode::TomlNode(bool value) : data(value) {}
TomlNode::TomlNode(int value) : data(std::int64_t{value}) {}
TomlNode::TomlNode(std::int64_t value) : data(value) {}
TomlNode::TomlNode(double value) : data(value) {}
TomlNode::TomlNode(const char* value) : data(std::string(value)) {}
TomlNode::TomlNode(std::string value) : data(std::move(value)) {}
TomlNode::TomlNode(std::vector<double> values) : data(Array(values.begin(), values.end())) {}
TomlNode::TomlNode(const std::vector<std::string>& values) : data(Array(values.begin(), values.end())) {}
TomlNode::TomlNode(Array nodes) : data(std::move(nodes)) {}
TomlNode::TomlNode(const Value& value) : where(value.where) {
  std::visit([this](const auto& v) {
    if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::vector<double>>) data = Array(v.begin(), v.end());
    else data = v;
  }, value.data);
}

TomlNode TomlNode::inline_table() {
  TomlNode node;
  node.inline_style = true;
  return node;
}

std::string TomlNode::description() const {
  if (is_table()) return "a table";
  if (is_array()) return items().empty() ? "an empty array" : "an array";
  if (const auto* text = std::get_if<std::string>(&data)) return fmt::format("the text '{}'", *text);
  if (const auto* truth = std::get_if<bool>(&data)) return *truth ? "true" : "false";
  return "the number " + toml_value(*this);
}

const TomlNode* TomlNode::find(std::string_view key) const {
  if (!is_table()) return nullptr;
  for (const TomlEntry& entry : entries())
    if (entry.key == key) return &entry.value;
  return nullptr;
}

TomlNode& TomlNode::set(std::string key, TomlNode value) {
  Entries& members = std::get<Entries>(data);
  for (TomlEntry& entry : members)
    if (entry.key == key) return entry.value = std::move(value);
  members.push_back({std::move(key), value.where, std::move(value)});
  return members.back().value;
}

TomlNode& TomlNode::table(const std::string& key) {
  for (TomlEntry& entry : std::get<Entries>(data))
    if (entry.key == key && entry.value.is_table()) return entry.value;
  return set(key, TomlNode());
}

TomlNode& TomlNode::append_table(const std::string& key) {
  TomlNode* array = nullptr;
  for (TomlEntry& entry : std::get<Entries>(data))
    if (entry.key == key && entry.value.is_array()) array = &entry.value;
  if (!array) array = &set(key, TomlNode(Array{}));
  return std::get<Array>(array->data).emplace_back();
}

bool TomlNode::operator==(const TomlNode& other) const { return data == other.data; }

TomlNode parse_toml(std::string_view text, const std::string& name) {
  if (text.size() > max_toml_bytes)
    throw InputError(fmt::format("{}: {} bytes; a study file may have at most {}", name, with_commas(text.size()), with_commas(max_toml_bytes)));
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) throw InputError(fmt::format("{}: is UTF-16; save it as UTF-8", name));
  if (const std::size_t bad = first_bad_utf8(text); bad != std::string_view::npos)
    throw InputError(fmt::format("{}: byte 0x{:02X} is not UTF-8; save the file as UTF-8", place(name, line_at(text, bad)), static_cast<unsigned char>(text[bad])));
  refuse_deep_keys(text, name);
  try {
    return convert(toml::parse(text, name), name, 0);
  } catch (const toml::parse_error& error) {
    throw InputError(fmt::format("{}: not TOML: {}", place(name, error.source().begin.line), error.description()));
  }
}

TomlNode read_toml(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored)) {
    const std::uintmax_t size = fs::file_size(path, ignored);
    if (!ignored && size > max_toml_bytes)
      throw InputError(fmt::format("{}: {} bytes; a study file may have at most {}", path.string(), with_commas(size), with_commas(max_toml_bytes)));
  } else if (fs::exists(path, ignored) && !fs::is_directory(path, ignored)) {  // a pipe or a device: no size to ask for
    std::ifstream file(path, std::ios::binary);
    if (!file) throw InputError(fmt::format("{}: cannot be read: {}", path.string(), std::strerror(errno)));
    std::string text;
    for (char block[65536]; text.size() <= max_toml_bytes && (file.read(block, sizeof block), file.gcount() > 0);)
      text.append(block, static_cast<std::size_t>(file.gcount()));
    return parse_toml(text, path.string());
  }
  return parse_toml(read_file(path), path.string());
}

std::string toml_value(const TomlNode& value) {
  return std::visit(
      [&](const auto& v) -> std::string {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, bool>) return v ? "true" : "false";
        else if constexpr (std::is_same_v<T, std::int64_t>) return std::to_string(v);
        else if constexpr (std::is_same_v<T, double>) return number_text(v);
        else if constexpr (std::is_same_v<T, std::string>) return quoted(v);
        else if constexpr (std::is_same_v<T, TomlNode::Array>) {
          std::vector<std::string> parts;
          for (const TomlNode& item : v) parts.push_back(toml_value(item));
          return "[" + join(parts) + "]";
        } else {
          std::vector<std::string> parts;
          for (const TomlEntry& entry : v) parts.push_back(key_text(entry.key) + " = " + toml_value(entry.value));
          return parts.empty() ? "{}" : "{ " + join(parts) + " }";
        }
      },
      value.data);
}

std::string write_toml(const TomlNode& document) {
  std::string out;
  write_table(document, "", out);
  return out;
}

Value to_value(const TomlNode& node) {
  return std::visit(
      [&](const auto& v) -> Value {
        using T = std::decay_t<decltype(v)>;
        const std::string at = node.where.empty() ? "" : node.where + ": ";
        if constexpr (std::is_same_v<T, TomlNode::Entries>) {
          throw StudyError(at + "a table stands where a value was expected");
        } else if constexpr (std::is_same_v<T, TomlNode::Array>) {
          std::vector<double> list;
          for (const TomlNode& item : v) {
            if (const auto* real = std::get_if<double>(&item.data)) list.push_back(*real);
            else if (const auto* integer = std::get_if<std::int64_t>(&item.data)) list.push_back(static_cast<double>(*integer));
            else throw StudyError(fmt::format("{}a list of numbers has {} in it", at, item.description()));
          }
          return {std::move(list), node.where};
        } else {
          return {v, node.where};
        }
      },
      node.data);
}

Section::Section(const TomlNode& node, std::string name) : node_(&node), name_(std::move(name)) {
  if (!node.is_table()) throw StudyError(fmt::format("{}{} must be a table, not {}", node.where.empty() ? "" : node.where + ": ", name_, node.description()));
}

std::string Section::where(std::string_view key) const {
  for (const TomlEntry& entry : entries())
    if (entry.key == key) return entry.where;
  return node_->where;
}

StudyError Section::error(std::string_view key, const std::string& text) const {
  const std::string at = where(key);
  return StudyError(at.empty() ? text : at + ": " + text);
}

void Section::allow(const std::vector<std::string>& known) const {
  for (const TomlEntry& entry : entries()) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    throw error(entry.key, fmt::format("unknown key '{}' in {}.{}\n  known: {}", entry.key, name_, did_you_mean(entry.key, known), known.empty() ? "none" : join(known)));
  }
}

void Section::wrong_type(const std::string& key, const char* wanted) const {
  throw error(key, fmt::format("'{}' in {} must be {}, not {}", key, name_, wanted, node_->find(key)->description()));
}

namespace {

bool get_number(const TomlNode& node, double& out) {
  if (const auto* integer = std::get_if<std::int64_t>(&node.data)) out = static_cast<double>(*integer);
  else if (const auto* real = std::get_if<double>(&node.data)) out = *real;
  else return false;
  return std::isfinite(out);
}

}  // namespace

#define MESO_SECTION_NODE                                                                            \
  const TomlNode* node = node_->find(key);                                                           \
  if (!node) throw error("", fmt::format("{} needs '{}', which is missing", name_, key))

template <>
double Section::require<double>(const std::string& key) const {
  MESO_SECTION_NODE;
  double number = 0;
  if (!get_number(*node, number)) wrong_type(key, "a finite number");
  return number;
}

template <>
std::int64_t Section::require<std::int64_t>(const std::string& key) const {
  MESO_SECTION_NODE;
  if (const auto* integer = std::get_if<std::int64_t>(&node->data)) return *integer;
  wrong_type(key, "an integer");
}

template <>
std::uint64_t Section::require<std::uint64_t>(const std::string& key) const {
  MESO_SECTION_NODE;
  const auto* integer = std::get_if<std::int64_t>(&node->data);
  if (integer && *integer >= 0) return static_cast<std::uint64_t>(*integer);
  wrong_type(key, "an integer of at least 0");
}

template <>
bool Section::require<bool>(const std::string& key) const {
  MESO_SECTION_NODE;
  if (const auto* truth = std::get_if<bool>(&node->data)) return *truth;
  wrong_type(key, "true or false");
}

template <>
std::string Section::require<std::string>(const std::string& key) const {
  MESO_SECTION_NODE;
  if (const auto* text = std::get_if<std::string>(&node->data)) return *text;
  wrong_type(key, "a text in quotes");
}

template <>
std::vector<double> Section::require<std::vector<double>>(const std::string& key) const {
  MESO_SECTION_NODE;
  if (!node->is_array()) wrong_type(key, "an array of numbers");
  std::vector<double> list;
  for (const TomlNode& item : node->items()) {
    double number = 0;
    if (!get_number(item, number)) throw StudyError(fmt::format("{}: '{}' in {} must be an array of finite numbers; it has {} in it", item.where, key, name_, item.description()));
    list.push_back(number);
  }
  return list;
}

template <>
std::vector<std::string> Section::require<std::vector<std::string>>(const std::string& key) const {
  MESO_SECTION_NODE;
  if (!node->is_array()) wrong_type(key, "an array of texts");
  std::vector<std::string> list;
  for (const TomlNode& item : node->items()) {
    const auto* text = std::get_if<std::string>(&item.data);
    if (!text) throw StudyError(fmt::format("{}: '{}' in {} must be an array of texts; it has {} in it", item.where, key, name_, item.description()));
    list.push_back(*text);
  }
  return list;
}

#undef MESO_SECTION_NODE

Section Section::section(const std::string& key) const {
  const TomlNode* node = node_->find(key);
  if (!node) throw error("", fmt::format("{} needs the table '{}', which is missing", name_, key));
  const bool nested = name_.size() > 2 && name_.front() == '[' && name_.back() == ']';
  return {*node, nested ? fmt::format("{}.{}]", name_.substr(0, name_.size() - 1), key_text(key)) : fmt::format("[{}]", key_text(key))};
}

std::optional<Section> Section::optional_section(const std::string& key) const {
  if (!has(key)) return std::nullopt;
  return section(key);
}

std::vector<Section> Section::sections(const std::string& key) const {
  const TomlNode* node = node_->find(key);
  if (!node) return {};
  const bool tables = node->is_array() && std::all_of(node->items().begin(), node->items().end(), [](const TomlNode& item) { return item.is_table(); });
  if (!tables) throw error(key, fmt::format("'{}' in {} must be given as [[{}]], once for each, not as {}", key, name_, key_text(key), node->description()));
  std::vector<Section> list;
  for (const TomlNode& item : node->items()) list.emplace_back(item, fmt::format("[[{}]] {}", key_text(key), list.size() + 1));
  return list;
}

Table Section::values(std::initializer_list<const char*> except) const {
  Table table;
  for (const TomlEntry& entry : entries()) {
    if (std::find(except.begin(), except.end(), entry.key) != except.end()) continue;
    try {
      table[entry.key] = to_value(entry.value);
    } catch (const StudyError& bad) {
      throw StudyError(fmt::format("{}\n  ('{}' in {})", bad.what(), entry.key, name_));
    }
    table[entry.key].where = entry.where;
  }
  return table;
}

}  // namespace meso

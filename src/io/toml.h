// Study files: a document tree that remembers where everything stood, strict reading of it, and a writer.
//
// Reading and writing are inverse: what `write_toml` gives, `parse_toml` reads back to an equal tree with the same bits
// in every number. No type of the parser behind it is seen here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "model/value.h"

namespace meso {

struct TomlEntry;

/// One node of a document: a boolean, an integer, a number, a string, an array or a table. A table keeps the order of its file.
class TomlNode {
 public:
  using Array = std::vector<TomlNode>;
  using Entries = std::vector<TomlEntry>;
  using Data = std::variant<bool, std::int64_t, double, std::string, Array, Entries>;

  TomlNode();  ///< an empty table
  TomlNode(bool value);                 // NOLINT: implicit on purpose, a tree reads like data
  TomlNode(int value);                  // NOLINT
  TomlNode(std::int64_t value);         // NOLINT
  TomlNode(double value);               // NOLINT
  TomlNode(const char* value);          // NOLINT
  TomlNode(std::string value);          // NOLINT
  TomlNode(std::vector<double> values);              // NOLINT: an array of numbers
  TomlNode(const std::vector<std::string>& values);  // NOLINT: an array of strings
  TomlNode(Array nodes);                // NOLINT
  TomlNode(const Value& value);         // NOLINT: a parameter, with its place
  /// An empty table that is written on one line: `volume = { log = [0.5, 50.0], count = 9 }`.
  [[nodiscard]] static TomlNode inline_table();

  [[nodiscard]] bool is_table() const { return std::holds_alternative<Entries>(data); }
  [[nodiscard]] bool is_array() const { return std::holds_alternative<Array>(data); }
  /// "a table", "the text 'x'", "the number 0.5": what a message calls this node.
  [[nodiscard]] std::string description() const;
  /// Member of a table, or null.
  [[nodiscard]] const TomlNode* find(std::string_view key) const;
  [[nodiscard]] const Entries& entries() const { return std::get<Entries>(data); }
  [[nodiscard]] const Array& items() const { return std::get<Array>(data); }

  /// Building: sets (or replaces, in its place) a member and returns it. References last until the next member is added.
  TomlNode& set(std::string key, TomlNode value);
  /// The table member of that name, made if there is none.
  TomlNode& table(const std::string& key);
  /// Appends an empty table to the array of tables of that name ([[key]]), made if there is none.
  TomlNode& append_table(const std::string& key);

  /// Equal content in the same order; places and the one-line style do not count.
  bool operator==(const TomlNode& other) const;

  Data data;
  std::string where;         ///< "study.toml:14"; "" when built by a program
  bool inline_style = false; ///< a table on one line
};

struct TomlEntry {
  std::string key;
  std::string where;  ///< of the key: "study.toml:14"
  TomlNode value;
  bool operator==(const TomlEntry& other) const { return key == other.key && value == other.value; }
};

/// Largest file that is read, in bytes: a study is text that people write.
inline constexpr std::uintmax_t max_toml_bytes = 64u << 20;

/// Reads a file. UTF-8, with or without byte order mark, any line ends.
/// @throws InputError  "file:line: ..." for a syntax error, a key given twice, a date, a file that is not UTF-8 or above `max_toml_bytes`
[[nodiscard]] TomlNode read_toml(const std::filesystem::path& path);
/// The same from text. @param name  stands for the file's name in every place
[[nodiscard]] TomlNode parse_toml(std::string_view text, const std::string& name);

/// The document as text: keys in the tree's order (a table's plain members before its sub-tables), numbers exact.
/// @throws InputError  if a string is not UTF-8
[[nodiscard]] std::string write_toml(const TomlNode& document);

/// One value as it stands behind '=': "0.1", "\"a \\\"b\\\"\"", "[1, 2]".
[[nodiscard]] std::string toml_value(const TomlNode& value);

/// A value for a parameter or option, with its place. @throws StudyError  if it is a table or an array of anything but numbers
[[nodiscard]] Value to_value(const TomlNode& node);

/// Strict reading of one table: every key is either asked for or refused by name.
/// Keeps a pointer to the node: the document must live longer.
///
///     Section compare(document, "compare");
///     compare.allow({"observables", "relative", "absolute", "confidence", "override"});
///     const double relative = compare.optional<double>("relative").value_or(0.05);
class Section {
 public:
  /// @param name  as messages say it: "[compare]"; "the study" for the whole document
  /// @throws StudyError if the node is not a table
  Section(const TomlNode& node, std::string name);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const TomlNode& node() const { return *node_; }
  [[nodiscard]] const std::string& where() const { return node_->where; }
  [[nodiscard]] bool has(std::string_view key) const { return node_->find(key) != nullptr; }
  [[nodiscard]] const TomlNode::Entries& entries() const { return node_->entries(); }
  /// Place of a key, or of the table where the key is missing.
  [[nodiscard]] std::string where(std::string_view key) const;

  /// @throws StudyError for the first key that is not among `known`: file, line, nearest name, known keys
  void allow(std::initializer_list<const char*> known) const { allow(std::vector<std::string>(known.begin(), known.end())); }
  void allow(const std::vector<std::string>& known) const;

  /// T is one of double (finite; integers too), std::int64_t, std::uint64_t, bool, std::string, std::vector<double>,
  /// std::vector<std::string>. @throws StudyError  missing key, other type, not finite, negative for std::uint64_t
  template <class T>
  [[nodiscard]] T require(const std::string& key) const;
  /// Empty if the key is missing; @throws StudyError like `require` otherwise.
  template <class T>
  [[nodiscard]] std::optional<T> optional(const std::string& key) const {
    if (!has(key)) return std::nullopt;
    return require<T>(key);
  }

  /// A sub-table. @throws StudyError if it is missing or not a table
  [[nodiscard]] Section section(const std::string& key) const;
  [[nodiscard]] std::optional<Section> optional_section(const std::string& key) const;
  /// The tables of [[key]], named "[[key]] 1", ...; none if the key is missing. @throws StudyError for [key] or anything else
  [[nodiscard]] std::vector<Section> sections(const std::string& key) const;

  /// All members as parameter values with their places, but for the keys named. @throws StudyError as to_value
  [[nodiscard]] Table values(std::initializer_list<const char*> except = {}) const;

  /// "file:line: text", to be thrown; the place is that of `key`.
  [[nodiscard]] StudyError error(std::string_view key, const std::string& text) const;

 private:
  [[noreturn]] void wrong_type(const std::string& key, const char* wanted) const;

  const TomlNode* node_;
  std::string name_;
};

}  // namespace meso

// Binary archives of checkpoints: values as they lie in memory (same machine, same build), sealed by a hash.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace meso {

class ArchiveWriter {
 public:
  template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void put(T value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  void put(std::string_view text) {
    put(static_cast<std::uint64_t>(text.size()));
    bytes_.append(text);
  }
  void put(const std::string& text) { put(std::string_view(text)); }
  void put(const char* text) { put(std::string_view(text)); }
  void put(std::span<const double> numbers) {
    put(static_cast<std::uint64_t>(numbers.size()));
    bytes_.append(reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes());
  }
  void put(const std::vector<double>& numbers) { put(std::span<const double>(numbers)); }
  /// Length first, then each element by `put_one(writer, element)`.
  template <class List, class F>
  void list(const List& items, F put_one) {
    put(static_cast<std::uint64_t>(items.size()));
    for (const auto& item : items) put_one(*this, item);
  }
  /// Everything written, with a hash at the end.
  [[nodiscard]] std::string sealed() const;

 private:
  std::string bytes_;
};

/// Reads what a writer wrote, in the same order. Every read is checked against the end. @throws RunError "damaged"
class ArchiveReader {
 public:
  /// @throws RunError if the seal does not fit: truncated or altered
  explicit ArchiveReader(std::string sealed);
  template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  [[nodiscard]] T get() {
    if constexpr (std::is_same_v<T, bool>) {
      return truth();
    } else {
      T value;
      std::memcpy(&value, take(sizeof value), sizeof value);
      return value;
    }
  }
  template <class T>
  void get(T& value) { value = get<T>(); }
  void get(std::string& text) {
    const auto size = length(1);
    text.assign(take(size), size);
  }
  void get(std::vector<double>& numbers) {
    const auto size = length(sizeof(double));
    numbers.resize(size);
    if (size > 0) std::memcpy(numbers.data(), take(size * sizeof(double)), size * sizeof(double));
  }
  template <class T, class F>
  void list(std::vector<T>& items, F get_one) {
    items.assign(length(1), T{});
    for (T& item : items) get_one(*this, item);
  }
  /// A length that fits into what is left, for elements of at least `size` bytes.
  [[nodiscard]] std::size_t length(std::size_t size);

 private:
  [[nodiscard]] const char* take(std::size_t count);
  [[nodiscard]] bool truth();  // a byte that is neither 0 nor 1 is no bool: reading it as one is undefined
  std::string bytes_;
  std::size_t at_ = 0, end_ = 0;
};

}  // namespace meso

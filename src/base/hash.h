// Fixed hash functions: stream purposes and study hashes must not change with the compiler or its library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace meso {

/// FNV-1a, 64 bit.
[[nodiscard]] constexpr std::uint64_t fnv1a(std::string_view text, std::uint64_t seed = 0xcbf29ce484222325ULL) {
  for (const char c : text) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return seed;
}

/// Finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection of 64 bits with full avalanche.
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

/// 16 hexadecimal digits.
[[nodiscard]] std::string hex(std::uint64_t value);

}  // namespace meso

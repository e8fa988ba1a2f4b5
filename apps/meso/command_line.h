// Values and mistakes of the command line in words: what was given, what is allowed, the nearest right name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace CLI {
class App;
class ParseError;
class Validator;
}  // namespace CLI

namespace meso::app {

/// A whole number of 64 bits, not below `least`.
[[nodiscard]] CLI::Validator whole_number(std::uint64_t least);
/// A number, not below 0.
[[nodiscard]] CLI::Validator non_negative_number();
/// One of the words.
[[nodiscard]] CLI::Validator one_of(std::vector<std::string> words);

/// What is wrong with the command line, one sentence and what is known, without the program's name.
/// @param arguments  as given, without the program
[[nodiscard]] std::string explain(const CLI::ParseError& error, const CLI::App& app, std::span<const std::string> arguments);

}  // namespace meso::app

#include "command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace meso::app {
namespace {

/// "--seed": the flags of a verb.
std::vector<std::string> flag_names(const CLI::App& verb) {
  std::vector<std::string> names;
  for (const CLI::Option* option : verb.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

bool knows(const CLI::App& verb, const std::string& flag) {
  // A short flag may have its value behind it: -n100.
  return verb.get_option_no_throw(flag) != nullptr || (flag[1] != '-' && verb.get_option_no_throw(flag.substr(0, 2)) != nullptr);
}

/// A beginning of one name means that name; else the nearest.
std::string flag_meant(const std::string& given, const std::vector<std::string>& known) {
  const auto begins = [&](const std::string& name) { return given.size() > 3 && name.starts_with(given); };
  const auto found = std::find_if(known.begin(), known.end(), begins);
  return found != known.end() && std::none_of(found + 1, known.end(), begins) ? fmt::format(" Did you mean '{}'?", *found) : did_you_mean(given, known);
}

bool looks_like_a_flag(const std::string& text) {
  double number;
  return text.size() > 1 && text.front() == '-' && !parse_number(text, number);
}

}  // namespace

CLI::Validator whole_number(std::uint64_t least) {
  return CLI::Validator(
      [least](std::string& text) {
        std::uint64_t value = 0;
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (failed == std::errc() && end == text.data() + text.size() && value >= least) return std::string();
        return fmt::format("'{}' is not a whole number from {} to 2^64 - 1", text, least);
      },
      "", "whole number");
}

CLI::Validator non_negative_number() {
  return CLI::Validator(
      [](std::string& text) {
        double value;
        return parse_number(text, value) && value >= 0 ? std::string() : fmt::format("'{}' is not a number of 0 or more", text);
      },
      "", "number");
}

CLI::Validator one_of(std::vector<std::string> words) {
  return CLI::Validator(
      [words = std::move(words)](std::string& text) {
        return std::find(words.begin(), words.end(), text) != words.end() ? std::string() : fmt::format("unknown word '{}'.{}\n  known: {}", text, did_you_mean(text, words), join(words));
      },
      "", "word");
}

std::string explain(const CLI::ParseError& error, const CLI::App& app, std::span<const std::string> arguments) {
  std::vector<std::string> verbs;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) verbs.push_back(verb->get_name());
  if (app.get_subcommands().empty()) {
    if (arguments.empty()) return fmt::format("a verb is missing\n  known: {}; meso --help says what they do", join(verbs));
    const std::string& first = arguments.front();
    return looks_like_a_flag(first) ? fmt::format("a verb comes before '{}'\n  known: {}", first, join(verbs)) : fmt::format("unknown verb '{}'.{}\n  known: {}", first, did_you_mean(first, verbs), join(verbs));
  }
  const CLI::App& verb = *app.get_subcommands().front();
  const auto after = std::find(arguments.begin(), arguments.end(), verb.get_name());
  for (auto a = after; a != arguments.end(); ++a) {
    const std::string name = a->substr(0, a->find('='));
    if (!looks_like_a_flag(*a) || knows(verb, name)) continue;
    const std::vector<std::string> flags = flag_names(verb);
    return fmt::format("{}: unknown flag '{}'.{}\n  known: {}", verb.get_name(), name, flag_meant(name, flags), join(flags));
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const std::vector<std::string> surplus = verb.remaining();
    return fmt::format("{}: '{}' is one word too many\n  meso {} --help says what it takes", verb.get_name(), surplus.empty() ? arguments.back() : surplus.front(), verb.get_name());
  }
  const std::string said = error.what();
  for (const CLI::Option* option : verb.get_options()) {
    if (said.rfind(option->get_name() + ": ", 0) == 0 && dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) return fmt::format("{}: {}: {}: {}", verb.get_name(), option->get_name(), option->count() > 1 ? "given more than once" : "its value is missing", option->get_description());
    if (said == option->get_name() + " is required") return fmt::format("{}: {} is missing: {}", verb.get_name(), option->get_name(), option->get_description());
  }
  return fmt::format("{}: {}", verb.get_name(), said);
}

}  // namespace meso::app

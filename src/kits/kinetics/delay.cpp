#include "kits/kinetics/delay.h"

#include <fmt/format.h>

#include <cctype>

#include "base/error.h"

namespace meso::kinetics {
namespace {

bool blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

}  // namespace

std::optional<DelayText> cut_delay(std::string_view& rate) {
  constexpr std::string_view word = "after";
  std::size_t at = std::string_view::npos;  // two words never stand side by side in a formula
  for (std::size_t i = 1; i + word.size() < rate.size() && at == std::string_view::npos; ++i)
    if (blank(rate[i - 1]) && rate.substr(i, word.size()) == word && blank(rate[i + word.size()])) at = i;
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = rate.substr(at + word.size());
  rate = rate.substr(0, at);
  while (!rest.empty() && blank(rest.back())) rest.remove_suffix(1);
  DelayText delay;
  for (const auto& [name, kind] : {std::pair{std::string_view("non-consuming"), DelayKind::non_consuming}, {std::string_view("consuming"), DelayKind::consuming}})
    if (rest.ends_with(name) && rest.size() > name.size() && blank(rest[rest.size() - name.size() - 1])) {
      delay.kind = kind;
      rest.remove_suffix(name.size());
      break;
    }
  try {
    delay.law = parse_law(rest);
  } catch (const ModelError& error) {
    throw ModelError(fmt::format("the delay after 'after': {}", error.what()));
  }
  return delay;
}

}  // namespace meso::kinetics

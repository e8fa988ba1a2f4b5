// How outcomes look, in one place: word, letter, colour, hatching. The same letter stands in the terminal, in the
// picture and on the page, so that whoever has read one reads all, with or without colour.
#pragma once

#include <array>
#include <string_view>

#include "model/results.h"

namespace meso::report {

/// Colours of Okabe and Ito (Color Universal Design, 2008), told apart by readers with any colour vision; in grey they
/// still differ by hatching and letter.
struct Look {
  Outcome outcome;
  std::string_view word;
  char letter;             ///< terminal
  std::string_view glyph;  ///< picture and page
  std::string_view fill;   ///< colour of a cell
  std::string_view ink;    ///< colour of the glyph upon it
  std::string_view meaning;
};

inline constexpr std::array<Look, 5> looks{{
    {Outcome::agrees, "agrees", '=', "=", "#009E73", "#ffffff", "inside the margin at every point"},
    {Outcome::disagrees, "disagrees", 'x', "×", "#D55E00", "#ffffff", "outside the margin at some point"},
    {Outcome::undecided, "undecided", '?', "?", "#F0E442", "#000000", "the errors are too large to tell"},
    {Outcome::broken, "broken", '!', "!", "#000000", "#ffffff", "the level gives no physical answer"},
    {Outcome::absent, "absent", '.', "–", "#ffffff", "#555555", "the level does not give this observable"},
}};

[[nodiscard]] inline const Look& look(Outcome outcome) { return looks[static_cast<std::size_t>(outcome)]; }

/// broken > disagrees > undecided > agrees > absent: what a level is coloured by when it has several verdicts.
[[nodiscard]] inline int badness(Outcome outcome) {
  switch (outcome) {
    case Outcome::broken: return 4;
    case Outcome::disagrees: return 3;
    case Outcome::undecided: return 2;
    case Outcome::agrees: return 1;
    case Outcome::absent: return 0;
  }
  return 0;
}

}  // namespace meso::report

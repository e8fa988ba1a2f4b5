// Conditions as people write them: "X >= 20", "X + Y < K and t > 3".
#pragma once

#include <string_view>

#include "num/formula.h"

namespace meso::kinetics {

/// Comparisons < <= > >= == != of formulas, joined by `and` and `or` (`and` binds tighter), with parentheses; or a formula that is 1 or 0
/// by itself (lt(a, b), ...). The value is 1 or 0.
/// @throws ModelError  what is wrong in which part of the text
[[nodiscard]] num::Formula parse_condition(std::string_view text);

}  // namespace meso::kinetics

// Results as compact JSON for the script of the page.
#pragma once

#include <string>

namespace meso::report {
struct Overview;

/// One JSON object, safe inside <script>. Its shape is described at the head of assets/page.js.
[[nodiscard]] std::string data_json(const Overview& facts);

}  // namespace meso::report

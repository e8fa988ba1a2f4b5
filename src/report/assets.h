// The files of the page, embedded at build time by the assembler (assets.cpp.in).
#pragma once

#include <string_view>

namespace meso::report::assets {

[[nodiscard]] std::string_view page_html();
[[nodiscard]] std::string_view page_css();
[[nodiscard]] std::string_view page_js();
[[nodiscard]] std::string_view plotly_js();

}  // namespace meso::report::assets

// What every target shares. A target is one function, LLVMFuzzerTestOneInput: libFuzzer feeds it under clang, corpus_main.cpp under any compiler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

#include "base/error.h"

namespace meso::fuzz {

/// Ends the program as a crash does, saying why.
[[noreturn]] inline void wrong(const char* what, std::string_view detail = {}) {
  std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(detail.size()), detail.data());
  std::abort();
}

/// Reads something that anybody may have written: it may be refused as wrong input, with a message; anything else that is thrown is a finding.
/// @returns whether it was accepted
template <class F>
bool accepted(F read) {
  try {
    read();
    return true;
  } catch (const InputError& error) {
    if (std::string_view(error.what()).empty()) wrong("refused without a word");
  } catch (const std::exception& error) {
    wrong("neither read nor refused as wrong input", error.what());
  }
  return false;
}

}  // namespace meso::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

// What the tests of models in study files share: one good study as text, changed line by line, and what is said about it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "apps/models/model_source.h"
#include "base/error.h"
#include "io/toml.h"
#include "study/study.h"
#include "study/study_file.h"

namespace meso::testing {

/// What is said when the study is read and resolved, under the name my.toml in the folder docs; empty if nothing is wrong.
inline std::string refusal(const std::string& text) {
  try {
    (void)resolved(read_study(parse_toml(text, "my.toml"), model_source(), std::filesystem::path(MESO_SOURCE_DIR) / "docs"));
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

/// The study with one piece of its text replaced.
inline std::string changed(std::string text, const std::string& piece, const std::string& instead) {
  const std::size_t at = text.find(piece);
  EXPECT_NE(at, std::string::npos) << piece;
  return at == std::string::npos ? text : text.replace(at, piece.size(), instead);
}

}  // namespace meso::testing

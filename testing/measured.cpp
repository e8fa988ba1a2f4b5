#include "testing/measured.h"

#include <gtest/gtest.h>

#include <cctype>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

namespace meso {
namespace {

// One file per (system, check), named by both, so that a check measured twice replaces itself.
std::string file_name(const std::string& system, const std::string& check) {
  std::string name = system + "--" + check;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '.') c = '_';
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a: names that differ only in punctuation stay apart
  for (const char c : system + "\n" + check) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return name.substr(0, 120) + "-" + std::to_string(hash) + ".json";
}

double seconds_of_this_test() {
  const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
  if (info == nullptr) return 0;
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  return static_cast<double>(now - info->result()->start_timestamp()) / 1000.0;
}

void record(const std::string& system, const std::string& check, double value, double error, const std::string& reference, std::optional<double> number) {
  const char* folder = std::getenv("MESO_MEASURED");
  if (folder == nullptr || *folder == '\0') return;
  nlohmann::ordered_json entry{{"system", system}, {"check", check}};
  const auto put = [&](const char* key, double x) {
    if (std::isfinite(x)) entry[key] = x;
    else entry[key] = nullptr;
  };
  put("value", value);
  put("error", error);
  if (number) put("reference_value", *number);
  entry["reference"] = reference;
  entry["seconds"] = std::round(seconds_of_this_test() * 10) / 10;
  const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
  if (info != nullptr) entry["test"] = std::string(info->test_suite_name()) + "." + info->name();
  std::filesystem::create_directories(folder);
  const auto path = std::filesystem::path(folder) / file_name(system, check);
  std::ofstream out(path);
  out << entry.dump(1) << '\n';
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path.string() + " (folder given by MESO_MEASURED)");
}

}  // namespace

void measured(const std::string& system, const std::string& check, double value, double error, const std::string& reference) {
  record(system, check, value, error, reference, std::nullopt);
}

void measured(const std::string& system, const std::string& check, double value, double error, double reference, const std::string& source) {
  record(system, check, value, error, source, reference);
}

}  // namespace meso

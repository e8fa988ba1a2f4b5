// Gathers what the tests measured (testing/measured.h) into one file beside each system.
//
//   collect_measured FRAGMENTS SOURCE_TREE COMMIT
//
// writes SOURCE_TREE/systems/<family>/<name>/reference/measured.json (for a kit src/kits/<name>/reference/measured.json), whole or not at all. A check that did not run this
// time keeps its earlier entry, with the commit at which it was measured. Checks are sorted by name, so that a
// difference of two versions of the file shows what changed and nothing else.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"

namespace fs = std::filesystem;
using nlohmann::ordered_json;

namespace {

fs::path folder_of(const fs::path& tree, const std::string& system) {
  for (const auto& family : fs::directory_iterator(tree / "systems"))
    if (family.is_directory() && fs::is_directory(family.path() / system)) return family.path() / system;
  if (const fs::path kit = tree / "src" / "kits" / system; fs::is_directory(kit)) return kit;
  throw meso::InputError("no folder systems/<family>/" + system + " or src/kits/" + system + " for the checks measured under that name");
}

ordered_json parse(const fs::path& path) {
  try {
    return ordered_json::parse(meso::read_file(path));
  } catch (const ordered_json::exception& error) {
    throw meso::InputError(path.string() + ": " + error.what());
  }
}

void collect(const fs::path& fragments, const fs::path& tree, const std::string& commit) {
  std::map<std::string, std::map<std::string, ordered_json>> systems;  // system -> check -> entry
  for (const auto& file : fs::directory_iterator(fragments)) {
    if (file.path().extension() != ".json") continue;
    ordered_json entry = parse(file.path());
    const std::string system = entry.at("system"), check = entry.at("check");
    entry.erase("system");
    entry["commit"] = commit;
    systems[system][check] = std::move(entry);
  }
  for (auto& [system, checks] : systems) {
    const fs::path folder = folder_of(tree, system) / "reference", path = folder / "measured.json";
    if (fs::exists(path)) {
      const ordered_json earlier = parse(path);
      for (const ordered_json& old : earlier.at("checks")) checks.try_emplace(old.at("check").get<std::string>(), old);
    }
    ordered_json document{{"format", "mesoscope-measured"}, {"version", 1}, {"system", system}, {"checks", ordered_json::array()}};
    for (const auto& [name, entry] : checks) document["checks"].push_back(entry);
    fs::create_directories(folder);
    meso::write_file_atomically(path, document.dump(2) + "\n");
    std::printf("%s: %zu checks\n", fs::relative(path, tree).c_str(), checks.size());
  }
  if (systems.empty()) std::printf("no check recorded a number\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: collect_measured FRAGMENTS SOURCE_TREE COMMIT\n");
    return 2;
  }
  try {
    collect(argv[1], argv[2], argv[3]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "collect_measured: %s\n", error.what());
    return dynamic_cast<const meso::InputError*>(&error) != nullptr ? 2 : 1;
  }
  return 0;
}

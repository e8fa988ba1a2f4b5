// Opens a plugin: a shared object with more systems, which needs a library that the program does without (loading libtorch takes a second and
// 170 MB). It is looked for in MESO_PLUGIN_PATH, beside the program's library folder, and where the build puts it.
#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "base/version.h"
#include "model/registry.h"

namespace meso {
namespace {

namespace fs = std::filesystem;

/// Folder of the program or module that this code is in.
fs::path own_folder() {
  Dl_info info;
  static const int here = 0;
  if (dladdr(&here, &info) == 0 || info.dli_fname == nullptr) return {};
  std::error_code unknown;
  const fs::path own = fs::canonical(std::strchr(info.dli_fname, '/') != nullptr ? fs::path(info.dli_fname) : fs::path("/proc/self/exe"), unknown);
  return unknown ? fs::path() : own.parent_path();
}

/// OpenBLAS chooses its kernels when it is loaded, by the processor's model: one that is younger than the library gets those of 2004, at a sixth of the speed. Those for AVX2
/// run on every x86 processor of the last ten years, as fast as any at the sizes of our nets, and give the same digits on all of them. A choice of the user's own stays.
void choose_blas_kernels() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) setenv("OPENBLAS_CORETYPE", "Haswell", 0);
#endif
}

const Registry& open_plugin(const Registry::Card& card) {
  const std::string file = fmt::format("libmesoscope_{}.so", card.needs), needs = fmt::format("system '{}' needs the plugin {}", card.name, file);
  std::vector<fs::path> folders;
  if (const char* given = std::getenv("MESO_PLUGIN_PATH"))
    for (const std::string& folder : split(given, ':')) folders.emplace_back(folder);
  const fs::path own = own_folder();
  // Beside it; installed, from bin and from the Python module in lib/python3.x/dist-packages/mesoscope; in a build, from apps/meso, python/mesoscope and tests.
  for (const char* place : {".", "../lib/mesoscope", "../../../mesoscope", "../../systems", "../systems"}) folders.push_back(own / place);
  for (const fs::path& folder : folders) {
    std::error_code absent;
    const fs::path path = folder / file;
    if (!fs::exists(path, absent)) continue;
    choose_blas_kernels();
    void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw RunError(fmt::format("{}: {}", needs, dlerror()));
    using Open = const Registry* (*)(const char*);
    const auto open = reinterpret_cast<Open>(dlsym(library, "meso_plugin"));
    const Registry* registry = open != nullptr ? open(fmt::format("{} {}", version, revision).c_str()) : nullptr;
    if (registry == nullptr) throw InputError(fmt::format("{}; the one in {} was built from another version of Mesoscope: build both together", needs, folder.string()));
    return *registry;
  }
  throw InputError(fmt::format("{}, which is not here.\n  Build it with `make torch` (Debian's libtorch-dev; cmake -DMESO_TORCH=ON), or name its folder in MESO_PLUGIN_PATH", needs));
}

}  // namespace

System load_plugged(const Registry::Card& card) {
  static const Registry& registry = open_plugin(card);  // there is one plugin; a failed opening is tried again
  System system = registry.make(card.name);
  system.needs = card.needs;  // the card alone knows which plugin that was
  return system;
}

}  // namespace meso

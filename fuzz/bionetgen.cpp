// BioNetGen network files: read into a process, and the process into a system.
#include "kits/exchange/bionetgen.h"

#include <string>

#include "fuzz/fuzz.h"
#include "kits/kinetics/process_system.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  meso::fuzz::accepted([&] { (void)meso::kinetics::process_system(meso::exchange::read_bionetgen_text(text, "fuzz"), "fuzz", "fuzz"); });
  return 0;
}

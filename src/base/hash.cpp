#include "base/hash.h"

#include <fmt/format.h>

namespace meso {

std::string hex(std::uint64_t value) { return fmt::format("{:016x}", value); }

}  // namespace meso

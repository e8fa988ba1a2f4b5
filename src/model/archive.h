// What a checkpoint keeps of answers and verdicts, to the bit.
#pragma once

#include "base/archive.h"
#include "model/results.h"

namespace meso {

void save(ArchiveWriter& out, const Answer& answer);
void load(ArchiveReader& in, Answer& answer);  ///< @throws RunError damaged
void save(ArchiveWriter& out, const Verdict& verdict);
void load(ArchiveReader& in, Verdict& verdict);
void save(ArchiveWriter& out, const Path& path);
void load(ArchiveReader& in, Path& path);

}  // namespace meso

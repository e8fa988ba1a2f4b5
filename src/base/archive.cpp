#include "base/archive.h"

#include "base/error.h"
#include "base/hash.h"

namespace meso {

std::string ArchiveWriter::sealed() const {
  std::string whole = bytes_;
  const std::uint64_t seal = fnv1a(bytes_);
  whole.append(reinterpret_cast<const char*>(&seal), sizeof seal);
  return whole;
}

ArchiveReader::ArchiveReader(std::string sealed) : bytes_(std::move(sealed)) {
  std::uint64_t seal = 0;
  if (bytes_.size() < sizeof seal) throw RunError("the checkpoint is truncated");
  end_ = bytes_.size() - sizeof seal;
  std::memcpy(&seal, bytes_.data() + end_, sizeof seal);
  if (seal != fnv1a(std::string_view(bytes_).substr(0, end_))) throw RunError("the checkpoint is damaged");
}

const char* ArchiveReader::take(std::size_t count) {
  if (count > end_ - at_) throw RunError("the checkpoint is damaged: it ends too early");
  const char* place = bytes_.data() + at_;
  at_ += count;
  return place;
}

bool ArchiveReader::truth() {
  const auto byte = get<std::uint8_t>();
  if (byte > 1) throw RunError("the checkpoint is damaged: a truth value in it is neither 0 nor 1 but " + std::to_string(byte));
  return byte == 1;
}

std::size_t ArchiveReader::length(std::size_t size) {
  const auto count = get<std::uint64_t>();
  if (count > (end_ - at_) / size) throw RunError("the checkpoint is damaged: a length in it is impossible");
  return static_cast<std::size_t>(count);
}

}  // namespace meso

#include "base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/error.h"

namespace meso {
namespace {

namespace fs = std::filesystem;

std::string reason() { return std::strerror(errno); }

fs::path temporary_name(const fs::path& path) {
  return path.parent_path() / fmt::format(".{}.{}.part", path.filename().string(), ::getpid());
}

void sync_path(const fs::path& path, int flags) {
  const int fd = ::open(path.c_str(), flags);
  if (fd < 0) throw RunError(fmt::format("{}: cannot open to flush: {}", path.string(), reason()));
  const bool ok = ::fsync(fd) == 0 || errno == EINVAL;
  const std::string why = reason();
  ::close(fd);
  if (!ok) throw RunError(fmt::format("{}: cannot flush to disk: {}", path.string(), why));
}

}  // namespace

std::string read_file(const fs::path& path) {
  if (fs::is_directory(path)) throw InputError(fmt::format("{}: is a folder, a file was expected", path.string()));
  std::ifstream file(path, std::ios::binary);
  if (!file) throw InputError(fmt::format("{}: cannot be read: {}", path.string(), reason()));
  std::ostringstream content;
  content << file.rdbuf();
  if (file.bad()) throw InputError(fmt::format("{}: cannot be read to its end: {}", path.string(), reason()));
  return std::move(content).str();
}

void commit_file(const fs::path& temporary, const fs::path& path) {
  sync_path(temporary, O_RDONLY);
  std::error_code error;
  fs::rename(temporary, path, error);
  if (error) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw RunError(fmt::format("{}: cannot be put in place: {}", path.string(), error.message()));
  }
  sync_path(path.has_parent_path() ? path.parent_path() : fs::path("."), O_RDONLY | O_DIRECTORY);
}

void write_file_atomically(const fs::path& path, std::string_view content) {
  const fs::path temporary = temporary_name(path);
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) throw RunError(fmt::format("{}: cannot be written: {}", path.string(), reason()));
  std::string_view rest = content;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const std::string why = reason();
      ::close(fd);
      ::unlink(temporary.c_str());
      throw RunError(fmt::format("{}: cannot be written: {} ({} of {} bytes); the earlier file, if any, is untouched", path.string(), why,
                                 content.size() - rest.size(), content.size()));
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  ::close(fd);
  commit_file(temporary, path);
}

void require_writable_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw InputError(fmt::format("{}: the output folder cannot be made: {}", folder.string(), error.message()));
  if (!fs::is_directory(folder)) throw InputError(fmt::format("{}: is a file, the output needs a folder", folder.string()));
  const fs::path probe = folder / fmt::format(".probe.{}", ::getpid());
  const int fd = ::open(probe.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) throw InputError(fmt::format("{}: the output folder is not writable: {}", folder.string(), reason()));
  ::close(fd);
  ::unlink(probe.c_str());
}

}  // namespace meso

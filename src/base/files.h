// Files that are either whole or absent: write to a temporary name, fsync, rename.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace meso {

/// The whole file. @throws InputError naming the path and the reason.
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

/// Replaces `path` by `content`, whole or not at all. @throws RunError (disk full, not writable) with path and reason.
void write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// Renames a finished temporary file onto `path` after fsync. @throws RunError.
void commit_file(const std::filesystem::path& temporary, const std::filesystem::path& path);

/// Creates the folder if needed and proves that a file can be written in it. @throws InputError before any work starts.
void require_writable_folder(const std::filesystem::path& folder);

}  // namespace meso

// The files of one log's directory, behind an interface so that tests can lose power.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace pulse::log {

// An open file. Reading is thread-safe; writing has one owner. Offsets and sizes in bytes.
class storage_file {
 public:
  storage_file() = default;
  storage_file(const storage_file&) = delete;
  storage_file& operator=(const storage_file&) = delete;
  virtual ~storage_file() = default;

  virtual result<void> write_at(std::uint64_t offset, byte_view bytes) = 0;
  // Reads as much as exists, up to the size of `to`.
  virtual result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> to) const = 0;
  // After this, written bytes survive a power cut (fdatasync).
  virtual result<void> sync() = 0;
  // Allocates `size` bytes; new ones read as zeros. errc::no_space is not final.
  virtual result<void> preallocate(std::uint64_t size) = 0;
  virtual result<void> truncate(std::uint64_t size) = 0;
  virtual result<std::uint64_t> size() const = 0;
};

// One directory. Names are plain file names.
class storage {
 public:
  explicit storage(std::string project = {}) : project_(std::move(project)) {}
  storage(const storage&) = delete;
  storage& operator=(const storage&) = delete;
  virtual ~storage() = default;

  virtual result<std::vector<std::string>> list() const = 0;
  virtual result<std::unique_ptr<storage_file>> create(
      const std::string& name) = 0;  // empty, replacing any
  virtual result<std::unique_ptr<storage_file>> open(const std::string& name) = 0;
  virtual result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual result<void> remove(const std::string& name) = 0;
  // After this, creations, renames and removals survive a power cut.
  virtual result<void> sync_directory() = 0;

  // The project of the files, for log lines.
  const std::string& project() const { return project_; }

 private:
  std::string project_;
};

// Writes the bytes between the two offsets again as read; sync afterwards. After a failed sync the
// kernel takes unwritten pages for clean: it returns them as if they were on the disk, and no later
// sync writes them (fsync(2), EIO).
result<void> write_anew(storage_file& file, std::uint64_t from, std::uint64_t to);

// Opens the real directory; creates it with mode 0700 if it is missing. errc::conflict: another
// process uses it (a lock on the file `lock`).
result<std::unique_ptr<storage>> open_directory(const std::filesystem::path& directory,
                                                std::string project = {});

}  // namespace pulse::log

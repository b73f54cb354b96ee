// A folder of one run, which is removed with it; the next run removes the folder of a killed one.
#pragma once

#include <filesystem>

#include "base/error.hpp"

namespace pulse::commands {

// In use while its descriptor is open somewhere: here, or in a process that has inherited it.
// Movable; one owner.
class temporary_folder {
 public:
  // Makes `<in>/pulse-dev-XXXXXX`, which nobody else may look into, with a file that marks it as
  // Pulse's. errc::io, also where the file system has no locks.
  static result<temporary_folder> make(const std::filesystem::path& in);
  // Removes the folder and everything in it.
  ~temporary_folder();
  temporary_folder(temporary_folder&& other) noexcept;
  temporary_folder& operator=(temporary_folder&&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Closed by exec(), unless a child is told to keep it.
  int descriptor() const { return descriptor_; }

 private:
  temporary_folder(std::filesystem::path path, int descriptor)
      : path_(std::move(path)), descriptor_(descriptor) {}

  std::filesystem::path path_;
  int descriptor_;
};

// Removes folders of this user's that make() has made and that no process uses any more.
void remove_unused_folders(const std::filesystem::path& in);

}  // namespace pulse::commands

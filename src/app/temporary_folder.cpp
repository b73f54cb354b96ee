#include "app/temporary_folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace pulse::app {
namespace {

constexpr const char* folder_prefix = "pulse-dev-";
constexpr int attempts_max = 10;

int open_folder(const std::filesystem::path& path) {
  return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

bool lock_folder(int descriptor) {
  return ::flock(descriptor, LOCK_EX | LOCK_NB) == 0;
}

bool is_still_there(const std::filesystem::path& path, int descriptor) {
  struct stat named{};
  struct stat opened{};
  return ::lstat(path.c_str(), &named) == 0 && ::fstat(descriptor, &opened) == 0 &&
         named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

void remove_if_unused(const std::filesystem::path& path) {
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) != 0 || facts.st_uid != ::geteuid()) return;
  const int descriptor = open_folder(path);
  if (descriptor < 0) return;
  std::error_code ignored;
  if (lock_folder(descriptor)) std::filesystem::remove_all(path, ignored);
  ::close(descriptor);
}

}  // namespace

result<temporary_folder> temporary_folder::make(const std::filesystem::path& in) {
  int why = 0;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    auto name = (in / (std::string(folder_prefix) + "XXXXXX")).string();
    if (::mkdtemp(name.data()) == nullptr) {
      why = errno;
      break;
    }
    const int descriptor = open_folder(name);
    why = errno;
    // Before it is locked, another start may take it for one that nobody uses, and remove it.
    if (descriptor >= 0 && lock_folder(descriptor) && is_still_there(name, descriptor))
      return temporary_folder(name, descriptor);
    if (descriptor >= 0) ::close(descriptor);
  }
  return error{errc::io, "making a temporary folder in " + in.string() + ": " + std::strerror(why),
               "let TMPDIR name a folder that this user may write to"};
}

temporary_folder::temporary_folder(temporary_folder&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

temporary_folder::~temporary_folder() {
  if (descriptor_ < 0) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
  ::close(descriptor_);
}

void remove_unused_folders(const std::filesystem::path& in) {
  std::error_code failure;
  for (std::filesystem::directory_iterator one(in, failure), end; !failure && one != end;
       one.increment(failure)) {
    if (one->path().filename().string().starts_with(folder_prefix)) remove_if_unused(one->path());
  }
}

}  // namespace pulse::app

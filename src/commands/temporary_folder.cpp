#include "commands/temporary_folder.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <iterator>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace pulse::commands {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view folder_prefix = "pulse-dev-";
constexpr std::string_view random_part = "XXXXXX";  // mkdtemp()'s
// A name alone is no permission to remove what somebody may have called so.
constexpr const char* marker_name = "made-by-pulse-dev";
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

bool has_folder_name(const fs::path& path) {
  const auto name = path.filename().string();
  return name.size() == folder_prefix.size() + random_part.size() &&
         name.starts_with(folder_prefix) &&
         std::all_of(name.begin() + std::ssize(folder_prefix), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0; });
}

int write_marker(int folder) {
  const int file = ::openat(folder, marker_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return errno;
  ::close(file);
  return 0;
}

bool has_marker(int folder) {
  struct stat facts{};
  return ::fstatat(folder, marker_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG(facts.st_mode) && facts.st_uid == ::geteuid();
}

// The marker last: who is killed meanwhile leaves a folder that the next run still removes.
void remove_folder(const fs::path& path) {
  std::error_code failure;
  for (fs::directory_iterator one(path, failure), end; !failure && one != end;) {
    const auto inner = one->path();
    one.increment(failure);
    std::error_code ignored;
    if (inner.filename() != marker_name) fs::remove_all(inner, ignored);
  }
  fs::remove_all(path, failure);
}

void remove_if_unused(const fs::path& path) {
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) != 0 || facts.st_uid != ::geteuid()) return;
  const int descriptor = open_folder(path);
  if (descriptor < 0) return;
  if (lock_folder(descriptor) && is_still_there(path, descriptor)) {
    // One that was left before it was marked, or after: rmdir() removes it only if it is empty.
    if (has_marker(descriptor)) {
      remove_folder(path);
    } else {
      ::rmdir(path.c_str());
    }
  }
  ::close(descriptor);
}

// A new folder's descriptor, locked and marked; below zero: not, and `why` is the error's number.
int take_folder(const fs::path& path, int& why) {
  const int descriptor = open_folder(path);
  why = errno;
  if (descriptor < 0) return -1;
  if (!lock_folder(descriptor)) {
    why = errno;
  } else if (!is_still_there(path, descriptor)) {
    why = EWOULDBLOCK;
  } else {
    why = write_marker(descriptor);
    if (why == 0) return descriptor;
  }
  ::close(descriptor);
  return -1;
}

}  // namespace

result<temporary_folder> temporary_folder::make(const fs::path& in) {
  int why = 0;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    auto name = (in / (std::string(folder_prefix) + std::string(random_part))).string();
    if (::mkdtemp(name.data()) == nullptr) {
      why = errno;
      break;
    }
    const int descriptor = take_folder(name, why);
    if (descriptor >= 0) return temporary_folder(name, descriptor);
    ::rmdir(name.c_str());
    // Before it was locked, another start has taken it for one that nobody uses.
    if (why != EWOULDBLOCK && why != ENOENT) break;
  }
  return error{errc::io,
               "cannot create a temporary folder in " + in.string() + ": " + std::strerror(why),
               why == ENOLCK || why == EOPNOTSUPP || why == ENOSYS
                   ? "set TMPDIR to a local folder, where files can be locked"
                   : "set TMPDIR to a folder that this user may write to"};
}

temporary_folder::temporary_folder(temporary_folder&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

temporary_folder::~temporary_folder() {
  if (descriptor_ < 0) return;
  remove_folder(path_);
  ::close(descriptor_);
}

void remove_unused_folders(const fs::path& in) {
  std::error_code failure;
  for (fs::directory_iterator one(in, failure), end; !failure && one != end;
       one.increment(failure)) {
    if (has_folder_name(one->path())) remove_if_unused(one->path());
  }
}

}  // namespace pulse::commands

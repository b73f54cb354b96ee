#include "log/storage.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace pulse::log {
namespace {

error failed(const std::string& doing, const std::filesystem::path& where) {
  const int number = errno;
  const bool full = number == ENOSPC || number == EDQUOT;
  return {full ? errc::no_space : errc::io,
          doing + " " + where.string() + ": " + std::strerror(number),
          full ? "free space on the disk" : "check the disk and the directory's owner"};
}

class descriptor {
 public:
  explicit descriptor(int number) : number_(number) {}
  descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  descriptor& operator=(descriptor&&) = delete;
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

class posix_file final : public storage_file {
 public:
  posix_file(descriptor opened, std::filesystem::path path)
      : file_(std::move(opened)), path_(std::move(path)) {}

  result<void> write_at(std::uint64_t offset, byte_view bytes) override {
    while (!bytes.empty()) {
      const auto written =
          ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0) {
        if (errno == EINTR) continue;
        return failed("writing", path_);
      }
      bytes = bytes.subspan(static_cast<std::size_t>(written));
      offset += static_cast<std::uint64_t>(written);
    }
    return {};
  }

  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> to) const override {
    std::size_t done = 0;
    while (done < to.size()) {
      const auto got = ::pread(file_.get(), to.data() + done, to.size() - done,
                               static_cast<off_t>(offset + done));
      if (got < 0) {
        if (errno == EINTR) continue;
        return failed("reading byte " + std::to_string(offset + done) + " of", path_);
      }
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  result<void> sync() override {
    if (::fdatasync(file_.get()) != 0) return failed("syncing", path_);
    return {};
  }

  result<void> preallocate(std::uint64_t bytes) override {
    int number = EINTR;
    while (number == EINTR) {
      number = ::posix_fallocate(file_.get(), 0, static_cast<off_t>(bytes));
    }
    if (number != 0) {
      errno = number;
      return failed("making room in", path_);
    }
    return {};
  }

  result<void> truncate(std::uint64_t bytes) override {
    if (::ftruncate(file_.get(), static_cast<off_t>(bytes)) != 0)
      return failed("truncating", path_);
    return {};
  }

  result<std::uint64_t> size() const override {
    struct stat facts{};
    if (::fstat(file_.get(), &facts) != 0) return failed("looking at", path_);
    return static_cast<std::uint64_t>(facts.st_size);
  }

 private:
  descriptor file_;
  std::filesystem::path path_;
};

class posix_storage final : public storage {
 public:
  posix_storage(std::filesystem::path directory, descriptor directory_file, descriptor lock,
                std::string project)
      : storage(std::move(project)),
        directory_(std::move(directory)),
        directory_file_(std::move(directory_file)),
        lock_(std::move(lock)) {}

  result<std::vector<std::string>> list() const override {
    std::vector<std::string> names;
    std::error_code failure;
    for (auto entry = std::filesystem::directory_iterator(directory_, failure);
         !failure && entry != std::filesystem::directory_iterator(); entry.increment(failure)) {
      names.push_back(entry->path().filename().string());
    }
    if (failure)
      return error{errc::io, "listing " + directory_.string() + ": " + failure.message(),
                   "check the disk"};
    return names;
  }

  result<std::unique_ptr<storage_file>> create(const std::string& name) override {
    return open_with(name, O_RDWR | O_CREAT | O_TRUNC, "creating");
  }
  result<std::unique_ptr<storage_file>> open(const std::string& name) override {
    return open_with(name, O_RDWR, "opening");
  }

  result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename((directory_ / from).c_str(), (directory_ / to).c_str()) != 0)
      return failed("renaming", directory_ / from);
    return {};
  }

  result<void> remove(const std::string& name) override {
    if (::unlink((directory_ / name).c_str()) != 0) return failed("removing", directory_ / name);
    return {};
  }

  result<void> sync_directory() override {
    if (::fsync(directory_file_.get()) != 0) return failed("syncing", directory_);
    return {};
  }

 private:
  result<std::unique_ptr<storage_file>> open_with(const std::string& name, int flags,
                                                  const char* doing) {
    const auto path = directory_ / name;
    descriptor opened(::open(path.c_str(), flags | O_CLOEXEC, 0600));
    if (opened.get() < 0) return failed(doing, path);
    return std::make_unique<posix_file>(std::move(opened), path);
  }

  std::filesystem::path directory_;
  descriptor directory_file_;
  descriptor lock_;
};

}  // namespace

result<std::unique_ptr<storage>> open_directory(const std::filesystem::path& directory,
                                                std::string project) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return failed("making the directory", directory);
  descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.get() < 0) return failed("opening the directory", directory);
  const auto lock_path = directory / "lock";
  descriptor lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.get() < 0) return failed("opening", lock_path);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return error{errc::conflict, "another process uses the log in " + directory.string(),
                 "stop the other Pulse, or choose another data directory"};
  }
  return std::make_unique<posix_storage>(directory, std::move(opened), std::move(lock),
                                         std::move(project));
}

result<void> write_anew(storage_file& file, std::uint64_t from, std::uint64_t to) {
  constexpr std::uint64_t step_bytes = std::uint64_t{1} << 20U;
  std::string bytes;
  for (auto at = from; at < to; at += bytes.size()) {
    bytes.resize(std::min(step_bytes, to - at));
    const auto got = file.read_at(at, {reinterpret_cast<std::byte*>(bytes.data()), bytes.size()});
    if (!got) return got.error();
    if (*got != bytes.size()) {
      return error{errc::io,
                   "a file ends at byte " + std::to_string(at + *got) + " while Pulse reads it",
                   "stop other programs that use the data directory"};
    }
    if (auto written = file.write_at(at, as_byte_view(bytes)); !written) return written;
  }
  return {};
}

}  // namespace pulse::log

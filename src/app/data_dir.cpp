#include "app/data_dir.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/logging.hpp"
#include "control/key_ring.hpp"

namespace pulse::app {
namespace {

error failed(std::string_view doing, const std::filesystem::path& path) {
  return {errc::io, fmt::format("{} {}: {}", doing, path.string(), std::strerror(errno)),
          "check the path and its owner"};
}

result<void> close_to_others(const std::filesystem::path& directory) {
  std::error_code failure;
  if (!std::filesystem::is_empty(directory, failure) || failure) {
    return error{
        errc::unauthorized,
        "the data directory " + directory.string() + " is open to other users, and is not empty",
        "choose another --data-dir, or run chmod 700 on it if only Pulse uses it"};
  }
  if (::chmod(directory.c_str(), 0700) != 0)
    return failed("cannot close the data directory to others", directory);
  return {};
}

}  // namespace

result<void> prepare_data_dir(const std::filesystem::path& directory) {
  std::error_code failure;
  const auto parent = std::filesystem::absolute(directory, failure).parent_path();
  std::filesystem::create_directories(parent, failure);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return failed("cannot create the data directory", directory);
  struct stat facts{};
  if (::stat(directory.c_str(), &facts) != 0)
    return failed("cannot read the data directory", directory);
  if (!S_ISDIR(facts.st_mode)) {
    return error{errc::invalid_argument, directory.string() + " is not a directory",
                 "choose another --data-dir"};
  }
  if (facts.st_uid != ::geteuid()) {
    return error{errc::unauthorized,
                 "the data directory " + directory.string() + " belongs to another user",
                 "run as that user, or choose another --data-dir"};
  }
  return (facts.st_mode & 0077U) == 0 ? result<void>() : close_to_others(directory);
}

result<void> write_private_file(const std::filesystem::path& path, const std::string& content) {
  // mkstemp makes it with mode 0600, under a name that nobody uses.
  auto temporary = path.string() + ".XXXXXX";
  const int file = ::mkstemp(temporary.data());
  if (file < 0) return failed("writing", path);
  const bool written =
      ::write(file, content.data(), content.size()) == static_cast<ssize_t>(content.size()) &&
      ::fsync(file) == 0;
  ::close(file);
  if (!written || ::rename(temporary.c_str(), path.c_str()) != 0) {
    auto why = failed("writing", path);
    ::unlink(temporary.c_str());
    return why;
  }
  return {};
}

result<std::string> read_admin_token(const std::filesystem::path& directory) {
  std::ifstream file(directory / "admin-token");
  std::string token;
  if (!file || !std::getline(file, token) || token.empty()) {
    return error{errc::not_found, "no admin token in " + directory.string(),
                 "set PULSE_ADMIN_TOKEN, or give the --data-dir of the running Pulse"};
  }
  return token;
}

void write_admin_url(const std::filesystem::path& directory, const std::string& url) {
  if (read_admin_url(directory) == url) return;
  if (auto written = write_private_file(directory / "admin-url", url + "\n"); !written) {
    log_warning(
        "server",
        "admin address not written to the data directory: commands on this machine need PULSE_URL",
        {{"reason", written.error().message()}});
  }
}

std::optional<std::string> read_admin_url(const std::filesystem::path& directory) {
  std::ifstream file(directory / "admin-url");
  std::string url;
  if (!file || !std::getline(file, url) || url.empty()) return std::nullopt;
  return url;
}

result<std::string> prepare_admin_token(const std::filesystem::path& directory,
                                        const std::string& given) {
  const auto stored = read_admin_token(directory);
  if (stored && (given.empty() || *stored == given)) return *stored;
  auto token = given;
  if (token.empty()) {
    const auto made = control::make_key("admin", "");
    if (!made) return made.error();
    token = made->secret;
  }
  const auto written = write_private_file(directory / "admin-token", token + "\n");
  if (written) return token;
  // Whoever has set it knows it: a full disk is no reason not to serve.
  if (given.empty()) return written.error();
  log_warning("server",
              "admin token not written to the data directory: commands on this machine need "
              "PULSE_ADMIN_TOKEN",
              {{"reason", written.error().message()}});
  return token;
}

}  // namespace pulse::app

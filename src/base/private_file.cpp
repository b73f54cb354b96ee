#include "base/private_file.hpp"

#include <sys/stat.h>

#include "base/logging.hpp"

namespace pulse {

bool is_open_to_others(const std::string& path) {
  struct stat facts{};
  return ::stat(path.c_str(), &facts) == 0 && (facts.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0;
}

void warn_of_open_file(std::string_view part, std::string_view what, const std::string& path) {
  if (!is_open_to_others(path)) return;
  log_warning(part, "file with a secret is open to other users: run chmod 600 on it",
              {{"what", what}, {"file", path}});
}

}  // namespace pulse

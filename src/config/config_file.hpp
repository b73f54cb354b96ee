// The TOML file as plain text values: what they mean is config.hpp's matter.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace pulse::config {

struct file_setting {
  std::string name;
  std::string where;  // "pulse.toml:3: listen", for errors
  std::string value;  // true and false as "on" and "off"; empty for what is no single value
  bool is_value = true;
};

struct file_content {
  std::vector<file_setting> for_all;
  // [projects.<name>], by name.
  std::vector<std::pair<std::string, std::vector<file_setting>>> projects;
};

// errc::invalid_argument names the file, and the line where there is one.
result<file_content> read_config_file(const std::string& path);
// The same for a text that was read from there.
result<file_content> parse_config_file(std::string_view text, const std::string& path);

}  // namespace pulse::config

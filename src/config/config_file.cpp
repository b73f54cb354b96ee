#include "config/config_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <toml++/toml.h>

namespace pulse::config {
namespace {

std::vector<file_setting> read_settings(const toml::table& table, const std::string& path,
                                        std::string_view prefix) {
  std::vector<file_setting> all;
  for (const auto& [key, node] : table) {
    file_setting one;
    one.name = key.str();
    one.where = fmt::format("{}:{}: {}{}", path, node.source().begin.line, prefix, one.name);
    if (const auto* text = node.as_string()) {
      one.value = text->get();
    } else if (const auto* number = node.as_integer()) {
      one.value = std::to_string(number->get());
    } else if (const auto* flag = node.as_boolean()) {
      one.value = flag->get() ? "on" : "off";
    } else {
      one.is_value = false;
    }
    all.push_back(std::move(one));
  }
  return all;
}

result<void> read_projects(file_content& content, const toml::node& node, const std::string& path) {
  const auto refuse = [&](const toml::node& at, std::string_view name) {
    return error{errc::invalid_argument,
                 fmt::format("{}:{}: {} is not a table", path, at.source().begin.line, name),
                 "write [projects.<name>]"};
  };
  const auto* projects = node.as_table();
  if (projects == nullptr) return refuse(node, "projects");
  for (const auto& [key, entry] : *projects) {
    const auto name = fmt::format("projects.{}", key.str());
    const auto* table = entry.as_table();
    if (table == nullptr) return refuse(entry, name);
    content.projects.emplace_back(key.str(), read_settings(*table, path, name + "."));
  }
  return {};
}

}  // namespace

result<file_content> read_config_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  if (file) text.assign(std::istreambuf_iterator<char>(file), {});
  if (!file) {
    return error{
        errc::invalid_argument,
        fmt::format("the configuration file {} cannot be read: {}", path, std::strerror(errno)),
        "check --config or PULSE_CONFIG"};
  }
  return parse_config_file(text, path);
}

result<file_content> parse_config_file(std::string_view text, const std::string& path) {
  file_content content;
  // The library throws; here a malformed file is an expected failure.
  try {
    auto file = toml::parse(text, path);
    if (const auto* projects = file.get("projects")) {
      if (auto read = read_projects(content, *projects, path); !read) return read.error();
      file.erase("projects");
    }
    content.for_all = read_settings(file, path, "");
  } catch (const toml::parse_error& failure) {
    return error{errc::invalid_argument,
                 fmt::format("{}:{}: {}", path, failure.source().begin.line, failure.description()),
                 "correct the configuration file"};
  }
  return content;
}

}  // namespace pulse::config

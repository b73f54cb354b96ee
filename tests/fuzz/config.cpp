// Arbitrary text as a configuration file, and every setting in it: taken, or refused by name. What
// names another file is not opened.
#include "config/config_file.hpp"
#include "config/config_settings.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace pulse::config;

bool names_a_file(std::string_view setting) {
  return setting.ends_with("_file");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = parse_config_file(pulse::fuzz::input(data, size).rest_as_text(), "pulse.toml");
  if (!file) return 0;
  server_config config;
  project_config project;
  const auto apply = [&](const file_setting& given) {
    if (names_a_file(given.name)) return;
    if (const auto found = server_settings().find(given.name); found != server_settings().end())
      static_cast<void>(found->second(config, given.where, given.value));
    if (const auto found = project_settings().find(given.name); found != project_settings().end())
      static_cast<void>(found->second(project, given.where, given.value));
  };
  for (const auto& given : file->for_all) apply(given);
  for (const auto& [name, settings] : file->projects) {
    for (const auto& given : settings) apply(given);
  }
  return 0;
}

#include "app/config.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <numeric>
#include <set>
#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>

#include "app/config_file.hpp"
#include "app/units.hpp"
#include "source/server_checks.hpp"

namespace pulse::app {
namespace {

error wrong(std::string_view where, std::string_view value, std::string_view expected) {
  return {errc::invalid_argument, fmt::format("{}: '{}' is not {}", where, value, expected),
          "correct the setting"};
}

result<server::listen_address> parse_address(std::string_view where, const std::string& text) {
  constexpr std::string_view expected = "an address and a port, like 127.0.0.1:4000 or [::1]:4000";
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return wrong(where, text, expected);
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  std::uint16_t port = 0;
  const auto digits = std::string_view(text).substr(colon + 1);
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  boost::system::error_code no_address;
  boost::asio::ip::make_address(host, no_address);
  if (failure != std::errc() || end != digits.data() + digits.size() || no_address)
    return wrong(where, text, expected);
  return server::listen_address{host, port};
}

result<bool> parse_switch(std::string_view where, const std::string& text) {
  if (text == "on" || text == "true" || text == "1") return true;
  if (text == "off" || text == "false" || text == "0") return false;
  return wrong(where, text, "on or off");
}

result<std::string> read_secret_file(std::string_view where, const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!file || !std::getline(file, line)) {
    return error{errc::invalid_argument, fmt::format("{}: the file {} cannot be read", where, path),
                 "check that it exists and that this user may read it"};
  }
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  if (line.empty()) {
    return error{errc::invalid_argument,
                 fmt::format("{}: the first line of {} is empty", where, path),
                 "write the key there, or leave the setting out"};
  }
  return line;
}

// Assigns what a parser gave, or hands its error on.
template <class Target, class Parsed>
result<void> assign(Target& target, Parsed parsed) {
  if (!parsed) return parsed.error();
  target = *parsed;
  return {};
}

template <class Target>
result<void> assign_size(Target& target, std::string_view where, const std::string& text) {
  const auto size = parse_size(text);
  if (!size || *size == 0) return wrong(where, text, "a size, like 64MiB");
  target = *size;
  return {};
}

result<void> assign_duration(std::chrono::seconds& target, std::string_view where,
                             const std::string& text, std::string_view expected) {
  const auto duration = parse_duration(text);
  if (!duration || duration->count() == 0) return wrong(where, text, expected);
  target = *duration;
  return {};
}

using server_setter = result<void> (*)(server_config&, std::string_view where,
                                       const std::string& value);
using project_setter = result<void> (*)(project_config&, std::string_view where,
                                        const std::string& value);

const std::map<std::string, server_setter>& server_settings() {
  static const std::map<std::string, server_setter> all{
      {"listen",
       [](auto& to, auto where, auto& v) { return assign(to.listen, parse_address(where, v)); }},
      {"admin_listen", [](auto& to, auto where,
                          auto& v) { return assign(to.admin_listen, parse_address(where, v)); }},
      {"data_dir",
       [](auto& to, auto, auto& v) -> result<void> {
         to.data_dir = v;
         return {};
       }},
      {"insecure",
       [](auto& to, auto where, auto& v) { return assign(to.insecure, parse_switch(where, v)); }},
      {"log_level",
       [](auto& to, auto where, auto& v) -> result<void> {
         static const std::map<std::string, log_level> levels{{"debug", log_level::debug},
                                                              {"info", log_level::info},
                                                              {"warning", log_level::warning},
                                                              {"error", log_level::error}};
         const auto found = levels.find(v);
         if (found == levels.end()) return wrong(where, v, "debug, info, warning or error");
         to.level = found->second;
         return {};
       }},
      {"log_format",
       [](auto& to, auto where, auto& v) -> result<void> {
         if (v != "text" && v != "json") return wrong(where, v, "text or json");
         to.format = v == "json" ? log_format::json : log_format::text;
         return {};
       }},
      {"window_events", [](auto& to, auto where,
                           auto& v) { return assign_size(to.limits.window_events_max, where, v); }},
      {"window_bytes", [](auto& to, auto where,
                          auto& v) { return assign_size(to.limits.window_bytes_max, where, v); }},
      {"unsent_bytes", [](auto& to, auto where,
                          auto& v) { return assign_size(to.limits.unsent_bytes_max, where, v); }},
      {"connections",
       [](auto& to, auto where, auto& v) { return assign_size(to.connections_max, where, v); }},
      {"silence_timeout",
       [](auto& to, auto where, auto& v) {
         return assign_duration(to.silence_timeout, where, v, "a duration, like 12s");
       }},
      {"stall_timeout",
       [](auto& to, auto where, auto& v) -> result<void> {
         if (v == "off") {
           to.limits.stall_timeout = std::chrono::seconds(0);
           return {};
         }
         return assign_duration(to.limits.stall_timeout, where, v, "a duration, like 5m, or off");
       }},
      {"api_key_file", [](auto& to, auto where,
                          auto& v) { return assign(to.api_key, read_secret_file(where, v)); }},
  };
  return all;
}

const std::map<std::string, project_setter>& project_settings() {
  static const std::map<std::string, project_setter> all{
      {"database",
       [](auto& to, auto, auto& v) -> result<void> {
         to.database_url = v;
         return {};
       }},
      {"publication",
       [](auto& to, auto, auto& v) -> result<void> {
         to.publication = v;
         return {};
       }},
      {"event_persistence",
       [](auto& to, auto where, auto& v) {
         return assign(to.event_persistence, parse_switch(where, v));
       }},
      {"streaming",
       [](auto& to, auto where, auto& v) { return assign(to.streaming, parse_switch(where, v)); }},
      {"fix", [](auto& to, auto where, auto& v) { return assign(to.fix, parse_switch(where, v)); }},
      {"retention_age",
       [](auto& to, auto where, auto& v) -> result<void> {
         const auto age = parse_duration(v);
         if (!age) return wrong(where, v, "a duration, like 7d or 36h");
         to.retention_age = *age;
         return {};
       }},
      {"retention_bytes",
       [](auto& to, auto where, auto& v) -> result<void> {
         std::uint64_t bytes = 0;
         if (auto set = assign_size(bytes, where, v); !set) return set;
         to.retention_bytes = bytes;
         return {};
       }},
      {"segment_bytes",
       [](auto& to, auto where, auto& v) { return assign_size(to.segment_bytes, where, v); }},
  };
  return all;
}

error unknown(std::string_view where, const std::string& name) {
  std::vector<std::string> known;
  for (const auto& [one, setter] : server_settings()) known.push_back(one);
  for (const auto& [one, setter] : project_settings()) known.push_back(one);
  const auto near = nearest_name(name, known);
  return {errc::invalid_argument, fmt::format("{}: there is no setting '{}'", where, name),
          near.empty() ? "see docs/configuration.md" : "did you mean '" + near + "'?"};
}

bool is_setting(const std::string& name) {
  return server_settings().contains(name) || project_settings().contains(name);
}

bool is_of_one_project(std::string_view name) {
  return name == "database" || name == "publication";
}

error ambiguous(std::string_view where) {
  return {errc::invalid_argument,
          fmt::format("{}: with several projects, a database or publication belongs to one of them",
                      where),
          "set it in [projects.<name>] of the configuration file"};
}

// Settings of projects, given outside of any project, hold for all of them. Which database is one
// project's matter: with several it must be said in the project's own table.
result<void> apply(server_config& config, const std::string& name, const std::string& value,
                   std::string_view where) {
  if (const auto found = server_settings().find(name); found != server_settings().end()) {
    return found->second(config, where, value);
  }
  const auto found = project_settings().find(name);
  if (found == project_settings().end()) return unknown(where, name);
  if (config.projects.size() > 1 && is_of_one_project(name)) return ambiguous(where);
  for (auto& project : config.projects) {
    if (auto set = found->second(project, where, value); !set) return set;
  }
  return {};
}

result<void> check_value(const file_setting& given) {
  if (!is_setting(given.name)) return unknown(given.where, given.name);
  if (given.is_value) return {};
  return error{errc::invalid_argument,
               given.where + " is neither text, a whole number nor true or false",
               "correct the setting"};
}

// Each project begins with what the file says for all.
result<void> apply_file(server_config& config, const std::string& path) {
  const auto file = read_config_file(path);
  if (!file) return file.error();
  for (const auto& given : file->for_all) {
    if (auto good = check_value(given); !good) return good;
    if (file->projects.size() > 1 && is_of_one_project(given.name)) return ambiguous(given.where);
    if (auto set = apply(config, given.name, given.value, given.where); !set) return set;
  }
  if (file->projects.empty()) return {};
  const auto for_all = config.projects.front();
  config.projects.clear();
  for (const auto& [name, settings_given] : file->projects) {
    auto project = for_all;
    project.name = name;
    for (const auto& given : settings_given) {
      if (server_settings().contains(given.name)) {
        return error{errc::invalid_argument, given.where + " is the server's, not a project's",
                     "write it above the first [table]"};
      }
      if (auto good = check_value(given); !good) return good;
      const auto& setter = project_settings().at(given.name);
      if (auto set = setter(project, given.where, given.value); !set) return set;
    }
    config.projects.push_back(std::move(project));
  }
  return {};
}

std::string variable_of(std::string_view setting) {
  std::string variable = setting == "database" ? "PULSE_DATABASE_URL" : "PULSE_";
  if (setting == "database") return variable;
  for (const char c : setting)
    variable += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return variable;
}

result<void> apply_environment(server_config& config, const environment& variables) {
  const auto take = [&](const std::string& setting) -> result<void> {
    const auto variable = variable_of(setting);
    const auto value = variables(variable);
    return value ? apply(config, setting, *value, variable) : result<void>();
  };
  for (const auto& [setting, setter] : server_settings()) {
    if (auto set = take(setting); !set) return set;
  }
  for (const auto& [setting, setter] : project_settings()) {
    if (auto set = take(setting); !set) return set;
  }
  if (const auto key = variables("PULSE_API_KEY")) config.api_key = *key;
  if (const auto token = variables("PULSE_ADMIN_TOKEN")) config.admin_token = *token;
  return {};
}

result<void> check(const server_config& config) {
  for (const auto* address : {&config.listen, &config.admin_listen}) {
    if (!config.insecure && !boost::asio::ip::make_address(address->address).is_loopback()) {
      return error{
          errc::invalid_argument,
          fmt::format(
              "{} is not a loopback address, and what travels over it would be readable by others",
              server::to_string(*address)),
          "listen on 127.0.0.1 behind a TLS proxy, or say --insecure"};
    }
  }
  std::set<std::string> slots;
  for (const auto& project : config.projects) {
    if (!slots.insert(source::names_for(project.name, project.publication).slot).second) {
      return error{errc::invalid_argument,
                   fmt::format("project {} has a name like another one's: their slots would be one",
                               project.name),
                   "'-' counts as '_' in a slot's name: choose another name"};
    }
    if (project.name.empty() || project.name.size() > 40 ||
        project.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") !=
            std::string::npos) {
      return error{errc::invalid_argument,
                   fmt::format("the project name '{}' cannot be used", project.name),
                   "use at most 40 of a-z, 0-9, '_' and '-'"};
    }
    if (config.projects.size() > 1 && project.database_url.empty()) {
      return error{errc::invalid_argument, fmt::format("project {} has no database", project.name),
                   fmt::format("set database in [projects.{}]", project.name)};
    }
    if (project.segment_bytes < (std::uint64_t{64} << 10U)) {
      return error{errc::invalid_argument,
                   fmt::format("project {}: segment_bytes is below 64KiB", project.name),
                   "leave it at 64MiB"};
    }
  }
  return {};
}

}  // namespace

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
  const auto distance = [&](std::string_view other) {
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= name.size(); ++i) {
      auto diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= other.size(); ++j) {
        const auto above = row[j];
        row[j] = std::min(
            {row[j - 1] + 1, above + 1, diagonal + (name[i - 1] == other[j - 1] ? 0U : 1U)});
        diagonal = above;
      }
    }
    return row.back();
  };
  const auto best = std::ranges::min_element(candidates, {}, distance);
  return best != candidates.end() && distance(*best) <= std::max<std::size_t>(2, name.size() / 3)
             ? *best
             : std::string();
}

std::filesystem::path default_data_dir(const environment& variables) {
  if (::geteuid() == 0) return "/var/lib/pulse";
  if (const auto state = variables("XDG_STATE_HOME"); state && !state->empty()) {
    return std::filesystem::path(*state) / "pulse";
  }
  const auto home = variables("HOME");
  return std::filesystem::path(home.value_or(".")) / ".local" / "state" / "pulse";
}

result<server_config> load_config(const settings& command_line, const environment& all_variables) {
  // An empty variable is how container files leave a setting out.
  const environment variables = [&](const std::string& name) {
    auto value = all_variables(name);
    return value && value->empty() ? std::nullopt : value;
  };
  server_config config;
  config.projects.emplace_back();
  const auto given = command_line.find("config");
  const auto file =
      given != command_line.end() ? std::optional(given->second) : variables("PULSE_CONFIG");
  if (file) {
    if (auto set = apply_file(config, *file); !set) return set.error();
  }
  if (auto set = apply_environment(config, variables); !set) return set.error();
  for (const auto& [name, value] : command_line) {
    if (name == "config") continue;
    auto option = "--" + name;
    std::ranges::replace(option, '_', '-');
    if (auto set = apply(config, name, value, option); !set) return set.error();
  }
  if (auto& only = config.projects.front();
      config.projects.size() == 1 && only.database_url.empty()) {
    only.database_url = variables("DATABASE_URL").value_or("");
  }
  if (config.data_dir.empty()) config.data_dir = default_data_dir(variables);
  if (auto good = check(config); !good) return good.error();
  return config;
}

}  // namespace pulse::app

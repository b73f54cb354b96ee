#include "config/config.hpp"

#include <algorithm>
#include <set>
#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>

#include "base/nearest_name.hpp"
#include "config/config_file.hpp"
#include "config/config_settings.hpp"
#include "config/dotenv.hpp"
#include "source/server_checks.hpp"

namespace pulse::config {
namespace {

error unknown(std::string_view where, const std::string& name) {
  std::vector<std::string> known;
  for (const auto& [one, setter] : server_settings()) known.push_back(one);
  for (const auto& [one, setter] : project_settings()) known.push_back(one);
  const auto near = nearest_name(name, known);
  return {errc::invalid_argument, fmt::format("{}: unknown setting '{}'", where, name),
          near.empty() ? "see docs/configuration.md" : "did you mean '" + near + "'?"};
}

bool is_setting(const std::string& name) {
  return server_settings().contains(name) || project_settings().contains(name);
}

bool is_of_one_project(std::string_view name) {
  return name == "database" || name == "publication" || name == "api_key_file" ||
         name == "prisma_schema";
}

error ambiguous(std::string_view where) {
  return {errc::invalid_argument,
          fmt::format("{}: with several projects, this belongs to one of them", where),
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
  if (const auto key = variables("PULSE_API_KEY")) {
    if (config.projects.size() > 1) return ambiguous("PULSE_API_KEY");
    config.projects.front().api_key = *key;
  }
  if (const auto token = variables("PULSE_ADMIN_TOKEN")) config.admin_token = *token;
  return {};
}

result<void> check(const server_config& config) {
  for (const auto* address : {&config.listen, &config.admin_listen}) {
    if (auto good = check_address(*address, config); !good) return good;
  }
  if (config.tls.certificate.empty() != config.tls.key.empty()) {
    return error{errc::invalid_argument,
                 std::string("TLS needs a certificate and its key, and ") +
                     (config.tls.key.empty() ? "tls_key" : "tls_cert") + " is missing",
                 "give both, or neither"};
  }
  std::set<std::string> slots;
  std::set<std::string> keys;
  for (const auto& project : config.projects) {
    const auto slot = source::names_for(project.name, project.publication).slot;
    if (slot == source::names_for(dev_project, "").slot) {
      return error{errc::invalid_argument,
                   fmt::format("project name {} is reserved: its replication slot belongs to "
                               "`pulse dev`, which drops it",
                               project.name),
                   "choose another name"};
    }
    if (!slots.insert(slot).second) {
      return error{errc::invalid_argument,
                   fmt::format("project {}: another project's name gives the same replication slot",
                               project.name),
                   "'-' counts as '_' in a slot's name: choose another name"};
    }
    if (project.name.empty() || project.name.size() > 40 ||
        project.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") !=
            std::string::npos) {
      return error{errc::invalid_argument, fmt::format("invalid project name '{}'", project.name),
                   "use at most 40 of a-z, 0-9, '_' and '-'"};
    }
    if (!project.api_key.empty() && !keys.insert(project.api_key).second) {
      return error{
          errc::invalid_argument,
          fmt::format(
              "project {} has the API key of another project: a key must identify one project",
              project.name),
          "give each project a key of its own"};
    }
    if (project.storage_max && *project.storage_max < 4 * project.segment_bytes) {
      return error{errc::invalid_argument,
                   fmt::format("project {}: storage_max is below four segments", project.name),
                   "raise it, or make segment_bytes smaller"};
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

result<void> check_address(const server::listen_address& address, const server_config& config) {
  if (config.insecure || config.tls.given() ||
      boost::asio::ip::make_address(address.address).is_loopback())
    return {};
  return error{
      errc::invalid_argument,
      fmt::format("{} is not a loopback address: without TLS, others could read keys and events",
                  server::to_string(address)),
      "give --tls-cert and --tls-key, or listen on 127.0.0.1 behind a TLS proxy, or allow it with "
      "--insecure"};
}

std::filesystem::path default_data_dir(const environment& variables) {
  if (::geteuid() == 0) return "/var/lib/pulse";
  if (const auto state = variables("XDG_STATE_HOME"); state && !state->empty()) {
    return std::filesystem::path(*state) / "pulse";
  }
  const auto home = variables("HOME");
  return std::filesystem::path(home.value_or(".")) / ".local" / "state" / "pulse";
}

namespace {

// Where Prisma looks for it. The file is the application's: of all that it says, only this counts.
void take_from_dotenv(server_config& config, const environment& variables) {
  auto url = value_in_dotenv("DATABASE_URL", variables);
  if (!url) return;
  config.projects.front().database_url = std::move(*url);
  config.dotenv = dotenv_path();
}

}  // namespace

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
    if (only.database_url.empty()) take_from_dotenv(config, variables);
  }
  for (auto& project : config.projects) project.limits.unsent_bytes_max = config.unsent_bytes_max;
  if (config.data_dir.empty()) config.data_dir = default_data_dir(variables);
  if (auto good = check(config); !good) return good.error();
  return config;
}

}  // namespace pulse::config

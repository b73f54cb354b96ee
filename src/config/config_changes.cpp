#include "config/config_changes.hpp"

#include <algorithm>

namespace pulse::config {
namespace {

void compare(const project_config& running, const project_config& wanted,
             std::vector<std::string>& changed) {
  const auto note = [&](bool same, const char* name) {
    if (!same) changed.push_back("projects." + wanted.name + '.' + name);
  };
  note(running.database_url == wanted.database_url, "database");
  note(running.publication == wanted.publication, "publication");
  note(running.event_persistence == wanted.event_persistence, "event_persistence");
  note(running.streaming == wanted.streaming, "streaming");
  note(running.fix == wanted.fix, "fix");
  note(running.goes_on_at_gaps == wanted.goes_on_at_gaps, "on_gap");
  note(running.goes_on_in_another_database == wanted.goes_on_in_another_database,
       "on_another_database");
  note(running.delivers_visible == wanted.delivers_visible, "visibility");
  note(running.segment_bytes == wanted.segment_bytes, "segment_bytes");
  note(running.storage_max == wanted.storage_max, "storage_max");
  note(running.heartbeat_interval == wanted.heartbeat_interval, "heartbeat_interval");
  note(running.api_key == wanted.api_key, "api_key_file");
}

const project_config* find(const server_config& in, const std::string& name) {
  const auto found = std::ranges::find(in.projects, name, &project_config::name);
  return found == in.projects.end() ? nullptr : &*found;
}

}  // namespace

std::vector<std::string> changes_for_a_restart(const server_config& running,
                                               const server_config& wanted) {
  std::vector<std::string> changed;
  const auto note = [&](bool same, const char* name) {
    if (!same) changed.emplace_back(name);
  };
  note(running.listen == wanted.listen, "listen");
  note(running.admin_listen == wanted.admin_listen, "admin_listen");
  note(running.admin_hosts == wanted.admin_hosts, "admin_hosts");
  note(running.data_dir == wanted.data_dir, "data_dir");
  note(running.insecure == wanted.insecure, "insecure");
  note(running.tls.given() == wanted.tls.given(), "tls_cert");
  note(running.compression == wanted.compression, "compression");
  note(running.unsent_bytes_max == wanted.unsent_bytes_max, "unsent_bytes");
  note(running.admin_token == wanted.admin_token, "PULSE_ADMIN_TOKEN");
  for (const auto& project : wanted.projects) {
    if (const auto* known = find(running, project.name)) {
      compare(*known, project, changed);
    } else {
      changed.push_back("projects." + project.name + " (new)");
    }
  }
  for (const auto& project : running.projects) {
    if (find(wanted, project.name) == nullptr)
      changed.push_back("projects." + project.name + " (gone)");
  }
  return changed;
}

}  // namespace pulse::config

#include "config/config_changes.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/config_settings.hpp"

namespace pulse::config::config_changes_test {
namespace {

// What SIGHUP applies to a running server (docs/operations.md).
const std::set<std::string> applied_at_once{
    "tls_cert",      "tls_key",         "log_level",       "log_format",
    "connections",   "failed_keys",     "silence_timeout", "connections_per_address",
    "retention_age", "retention_bytes", "prisma_schema",   "window_events",
    "window_bytes",  "streams",         "names",           "stall_timeout",
    "on_expired",    "cursor_flush",    "abandoned_after",
};

// Of every other setting a value that is not its default.
const std::map<std::string, std::string> other_values{
    {"listen", "127.0.0.1:1"},
    {"admin_listen", "127.0.0.1:2"},
    {"admin_hosts", "pulse.example"},
    {"data_dir", "/srv/other"},
    {"insecure", "on"},
    {"compression", "off"},
    {"unsent_bytes", "7MiB"},
    {"database", "postgresql://other/d"},
    {"publication", "mine"},
    {"event_persistence", "off"},
    {"streaming", "off"},
    {"fix", "on"},
    {"on_gap", "continue"},
    {"on_another_database", "stop"},
    {"segment_bytes", "7MiB"},
    {"heartbeat_interval", "7s"},
    {"storage_max", "7GiB"},
    {"visibility", "off"},
    {"api_key_file", PULSE_SOURCE_DIR "/README.md"},
};

template <class Settings, class Set>
void expect_each_reported(const Settings& settings, const std::string& before, Set set) {
  for (const auto& [name, assign] : settings) {
    if (applied_at_once.contains(name)) continue;
    const auto value = other_values.find(name);
    if (value == other_values.end()) {
      ADD_FAILURE() << name << ": say here whether a reload applies it, or give it another value";
      continue;
    }
    server_config running;
    running.projects.emplace_back().name = "shop";
    auto wanted = running;
    ASSERT_TRUE(set(assign, wanted, value->second)) << name;
    EXPECT_EQ(changes_for_a_restart(running, wanted), std::vector{before + name});
  }
}

TEST(config_changes, report_every_setting_that_a_reload_does_not_apply) {
  expect_each_reported(server_settings(), "", [](auto assign, auto& to, const auto& value) {
    return assign(to, "here", value);
  });
  expect_each_reported(project_settings(), "projects.shop.",
                       [](auto assign, auto& to, const auto& value) {
                         return assign(to.projects.front(), "here", value);
                       });
}

TEST(config_changes, report_nothing_where_nothing_has_changed) {
  server_config running;
  running.projects.emplace_back().name = "shop";
  EXPECT_TRUE(changes_for_a_restart(running, running).empty());
}

}  // namespace
}  // namespace pulse::config::config_changes_test

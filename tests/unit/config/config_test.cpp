#include "config/config.hpp"

#include <fstream>
#include <map>
#include <string>
#include <tuple>
#include <unistd.h>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/support/temporary_directory.hpp"

namespace pulse::config {
namespace {

class config_test : public ::testing::Test {
 protected:
  result<server_config> load() {
    return load_config(options_, [this](const std::string& name) {
      const auto found = variables_.find(name);
      return found == variables_.end() ? std::nullopt : std::optional(found->second);
    });
  }

  std::string write(const std::string& name, const std::string& content) {
    const auto path = (directory_.path() / name).string();
    std::ofstream(path) << content;
    return path;
  }

  void use_file(const std::string& content) { options_["config"] = write("pulse.toml", content); }

  // The refusal, as a user reads it.
  std::string refusal() {
    const auto loaded = load();
    if (loaded) return "";
    EXPECT_EQ(loaded.error().code, errc::invalid_argument);
    return loaded.error().message();
  }

  testing::temporary_directory directory_;
  settings options_;
  std::map<std::string, std::string> variables_;
};

#define EXPECT_SAYS(text, part) \
  EXPECT_NE((text).find(part), std::string::npos) << "it says: " << (text)

TEST_F(config_test, no_project_has_the_slot_that_pulse_dev_drops) {
  for (const auto* name : {"dev_run", "dev-run"}) {
    use_file("[projects." + std::string(name) + "]\ndatabase = 'postgresql://db/shop'\n");
    EXPECT_SAYS(refusal(), "`pulse dev`");
  }
  use_file("[projects.dev]\ndatabase = 'postgresql://db/shop'\n");
  EXPECT_EQ(refusal(), "");
}

TEST_F(config_test, events_wait_for_visibility_unless_it_is_switched_off) {
  using visibility = project_config::visibility;
  EXPECT_EQ(load().value().projects[0].delivers_visible, visibility::on);
  variables_["PULSE_VISIBILITY"] = "strict";
  EXPECT_EQ(load().value().projects[0].delivers_visible, visibility::strict);
  options_["visibility"] = "off";
  EXPECT_EQ(load().value().projects[0].delivers_visible, visibility::off);
  options_["visibility"] = "false";
  EXPECT_SAYS(refusal(), "on, strict or off");
}

TEST_F(config_test, with_nothing_said_there_is_one_project_with_defaults) {
  variables_["HOME"] = "/home/somebody";
  const auto config = load().value();
  EXPECT_EQ(server::to_string(config.listen), "127.0.0.1:7857");
  EXPECT_EQ(server::to_string(config.admin_listen), "127.0.0.1:7858");
  ASSERT_EQ(config.projects.size(), 1U);
  const auto& project = config.projects[0];
  EXPECT_EQ(project.name, "default");
  EXPECT_TRUE(project.event_persistence);
  EXPECT_FALSE(project.fix);
  EXPECT_EQ(project.retention_age, std::chrono::hours(7 * 24));
  EXPECT_EQ(project.retention_bytes, std::nullopt);
  EXPECT_FALSE(config.insecure);
  EXPECT_EQ(config.silence_timeout, std::chrono::seconds(12));
  EXPECT_FALSE(config.data_dir.empty());
}

TEST_F(config_test, command_line_beats_environment_beats_file) {
  use_file("listen = '127.0.0.1:1'\nadmin_listen = '127.0.0.1:1'\nlog_level = 'error'\n");
  variables_["PULSE_LISTEN"] = "127.0.0.1:2";
  variables_["PULSE_ADMIN_LISTEN"] = "127.0.0.1:2";
  options_["listen"] = "127.0.0.1:3";
  const auto config = load().value();
  EXPECT_EQ(config.listen.port, 3);
  EXPECT_EQ(config.admin_listen.port, 2);
  EXPECT_EQ(config.level, log_level::error);
}

TEST_F(config_test, database_is_pulses_own_variable_before_the_common_one) {
  variables_["DATABASE_URL"] = "postgresql://common/d";
  EXPECT_EQ(load().value().projects[0].database_url, "postgresql://common/d");
  variables_["PULSE_DATABASE_URL"] = "postgresql://own/d";
  EXPECT_EQ(load().value().projects[0].database_url, "postgresql://own/d");
  options_["database"] = "postgresql://option/d";
  EXPECT_EQ(load().value().projects[0].database_url, "postgresql://option/d");
}

TEST_F(config_test, empty_variable_counts_as_unset) {
  variables_ = {{"PULSE_LISTEN", ""},
                {"PULSE_CONFIG", ""},
                {"PULSE_API_KEY", ""},
                {"PULSE_DATABASE_URL", ""},
                {"DATABASE_URL", "postgresql://common/d"}};
  const auto config = load().value();
  EXPECT_EQ(config.listen.port, 7857);
  EXPECT_EQ(config.projects[0].database_url, "postgresql://common/d");
}

TEST_F(config_test, every_setting_has_its_variable) {
  variables_ = {{"PULSE_DATA_DIR", "/srv/pulse"}, {"PULSE_LOG_LEVEL", "debug"},
                {"PULSE_LOG_FORMAT", "json"},     {"PULSE_EVENT_PERSISTENCE", "off"},
                {"PULSE_SEGMENT_BYTES", "1MiB"},  {"PULSE_RETENTION_BYTES", "1GiB"},
                {"PULSE_RETENTION_AGE", "36h"},   {"PULSE_WINDOW_EVENTS", "7"},
                {"PULSE_WINDOW_BYTES", "2MB"},    {"PULSE_API_KEY", "a key of the user's own"},
                {"PULSE_ADMIN_TOKEN", "token"},   {"PULSE_SILENCE_TIMEOUT", "3s"},
                {"PULSE_STALL_TIMEOUT", "2m"}};
  const auto config = load().value();
  EXPECT_EQ(config.data_dir, "/srv/pulse");
  EXPECT_EQ(config.level, log_level::debug);
  EXPECT_EQ(config.format, log_format::json);
  EXPECT_FALSE(config.projects[0].event_persistence);
  EXPECT_EQ(config.projects[0].segment_bytes, 1U << 20U);
  EXPECT_EQ(config.projects[0].retention_bytes, 1U << 30U);
  EXPECT_EQ(config.projects[0].retention_age, std::chrono::hours(36));
  EXPECT_EQ(config.projects[0].limits.window_events_max, 7U);
  EXPECT_EQ(config.projects[0].limits.window_bytes_max, 2'000'000U);
  EXPECT_EQ(config.projects[0].api_key, "a key of the user's own");
  EXPECT_EQ(config.admin_token, "token");
  EXPECT_EQ(config.silence_timeout, std::chrono::seconds(3));
  EXPECT_EQ(config.projects[0].limits.stall_timeout, std::chrono::minutes(2));
}

TEST_F(config_test, projects_begin_with_what_the_file_says_for_all) {
  use_file(
      "retention_age = '3d'\nfix = true\n"
      "[projects.shop]\ndatabase = 'postgresql://a/shop'\n"
      "[projects.crm]\ndatabase = 'postgresql://b/crm'\nretention_age = '1d'\n");
  const auto config = load().value();
  ASSERT_EQ(config.projects.size(), 2U);
  std::map<std::string, project_config> by_name;
  for (const auto& project : config.projects) by_name[project.name] = project;
  EXPECT_EQ(by_name["shop"].retention_age, std::chrono::hours(72));
  EXPECT_EQ(by_name["crm"].retention_age, std::chrono::hours(24));
  EXPECT_TRUE(by_name["shop"].fix);
  EXPECT_TRUE(by_name["crm"].fix);
  EXPECT_EQ(by_name["crm"].database_url, "postgresql://b/crm");
}

TEST_F(config_test, option_for_projects_holds_for_all_of_them) {
  use_file("[projects.a]\ndatabase='x'\n[projects.b]\ndatabase='y'\nevent_persistence = true\n");
  options_["event_persistence"] = "off";
  for (const auto& project : load().value().projects) EXPECT_FALSE(project.event_persistence);
}

TEST_F(config_test, one_database_for_several_projects_is_refused) {
  const std::string two = "[projects.a]\ndatabase='x'\n[projects.b]\ndatabase='y'\n";
  use_file("database = 'z'\n" + two);
  EXPECT_SAYS(refusal(), "database");
  use_file(two);
  EXPECT_EQ(refusal(), "");
  // A common variable does not choose among them; Pulse's own says something that cannot be meant.
  variables_["DATABASE_URL"] = "z";
  EXPECT_EQ(refusal(), "");
  variables_["PULSE_DATABASE_URL"] = "z";
  EXPECT_SAYS(refusal(), "PULSE_DATABASE_URL");
}

TEST_F(config_test, project_without_database_beside_others_is_refused_by_name) {
  use_file("[projects.a]\ndatabase='x'\n[projects.b]\n");
  EXPECT_SAYS(refusal(), "project b");
}

TEST_F(config_test, unknown_setting_in_the_file_is_named_with_its_line_and_the_nearest) {
  use_file("log_level = 'info'\nlisten_adress = '127.0.0.1:1'\nretention_agee = '7d'\n");
  const auto said = refusal();
  EXPECT_SAYS(said, "pulse.toml:");
  use_file("log_level = 'info'\nretention_agee = '7d'\n");
  EXPECT_SAYS(refusal(), "pulse.toml:2");
  EXPECT_SAYS(refusal(), "'retention_agee'");
  EXPECT_SAYS(refusal(), "'retention_age'");
  use_file("[projects.shop]\n\ndatabse = 'x'\n");
  EXPECT_SAYS(refusal(), "pulse.toml:3");
  EXPECT_SAYS(refusal(), "'database'");
  use_file("[limits]\nwindow_events = 5\n");
  EXPECT_SAYS(refusal(), "'limits'");
}

TEST_F(config_test, servers_setting_in_a_projects_table_is_refused) {
  use_file("[projects.shop]\nlisten = '127.0.0.1:1'\n");
  EXPECT_SAYS(refusal(), "pulse.toml:2");
}

TEST_F(config_test, bad_values_say_where_they_stand_and_what_is_expected) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"listen", "4000", "address and a port"},
      {"listen", "127.0.0.1:70000", "address and a port"},
      {"listen", "127.0.0.1:", "address and a port"},
      {"listen", "example.org:7857", "address and a port"},
      {"log_level", "verbose", "debug, info, warning or error"},
      {"log_format", "xml", "text or json"},
      {"event_persistence", "maybe", "on or off"},
      {"window_events", "0", "size"},
      {"window_bytes", "many", "size"},
      {"segment_bytes", "1KiB", "64KiB"},
      {"retention_age", "7", "duration"},
      {"retention_bytes", "0", "size"},
      {"silence_timeout", "0s", "duration"},
      {"silence_timeout", "3", "duration"},
      {"stall_timeout", "0s", "duration"},
      {"stall_timeout", "never", "or off"},
  };
  for (const auto& [name, value, expected] : cases) {
    options_ = {{name, value}};
    const auto said = refusal();
    EXPECT_SAYS(said, expected);
    if (std::string_view(name) != "segment_bytes") {
      auto option = "--" + std::string(name);
      std::ranges::replace(option, '_', '-');
      EXPECT_SAYS(said, option);
    }
  }
}

TEST_F(config_test, stalled_streams_are_left_alone_when_told) {
  EXPECT_EQ(load().value().projects[0].limits.stall_timeout, std::chrono::minutes(5));
  options_["stall_timeout"] = "off";
  EXPECT_EQ(load().value().projects[0].limits.stall_timeout, std::chrono::seconds(0));
}

TEST_F(config_test, addresses_are_read_in_both_families) {
  options_["listen"] = "[::1]:5000";
  options_["admin_listen"] = "localhost:5001";
  const auto config = load().value();
  EXPECT_EQ(config.listen.address, "::1");
  EXPECT_EQ(config.admin_listen.address, "127.0.0.1");
  EXPECT_EQ(config.admin_listen.port, 5001);
}

TEST_F(config_test, address_that_others_can_reach_needs_insecure) {
  for (const auto* name : {"listen", "admin_listen"}) {
    for (const auto* address : {"0.0.0.0:7857", "192.168.1.5:7857", "[::]:7857"}) {
      options_ = {{name, address}};
      EXPECT_SAYS(refusal(), "--insecure");
      options_["insecure"] = "on";
      EXPECT_EQ(refusal(), "");
    }
  }
}

TEST_F(config_test, file_that_is_missing_or_malformed_is_named) {
  options_["config"] = (directory_.path() / "nowhere.toml").string();
  EXPECT_SAYS(refusal(), "nowhere.toml");
  use_file("listen = \n");
  EXPECT_SAYS(refusal(), "pulse.toml:1");
  use_file("projects = 3\n");
  EXPECT_SAYS(refusal(), "[projects.<name>]");
  use_file("[projects]\nshop = 'x'\n");
  EXPECT_SAYS(refusal(), "projects.shop");
  use_file("listen = [1, 2]\n");
  EXPECT_SAYS(refusal(), "pulse.toml:1: listen");
}

TEST_F(config_test, api_key_comes_from_a_file_without_its_line_end) {
  options_["api_key_file"] = write("key", "sixteen-characters\r\n");
  variables_["PULSE_API_KEY"] = "the-variable-loses";
  EXPECT_EQ(load().value().projects[0].api_key, "sixteen-characters");
}

// Taken for "no key", a new one would be made, and the user's clients would be refused.
TEST_F(config_test, empty_or_missing_api_key_file_is_refused) {
  options_["api_key_file"] = write("key", "\n");
  EXPECT_SAYS(refusal(), "--api-key-file");
  options_["api_key_file"] = (directory_.path() / "nowhere").string();
  EXPECT_SAYS(refusal(), "nowhere");
}

TEST_F(config_test, refusals_show_no_secret) {
  variables_["PULSE_API_KEY"] = "hunter2-hunter2-hunter2";
  variables_["PULSE_ADMIN_TOKEN"] = "hunter2";
  variables_["PULSE_DATABASE_URL"] = "postgresql://u:hunter2@h/d";
  use_file("[projects.a]\ndatabase='postgresql://u:hunter2@h/a'\n[projects.b]\ndatabase='y'\n");
  const auto said = refusal();
  ASSERT_NE(said, "");
  EXPECT_EQ(said.find("hunter2"), std::string::npos) << said;
}

TEST_F(config_test, project_names_are_what_a_slot_can_be_called) {
  use_file("[projects.Shop]\ndatabase='x'\n");
  EXPECT_SAYS(refusal(), "'Shop'");
  use_file("[projects.\"a b\"]\ndatabase='x'\n");
  EXPECT_SAYS(refusal(), "'a b'");
  use_file("[projects.a-b]\ndatabase='x'\n[projects.a_b]\ndatabase='y'\n");
  EXPECT_SAYS(refusal(), "slot");
}

TEST(default_data_dir, follows_the_user) {
  std::map<std::string, std::string> variables{{"HOME", "/home/u"}};
  const auto get = [&](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  if (::geteuid() == 0) {
    EXPECT_EQ(default_data_dir(get), "/var/lib/pulse");
    return;
  }
  EXPECT_EQ(default_data_dir(get), "/home/u/.local/state/pulse");
  variables["XDG_STATE_HOME"] = "/state";
  EXPECT_EQ(default_data_dir(get), "/state/pulse");
}

}  // namespace
}  // namespace pulse::config

#include "commands/command_line.hpp"

#include "commands/admin_commands.hpp"
#include "commands/database_commands.hpp"
#include "commands/dev_command.hpp"
#include "commands/tail_command.hpp"
#include "config/config.hpp"
#include "config/terminal.hpp"
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/data_dir.hpp"
#include "app/server_run.hpp"
#include "base/nearest_name.hpp"
#include "change/gap_kind.hpp"

namespace pulse::commands {
namespace {

constexpr int exit_usage = 2;

std::optional<std::string> variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

int fail(const error& why, int code) {
  config::say(stderr, "pulse: {}\n", why.message());
  return code;
}

// Options end up in `given` by the names that the configuration file has, so that each is read in
// one place.
void add_setting(CLI::App& command, config::settings& given, const std::string& option,
                 const std::string& setting, const std::string& help) {
  command.add_option_function<std::string>(
      option, [&given, setting](const std::string& value) { given[setting] = value; }, help);
}

void add_flag(CLI::App& command, config::settings& given, const std::string& option,
              const std::string& setting, const std::string& help) {
  command.add_flag_callback(option, [&given, setting] { given[setting] = "on"; }, help);
}

void add_database_settings(CLI::App& command, config::settings& given) {
  add_setting(command, given, "--database", "database",
              "PostgreSQL URL (else PULSE_DATABASE_URL, then DATABASE_URL)");
  add_setting(command, given, "--publication", "publication",
              "a publication of your own, used as it is");
  add_setting(command, given, "--config", "config",
              "TOML file (else PULSE_CONFIG); see docs/configuration.md");
}

void add_serve_settings(CLI::App& command, config::settings& given) {
  add_database_settings(command, given);
  add_setting(command, given, "--listen", "listen",
              fmt::format("address for streams [127.0.0.1:{}]", server::streams_port_default));
  add_setting(command, given, "--admin-listen", "admin_listen",
              fmt::format("address for administration and metrics [127.0.0.1:{}]",
                          server::admin_port_default));
  add_setting(
      command, given, "--data-dir", "data_dir",
      "where the event log and all state are kept [/var/lib/pulse, or below the home directory]");
  add_setting(command, given, "--tls-cert", "tls_cert",
              "PEM file with the certificate and its chain: both addresses speak TLS");
  add_setting(command, given, "--tls-key", "tls_key", "PEM file with the certificate's key");
  add_setting(command, given, "--api-key-file", "api_key_file",
              "a file with the API key that clients use");
  add_setting(command, given, "--event-persistence", "event_persistence",
              "on: events are stored and stream() works; off: subscribe() only [on]");
  add_setting(command, given, "--streaming", "streaming",
              "on: large transactions are taken while they are open; off: once they commit [on]");
  add_setting(command, given, "--visibility", "visibility",
              "on: events wait until others see their transactions; strict: also while PostgreSQL "
              "cannot be asked; off [on]");
  add_setting(command, given, "--silence-timeout", "silence_timeout",
              "a consumer that gives no sign of life for this long is dropped [12s]");
  add_setting(command, given, "--log-level", "log_level", "debug, info, warning or error [info]");
  add_setting(command, given, "--log-format", "log_format", "text or json [text]");
  add_flag(command, given, "--fix", "fix",
           "give tables without a replica identity REPLICA IDENTITY FULL");
  add_flag(command, given, "--insecure", "insecure",
           "allow listening on other than loopback addresses without TLS");
}

// What the commands that talk to a running server share.
struct admin_options {
  std::string project = "default";
  std::string data_dir;
  output_choice output;

  void add_to(CLI::App& command) {
    command.add_option("--project", project, "the project [default]");
    command.add_option("--data-dir", data_dir,
                       "the server's data directory, for its address and admin token");
    command.add_flag("--json", output.json, "print JSON");
  }

  // Runs the command with the server's address and token.
  int with_access(const std::function<int(const admin_access&)>& run) const {
    admin_access access;
    const auto directory =
        !data_dir.empty()
            ? std::filesystem::path(data_dir)
            : std::filesystem::path(
                  variable("PULSE_DATA_DIR").value_or(config::default_data_dir(variable).string()));
    access.url =
        variable("PULSE_URL").value_or(app::read_admin_url(directory).value_or(access.url));
    access.ca_file = variable("PULSE_CA_FILE").value_or("");
    if (const auto token = variable("PULSE_ADMIN_TOKEN")) {
      access.token = *token;
    } else {
      const auto read = app::read_admin_token(directory);
      if (!read) return fail(read.error(), 1);
      access.token = *read;
    }
    return run(access);
  }
};

// All commands, each setting what is to be run.
class program {
 public:
  program() {
    app_.set_version_flag("--version", std::string("pulse ") + PULSE_VERSION);
    app_.require_subcommand(1);
    app_.footer(
        "Examples:\n"
        "  pulse dev\n"
        "  pulse serve --database postgresql://app@localhost/shop\n"
        "  pulse doctor --database postgresql://app@localhost/shop\n"
        "  pulse keys create --label 'e-mail worker'\n");
    add_dev();
    add_serve();
    add_doctor();
    add_teardown();
    add_keys();
    add_streams();
    add_gaps();
    add_tail();
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& failure) {
      const int code = app_.exit(failure);
      if (code == 0) return 0;
      for (const auto& unknown : app_.remaining(true)) suggest(unknown);
      return exit_usage;
    }
    return chosen_();
  }

 private:
  // Says what an unknown word was probably meant to be, where it was written.
  void suggest(const std::string& unknown) const {
    const CLI::App* command = &app_;
    while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
    std::vector<std::string> known;
    for (const auto* option : command->get_options()) {
      for (const auto& name : option->get_lnames()) known.push_back("--" + name);
    }
    for (const auto* below : command->get_subcommands([](const CLI::App*) { return true; }))
      known.push_back(below->get_name());
    const auto near = nearest_name(unknown.substr(0, unknown.find('=')), known);
    if (!near.empty()) config::say(stderr, "pulse: did you mean {}?\n", near);
  }

  int with_config(const std::function<int(const config::server_config&)>& run) const {
    const auto config = config::load_config(given_, variable);
    if (!config) return fail(config.error(), exit_usage);
    if (!config->dotenv.empty() && config->format == log_format::text)
      config::say(stderr, "pulse: the database is the one that DATABASE_URL names in {}\n",
                  config->dotenv);
    return run(*config);
  }

  void add_dev() {
    auto& command = *app_.add_subcommand(
        "dev",
        "For a laptop: captures the database of .env, or one of its own that it throws away, shows "
        "events as they come, and leaves nothing behind");
    add_setting(command, given_, "--database", "database",
                "PostgreSQL URL (else PULSE_DATABASE_URL, DATABASE_URL, then that of .env)");
    command.add_flag("--throwaway", dev_.throwaway,
                     "start a PostgreSQL for this run, whatever database is named elsewhere");
    command.add_flag("--json", dev_.json, "print JSON, one text a line");
    add_setting(command, given_, "--listen", "listen",
                fmt::format("address for streams [127.0.0.1:{}, or another port where that is "
                            "taken]",
                            server::streams_port_default));
    add_setting(command, given_, "--admin-listen", "admin_listen",
                "address for administration and metrics [the same way]");
    add_setting(command, given_, "--log-level", "log_level",
                "debug, info, warning or error [warning]");
    add_flag(command, given_, "--fix", "fix",
             "give tables without a replica identity REPLICA IDENTITY FULL, which stays");
    command.callback([this] {
      chosen_ = [this] {
        given_.try_emplace("log_level", "warning");
        auto config = config::load_config(given_, variable);
        if (!config) return fail(config.error(), exit_usage);
        return run_dev(std::move(*config), dev_, variable);
      };
    });
  }

  void add_serve() {
    auto& command =
        *app_.add_subcommand("serve", "Streams a database's changes until it is told to stop");
    add_serve_settings(command, given_);
    command.add_flag("--check", check_, "only say whether it could start");
    command.callback([this] {
      chosen_ = [this] {
        return with_config([this](const config::server_config& config) {
          if (check_) return app::check_server(config);
          return app::run_server(config, [this] { return config::load_config(given_, variable); });
        });
      };
    });
  }

  void add_doctor() {
    auto& command =
        *app_.add_subcommand("doctor", "Says what the database lacks, with the SQL that mends it");
    add_database_settings(command, given_);
    command.add_flag("--json", output_.json, "print JSON");
    command.add_flag("--fix", fix_, "make publication and event trigger, and mend keyless tables");
    command.callback([this] {
      chosen_ = [this] {
        return with_config([this](const config::server_config& config) {
          return run_doctor(config, fix_, output_.json);
        });
      };
    });
  }

  void add_teardown() {
    auto& command = *app_.add_subcommand(
        "teardown", "Removes slot, publication and event trigger from the database");
    add_database_settings(command, given_);
    command.add_flag("--json", output_.json, "print JSON");
    command.add_flag("--yes", yes_,
                     "do it: events that were not captured can never be captured afterwards");
    command.callback([this] {
      chosen_ = [this] {
        if (!yes_) {
          config::say(stderr,
                      "pulse: this removes the replication slot, and with it what was not captured "
                      "yet; say "
                      "--yes to do it\n");
          return exit_usage;
        }
        return with_config([this](const config::server_config& config) {
          return run_teardown(config, output_.json);
        });
      };
    });
  }

  void add_keys() {
    auto& keys = *app_.add_subcommand("keys", "API keys of a running server");
    keys.require_subcommand(1);
    auto& create = *keys.add_subcommand("create", "Makes a key and shows it once");
    create.add_option("--label", label_, "what the key is for");
    create.add_option("--out", admin_.output.file,
                      "write the key to this file, mode 0600, instead of printing it");
    add_admin(create, [this](const admin_access& access) {
      return create_key(access, admin_.project, label_, admin_.output);
    });
    auto& list = *keys.add_subcommand("list", "Lists keys, without their secrets");
    add_admin(list, [this](const admin_access& access) {
      return list_keys(access, admin_.project, admin_.output);
    });
    auto& revoke = *keys.add_subcommand("revoke", "Revokes a key; its open streams end");
    revoke.add_option("id", id_, "the key's id")->required();
    add_admin(revoke, [this](const admin_access& access) {
      return revoke_key(access, admin_.project, id_, admin_.output);
    });
  }

  void add_streams() {
    auto& streams = *app_.add_subcommand("streams", "Named streams of a running server");
    streams.require_subcommand(1);
    auto& list = *streams.add_subcommand("list", "Lists cursors and open streams");
    add_admin(list, [this](const admin_access& access) {
      return list_streams(access, admin_.project, admin_.output);
    });
    auto& show = *streams.add_subcommand("show", "Shows one cursor and its open streams");
    add_stream_name(show);
    add_admin(show, [this](const admin_access& access) {
      return show_stream(access, admin_.project, table_, id_, admin_.output);
    });
    auto& seek =
        *streams.add_subcommand("seek", "Moves a cursor; its open streams come back there");
    add_stream_name(seek);
    seek.add_option("--to", to_,
                    "beginning, end, a time (2026-05-28T12:00:00Z), an LSN, or the id of the event "
                    "that is to come next")
        ->required();
    add_admin(seek, [this](const admin_access& access) {
      return seek_stream(access, admin_.project, table_, id_, to_, admin_.output);
    });
    auto& remove = *streams.add_subcommand(
        "delete", "Deletes a cursor; the next stream of the name starts anew");
    add_stream_name(remove);
    add_admin(remove, [this](const admin_access& access) {
      return delete_stream(access, admin_.project, table_, id_, admin_.output);
    });
  }

  void add_gaps() {
    auto& gaps = *app_.add_subcommand("gaps", "Events that are missing, and whose streams wait");
    gaps.require_subcommand(1);
    auto& list = *gaps.add_subcommand("list", "Lists gaps with their bounds");
    std::string kinds = "Kinds:";
    for (const auto& kind : all_gap_kinds())
      kinds += fmt::format("\n  {:<18}{}", kind.name, kind.meaning);
    list.footer(kinds);
    add_admin(list, [this](const admin_access& access) {
      return list_gaps(access, admin_.project, admin_.output);
    });
    auto& skip = *gaps.add_subcommand(
        "skip", "Skip the change or transaction that capture stopped at; recorded as a gap");
    skip.add_option("lsn", id_, "where the change stands, as the error says")->required();
    add_admin(skip, [this](const admin_access& access) {
      return skip_change(access, admin_.project, id_, admin_.output);
    });
    auto& accept = *gaps.add_subcommand("accept", "Lets streams go on behind a gap");
    accept.add_option("id", id_, "the gap's id")->required();
    add_admin(accept, [this](const admin_access& access) {
      return accept_gap(access, admin_.project, id_, variable("USER").value_or("pulse gaps accept"),
                        admin_.output);
    });
  }

  void add_stream_name(CLI::App& command) {
    command.add_option("table", table_, "the table, as schema.name")->required();
    command.add_option("name", id_, "the stream's name")->required();
  }

  void add_tail() {
    auto& tail = *app_.add_subcommand("tail", "Shows a table's events as they come");
    tail.add_option("table", tail_.table, "the table, as name or schema.name")->required();
    tail.add_option("--count", tail_.count, "end after so many events");
    add_admin(tail, [this](const admin_access& access) {
      tail_.project = admin_.project;
      tail_.json = admin_.output.json;
      return tail_table(access, tail_);
    });
  }

  void add_admin(CLI::App& command, const std::function<int(const admin_access&)>& run) {
    admin_.add_to(command);
    command.callback([this, run] { chosen_ = [this, run] { return admin_.with_access(run); }; });
  }

  CLI::App app_{"Pulse streams a PostgreSQL database's changes into applications.", "pulse"};
  config::settings given_;
  admin_options admin_;
  output_choice output_;
  std::string label_;
  std::string id_;
  std::string table_;
  std::string to_;
  tail_options tail_;
  dev_options dev_;
  bool fix_ = false;
  bool check_ = false;
  bool yes_ = false;
  std::function<int()> chosen_;
};

}  // namespace

int run_command_line(int argc, char** argv) {
  return program().run(argc, argv);
}

}  // namespace pulse::commands

#include "commands/command_line.hpp"

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
#include "commands/admin_commands.hpp"
#include "commands/database_commands.hpp"
#include "commands/dev_command.hpp"
#include "commands/tail_command.hpp"
#include "config/config.hpp"
#include "config/terminal.hpp"

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
              "PostgreSQL URL [PULSE_DATABASE_URL, then DATABASE_URL]");
  add_setting(command, given, "--publication", "publication",
              "a publication of your own, used as it is");
  add_setting(command, given, "--config", "config",
              "TOML file [PULSE_CONFIG]; see docs/configuration.md");
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
      "directory for the event log and all state [/var/lib/pulse, or below the home directory]");
  add_setting(command, given, "--tls-cert", "tls_cert",
              "PEM file with the certificate and its chain; both addresses then use TLS");
  add_setting(command, given, "--tls-key", "tls_key", "PEM file with the certificate's key");
  add_setting(command, given, "--api-key-file", "api_key_file",
              "file with the API key that clients send");
  add_setting(command, given, "--event-persistence", "event_persistence",
              "on: store events; off: subscribe() only [on]");
  add_setting(command, given, "--streaming", "streaming",
              "on: receive large transactions before they commit; off: when they commit [on]");
  add_setting(command, given, "--visibility", "visibility",
              "deliver events when other sessions see their transactions: on, strict (also while "
              "PostgreSQL does not answer) or off [on]");
  add_setting(command, given, "--silence-timeout", "silence_timeout",
              "disconnect a consumer that is silent for this long [12s]");
  add_setting(command, given, "--log-level", "log_level", "debug, info, warning or error [info]");
  add_setting(command, given, "--log-format", "log_format", "text or json [text]");
  add_flag(command, given, "--fix", "fix",
           "give tables without a replica identity REPLICA IDENTITY FULL");
  add_flag(command, given, "--insecure", "insecure",
           "allow addresses that are not loopback, without TLS");
}

// What the commands that talk to a running server share.
struct admin_options {
  std::string project = "default";
  std::string data_dir;
  output_choice output;

  void add_to(CLI::App& command) {
    command.add_option("--project", project, "the project [default]");
    command.add_option("--data-dir", data_dir,
                       "data directory of the running Pulse, for its address and admin token");
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
      config::say(stderr, "pulse: using the database in DATABASE_URL from {}\n", config->dotenv);
    return run(*config);
  }

  void add_dev() {
    auto& command = *app_.add_subcommand(
        "dev",
        "Capture the database of .env, or a throwaway one, and show its events; for a laptop");
    add_setting(command, given_, "--database", "database",
                "PostgreSQL URL [PULSE_DATABASE_URL, DATABASE_URL, then DATABASE_URL in .env]");
    command.add_flag("--throwaway", dev_.throwaway,
                     "start a PostgreSQL for this run, and ignore other settings of the database");
    command.add_flag("--json", dev_.json, "print JSON, one text a line");
    add_setting(command, given_, "--listen", "listen",
                fmt::format("address for streams [127.0.0.1:{}, or a free port]",
                            server::streams_port_default));
    add_setting(command, given_, "--admin-listen", "admin_listen",
                "address for administration and metrics [the same way]");
    add_setting(command, given_, "--log-level", "log_level",
                "debug, info, warning or error [warning]");
    add_flag(command, given_, "--fix", "fix",
             "give tables without a replica identity REPLICA IDENTITY FULL, permanently");
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
    auto& command = *app_.add_subcommand("serve", "Capture and serve changes until SIGTERM");
    add_serve_settings(command, given_);
    command.add_flag("--check", check_, "report whether Pulse could start, and exit");
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
        *app_.add_subcommand("doctor", "List what the database lacks, with the SQL that fixes it");
    add_database_settings(command, given_);
    command.add_flag("--json", output_.json, "print JSON");
    command.add_flag("--fix", fix_,
                     "create publications and event triggers, and give tables a replica identity");
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
        "teardown", "Remove slot, publications and event triggers from the database");
    add_database_settings(command, given_);
    command.add_flag("--json", output_.json, "print JSON");
    command.add_flag("--yes", yes_, "confirm: changes that are not captured yet are lost");
    command.callback([this] {
      chosen_ = [this] {
        if (!yes_) {
          config::say(stderr,
                      "pulse: this drops the replication slot, and changes that are not captured "
                      "yet are lost; to confirm, run `pulse teardown --yes`\n");
          return exit_usage;
        }
        return with_config([this](const config::server_config& config) {
          return run_teardown(config, output_.json);
        });
      };
    });
  }

  void add_keys() {
    auto& keys = *app_.add_subcommand("keys", "Manage the API keys of a running Pulse");
    keys.require_subcommand(1);
    auto& create = *keys.add_subcommand("create", "Create a key and print it once");
    create.add_option("--label", label_, "what the key is for");
    create.add_option("--out", admin_.output.file,
                      "write the key to this file, mode 0600, instead of printing it");
    add_admin(create, [this](const admin_access& access) {
      return create_key(access, admin_.project, label_, admin_.output);
    });
    auto& list = *keys.add_subcommand("list", "List keys, without their secrets");
    add_admin(list, [this](const admin_access& access) {
      return list_keys(access, admin_.project, admin_.output);
    });
    auto& revoke = *keys.add_subcommand("revoke", "Revoke a key and end its open streams");
    revoke.add_option("id", id_, "the key's id")->required();
    add_admin(revoke, [this](const admin_access& access) {
      return revoke_key(access, admin_.project, id_, admin_.output);
    });
  }

  void add_streams() {
    auto& streams = *app_.add_subcommand("streams", "Manage the named streams of a running Pulse");
    streams.require_subcommand(1);
    auto& list = *streams.add_subcommand("list", "List cursors and open streams");
    add_admin(list, [this](const admin_access& access) {
      return list_streams(access, admin_.project, admin_.output);
    });
    auto& show = *streams.add_subcommand("show", "Show one cursor and its open streams");
    add_stream_name(show);
    add_admin(show, [this](const admin_access& access) {
      return show_stream(access, admin_.project, table_, id_, admin_.output);
    });
    auto& seek = *streams.add_subcommand("seek", "Move a cursor; its open streams continue there");
    add_stream_name(seek);
    seek.add_option(
            "--to", to_,
            "beginning, end, a time (2026-05-28T12:00:00Z), an LSN, or the id of the next event")
        ->required();
    add_admin(seek, [this](const admin_access& access) {
      return seek_stream(access, admin_.project, table_, id_, to_, admin_.output);
    });
    auto& remove = *streams.add_subcommand(
        "delete", "Delete a cursor; the next stream with this name starts at the current end");
    add_stream_name(remove);
    add_admin(remove, [this](const admin_access& access) {
      return delete_stream(access, admin_.project, table_, id_, admin_.output);
    });
  }

  void add_gaps() {
    auto& gaps =
        *app_.add_subcommand("gaps", "Manage gaps: missing events, which block named streams");
    gaps.require_subcommand(1);
    auto& list = *gaps.add_subcommand("list", "List gaps with their bounds");
    std::string kinds = "Kinds:";
    for (const auto& kind : all_gap_kinds())
      kinds += fmt::format("\n  {:<18}{}", kind.name, kind.meaning);
    list.footer(kinds);
    add_admin(list, [this](const admin_access& access) {
      return list_gaps(access, admin_.project, admin_.output);
    });
    auto& skip = *gaps.add_subcommand(
        "skip", "Skip the change or transaction that capture stopped at; recorded as a gap");
    skip.add_option("lsn", id_, "the LSN of the change, from the error message")->required();
    add_admin(skip, [this](const admin_access& access) {
      return skip_change(access, admin_.project, id_, admin_.output);
    });
    auto& accept = *gaps.add_subcommand("accept", "Accept a gap: streams continue after it");
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
    auto& tail = *app_.add_subcommand("tail", "Print a table's events as they are stored");
    tail.add_option("table", tail_.table, "the table, as name or schema.name")->required();
    tail.add_option("--count", tail_.count, "exit after this many events");
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

  CLI::App app_{"Pulse streams the row changes of a PostgreSQL database to applications.", "pulse"};
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

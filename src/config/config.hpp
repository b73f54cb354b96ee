// The settings: defaults, then a TOML file, then the environment, then the command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/logging.hpp"
#include "server/options.hpp"
#include "streams/hub.hpp"

namespace pulse::config {

// The project name of `pulse dev`. No other project may have it, because `pulse dev` removes slot
// and publications with this name, also after a killed run.
inline constexpr const char* dev_project = "dev_run";

// One source database with its settings.
struct project_config {
  std::string name = "default";
  std::string database_url;  // secret: it may hold a password
  std::string publication;   // the user's own; empty: made and kept by Pulse
  bool event_persistence = true;
  bool streaming = true;  // take transactions while they are open, where the server can
  // Events wait until other sessions see their transactions. `strict`: also while PostgreSQL does
  // not answer.
  enum class visibility { on, strict, off };
  visibility delivers_visible = visibility::on;
  // After this long without a report of PostgreSQL, a heartbeat advances the slot; zero: never.
  std::chrono::seconds heartbeat_interval{10};
  bool fix = false;  // give keyless tables a replica identity at setup
  std::chrono::seconds retention_age{7 * 86400};
  std::optional<std::uint64_t> retention_bytes;  // nothing: a share of the volume
  std::uint64_t segment_bytes = std::uint64_t{64} << 20U;
  // The log never exceeds this; capture waits, as on a full disk. Nothing: no limit.
  std::optional<std::uint64_t> storage_max;
  // Named streams continue after a gap by themselves, instead of when somebody accepts it.
  bool goes_on_at_gaps = false;
  bool goes_on_in_another_database = true;
  streams::stream_limits limits;
  std::string api_key;                  // secret: the user's own; empty: one is made
  std::filesystem::path prisma_schema;  // what Prisma's headers leave out; empty: none
};

struct server_config {
  server::listen_address listen{"127.0.0.1", server::streams_port_default};
  server::listen_address admin_listen{"127.0.0.1", server::admin_port_default};
  std::vector<std::string> admin_hosts;  // by which the admin address may be called
  std::filesystem::path data_dir;
  bool insecure = false;
  server::compression_policy compression = server::compression_policy::automatic;
  server::tls_files tls;
  log_level level = log_level::info;
  log_format format = log_format::text;
  std::size_t unsent_bytes_max = std::size_t{1} << 20U;  // for one connection
  std::size_t connections_max = 10'000;
  std::size_t connections_per_address_max = 1000;  // without a stream; 0: any number
  std::size_t failed_keys_per_minute = 60;         // of one address; 0: any number
  // Pulse pings a silent consumer after half of it and disconnects it after all of it.
  std::chrono::seconds silence_timeout{12};
  std::string admin_token;  // secret; empty: one is made
  std::vector<project_config> projects;
  std::string dotenv;  // the file that the only project's database URL is from; empty: none
};

// Settings by name, as one source gives them: "listen" → "127.0.0.1:7857".
using settings = std::map<std::string, std::string>;

// `command_line` by the names in settings; `environment` answers for variables (std::getenv in the
// program). Settings of projects that are given outside of [projects.<name>] hold for all of them.
// The URL of the only project's database may also stand in the file `.env` of the current folder,
// as DATABASE_URL. errc::invalid_argument names the setting, where it came from, and the nearest
// known name for an unknown one.
using environment = std::function<std::optional<std::string>(const std::string&)>;
result<server_config> load_config(const settings& command_line, const environment& all_variables);

// Whether this address may be listened on: one that is not loopback wants TLS or `insecure`.
result<void> check_address(const server::listen_address& address, const server_config& config);

// Where state is kept when nobody says otherwise: /var/lib/pulse for root, else below the home
// directory.
std::filesystem::path default_data_dir(const environment& variables);

}  // namespace pulse::config

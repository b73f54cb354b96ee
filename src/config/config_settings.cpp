#include "config/config_settings.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string_view>

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>

#include "base/private_file.hpp"
#include "base/units.hpp"

namespace pulse::config {
namespace {

error wrong(std::string_view where, std::string_view value, std::string_view expected) {
  return {errc::invalid_argument, fmt::format("{}: '{}' is not {}", where, value, expected),
          "correct the setting"};
}

result<server::listen_address> parse_address(std::string_view where, const std::string& text) {
  constexpr std::string_view expected = "an address and a port, like 127.0.0.1:7857 or [::1]:7857";
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

// "a, b": what stands between the commas.
std::vector<std::string> parse_names(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    const auto first = list.substr(0, end).find_first_not_of(' ');
    if (first != std::string_view::npos) {
      const auto name = list.substr(first, end - first);
      names.emplace_back(name.substr(0, name.find_last_not_of(' ') + 1));
    }
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return names;
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
                 "write the key into the first line, or remove the setting"};
  }
  warn_of_open_file("config", where, path);
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

// "off" is 0.
result<void> assign_count_or_off(std::size_t& target, std::string_view where,
                                 const std::string& text) {
  constexpr std::uint64_t most = 1'000'000;
  const auto count = text == "off" ? std::optional<std::uint64_t>(0) : parse_size(text);
  if (!count || *count > most || (*count == 0 && text != "off"))
    return wrong(where, text, "a number up to a million, or off");
  target = *count;
  return {};
}

result<void> assign_duration(std::chrono::seconds& target, std::string_view where,
                             const std::string& text, std::string_view expected) {
  const auto duration = parse_duration(text);
  if (!duration || duration->count() == 0) return wrong(where, text, expected);
  target = *duration;
  return {};
}

result<void> assign_duration_or_off(std::chrono::seconds& target, std::string_view where,
                                    const std::string& text, std::string_view expected) {
  if (text != "off") return assign_duration(target, where, text, expected);
  target = std::chrono::seconds(0);
  return {};
}

}  // namespace

const std::map<std::string, server_setter>& server_settings() {
  static const std::map<std::string, server_setter> all{
      {"listen",
       [](auto& to, auto where, auto& v) { return assign(to.listen, parse_address(where, v)); }},
      {"admin_hosts",
       [](auto& to, auto, auto& v) -> result<void> {
         to.admin_hosts = parse_names(v);
         return {};
       }},
      {"admin_listen", [](auto& to, auto where,
                          auto& v) { return assign(to.admin_listen, parse_address(where, v)); }},
      {"data_dir",
       [](auto& to, auto, auto& v) -> result<void> {
         to.data_dir = v;
         return {};
       }},
      {"insecure",
       [](auto& to, auto where, auto& v) { return assign(to.insecure, parse_switch(where, v)); }},
      {"compression",
       [](auto& to, auto where, auto& v) -> result<void> {
         using policy = server::compression_policy;
         static const std::map<std::string, policy> policies{
             {"auto", policy::automatic}, {"on", policy::on}, {"off", policy::off}};
         const auto found = policies.find(v);
         if (found == policies.end()) return wrong(where, v, "auto, on or off");
         to.compression = found->second;
         return {};
       }},
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
      {"tls_cert",
       [](auto& to, auto, auto& v) -> result<void> {
         to.tls.certificate = v;
         return {};
       }},
      {"tls_key",
       [](auto& to, auto, auto& v) -> result<void> {
         to.tls.key = v;
         return {};
       }},
      {"unsent_bytes",
       [](auto& to, auto where, auto& v) { return assign_size(to.unsent_bytes_max, where, v); }},
      {"connections",
       [](auto& to, auto where, auto& v) { return assign_size(to.connections_max, where, v); }},
      {"connections_per_address",
       [](auto& to, auto where, auto& v) {
         return assign_count_or_off(to.connections_per_address_max, where, v);
       }},
      {"failed_keys",
       [](auto& to, auto where, auto& v) {
         return assign_count_or_off(to.failed_keys_per_minute, where, v);
       }},
      {"silence_timeout",
       [](auto& to, auto where, auto& v) {
         return assign_duration(to.silence_timeout, where, v, "a duration, like 12s");
       }},
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
      {"on_gap",
       [](auto& to, auto where, auto& v) -> result<void> {
         if (v != "refuse" && v != "continue") return wrong(where, v, "refuse or continue");
         to.goes_on_at_gaps = v == "continue";
         return {};
       }},
      {"on_another_database",
       [](auto& to, auto where, auto& v) -> result<void> {
         if (v != "stop" && v != "continue") return wrong(where, v, "stop or continue");
         to.goes_on_in_another_database = v == "continue";
         return {};
       }},
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
      {"heartbeat_interval",
       [](auto& to, auto where, auto& v) {
         return assign_duration_or_off(to.heartbeat_interval, where, v,
                                       "a duration, like 10s, or off");
       }},
      {"storage_max",
       [](auto& to, auto where, auto& v) -> result<void> {
         std::uint64_t bytes = 0;
         if (auto set = assign_size(bytes, where, v); !set) return set;
         to.storage_max = bytes;
         return {};
       }},
      {"visibility",
       [](auto& to, auto where, auto& v) -> result<void> {
         using visibility = project_config::visibility;
         static const std::map<std::string, visibility> all_of_them{
             {"on", visibility::on}, {"strict", visibility::strict}, {"off", visibility::off}};
         const auto found = all_of_them.find(v);
         if (found == all_of_them.end()) return wrong(where, v, "on, strict or off");
         to.delivers_visible = found->second;
         return {};
       }},
      {"window_events", [](auto& to, auto where,
                           auto& v) { return assign_size(to.limits.window_events_max, where, v); }},
      {"window_bytes", [](auto& to, auto where,
                          auto& v) { return assign_size(to.limits.window_bytes_max, where, v); }},
      {"streams",
       [](auto& to, auto where, auto& v) { return assign_size(to.limits.streams_max, where, v); }},
      {"names",
       [](auto& to, auto where, auto& v) { return assign_size(to.limits.names_max, where, v); }},
      {"stall_timeout",
       [](auto& to, auto where, auto& v) {
         return assign_duration_or_off(to.limits.stall_timeout, where, v,
                                       "a duration, like 5m, or off");
       }},
      {"on_expired",
       [](auto& to, auto where, auto& v) -> result<void> {
         if (v != "refuse" && v != "earliest") return wrong(where, v, "refuse or earliest");
         to.limits.on_expired =
             v == "refuse" ? streams::when_expired::refuse : streams::when_expired::earliest;
         return {};
       }},
      {"abandoned_after",
       [](auto& to, auto where, auto& v) {
         return assign_duration_or_off(to.limits.abandoned_after, where, v,
                                       "a duration, like 90d, or off");
       }},
      {"cursor_flush",
       [](auto& to, auto where, auto& v) -> result<void> {
         const auto interval = parse_short_duration(v);
         if (!interval || interval->count() == 0) return wrong(where, v, "a duration, like 50ms");
         to.limits.cursor_flush_interval = *interval;
         return {};
       }},
      {"api_key_file", [](auto& to, auto where,
                          auto& v) { return assign(to.api_key, read_secret_file(where, v)); }},
      {"prisma_schema",
       [](auto& to, auto, auto& v) -> result<void> {
         to.prisma_schema = v;
         return {};
       }},
  };
  return all;
}

}  // namespace pulse::config

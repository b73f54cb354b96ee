#include "server/context.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "base/first_names.hpp"
#include "base/logging.hpp"

namespace pulse::server {

listen_address reachable(const listen_address& address) {
  if (address.address == "0.0.0.0") return {"127.0.0.1", address.port};
  if (address.address == "::") return {"::1", address.port};
  return address;
}

std::string to_string(const listen_address& address) {
  const bool is_v6 = address.address.find(':') != std::string::npos;
  return (is_v6 ? '[' + address.address + ']' : address.address) + ':' +
         std::to_string(address.port);
}

std::vector<std::shared_ptr<connection>> connection_set::members() const {
  std::vector<std::shared_ptr<connection>> all;
  all.reserve(open_.size());
  for (const auto& [key, one] : open_) all.push_back(one);
  return all;
}

server_figures::server_figures(metrics& all)
    : open_connections(all.gauge("pulse_connections_open", "Connections that are open")),
      accepted(all.counter("pulse_connections_accepted_total", "Connections accepted")),
      over_the_limit(all.counter("pulse_connections_over_limit_total",
                                 "Connections refused because too many were open")),
      over_the_address_limit(
          all.counter("pulse_connections_over_address_limit_total",
                      "Connections refused because too many were open from their address")),
      idle_closed(all.counter("pulse_connections_idle_closed_total",
                              "Idle connections that were closed in favour of new ones")),
      accept_failures(all.counter("pulse_accept_failures_total",
                                  "Connections that the operating system failed to accept")),
      refused_streams(all.counter("pulse_streams_refused_total",
                                  "Requests for a stream answered with an error")),
      refused_keys(
          all.counter("pulse_keys_refused_total", "Requests with a wrong key or token, or none")),
      refused_key_attempts(
          all.counter("pulse_key_attempts_refused_total",
                      "Requests refused because their address had sent too many wrong keys")),
      ignored_messages(all.counter("pulse_client_messages_ignored_total",
                                   "Messages of unknown types from consumers")),
      protocol_violations(all.counter("pulse_client_protocol_violations_total",
                                      "Connections closed because of what the consumer sent")),
      silent_clients(all.counter("pulse_clients_silent_total",
                                 "Connections closed because the client was silent")),
      sent_bytes(all.counter("pulse_stream_sent_bytes_total", "Bytes written to open streams")),
      tls_failures(all.counter("pulse_tls_failures_total",
                               "Encrypted connections that failed before a request was read")),
      compression_saved_bytes(all.counter("pulse_compression_saved_bytes_total",
                                          "Bytes not sent because events were compressed")) {}

void stream_lines::tick(std::chrono::steady_clock::time_point now) {
  const auto tell = [&](line_allowance& lines, std::string_view what) {
    if (const auto count = lines.left_out(now); count != 0)
      log_info("server", what, {{"count", count}, {"lines_per_second_max", per_second_max}});
  };
  tell(opened, "more streams opened: not logged one by one");
  tell(ended, "more streams ended: not logged one by one");
  tell(refused, "more streams refused: not logged one by one");
}

server_context::server_context(server_options with, service_registry& services,
                               admin_backend& admin, metrics& all)
    : options(std::move(with)),
      registry(&services),
      backend(&admin),
      all_figures(&all),
      clock(options.clock != nullptr ? options.clock : &system_clock_source()),
      figures(all),
      host_of([](project_service& project) -> std::shared_ptr<stream_host> {
        return std::make_shared<hub_host>(project.streams());
      }),
      scratch(options.message_bytes_max + (std::size_t{128} << 10U)) {
  std::random_device random;
  request_prefix_ = (std::uint64_t{random()} << 32U) | random();
}

std::string server_context::next_request_id() {
  return fmt::format("{:016x}-{:x}", request_prefix_, ++requests_);
}

refusal unknown_project(const server_context& context, std::string_view name) {
  constexpr std::size_t named_max = 20;
  const auto names = first_names(context.registry->projects(), named_max,
                                 [](const auto& project) { return project.first; });
  return {404, pulse_code::server_error, fmt::format("no project '{}'", name),
          "there are: " + names};
}

void end_sessions_of_key(server_context& context, std::string_view key_id) {
  for (const auto& one : context.connections.members()) one->key_revoked(key_id);
}

}  // namespace pulse::server

#include "server/context.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "base/first_names.hpp"
#include "base/logging.hpp"
#include "server/routes.hpp"

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
    : open_connections(all.gauge(metric::connections_open)),
      accepted(all.counter(metric::connections_accepted)),
      over_the_limit(all.counter(metric::connections_over_limit)),
      over_the_address_limit(all.counter(metric::connections_over_address_limit)),
      idle_closed(all.counter(metric::connections_idle_closed)),
      accept_failures(all.counter(metric::accept_failures)),
      refused_streams(all.counter(metric::streams_refused)),
      refused_keys(all.counter(metric::keys_refused)),
      refused_key_attempts(all.counter(metric::key_attempts_refused)),
      ignored_messages(all.counter(metric::client_messages_ignored)),
      protocol_violations(all.counter(metric::client_protocol_violations)),
      silent_clients(all.counter(metric::clients_silent)),
      sent_bytes(all.counter(metric::stream_sent_bytes)),
      streamed_answers_open(all.gauge(metric::streamed_answers_open)),
      streamed_answers_stalled(all.counter(metric::streamed_answers_stalled)),
      waits_open(all.gauge(metric::waits_open)),
      waits_refused(all.counter(metric::waits_refused)),
      waits_timed_out(all.counter(metric::waits_timed_out)),
      tls_failures(all.counter(metric::tls_failures)),
      compression_saved_bytes(all.counter(metric::compression_saved_bytes)) {}

void stream_lines::tick(std::chrono::steady_clock::time_point now) {
  const auto tell = [&](line_allowance& lines, std::string_view what) {
    if (const auto count = lines.left_out(now); count != 0)
      log_info("server", what, {{"count", count}, {"lines_per_second_max", per_second_max}});
  };
  tell(opened, "more streams opened: not logged one by one");
  tell(ended, "more streams ended: not logged one by one");
  tell(refused, "more streams refused: not logged one by one");
}

server_context::server_context(boost::asio::any_io_executor delivery, server_options with,
                               service_registry& services, admin_backend& admin, metrics& all)
    : options(std::move(with)),
      registry(&services),
      backend(&admin),
      all_figures(&all),
      clock(options.clock != nullptr ? options.clock : &system_clock_source()),
      executor(std::move(delivery)),
      routes(options.routes != nullptr ? options.routes : &all_routes()),
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

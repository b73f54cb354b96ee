// What can be set about the server's outside.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "server/http/http_message.hpp"
#include "server/http/tls.hpp"
#include "server/websocket/deflate.hpp"

namespace pulse::server {

class route_table;

// An address and a port to listen on. Port 0: the system chooses one.
struct listen_address {
  std::string address = "127.0.0.1";  // IPv4 or IPv6, no name
  std::uint16_t port = 0;

  bool operator==(const listen_address&) const = default;
};

// "127.0.0.1:7857", "[::1]:7857".
std::string to_string(const listen_address& address);
// Where this machine itself finds who listens there: loopback for all addresses.
listen_address reachable(const listen_address& address);

// Unless they are configured, on 127.0.0.1.
inline constexpr std::uint16_t streams_port_default = 7857;
inline constexpr std::uint16_t admin_port_default = 7858;

struct server_options {
  listen_address listen = {"127.0.0.1", streams_port_default};
  listen_address admin_listen = {"127.0.0.1", admin_port_default};
  std::string admin_token = {};  // empty: /v1 is refused
  // Names by which the admin address may be called, besides those of hosts.hpp.
  std::vector<std::string> admin_hosts = {};

  tls_files tls = {};  // none: connections are not encrypted
  compression_policy compression = compression_policy::automatic;

  http_limits http = {};
  std::size_t request_bytes_max = std::size_t{256}
                                  << 20U;  // of all requests that are being received
  // Of whole answers that clients have not taken yet: beyond it no page of events is read.
  std::size_t answer_bytes_max = std::size_t{256} << 20U;
  // A client that takes less is dropped, after request_timeout besides.
  std::size_t answer_bytes_per_second_min = std::size_t{128} << 10U;
  std::size_t connections_max = 10'000;  // without those to the admin address
  std::size_t admin_connections_max = 256;
  // From one address, of those that are no streams and wait for no answer. 0: any number.
  std::size_t connections_per_address_max = 1000;
  std::size_t failed_keys_per_minute = 60;                 // of one address; 0: any number
  std::size_t message_bytes_max = std::size_t{64} << 10U;  // of one message from a consumer
  // hub::writable() is called once a slow connection's unsent bytes have fallen to this: half of
  // streams::stream_limits::unsent_bytes_max.
  std::size_t unsent_low_bytes = std::size_t{512} << 10U;

  // Answers that stream and are open: they are connections too.
  std::size_t streamed_answers_max = 4096;
  std::size_t stream_unsent_bytes_max = std::size_t{256} << 10U;  // of each of them
  // Requests that wait for capture at once: they are connections too.
  std::size_t waits_max = 4096;

  // An event stream's answer ends this long after its first event, so that it is acknowledged.
  std::chrono::milliseconds event_stream_time = std::chrono::seconds(60);

  std::chrono::milliseconds request_timeout =
      std::chrono::seconds(10);  // to send a request, to take an answer
  std::chrono::milliseconds answer_timeout = std::chrono::seconds(30);  // for Pulse to have one
  std::chrono::milliseconds keep_alive_timeout = std::chrono::seconds(60);
  std::chrono::milliseconds silence_before_ping = std::chrono::seconds(6);
  std::chrono::milliseconds silence_after_ping = std::chrono::seconds(6);
  std::chrono::milliseconds first_pong_timeout =
      std::chrono::seconds(1);  // then events go to a client that answers none; zero: no first ping
  // An event stream that has nothing to say tells then that it is alive; so does a WebSocket whose
  // client asks for it.
  std::chrono::milliseconds heartbeat_interval = std::chrono::seconds(15);
  std::chrono::milliseconds closing_timeout =
      std::chrono::seconds(2);  // for the other side to close too
  // For a client to take anything of an answer that streams.
  std::chrono::milliseconds stalled_stream_timeout = std::chrono::seconds(60);
  // At shutdown: for requests that are on their way, for each next acknowledgement, and for
  // answers that stream to be finished.
  std::chrono::milliseconds settling_timeout = std::chrono::seconds(1);
  std::chrono::milliseconds draining_timeout = std::chrono::seconds(2);
  std::chrono::milliseconds tick_interval = std::chrono::seconds(1);

  const clock_source* clock = nullptr;  // null: the machine's
  const route_table* routes = nullptr;  // null: all_routes(); must outlive the server
};

}  // namespace pulse::server

// What all sessions of one server share. Everything lives on the delivery thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/line_allowance.hpp"
#include "base/metrics.hpp"
#include "server/admin/admin_backend.hpp"
#include "server/failed_keys.hpp"
#include "server/http/refusal.hpp"
#include "server/http/tls.hpp"
#include "server/options.hpp"
#include "server/registry.hpp"
#include "server/strangers.hpp"
#include "server/stream_host.hpp"

namespace pulse::server {

// The two addresses.
enum class surface {
  streams,  // for applications
  admin,    // for operators
};

// One open connection, whatever it speaks. Sessions enter themselves into the connection_set and
// leave it when they end.
class connection : public std::enable_shared_from_this<connection> {
 public:
  connection() = default;
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  virtual ~connection() = default;

  // About once a second: time to notice what should have happened by now.
  virtual void tick(std::chrono::steady_clock::time_point now) = 0;
  // What closing now would spoil, and does not take long: a request that is on its way or being
  // answered, or acknowledgements of what quiesce() has left in the client's hands.
  virtual bool busy(std::chrono::steady_clock::time_point now) const = 0;
  // The server stops: begin nothing new.
  virtual void quiesce() = 0;
  // End in order, now.
  virtual void shut_down() = 0;
  // The bound on ending in order has passed.
  virtual void abort() = 0;
  // It is idle, and another connection needs its room: closes, unless a request has come that was
  // not read yet. Whether it has closed.
  virtual bool make_room() {
    abort();
    return true;
  }
  // The key with this id is no longer valid.
  virtual void key_revoked(std::string_view key_id) = 0;
};

class connection_set {
 public:
  void add(const std::shared_ptr<connection>& one) { open_.emplace(one.get(), one); }
  void remove(const connection* one) { open_.erase(one); }
  std::size_t size() const { return open_.size(); }
  // A copy: what is called on the members may add and remove.
  std::vector<std::shared_ptr<connection>> members() const;

 private:
  std::unordered_map<const connection*, std::shared_ptr<connection>> open_;
};

struct server_figures {
  explicit server_figures(metrics& all);

  prometheus::Gauge& open_connections;
  prometheus::Counter& accepted;
  prometheus::Counter& over_the_limit;
  prometheus::Counter& over_the_address_limit;
  prometheus::Counter& idle_closed;
  prometheus::Counter& accept_failures;
  prometheus::Counter& refused_streams;
  prometheus::Counter& refused_keys;
  prometheus::Counter& refused_key_attempts;
  prometheus::Counter& ignored_messages;
  prometheus::Counter& protocol_violations;
  prometheus::Counter& silent_clients;
  prometheus::Counter& sent_bytes;
  prometheus::Gauge& streamed_answers_open;
  prometheus::Counter& streamed_answers_stalled;
  prometheus::Gauge& waits_open;
  prometheus::Counter& waits_refused;
  prometheus::Counter& waits_timed_out;
  prometheus::Counter& tls_failures;
  prometheus::Counter& compression_saved_bytes;
};

// Limits the lines that unauthenticated and busy clients cause in the log: this many a second of
// each kind.
struct stream_lines {
  static constexpr std::uint64_t per_second_max = 10;

  line_allowance opened{per_second_max};
  line_allowance ended{per_second_max};
  line_allowance refused{per_second_max};

  // Says how many were not told one by one.
  void tick(std::chrono::steady_clock::time_point now);
};

struct server_context {
  server_context(boost::asio::any_io_executor delivery, server_options with,
                 service_registry& services, admin_backend& admin, metrics& all);

  std::string next_request_id();
  std::chrono::steady_clock::time_point now() const { return clock->steady_now(); }

  server_options options;
  service_registry* registry;
  admin_backend* backend;
  metrics* all_figures;
  const clock_source* clock;
  boost::asio::any_io_executor executor;  // of the delivery thread
  const route_table* routes;
  server_figures figures;
  connection_set connections;
  stream_lines lines;
  failed_keys key_failures;
  // Connections that are no streams and wait for no answer.
  strangers& strangers_of(surface where) { return strangers_[static_cast<std::size_t>(where)]; }
  std::size_t admin_connections = 0;  // of connections: those that came to the admin address
  std::size_t streamed_answers = 0;   // of connections: those whose answer streams
  std::size_t waits = 0;              // of connections: those that wait for capture
  bool stopping = false;
  std::shared_ptr<const tls_context> tls;  // for connections from now on; null: not encrypted
  std::size_t request_bytes = 0;           // held by requests that are being received
  std::size_t answer_bytes = 0;            // held by whole answers that are being sent
  // How to reach a project's streams; tests put their own here.
  std::function<std::shared_ptr<stream_host>(project_service&)> host_of;
  // Reads land here, one session at a time: an idle session holds no buffer. Room for the
  // unfinished frame of before and for what one read brings.
  std::vector<char> scratch;
  message_deflater deflater;
  message_inflater inflater;

 private:
  std::uint64_t request_prefix_;
  std::uint64_t requests_ = 0;
  std::array<strangers, 2> strangers_;
};

// For operators: it names the projects that there are.
refusal unknown_project(const server_context& context, std::string_view name);

// Ends the open streams of a key that was revoked.
void end_sessions_of_key(server_context& context, std::string_view key_id);

}  // namespace pulse::server

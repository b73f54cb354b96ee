// Pulls under way: each waits for its name and for events, and answers when both are durable.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "change/catalog.hpp"
#include "requests/request.hpp"
#include "streams/hub.hpp"
#include "streams/lease.hpp"
#include "streams/lease_batch.hpp"
#include "streams/lease_book.hpp"

namespace pulse::streams {

// A stream that was opened for a lease.
struct opened_for_lease {
  filters::stream_id stream;
  cursor_key key;
};
// Opens the stream on the hub, with the table's definition and the start filled in. `done` is
// called once, with nothing when it was refused: whoever asked has been told.
using lease_opener =
    std::function<void(stream_opening, std::function<void(std::optional<opened_for_lease>)> done)>;

struct pull_request {
  requests::stream_request wanted;  // with the stream's name
  std::string asked;                // the table and the filter as text, to know them again
  std::optional<std::string> token;
  lease_acknowledgement acknowledged = {};  // with a token
  std::size_t events_max = 100;
  std::size_t bytes_max = std::size_t{1} << 20U;  // an event larger than this goes alone
  std::chrono::seconds wait{0};                   // for the name, and for an event
  std::chrono::seconds length{60};
  std::optional<position> until = {};  // do not wait for an event behind it
  lease_opener open;
};

struct pulled {
  std::string token;
  unix_time_us expires_at{};
  std::vector<outstanding_event> repeated;  // of the batch, those that were handed out before
  std::shared_ptr<const gathered_events> events;
  // Nothing more was stored for it at the time of the answer; with `until`, nothing through there.
  bool caught_up = false;
  std::uint64_t lag_bytes = 0;
};

struct lease_change {
  std::string name;
  std::string token;
  lease_acknowledgement acknowledged = {};
  std::optional<std::chrono::seconds> extend = {};  // from now
  bool release = false;
};
struct lease_changed {
  std::size_t acknowledged = 0;            // events that were outstanding
  std::optional<unix_time_us> expires_at;  // nothing: it is over
};

// All of one project's leases. On the hub's thread; answers come on its executor.
class pulls : public std::enable_shared_from_this<pulls> {
 public:
  struct parts {
    boost::asio::any_io_executor executor;
    std::shared_ptr<hub> streams;
    metrics* figures = nullptr;
    std::string project;
    const clock_source* clock = &system_clock_source();
  };
  explicit pulls(parts with, const lease_limits& limits = {});
  ~pulls();
  pulls(const pulls&) = delete;
  pulls& operator=(const pulls&) = delete;

  // Takes a lease of an earlier run (known_cursor::lease), before anybody opens its name.
  void restore(const cursor_key& key, std::string_view text) { book_.restore(key, text); }

  // Answers with a batch when it is durable that it was handed out, and with it what the pull
  // acknowledges. Without a token it waits in the line for the name and gets a lease. `done` is
  // called once, unless the opener has refused, or the pull was abandoned.
  using answer_pull = std::function<void(lease_result<pulled>)>;
  std::shared_ptr<pull> start(pull_request request, answer_pull done);
  // Nobody waits for the answer any more. What it has gathered was not handed out. A batch that is
  // being stored stays with the lease.
  void abandon(const std::shared_ptr<pull>& one);

  // Acknowledges, extends and releases, in this order; answers when it is durable. A lease that is
  // over counts while nobody else was served under the name.
  void change(const lease_change& what, std::function<void(lease_result<lease_changed>)> done);

  // Tables have other names: called after hub::follow().
  void follow(const std::vector<table_rename>& renamed);
  // About once a second: ends leases whose time is over.
  void tick();
  // See lease_book.hpp.
  std::optional<unix_time_us> expiry(const cursor_key& key) const { return book_.expiry(key); }

 private:
  using pull_pointer = std::shared_ptr<pull>;

  void continue_lease(const pull_pointer& one);
  void open(const pull_pointer& one);
  void opened(const pull_pointer& one, const std::optional<opened_for_lease>& stream);
  void accept(const pull_pointer& one);
  void watch(const pull_pointer& one);
  void look(const pull_pointer& one);
  bool take_name(const pull_pointer& one);
  void watch_end(const pull_pointer& one);
  void end_passed(filters::stream_id stream);
  void finish(const pull_pointer& one, bool at_end, bool caught_up);
  void stored(const lease_pointer& of, const pull_pointer& one, const pulled& answer,
              const result<void>& outcome);
  void stream_ended(const pull_pointer& one);
  void leave(const pull_pointer& one);
  void refuse(const pull_pointer& one, const lease_refusal& why);
  void arm();
  void on_timer();

  parts with_;
  lease_limits limits_;
  lease_book book_;
  std::shared_ptr<std::size_t> gathered_bytes_ = std::make_shared<std::size_t>(0);
  std::set<pull_pointer> waiting_;
  std::set<pull_pointer> looking_;  // of these: they answer as soon as nothing more is at hand
  std::set<filters::stream_id> ends_watched_;
  boost::asio::steady_timer timer_;
  std::optional<std::chrono::milliseconds> armed_for_;
  std::chrono::steady_clock::time_point looked_at_all_{};
  prometheus::Gauge& waiting_figure_;
};

}  // namespace pulse::streams

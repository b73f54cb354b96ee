// The leases of one project: found by their tokens, stored, and ended.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "change/catalog.hpp"
#include "streams/hub.hpp"
#include "streams/lease.hpp"

namespace pulse::streams {

using lease_pointer = std::shared_ptr<lease>;

// A name has one lease at most. On the hub's thread; the hub outlives it. Internal to streams/.
class lease_book {
 public:
  struct parts {
    std::shared_ptr<hub> streams;
    const clock_source* clock;
    metrics* figures;
    std::string project;
  };
  lease_book(parts with, const lease_limits& limits);

  // Takes a lease of an earlier run, whose name the hub knows: nobody else is served before it is
  // over. Damaged text, and a lease whose time is over, are no lease.
  void restore(const cursor_key& key, std::string_view text);

  // Finds the lease by its holder's token. One that is over counts while nobody else was served
  // under the name since.
  lease_result<lease_pointer> find(std::string_view name, std::string_view token);
  // A lease that is over is one again. False: somebody else has the name now.
  bool revive(lease& one);

  // Whoever has the name's active stream gets a lease, which is not stored yet.
  lease_result<lease_pointer> begin(const cursor_key& key, filters::stream_id stream,
                                    std::string_view token, std::chrono::seconds length);
  // False: it is fenced.
  bool is_still_held(const lease& one) const;
  // Returns how many of the outstanding events were acknowledged now.
  std::size_t acknowledge(lease& of, const lease_acknowledgement& what);
  // Calls `done` when the lease, as it is now, and the cursor are durable; `released`: when it is
  // durable that nobody has it any more.
  void save(const lease_pointer& one, bool released, std::function<void(result<void>)> done);

  // The lease has ended: what a save under way stores of it is not to be found after a restart.
  void erase_stored(const lease& one);

  // Ends the hub's stream of it. The name stays with the lease.
  void close_stream(lease& one);
  // The name goes to whoever has waited longest. Nothing of it is known any more.
  void end(const lease_pointer& one);
  // The cursor was moved or deleted, or somebody else has the name: the same without the name.
  void forget(const lease_pointer& known);
  // Tables have other names.
  void follow(const std::vector<table_rename>& renamed);

  // Ends leases whose time is over; those on which a pull waits are renewed by its answer.
  void tick();

  // When the lease on the name is over; nothing: nobody has one.
  std::optional<unix_time_us> expiry(const cursor_key& key) const;

  lease_refusal fenced() const;

 private:
  bool make_room();
  void expire(const lease_pointer& one);
  void add(const lease_pointer& one);
  void show() const;

  parts with_;
  lease_limits limits_;
  // By the hash of the token: how long it takes to find one says nothing of the tokens themselves.
  std::unordered_map<std::string, lease_pointer> by_token_;
  std::map<cursor_key, lease_pointer> by_key_;
  std::deque<std::weak_ptr<lease>> over_;  // in the order in which they have ended
  std::size_t over_count_ = 0;
  prometheus::Gauge& held_;
  prometheus::Counter& fenced_total_;
};

}  // namespace pulse::streams

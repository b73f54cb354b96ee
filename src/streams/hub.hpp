// Who gets what from where: every open stream of one project, and the way of an event from the log
// to each of them.
#pragma once

#include "filters/filter.hpp"
#include "filters/filter_index.hpp"
#include "rendering/renderer.hpp"
#include "requests/request.hpp"
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/metrics.hpp"
#include "change/catalog.hpp"
#include "change/timelines.hpp"
#include "control/stored_gap.hpp"
#include "log/event_log.hpp"
#include "log/readable_end.hpp"
#include "streams/subscriber.hpp"

namespace pulse::streams {

// What becomes of a named stream whose next event is gone: dropped by retention, or the name was
// abandoned.
enum class when_expired {
  refuse,    // until somebody moves or deletes the cursor
  earliest,  // it goes on with the oldest event that is kept; said in the log and counted
};

// What one stream may have sent and not yet been acknowledged, what may wait in the server's memory
// for it, and how its cursor is kept.
struct stream_limits {
  std::size_t window_events_max = 1024;
  std::size_t window_bytes_max = std::size_t{4} << 20U;  // an event larger than this goes alone
  std::size_t unsent_bytes_max = std::size_t{1} << 20U;
  std::size_t streams_max = 10'000;  // of one project, open at once
  std::size_t names_max = 10'000;    // of one project, with a cursor kept, open or not
  // A named stream whose window is full and of which nothing has been acknowledged for this long
  // makes way for a standby. Zero: never.
  std::chrono::seconds stall_timeout{300};
  when_expired on_expired = when_expired::refuse;
  // A name that nobody has opened for this long is abandoned, and deleted after as long again.
  // Zero: never.
  std::chrono::seconds abandoned_after{90 * 86400};
  // Moved cursors are saved together, this often at most: what a killed server sends again.
  std::chrono::milliseconds cursor_flush_interval{50};
};

// The identity of a cursor: which events of which table have been acknowledged under which name.
struct cursor_key {
  table_name table;
  std::string name;

  auto operator<=>(const cursor_key&) const = default;
};

// Keeps cursors durably. Implemented over control/; called on the hub's thread, answers on the
// hub's executor.
class cursor_store {
 public:
  cursor_store() = default;
  cursor_store(const cursor_store&) = delete;
  cursor_store& operator=(const cursor_store&) = delete;
  virtual ~cursor_store() = default;

  // The stored cursor; when there is none, one made at `initial` and durable before the answer.
  using opened = std::function<void(result<position>)>;
  virtual void open(const cursor_key& key, position initial, opened done) = 0;

  // Cursors that have moved, or whose names are in use where they stand. `done` when they are
  // durable, with those for which none is stored: nothing was saved of them, and forget() has been
  // called before if they were deleted. A failed save is tried again with the next one.
  using saved = std::function<void(result<std::vector<cursor_key>>)>;
  virtual void save(std::vector<std::pair<cursor_key, position>> moved, saved done) = 0;

  // Marks a cursor as abandoned, and takes the mark away when it is opened all the same.
  virtual void mark_abandoned(const cursor_key& key, bool abandoned) = 0;

  // Deletes a cursor, before anything that is asked after it.
  virtual void remove(const cursor_key& key) = 0;
};

// A cursor as an earlier run has left it.
struct known_cursor {
  cursor_key key;
  position at;
  unix_time_us used_at{};  // somebody had the name open
  bool abandoned = false;
};

struct stream_status {
  filters::stream_id id{};
  cursor_key key;  // name empty: unnamed
  requests::stream_mode mode = requests::stream_mode::stream;
  std::size_t in_flight_events = 0;
  std::size_t in_flight_bytes = 0;
  std::uint64_t delivered = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t redelivered = 0;
  std::uint64_t dropped = 0;    // subscribe() only
  std::uint64_t undecided = 0;  // delivered because the filter could not be decided
  bool standby = false;         // another connection has the name
  bool stalled = false;         // the window is full
  position cursor;
  std::uint64_t lag_bytes = 0;  // see streams/cursor_lag.hpp
};

enum class cursor_condition {
  kept,       // everything behind it is there
  expired,    // retention has dropped events that it still waited for
  abandoned,  // nobody has used the name for stream_limits::abandoned_after
};

// All of one project's streams. Everything runs on one thread: that of `executor`. Streams hold no
// event in memory while they wait; they read on from the log, so a slow one costs nobody else
// anything.
class hub {
 public:
  struct parts {
    boost::asio::any_io_executor executor;
    log::event_log* log = nullptr;
    log::relation_store* relations = nullptr;
    cursor_store* cursors = nullptr;
    metrics* figures = nullptr;
    std::string project;
    const clock_source* clock = &system_clock_source();
    // Stored events that a stream would get cannot be read: they are lost, which is recorded as a
    // gap before `done` is called, on the executor. Without it such streams end.
    std::function<void(const log::damaged_stretch&, std::function<void(result<void>)> done)>
        on_damage = {};
    // Nothing behind it is delivered. Null: all that is durable is.
    const log::readable_end* deliverable = nullptr;
    // Owns what the pointers above are to, as far as the caller does not: given up when the hub is
    // gone and no call of its own is under way any more.
    std::shared_ptr<const void> keeps = {};
  };

  hub(parts with, stream_limits limits);
  ~hub();
  hub(const hub&) = delete;
  hub& operator=(const hub&) = delete;

  // A name whose stored cursor is known already: it is counted, and opens without asking the store.
  // One that the hub has stays as it is.
  void know(const known_cursor& cursor);

  // Opens a stream on a table that is known to exist, as it is known now (`shape`). A filter that
  // it cannot satisfy is refused. Unnamed streams and new names start at `start` (the end of the
  // log when it is lower). `done` is called once, on the executor, when the stream is open (its
  // cursor durable) or refused; events come in a later turn of the executor. With a name that is in
  // use the stream opens as a standby and is served when the active one goes.
  using opened = std::function<void(result<filters::stream_id>)>;
  void open(requests::stream_request wanted, const table_shape& shape, position start,
            std::shared_ptr<subscriber> to, opened done);

  // The consumer has dealt with the event. Unknown ids are counted and otherwise ignored.
  void acknowledge(filters::stream_id stream, const event_id& id);
  // The subscriber has room again (after unsent_bytes() had been at the limit).
  void writable(filters::stream_id stream);
  // Sends nothing more to this stream; acknowledgements of what it has still count until close().
  void quiesce(filters::stream_id stream);
  // The connection is gone. Nothing is called on its subscriber afterwards.
  void close(filters::stream_id stream);

  // The log, or what may be delivered of it, has moved on. Called on the executor.
  void progress();

  // By which the database has come to where it is: how far behind a cursor is hangs on that.
  void use_history(const timelines& history);

  // For streams that are opened from now on.
  void use_limits(const stream_limits& limits);

  // Time has passed: called about once a second, on the executor. Counts the streams that are
  // stalled now, ends those that hold a name for too long (stream_limits::stall_timeout), and
  // abandons names that nobody uses, and deletes them (stream_limits::abandoned_after).
  void tick(std::chrono::steady_clock::time_point now);

  // Retention is about to drop everything through `through`. Cursors of names that wait for none of
  // it, and that no gap in it bars, are moved past it; the others are counted and named in the log.
  // `done` when the cursors are durable, with false when they could not be saved, or the log not
  // be read to judge one: then nothing may be dropped. One at a time.
  void make_way(const position& through, std::function<void(bool)> done);

  // Counts the names that wait for an event at or before `soon`, which retention drops before long,
  // as pulse_cursors_near_expiry. Returns at once; while one count is under way no other begins.
  void look_for_expiry(const position& soon);

  // The cursor was deleted: its streams end and nothing that is known under the name is kept.
  void forget(const cursor_key& key, std::string_view why);

  // The cursor is about to be moved from outside. Its streams end, and whoever opens the name waits
  // until what this returns is called: with where the cursor stands now, durably, or why it was not
  // moved (errc::not_found: it was deleted).
  using moved = std::function<void(const result<position>& to)>;
  moved move(const cursor_key& key, std::string_view why);

  // The project's gaps, oldest first, whenever one is found or accepted, and before anything behind
  // it is appended to the log. stream() gets nothing from behind a gap that is not accepted: what
  // lies before is delivered, then, with all of it acknowledged, the stream ends (end_reason::gap).
  // A name that has nothing left before the gap is refused (errc::gap). Accepted, streams go on
  // behind it. New names and unnamed streams start behind all gaps. Events that never happened
  // (gap_traits::never_happened) are delivered to nobody.
  void use_gaps(std::vector<control::stored_gap> gaps);
  // What bars the name, when something does.
  std::optional<control::stored_gap> gap_of(const cursor_key& key) const;
  // Tables have other names: their cursors, and the streams that are open on them, go on under the
  // new ones. A name that another table has now keeps a copy of its cursors. Streams whose name
  // stands for another table now end, so that they open on that. The relation store has observed it
  // before.
  void follow(const std::vector<table_rename>& renamed);

  // Ends every stream with the reason, and refuses those that are being opened; cursors are saved;
  // `done` when they are durable.
  void shut_down(end_reason reason, std::string_view message, std::function<void()> done);

  std::vector<stream_status> status() const;
  // Where the name has got to, saved or not; all zero for one that is not known.
  position cursor(const cursor_key& key) const;
  // Of a cursor that stands at `at`.
  cursor_condition condition(const cursor_key& key, const position& at) const;

 private:
  class impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace pulse::streams

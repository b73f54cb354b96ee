// Every open stream of one project, and how an event reaches each of them.
#pragma once

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
#include "filters/filter.hpp"
#include "filters/filter_index.hpp"
#include "log/event_log.hpp"
#include "log/readable_end.hpp"
#include "rendering/frame_memory.hpp"
#include "rendering/renderer.hpp"
#include "requests/request.hpp"
#include "streams/subscriber.hpp"

namespace pulse::streams {

// How a named stream continues if its next event is gone: dropped by retention, or the name was
// abandoned.
enum class when_expired {
  refuse,    // until somebody moves or deletes the cursor
  earliest,  // it goes on with the oldest event that is kept; said in the log and counted
};

// Limits of one stream: sent and unacknowledged events, bytes that wait in memory, and how its
// cursor is kept.
struct stream_limits {
  std::size_t window_events_max = 1024;
  std::size_t window_bytes_max = std::size_t{4} << 20U;  // an event larger than this goes alone
  std::size_t unsent_bytes_max = std::size_t{1} << 20U;
  std::size_t streams_max = 10'000;  // of one project, open at once
  std::size_t names_max = 10'000;    // of one project, with a cursor kept, open or not
  // A stalled consumer that acknowledges nothing for this long is disconnected in favour of a
  // waiting one. Zero: never.
  std::chrono::seconds stall_timeout{300};
  when_expired on_expired = when_expired::refuse;
  // A name that nobody has opened for this long is abandoned, and deleted after the same time
  // again. Zero: never.
  std::chrono::seconds abandoned_after{90 * 86400};
  // Moved cursors are saved together, this often at most. After a kill, events acknowledged since
  // the last save come again.
  std::chrono::milliseconds cursor_flush_interval{50};
};

// The identity of a cursor: table and name.
struct cursor_key {
  table_name table;
  std::string name;

  auto operator<=>(const cursor_key&) const = default;
};

// Stores cursors durably. Implemented over control/; called on the hub's thread, answers on the
// hub's executor.
class cursor_store {
 public:
  cursor_store() = default;
  cursor_store(const cursor_store&) = delete;
  cursor_store& operator=(const cursor_store&) = delete;
  virtual ~cursor_store() = default;

  // Returns the stored cursor; without one, creates it at `initial`, durably, before the answer.
  using opened = std::function<void(result<position>)>;
  virtual void open(const cursor_key& key, position initial, opened done) = 0;

  struct saved_cursor {
    cursor_key key;
    position at;
    std::optional<std::string> lease = {};  // nothing: what is stored of it stays
  };
  // Saves cursors that have moved, whose names are in use, or that have another lease; all of one
  // cursor together. Calls `done` when they are durable, with the names for which no cursor is
  // stored: nothing was saved of these, and forget() has been called before if they were deleted. A
  // failed save is tried again with the next one.
  using saved = std::function<void(result<std::vector<cursor_key>>)>;
  virtual void save(std::vector<saved_cursor> moved, saved done) = 0;

  // Marks a cursor as abandoned, or removes the mark.
  virtual void mark_abandoned(const cursor_key& key, bool abandoned) = 0;

  // Deletes a cursor, before any later request.
  virtual void remove(const cursor_key& key) = 0;
};

// A cursor from an earlier run.
struct known_cursor {
  cursor_key key;
  position at;
  unix_time_us used_at{};  // somebody had the name open
  bool abandoned = false;
  std::string lease = {};  // see hub::save()
};

// What a stream is opened with.
struct stream_opening {
  requests::stream_request wanted;
  table_shape shape;  // the table's present definition
  position start;     // of an unnamed stream, or a new name
  std::shared_ptr<subscriber> to;
  holder_kind kind = holder_kind::websocket;
  // The bounds of its window, where they are not the project's.
  std::optional<std::size_t> window_events_max = {};
  std::optional<std::size_t> window_bytes_max = {};
  bool from_beginning = false;  // a new name starts before all stored events, wherever `start` is
  // It is whom the name was reserved for (hub::reserve()): it comes before all who wait.
  bool has_reservation = false;
  // Refused (errc::conflict) unless this is the name that it opens. With a reservation: which one.
  std::optional<cursor_key> only_as = {};
};

// Who has a name.
struct name_holder {
  holder_kind kind = holder_kind::websocket;
  unix_time_us since{};
};

// How far a stream has come.
struct stream_place {
  position passed;      // of all its events up to here, each was sent, or is not for it
  bool at_end = false;  // nothing that may be delivered is left to be sent
};

struct stream_status {
  filters::stream_id id{};
  cursor_key key;  // name empty: unnamed
  holder_kind kind = holder_kind::websocket;
  unix_time_us opened_at{};
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

class page_readers;

// All of one project's streams. Everything runs on one thread: that of `executor`. Waiting streams
// hold no event in memory and read from the log, so a slow stream costs the others nothing.
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
    // Called when stored events for a stream cannot be read. Records the loss as a gap before it
    // calls `done`, on the executor. Without it such streams end.
    std::function<void(const log::damaged_stretch&, std::function<void(result<void>)> done)>
        on_damage = {};
    // Pulse delivers no event after it. Null: all durable events are delivered.
    const log::readable_end* deliverable = nullptr;
    // Bounds what rendered events take. Null: a bound of the hub's own.
    std::shared_ptr<rendering::frame_memory> frames = {};
    // Owns what the pointers above are to, as far as the caller does not: given up when the hub is
    // gone and no call of its own is under way any more.
    std::shared_ptr<const void> keeps = {};
  };

  hub(parts with, stream_limits limits);
  ~hub();
  hub(const hub&) = delete;
  hub& operator=(const hub&) = delete;

  // Adds a name whose stored cursor is known: it is counted, and opens without asking the store. A
  // name that the hub has stays as it is. What its lease had acknowledged counts.
  void know(const known_cursor& cursor);

  // Opens a stream on an existing table. Refuses a filter that does not fit. Unnamed streams and
  // new names start at `start`, or at the end of the log if that is earlier. Calls `done` once, on
  // the executor, when the stream is open (its cursor durable) or refused; events come in a later
  // turn. With a name in use, the stream opens as a waiting consumer and is served when the active
  // one ends.
  using opened = std::function<void(result<filters::stream_id>)>;
  void open(stream_opening what, opened done);

  // The consumer has acknowledged the event. Unknown ids are counted and otherwise ignored.
  void acknowledge(filters::stream_id stream, const event_id& id);
  // The consumer has acknowledged every event through this one that the stream, or another
  // connection under its name, has delivered. Pulse does not know which events it delivered before
  // its start: it sends those again, and takes them as acknowledged. Returns how many events were
  // in flight on the stream and are acknowledged now; nothing: no event has this id.
  std::optional<std::size_t> acknowledge_through(filters::stream_id stream, const event_id& id);
  // Calls `done` when the name's present cursor is durable. With it, `lease` becomes durable: a
  // text that the holder of the name wants back after a restart (known_cursor::lease). Without
  // `lease`, the stored text stays. After an error, a later save may still store both.
  // errc::cancelled: the name does not exist, or not any more.
  void save(const cursor_key& key, std::optional<std::string> lease,
            std::function<void(result<void>)> done);
  // Calls `done` when stream_place::passed has reached `place`; not when the stream ends before.
  void when_passed(filters::stream_id stream, const position& place, std::function<void()> done);
  // Nothing: the stream is not open.
  std::optional<stream_place> place(filters::stream_id stream) const;

  // Nobody is served under the name but who opens it with the reservation, until release(). A name
  // has one reservation at most. False: the name is not known, is in use, or is reserved.
  bool reserve(const cursor_key& key, holder_kind kind, unix_time_us since);
  // Serves whoever has waited longest, unless the stream with the reservation is open: then only
  // the reservation ends.
  void release(const cursor_key& key);
  // Nothing: nobody has the name.
  std::optional<name_holder> holder(const cursor_key& key) const;

  // The name stays with whoever has this stream, also while it is closed and opened again, until
  // release(): a reservation for the active one. Returns the name's present key; nothing: the
  // stream waits for the name, or is unnamed.
  std::optional<cursor_key> keep(filters::stream_id stream);
  // Rises whenever somebody is served under the name, and when its cursor is moved: while it is the
  // same, nobody else was served. 0: the name is not known.
  std::uint64_t turn(const cursor_key& key) const;
  // The same as for a stream, by the name's holder, whose stream need not be open.
  void acknowledge(const cursor_key& key, const event_id& id);
  // Returns the events behind the name's cursor that are acknowledged, rising.
  std::vector<event_id> acknowledged_ahead(const cursor_key& key) const;
  // Returns what pulse_stream_lag_bytes shows; 0 for an unknown name.
  std::uint64_t lag_bytes(const cursor_key& key) const;

  // The subscriber has room again (after unsent_bytes() had been at the limit, or takes() said no).
  void writable(filters::stream_id stream);
  // Sends nothing more to this stream; acknowledgements of sent events count until close().
  void quiesce(filters::stream_id stream);
  // The connection is closed. Its subscriber is not called afterwards.
  void close(filters::stream_id stream);

  // The log, or its deliverable part, has grown. Called on the executor.
  void progress();

  // The database's history by which lags are measured.
  void use_history(const timelines& history);

  // Applies to streams that open from now on.
  void use_limits(const stream_limits& limits);

  // Called about once a second, on the executor. Counts stalled streams, ends those that hold a
  // name for too long (stream_limits::stall_timeout), and abandons and deletes unused names
  // (stream_limits::abandoned_after).
  void tick(std::chrono::steady_clock::time_point now);

  // Retention is about to drop everything through `through`. Moves the cursors of names that wait
  // for none of it, and that no gap in it blocks, past it. Counts and logs the others. Calls `done`
  // when the cursors are durable; with false if they could not be saved, or the log could not be
  // read: then nothing may be dropped. One at a time.
  void make_way(const position& through, std::function<void(bool)> done);

  // Counts the names that wait for an event at or before `soon`, which retention will soon drop, as
  // pulse_cursors_near_expiry. Returns at once. One count at a time.
  void look_for_expiry(const position& soon);

  // The cursor was deleted: ends its streams and forgets the name.
  void forget(const cursor_key& key, std::string_view why);

  // The cursor is about to be moved from outside. Ends its streams. Whoever opens the name waits
  // until the returned function is called: with the durable new position, or with the reason why it
  // was not moved (errc::not_found: it was deleted).
  using moved = std::function<void(const result<position>& to)>;
  moved move(const cursor_key& key, std::string_view why);

  // Sets the project's gaps, oldest first, whenever one is found or accepted, and before any event
  // after it is appended. Until a gap is accepted:
  // - A stream() receives the events before the gap. When all are acknowledged, it ends
  //   (end_reason::gap).
  // - A name that has no event left before the gap is refused (errc::gap).
  // After that, streams continue after the gap. New names and unnamed streams start after all gaps.
  // Orphaned events (gap_traits::never_happened) are never delivered.
  void use_gaps(std::vector<control::stored_gap> gaps);
  // Returns the gap that blocks the name, if there is one.
  std::optional<control::stored_gap> gap_of(const cursor_key& key) const;
  // Tables have other names: their cursors and open streams follow. A name that another table has
  // now keeps a copy of its cursors. Streams whose name belongs to another table now end, so that
  // they open on that. The relation store has observed it before.
  void follow(const std::vector<table_rename>& renamed);

  // Ends every stream with the reason, and refuses those that are being opened; cursors are saved;
  // `done` when they are durable.
  void shut_down(end_reason reason, std::string_view message, std::function<void()> done);

  // Those who read page by page and keep the place themselves (page_readers.hpp). As long as the
  // hub exists.
  page_readers& pages();

  std::vector<stream_status> status() const;
  // Returns whether the name has a cursor, or will have one as soon as its store has answered.
  bool knows(const cursor_key& key) const;
  // Returns the name's cursor, saved or not; all zero for an unknown name, and while it is opened
  // or moved.
  position cursor(const cursor_key& key) const;
  // Returns the condition of a cursor at `at`.
  cursor_condition condition(const cursor_key& key, const position& at) const;

 private:
  class impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace pulse::streams

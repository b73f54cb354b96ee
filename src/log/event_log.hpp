// Durable order: the interface behind which a project's events are kept.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "change/catalog.hpp"
#include "change/event.hpp"
#include "change/relation.hpp"
#include "log/wanted_tables.hpp"

namespace pulse::log {

// What a log holds, as of one moment.
struct log_bounds {
  event_sequence first = 1;  // sequence of the oldest event kept; last + 1 when none is
  event_sequence last = 0;   // of the newest durable event; 0 when there never was one
  position last_at;          // of the newest durable event; survives retention
  position dropped_through;  // of the newest event that retention has dropped; all zero: none was
  event_id last_id;          // the highest id ever given; survives retention
  lsn covered_through;  // durable mark: everything committed up to here is stored or was not ours
  std::uint32_t timeline = 0;      // of covered_through
  std::uint64_t stored_bytes = 0;  // on disk (or in memory), with all overhead
  std::uint64_t syncs = 0;         // of segment files, since the log was opened
  std::uint64_t pending_bytes =
      0;                      // appended and not yet durable: whoever appends waits when it grows
  bool out_of_space = false;  // the writer waits for room on the disk; nothing is lost

  position mark() const { return {timeline, covered_through, {}, 0}; }
};

// Stored events that cannot be read any more: all between two positions.
struct damaged_stretch {
  position after;    // of the newest event before it
  position through;  // at or behind the last event in it, and before the next one that can be read
  std::uint64_t event_count = 0;
  std::vector<table_id> tables;  // of which it may have events; empty: of any
  std::string place;             // file, offset and what is wrong, for people
};

// Reads events in order, up to the durable end. One owner; not thread-safe. May be used on another
// thread than the log's writer, and must not outlive the log.
class log_reader {
 public:
  log_reader() = default;
  log_reader(const log_reader&) = delete;
  log_reader& operator=(const log_reader&) = delete;
  virtual ~log_reader() = default;

  // The next wanted event, or nullptr at the durable end (call again after more became durable), or
  // where it is paused(). The event is valid until the next call. errc::gap: retention dropped
  // events before they were read; errc::corrupt, errc::io: the disk. If damage() returns a stretch,
  // the reader is before it, and continues after it once the log was told to pass it.
  virtual result<const event_view*> next() = 0;

  // After errc::corrupt of next(): the unreadable stretch. Nothing: the log as a whole is damaged.
  virtual std::optional<damaged_stretch> damage() const { return std::nullopt; }

  // Every wanted event at or before this position has been returned by next().
  virtual position scanned_through() const = 0;
  // The same as a sequence: of the last event that was read or skipped.
  virtual event_sequence scanned_sequence() const = 0;

  // next() has given nullptr although a wanted event is stored, or may be: it must not be delivered
  // yet (readable_end.hpp).
  virtual bool held_back() const { return false; }

  // How many bytes of the log next() may look at from here on, about: what is skipped, checked and
  // unpacked counts too, or a reader of a rare table would keep its thread for as long as the log
  // is large. Once they are used up next() gives nullptr, and paused() says that more is to be
  // read. Until this is called there is no limit.
  virtual void allow(std::uint64_t bytes) = 0;
  virtual std::uint64_t allowed() const = 0;  // what is left of it
  virtual bool paused() const = 0;
};

struct retention_policy {
  std::optional<std::chrono::seconds> age_max;
  std::optional<std::uint64_t> bytes_max;
  std::optional<position> through_max;  // nothing after this is dropped, whatever its age
};

struct retention_outcome {
  std::uint64_t dropped_events = 0;
  std::uint64_t dropped_bytes = 0;
};

// One project's events. Appending and trimming have one owner (the capture thread); bounds(),
// read() and trimmable() may be called on any thread. An error other than errc::no_space is final:
// the process must not use this log any more.
class event_log {
 public:
  event_log() = default;
  event_log(const event_log&) = delete;
  event_log& operator=(const event_log&) = delete;
  virtual ~event_log() = default;

  // Takes a copy of the event, which gets the sequence after the last one appended. `event.at` and
  // `event.id` must be greater than those of the last one, and `event.relation` described
  // (relation_store) before. Becomes durable some time later, without being told to.
  virtual result<void> append(const event_view& event) = 0;

  // Everything appended so far, and every transaction that committed up to `through` on `timeline`,
  // is complete. Once that is durable, it is bounds().covered_through. Needs no appended event:
  // idle databases advance, too.
  virtual result<void> cover(std::uint32_t timeline, lsn through) = 0;

  virtual log_bounds bounds() const = 0;

  // A reader of the events after `after` (exclusive), of these tables.
  virtual std::unique_ptr<log_reader> read(const position& after,
                                           const wanted_tables& tables) const = 0;

  // Readers skip the damage between these positions from now on, until the log is closed. The
  // caller has recorded that it is lost. Any thread.
  virtual void pass_damage(const position& /*after*/, const position& /*through*/) {}

  // Called after bounds() has moved, on the log's own thread: it may only hand the news on. One
  // listener; set before the first append.
  virtual void on_progress(std::function<void()> listener) = 0;

  // What trim() would drop now: everything through this position. bounds().dropped_through when
  // that is nothing. Whoever has to know beforehand asks, and trims with through_max.
  virtual position trimmable(const retention_policy& policy, unix_time_us now) const = 0;

  // Drops whole segments from the old end, as far as the policy asks, never the newest one.
  virtual result<retention_outcome> trim(const retention_policy& policy, unix_time_us now) = 0;
};

// The tables' definitions, version by version, kept beside the events that refer to them.
// Thread-safe.
class relation_store {
 public:
  relation_store() = default;
  relation_store(const relation_store&) = delete;
  relation_store& operator=(const relation_store&) = delete;
  virtual ~relation_store() = default;

  struct described {
    relation_version version = 0;
    table_id table = 0;
  };

  // The version of exactly this definition: a known one when it equals the newest of its table,
  // else a new one, which is durable before this returns.
  virtual result<described> describe(const relation& definition) = 0;

  // Null for a version never given.
  virtual std::shared_ptr<const relation> find(relation_version version) const = 0;

  // The table's number; made (durably) when it has none yet, so that a stream can wait for a
  // table's first change. A table keeps its number under every name (table_numbers.hpp).
  virtual result<table_id> table(std::uint32_t oid, const table_name& name) = 0;

  // The database's present tables: renames, drops and recreations since the last call.
  virtual result<void> observe(const catalog& present) = 0;

  // False: what a table of this OID and name is needs a newer catalog to be observed first.
  virtual bool settled(std::uint32_t oid, const table_name& name) const = 0;
};

}  // namespace pulse::log

// One open stream, as the hub keeps it. Internal to streams/.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "change/event.hpp"
#include "log/event_log.hpp"
#include "streams/acknowledged_ahead.hpp"
#include "streams/delivery_window.hpp"
#include "streams/filter.hpp"
#include "streams/frames.hpp"
#include "streams/hub.hpp"
#include "streams/stall_watch.hpp"

namespace pulse::streams {

struct stream_state;

// What is known under one stream name, whoever is connected.
struct name_state {
  cursor_key key;
  table_id table = 0;      // 0: its number could not be had; asked for when it is needed
  position cursor;         // where the consumer has got to
  position saved;          // what of it is durable
  bool opening = false;    // the store has not answered yet
  bool dirty = false;      // among those to be saved next
  bool touched = false;    // to be saved although it has not moved: somebody uses it
  bool overtaken = false;  // retention has dropped what it waited for; said
  bool abandoned = false;
  int unread_checks = 0;  // times in a row that retention could not read what it waits for
  unix_time_us used_at{};
  acknowledged_ahead ahead;
  stream_state* active = nullptr;
  std::deque<stream_state*> standbys;  // in order of arrival
  std::vector<std::function<void(result<void>)>> waiting_for_store;
};

// Where a stream's next event comes from.
enum class delivery {
  standby,  // another connection has the name
  live,     // the hub's tail hands events over as they become durable
  behind,   // reads the log by itself, in slices
  quiet,    // gets nothing more: its connection is about to end
  held,     // what it would read next is damaged: goes on when that is recorded as a gap
  barred,   // has reached a gap: ends when what it has is acknowledged
  waiting,  // has no room: goes on where it stands when the consumer acknowledges or reads
};

struct stream_state {
  stream_state(stream_id number, stream_request request, table_id of,
               std::shared_ptr<subscriber> target, const stream_limits& limits)
      : id(number),
        wanted(std::move(request)),
        table(of),
        to(std::move(target)),
        window(limits.window_events_max, limits.window_bytes_max) {}

  stream_id id;
  stream_request wanted;
  table_id table;
  std::shared_ptr<subscriber> to;
  delivery_window window;
  delivery how = delivery::standby;

  position after;                           // nothing at or before this is for this stream any more
  event_sequence through = 0;               // the same, as far as it has a sequence
  std::unique_ptr<log::log_reader> reader;  // while behind
  std::unordered_map<relation_version, std::shared_ptr<const filter>> filters;
  std::shared_ptr<const table_facts> facts;  // as they were when it was opened
  std::shared_ptr<frame_source> frames;
  name_state* name = nullptr;  // null: unnamed
  table_name table_of;
  std::uint32_t table_oid = 0;
  bool scheduled = false;

  stall_watch stall;  // as hub::tick() sees it
  std::uint64_t delivered = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t redelivered = 0;
  std::uint64_t dropped = 0;
  std::uint64_t undecided = 0;
};

}  // namespace pulse::streams

// One open stream in the hub. Internal to streams/.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "change/event.hpp"
#include "filters/truth.hpp"
#include "log/event_log.hpp"
#include "rendering/frames.hpp"
#include "streams/delivery_window.hpp"
#include "streams/hub.hpp"
#include "streams/name_state.hpp"
#include "streams/outdated_models.hpp"
#include "streams/stall_watch.hpp"
#include "streams/stream_filters.hpp"

namespace pulse::streams {

// The source of a stream's next event.
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
  stream_state(const hub::parts& with, filters::stream_id number, stream_opening what, table_id of,
               const stream_limits& limits, outdated_models& models)
      : id(number),
        wanted(std::move(what.wanted)),
        kind(what.kind),
        has_reservation(what.has_reservation),
        opened_at(with.clock->now()),
        table(of),
        table_of(what.shape.definition->table),
        table_oid(what.shape.definition->oid),
        to(std::move(what.to)),
        window(what.window_events_max.value_or(limits.window_events_max),
               what.window_bytes_max.value_or(limits.window_bytes_max)),
        filters(with, wanted, what.shape.facts),
        columns(with, models, wanted, what.shape, what.start) {}
  stream_state(const stream_state&) = delete;
  stream_state& operator=(const stream_state&) = delete;

  // Returns whether its events need acknowledgements.
  bool tracked() const { return wanted.mode == requests::stream_mode::stream; }

  // Returns the consumer's cursor.
  position cursor() const;

  // No event at or before this comes any more: it was not for this stream, or does not exist.
  void pass(const position& at) {
    after = std::max(after, at);
    window.passed(after);
  }

  void forget_reader() {
    unjudged = nullptr;
    reader.reset();
  }

  filters::stream_id id;
  requests::stream_request wanted;
  holder_kind kind;
  bool has_reservation;
  unix_time_us opened_at;
  table_id table;
  table_name table_of;
  std::uint32_t table_oid;
  std::shared_ptr<subscriber> to;
  delivery_window window;
  stream_filters filters;
  model_watch columns;
  std::shared_ptr<rendering::frame_source> frames;
  name_state* name = nullptr;  // null: unnamed

  delivery how = delivery::standby;
  position after;                           // nothing at or before this is for this stream any more
  event_sequence through = 0;               // the same, as far as it has a sequence
  std::unique_ptr<log::log_reader> reader;  // while behind
  const position* tail_place = nullptr;     // while live: how far the tail has come
  const event_view* unjudged = nullptr;     // that the reader has brought: its filter goes on
  bool scheduled = false;
  stall_watch stall;  // as hub::tick() sees it

  // A filter's intermediate result on an event that it has not finished with.
  struct begun_judging {
    event_sequence event = 0;
    std::vector<std::optional<filters::truth>> outcomes = {};
  };
  begun_judging begun;

  std::uint64_t delivered = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t redelivered = 0;
  std::uint64_t dropped = 0;
  std::uint64_t undecided = 0;
};

}  // namespace pulse::streams

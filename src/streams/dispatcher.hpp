// Moves events from the log to the streams, turn by turn.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/metrics.hpp"
#include "change/event.hpp"
#include "change/position.hpp"
#include "log/event_log.hpp"
#include "log/readable_end.hpp"
#include "streams/cursor_book.hpp"
#include "streams/delivery_figures.hpp"
#include "streams/dropped_events.hpp"
#include "streams/event_judge.hpp"
#include "streams/known_gaps.hpp"
#include "streams/open_streams.hpp"
#include "streams/read_failures.hpp"
#include "streams/shared_tail.hpp"
#include "streams/stream_state.hpp"

namespace pulse::streams {

// The tail hands events to the streams that keep up. Each other stream reads the log by itself, a
// slice a turn, until it meets the tail. A stream without room waits and holds only its position.
// Decides how a stream is delivered (stream_state::how, except for waiting consumers), and knows
// nothing of names. On the thread of the hub's executor.
class dispatcher : public std::enable_shared_from_this<dispatcher> {
 public:
  // Closes the stream and tells its subscriber. Other streams may begin or end with it.
  using end_stream = std::function<void(filters::stream_id, end_reason, std::string_view message)>;

  // All outlive it; the limits may change.
  dispatcher(const hub::parts& with, const stream_limits& limits, const open_streams& streams,
             const known_gaps& gaps, cursor_book& book, read_failures& failures, end_stream end);

  // The stream receives events after `from` from here on.
  void start(stream_state& stream, const position& from);
  // The stream receives nothing more.
  void stop(stream_state& stream);

  // False: the event is not in flight on this stream, or was acknowledged before.
  bool acknowledge(stream_state& stream, const event_id& id);
  // The subscriber may have room again.
  void writable(stream_state& stream);
  // The log, or its deliverable part, has grown.
  void progress() {
    for (const auto id : std::exchange(held_back_, {})) {
      auto* stream = streams_->find(id);
      if (stream != nullptr && stream->how == delivery::behind) read_by_itself(*stream);
    }
    post_turn();
  }
  // See hub::when_passed() and hub::place().
  void when_passed(filters::stream_id id, const position& place, std::function<void()> done);
  stream_place place(const stream_state& stream) const;
  // The project's gaps have changed.
  void look_at_gaps();

  void show_figures() { figures_.show(); }
  // Time has passed: says, seldom, how many events subscribe() has lost.
  void tick(std::chrono::steady_clock::time_point now) { dropped_.tick(now); }

 private:
  // `unfinished`: its filter has not finished with it.
  enum class offered { done, no_room, unfinished };
  using wants = std::optional<bool> (event_judge::*)(stream_state&, const event_view&);

  void post_turn();
  void turn();

  void advance_tail();
  result<const event_view*> read_tail();
  bool hand_out();
  void tell_who_has_passed();
  void read_by_itself(stream_state& stream);
  std::unique_ptr<log::log_reader> reader_for(const stream_state& stream) const {
    return log::read_deliverable(*with_->log, with_->deliverable, stream.after, stream.table);
  }
  bool turn_is_over() const;
  void run_slices();
  void run_slice(stream_state& stream);
  result<const event_view*> read_in_turn(stream_state& stream);
  bool pass_skipped(stream_state& stream);
  void keep_up(stream_state& stream);

  // Offers one event to one stream.
  offered offer(stream_state& stream, const event_view& event, wants asks);
  void deliver(stream_state& stream, const event_id& id, std::string_view frame);

  // Handles the gap that blocks a stream.
  void bar(stream_state& stream, const control::stored_gap& gap);
  // Does so when there is one before `next`. False: there is none.
  bool bar_before(stream_state& stream, const position& next);
  void end_when_done(const stream_state& barred);
  void end_barred(filters::stream_id id);
  void hold(stream_state& stream, const error& why);
  void end_unread(const stream_state& stream, const error& why);
  void overtaken(stream_state& stream, const error& why);
  void go_on_behind_damage(const log::damaged_stretch& lost, const result<void>& recorded);

  const hub::parts* with_;
  const stream_limits* limits_;
  const open_streams* streams_;
  const known_gaps* gaps_;
  cursor_book* book_;
  read_failures* failures_;
  end_stream end_;
  shared_tail tail_;
  const event_view* handed_ = nullptr;  // by the tail, to those of `concerned_` from `next_` on
  std::vector<filters::stream_id> concerned_;
  std::size_t next_ = 0;
  // All through here was handed out to those who keep up. Known while somebody waits for a place.
  position handed_through_;
  bool tail_at_end_ = false;  // in the last turn, nothing was left to be handed out
  struct awaited_place {
    filters::stream_id id;
    position place;
    std::function<void()> done;
  };
  std::vector<awaited_place> awaited_;
  std::deque<filters::stream_id> ready_;  // for a slice
  // Streams at a gap, or before events that must not be delivered yet: look again when they may.
  std::vector<filters::stream_id> held_back_;
  bool turn_posted_ = false;
  int turn_events_left_ = 0;
  std::uint64_t turn_bytes_left_ = 0;
  bool recording_damage_ = false;
  delivery_figures figures_;
  dropped_events dropped_;
  event_judge judge_;
  prometheus::Counter& unnamed_overtaken_total_;
};

}  // namespace pulse::streams

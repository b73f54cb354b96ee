// Evaluates streams' filters on events, with a bounded amount of work a turn.
#pragma once

#include <optional>
#include <vector>

#include "change/event.hpp"
#include "filters/event_values.hpp"
#include "filters/recent_values.hpp"
#include "filters/truth.hpp"
#include "streams/delivery_figures.hpp"
#include "streams/stream_state.hpp"

namespace pulse::streams {

// A filter may have many conditions, and a value may be long. Work beyond a turn's time is
// interrupted and continues in a later turn, so that everybody else on the thread is served in
// between. One owner; not thread-safe.
class event_judge {
 public:
  explicit event_judge(delivery_figures& figures) : figures_(&figures) {}

  // Starts a turn, or one stream's slice of it, with its full amount of work.
  void begin_turn() { turn_left_ = turn_work; }
  void begin_slice() { slice_left_ = slice_work; }
  bool turn_is_over() const { return turn_left_ == 0; }
  bool slice_is_over() const { return turn_left_ == 0 || slice_left_ == 0; }

  // Starts an event that is handed to the streams that keep up: the work that all of them may spend
  // on it. The values are valid as long as the event is.
  filters::event_values& begin_event(const event_view& event);

  // Returns whether a stream that keeps up receives the event of begin_event(). Nothing: that needs
  // more work than one stream may delay the others by; continue in slices.
  std::optional<bool> wanted(stream_state& stream, const event_view& event);
  // The same for a stream that reads by itself. Nothing: ask again in its next slice.
  std::optional<bool> wanted_in_slice(stream_state& stream, const event_view& event);

 private:
  // Some milliseconds each, of which a slice is a part.
  static constexpr filters::work_units turn_work = 8'000'000;
  static constexpr filters::work_units slice_work = 2'000'000;
  // Work on one event: for one stream, and for all of them.
  static constexpr filters::work_units stream_work_max = 1'000'000;
  static constexpr filters::work_units event_work_max = 64'000'000;

  std::optional<bool> judge(stream_state& stream, const event_view& event,
                            filters::event_values& values, filters::work_units& left);
  void spend(filters::work_units units);

  delivery_figures* figures_;
  filters::recent_values values_;
  std::vector<std::optional<filters::truth>> outcomes_;
  filters::work_units turn_left_ = 0;
  filters::work_units slice_left_ = 0;
  filters::work_units event_left_ = 0;
};

}  // namespace pulse::streams

#include "streams/event_judge.hpp"

#include <algorithm>
#include <utility>

namespace pulse::streams {

filters::event_values& event_judge::begin_event(const event_view& event) {
  event_left_ = event_work_max;
  return values_.of(event);
}

std::optional<bool> event_judge::wanted(stream_state& stream, const event_view& event) {
  const auto most = std::min(stream_work_max, event_left_);
  auto left = most;
  const auto outcome = judge(stream, event, values_.of(event), left);
  event_left_ -= most - left;
  return outcome;
}

std::optional<bool> event_judge::wanted_in_slice(stream_state& stream, const event_view& event) {
  return judge(stream, event, values_.of(event), slice_left_);
}

std::optional<bool> event_judge::judge(stream_state& stream, const event_view& event,
                                       filters::event_values& values, filters::work_units& left) {
  stream.columns.meet(event);
  const auto& asked = stream.filters.of(event.relation);
  auto& begun = stream.begun;
  if (begun.event != 0 && begun.event == event.sequence) {
    outcomes_ = std::move(begun.outcomes);
  } else {
    outcomes_.assign(asked.conditions(), std::nullopt);
  }
  begun = {};
  filters::judging how{&values, left, &outcomes_};
  const auto verdict = asked.judge(event, how);
  spend(left - how.left + values.take_work());
  left = how.left;
  if (!verdict) {
    ++figures_->interrupted;
    begun.event = event.sequence;
    begun.outcomes = std::move(outcomes_);
    return std::nullopt;
  }
  ++figures_->evaluations;
  if (*verdict == filters::filter_verdict::undecided) {
    ++stream.undecided;
    ++figures_->undecided;
  }
  return *verdict != filters::filter_verdict::no;
}

void event_judge::spend(filters::work_units units) {
  turn_left_ -= std::min(turn_left_, units);
}

}  // namespace pulse::streams

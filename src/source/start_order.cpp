#include "source/start_order.hpp"

#include <utility>

namespace pulse::source {

start_order::start_order(start_plan plan, const stored_history& stored)
    : plan_(std::move(plan)), known_(stored.whose), slot_(stored.slot) {
  // First the record, then the way over.
  if (plan_.gap) left_.emplace_back(record_gap{*plan_.gap});
  if (const auto* wait = std::get_if<wait_for_slot>(&plan_.next)) {
    left_.emplace_back(*wait);
  } else if (const auto* start = std::get_if<start_at>(&plan_.next)) {
    stream_from(start->from);
  } else {
    // An interrupted first start must not look like a data directory that was lost.
    if (slot_ == slot_history::none) left_.emplace_back(note_slot{slot_history::making});
    left_.emplace_back(std::get<create_slot>(plan_.next));
  }
}

std::optional<start_step> start_order::next() {
  if (left_.empty()) return std::nullopt;
  auto step = std::move(left_.front());
  left_.pop_front();
  return step;
}

void start_order::slot_made(lsn start) {
  begin_at(plan_, start);
  if (plan_.gap) left_.emplace_back(record_gap{*plan_.gap});
  stream_from(start);
}

// Before anything of this server is stored it is known whose history that is and how it is
// numbered; and nothing may be confirmed to it, whose LSNs may be lower than those stored, before
// the mark has been moved.
void start_order::stream_from(lsn from) {
  auto whose = plan_.whose;
  if (plan_.jumps) {
    left_.emplace_back(keep_origin{whose});
    left_.emplace_back(move_mark{whose.begins});
    known_ = whose;
  }
  whose.begins = {};
  if (whose != known_) left_.emplace_back(keep_origin{whose});
  if (slot_ != slot_history::made) left_.emplace_back(note_slot{slot_history::made});
  left_.emplace_back(withdraw_gaps{whose.history.place(from)});
  left_.emplace_back(stream{from});
}

}  // namespace pulse::source

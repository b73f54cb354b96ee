// From a connection to the start of its stream: what is to be durable before what. Without I/O, so
// that the simulation runs the order that the server runs.
#pragma once

#include <deque>
#include <optional>
#include <variant>

#include "change/history_gap.hpp"
#include "change/log_origin.hpp"
#include "change/lsn.hpp"
#include "change/position.hpp"
#include "source/start_rules.hpp"

namespace pulse::source {

struct record_gap {
  history_gap gap;  // found again, it is completed
};
struct note_slot {
  slot_history known;
};
struct keep_origin {
  log_origin whose;
};
struct move_mark {
  position to;
};
// Gaps that were recorded for ways that are not taken.
struct withdraw_gaps {
  position beyond;
};
struct stream {
  lsn from;
};
// `create_slot`: how it went is told by slot_made(). After `wait_for_slot` all is to be compared
// again.
using start_step = std::variant<record_gap, wait_for_slot, note_slot, create_slot, keep_origin,
                                move_mark, withdraw_gaps, stream>;

class start_order {
 public:
  start_order(start_plan plan, const stored_history& stored);

  // What is to be done now; nothing else is begun before it is done, durably. Where a step fails
  // the connection is given up, and the next one compares anew: whatever was done by then, the same
  // is found missing.
  std::optional<start_step> next();
  void slot_made(lsn start);

 private:
  void stream_from(lsn from);

  start_plan plan_;
  log_origin known_;
  slot_history slot_;
  std::deque<start_step> left_;
};

}  // namespace pulse::source

// From a connection to the start of its stream: what must be durable before what. Without I/O, so
// that the simulation runs the same order as Pulse.
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
// Gaps that abandoned start attempts recorded.
struct withdraw_gaps {
  position beyond;
};
struct stream {
  lsn from;
};
// `create_slot`: call slot_made() with the result. After `wait_for_slot`, compare everything again.
using start_step = std::variant<record_gap, wait_for_slot, note_slot, create_slot, keep_origin,
                                move_mark, withdraw_gaps, stream>;

class start_order {
 public:
  start_order(start_plan plan, const stored_history& stored);

  // Returns the next step. Nothing else may begin before it is done, durably. If a step fails, give
  // up the connection; the next one compares again, and finds the same missing, however far this
  // one came.
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

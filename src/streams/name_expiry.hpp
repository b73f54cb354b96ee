// Retention and age of named streams. Every loss is logged and counted.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/metrics.hpp"
#include "change/position.hpp"
#include "streams/cursor_book.hpp"
#include "streams/event_search.hpp"
#include "streams/known_gaps.hpp"
#include "streams/read_failures.hpp"

namespace pulse::streams {

// On the thread of the hub's executor; does nothing after the hub's end.
class name_expiry : public std::enable_shared_from_this<name_expiry> {
 public:
  // All outlive it; the limits may change.
  name_expiry(const hub::parts& with, const stream_limits& limits, cursor_book& book,
              const known_gaps& gaps, read_failures& failures);

  // Returns the condition of this name's cursor at `at`.
  cursor_condition condition(const cursor_key& key, const position& at) const;

  // errc::gap: the name's next event is gone. With stream_limits::on_expired set, it continues at
  // the oldest stored event instead.
  result<void> check_kept(name_state& name);

  // See hub::make_way().
  void make_way(const position& through, std::function<void(bool)> done);
  // Includes a name that the book has got while retention waits for cursors.
  void look_at_too(const std::shared_ptr<name_state>& name);

  // Abandons names that nobody has opened for stream_limits::abandoned_after, and deletes those
  // that nobody has opened for twice as long. Looks every few minutes, and not at once: consumers
  // have time to reconnect after a restart.
  void abandon_unused(std::chrono::steady_clock::time_point now);

 private:
  // The state while retention waits for cursors. Names may be removed or renamed meanwhile.
  struct under_way {
    position through;
    std::vector<std::weak_ptr<name_state>> names;  // still to be looked at
    std::vector<std::pair<std::weak_ptr<name_state>, position>> moved;
    std::optional<error> unread;  // why it is not known of a name what it waits for
    std::function<void(bool)> done;
  };
  enum class waiting_for {
    nothing,
    something,
    unknown,     // the log could not be read
    not_sought,  // what has to be read is more than was left of this turn
  };

  void look_at_some();
  waiting_for check_waiting(name_state& name, const position& through, std::uint64_t& bytes);
  void save_moved();
  void finish(const result<std::vector<cursor_key>>& saved);
  void remove_abandoned(const std::vector<cursor_key>& keys);
  void go_on_from_earliest(name_state& name, const error& why);

  const hub::parts* with_;
  const stream_limits* limits_;
  cursor_book* book_;
  const known_gaps* gaps_;
  read_failures* failures_;
  std::optional<under_way> way_;
  event_search search_;  // for the last name of these
  std::chrono::steady_clock::time_point last_age_check_{};
  prometheus::Counter& expired_total_;
  prometheus::Counter& abandoned_total_;
  prometheus::Counter& deleted_total_;
};

}  // namespace pulse::streams

// Counts the named streams that are about to lose events to retention, while an operator can still
// act.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/metrics.hpp"
#include "change/position.hpp"
#include "streams/cursor_book.hpp"
#include "streams/event_search.hpp"

namespace pulse::streams {

// On the thread of the hub's executor; does nothing after the hub's end. See name_expiry for what
// happens at retention.
class expiry_watch : public std::enable_shared_from_this<expiry_watch> {
 public:
  // Both outlive it.
  expiry_watch(const hub::parts& with, cursor_book& book);

  // See hub::look_for_expiry().
  void look(const position& soon);

 private:
  void look_at_some();
  // Nothing: what it has to read is more than is left of `bytes`.
  std::optional<bool> waits_for_expiring(name_state& name, std::uint64_t& bytes);

  const hub::parts* with_;
  cursor_book* book_;
  bool looking_ = false;
  position soon_;
  std::vector<std::weak_ptr<name_state>> names_;  // still to be looked at
  event_search search_;                           // for the last of these
  std::size_t near_count_ = 0;
  prometheus::Gauge& near_;
};

}  // namespace pulse::streams

// Events in memory only: the reference that the segment log is held up against, and the log of
// projects without event persistence.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "log/event_log.hpp"

namespace pulse::log {

// Durable at once, as far as memory is. Keeps the newest `bytes_max` bytes; older events are
// dropped, as bounds() says. See event_log for the contract.
class memory_log final : public event_log {
 public:
  explicit memory_log(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  result<void> append(const event_view& event) override;
  result<void> cover(std::uint32_t timeline, lsn through) override;
  log_bounds bounds() const override;
  std::unique_ptr<log_reader> read(const position& after,
                                   const wanted_tables& tables) const override;
  void on_progress(std::function<void()> listener) override { listener_ = std::move(listener); }
  position trimmable(const retention_policy& policy, unix_time_us now) const override;
  result<retention_outcome> trim(const retention_policy& policy, unix_time_us now) override;

 private:
  friend class memory_reader;

  struct stored_event {
    event_view event;
    std::shared_ptr<const std::string> bytes;  // of both rows
  };

  static std::uint64_t bytes_of(const stored_event& one);
  std::size_t count_dropped(const retention_policy& policy, unix_time_us now) const;
  void drop_oldest();

  const std::uint64_t bytes_max_;
  mutable std::mutex mutex_;
  std::deque<stored_event> events_;
  log_bounds bounds_;
  std::function<void()> listener_;
};

}  // namespace pulse::log

// A log that hands everything on to another one, for tests that change a part of what it does.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "log/event_log.hpp"

namespace pulse::testing {

// The other log must outlive it.
class forwarding_log : public log::event_log {
 public:
  explicit forwarding_log(log::event_log& real) : real_(&real) {}

  result<void> append(const event_view& event) override { return real_->append(event); }
  result<void> cover(std::uint32_t timeline, lsn through) override {
    return real_->cover(timeline, through);
  }
  log::log_bounds bounds() const override { return real_->bounds(); }
  std::unique_ptr<log::log_reader> read(const position& after,
                                        const log::wanted_tables& tables) const override {
    return real_->read(after, tables);
  }
  void pass_damage(const position& after, const position& through) override {
    real_->pass_damage(after, through);
  }
  void on_progress(std::function<void()> listener) override {
    real_->on_progress(std::move(listener));
  }
  position trimmable(const log::retention_policy& policy, unix_time_us now) const override {
    return real_->trimmable(policy, now);
  }
  result<log::retention_outcome> trim(const log::retention_policy& policy,
                                      unix_time_us now) override {
    return real_->trim(policy, now);
  }

 protected:
  log::event_log& real() const { return *real_; }

 private:
  log::event_log* real_;
};

}  // namespace pulse::testing

// A log in memory of which a stretch cannot be read, as damage or a bad disk leave it.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "tests/support/forwarding_log.hpp"

namespace pulse::streams {

class unreadable_log final : public pulse::testing::forwarding_log {
 public:
  using forwarding_log::forwarding_log;

  // Lost, until somebody passes it: errc::corrupt for readers of the tables that it concerns.
  std::optional<log::damaged_stretch> damaged;
  // Cannot be read now: errc::io for the same readers.
  bool disk_fails = false;

  const std::vector<std::pair<position, position>>& passed() const { return passed_; }

  std::unique_ptr<log::log_reader> read(const position& after,
                                        const log::wanted_tables& tables) const override;
  void pass_damage(const position& after, const position& through) override {
    passed_.emplace_back(after, through);
  }

 private:
  friend class unreadable_log_reader;

  std::vector<std::pair<position, position>> passed_;
};

class unreadable_log_reader final : public log::log_reader {
 public:
  unreadable_log_reader(const unreadable_log& log, const position& after,
                        const log::wanted_tables& tables)
      : log_(&log), tables_(tables), all_(log.real().read(after, 0)), scanned_at_(after) {}

  result<const event_view*> next() override {
    for (;;) {
      if (at_ == nullptr) {
        const auto read = all_->next();
        if (!read) return read.error();
        at_ = *read;
      }
      if (at_ == nullptr) {
        scanned_at_ = all_->scanned_through();
        return nullptr;
      }
      const bool lost = in_stretch(at_->at);
      if (lost && concerned() && log_->disk_fails)
        return error{errc::io, "cannot read segment 7, byte 4096", {}};
      if (lost && concerned() && log_->passed_.empty()) {
        damage_ = log_->damaged;
        return error{errc::corrupt, "segment 7, byte 4096: damaged", {}};
      }
      damage_.reset();
      scanned_at_ = at_->at;
      const auto* event = std::exchange(at_, nullptr);
      if (!lost && tables_.contains(event->table)) return event;
    }
  }
  void allow(std::uint64_t bytes) override { all_->allow(bytes); }
  std::uint64_t allowed() const override { return all_->allowed(); }
  bool paused() const override { return all_->paused(); }
  std::optional<log::damaged_stretch> damage() const override { return damage_; }
  position scanned_through() const override { return scanned_at_; }
  event_sequence scanned_sequence() const override {
    return all_->scanned_sequence() - (at_ == nullptr ? 0 : 1);
  }

 private:
  bool in_stretch(const position& at) const {
    return log_->damaged && at > log_->damaged->after && at <= log_->damaged->through;
  }
  bool concerned() const {
    const auto& tables = log_->damaged->tables;
    return tables_.wants_all() || tables.empty() || tables_.contains_any(tables);
  }

  const unreadable_log* log_;
  log::wanted_tables tables_;
  std::unique_ptr<log::log_reader> all_;
  const event_view* at_ = nullptr;  // read and not looked at yet
  std::optional<log::damaged_stretch> damage_;
  position scanned_at_;
};

inline std::unique_ptr<log::log_reader> unreadable_log::read(
    const position& after, const log::wanted_tables& tables) const {
  return std::make_unique<unreadable_log_reader>(*this, after, tables);
}

}  // namespace pulse::streams

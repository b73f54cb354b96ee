// Reads a segment log: from the newest blocks in memory where it can, else run by run from the
// files.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "log/event_log.hpp"
#include "log/segment_store.hpp"

namespace pulse::log {

class segment_reader final : public log_reader {
 public:
  // Nothing is read before the first next().
  segment_reader(segment_store& store, const position& after, const wanted_tables& tables)
      : store_(&store), after_(after), tables_(tables), scanned_at_(after) {}

  result<const event_view*> next() override;
  position scanned_through() const override { return scanned_at_; }
  event_sequence scanned_sequence() const override {
    return next_sequence_ == 0 ? 0 : next_sequence_ - 1;
  }
  std::optional<damaged_stretch> damage() const override { return damage_; }
  void allow(std::uint64_t bytes) override { allowed_bytes_ = bytes; }
  std::uint64_t allowed() const override { return allowed_bytes_; }
  bool paused() const override { return paused_; }

 private:
  enum class found { block, nothing, pause };

  void spend(std::uint64_t bytes) { allowed_bytes_ -= std::min(allowed_bytes_, bytes); }
  result<found> next_block();
  result<void> read_run(segment_store::step step);
  result<found> next_block_of_run();
  result<std::shared_ptr<const loaded_block>> unpacked(const block_header& header, byte_view bytes);
  result<void> pass_damage(const error& why);
  void enter(std::shared_ptr<const loaded_block> block);

  segment_store* store_;
  position after_;
  wanted_tables tables_;
  position scanned_at_;
  event_sequence next_sequence_ = 0;  // of the next event to look at; 0: not placed yet

  std::shared_ptr<const loaded_block> block_;
  std::size_t block_at_ = 0;  // the next event's offset in the block
  std::string run_;           // bytes read from a file, and not yet gone through
  std::size_t run_at_ = 0;
  run_entry run_facts_;
  std::string run_name_;
  // Of what lies in front of run_at_.
  event_sequence run_next_ = 0;
  segment_salt run_salt_{};
  position run_before_;
  std::optional<damaged_stretch> damage_;
  std::uint64_t allowed_bytes_ = std::numeric_limits<std::uint64_t>::max();
  bool paused_ = false;
  event_view current_;
};

}  // namespace pulse::log

// Reads a segment log: from the newest blocks in memory where it can, else run by run from the
// files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "log/event_log.hpp"
#include "log/segment_store.hpp"

namespace pulse::log {

class segment_reader final : public log_reader {
 public:
  // Nothing is read before the first next().
  segment_reader(segment_store& store, const position& after, table_id table)
      : store_(&store), after_(after), table_(table), scanned_at_(after) {}

  result<const event_view*> next() override;
  position scanned_through() const override { return scanned_at_; }
  event_sequence scanned_sequence() const override {
    return next_sequence_ == 0 ? 0 : next_sequence_ - 1;
  }
  std::unique_ptr<log_reader> clone(table_id table) const override;

 private:
  result<bool> next_block();
  result<bool> next_block_of_run();
  void enter(std::shared_ptr<const loaded_block> block);

  segment_store* store_;
  position after_;
  table_id table_;
  position scanned_at_;
  event_sequence next_sequence_ = 0;  // of the next event to look at; 0: not placed yet

  std::shared_ptr<const loaded_block> block_;
  std::size_t block_at_ = 0;  // the next event's offset in the block
  std::string run_;           // bytes read from a file, and not yet gone through
  std::size_t run_at_ = 0;
  std::uint64_t run_offset_ = 0;  // of run_ in the file, for errors
  std::string run_name_;
  event_view current_;
};

}  // namespace pulse::log

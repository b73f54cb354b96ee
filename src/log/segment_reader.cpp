#include "log/segment_reader.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "log/event_codec.hpp"

namespace pulse::log {

std::unique_ptr<log_reader> segment_reader::clone(table_id table) const {
  auto copy = std::make_unique<segment_reader>(*store_, after_, table);
  copy->scanned_at_ = scanned_at_;
  copy->next_sequence_ = next_sequence_;
  copy->block_ = block_;
  copy->block_at_ = block_at_;
  return copy;
}

result<const event_view*> segment_reader::next() {
  for (;;) {
    while (block_ && block_at_ < block_->events.size()) {
      const auto event = decode_event(as_byte_view(block_->events), block_at_, next_sequence_);
      if (!event) return event.error();
      ++next_sequence_;
      scanned_at_ = std::max(scanned_at_, event->at);
      if ((table_ != 0 && event->table != table_) || event->at <= after_) continue;
      current_ = *event;
      return &current_;
    }
    block_.reset();
    const auto more = next_block();
    if (!more) return more.error();
    if (!*more) return nullptr;
  }
}

// A block may begin before the event that is wanted: what was seen before is passed again by its
// sequence.
void segment_reader::enter(std::shared_ptr<const loaded_block> block) {
  block_ = std::move(block);
  block_at_ = 0;
  auto sequence = block_->facts.first_sequence;
  while (sequence < next_sequence_ && block_at_ < block_->events.size()) {
    if (!decode_event(as_byte_view(block_->events), block_at_, sequence)) break;
    ++sequence;
  }
  next_sequence_ = sequence;
}

result<bool> segment_reader::next_block() {
  if (next_sequence_ == 0) {
    const auto start = store_->find_start(after_);
    if (!start) return start.error();
    next_sequence_ = start->sequence;
    scanned_at_ = std::max(scanned_at_, start->scanned);
  }
  for (;;) {
    if (run_at_ < run_.size()) {
      const auto found = next_block_of_run();
      if (!found) return found.error();
      if (*found) return true;
    }
    auto step = store_->next_step(next_sequence_, table_, scanned_at_);
    if (!step) return step.error();
    next_sequence_ = std::max(next_sequence_, step->next);
    scanned_at_ = std::max(scanned_at_, step->scanned);
    if (step->at_end) {
      run_ = {};
      run_at_ = 0;
      return false;
    }
    if (step->block) {
      run_.clear();
      run_at_ = 0;
      enter(std::move(step->block));
      return true;
    }
    run_.resize(step->run.bytes);
    run_at_ = 0;
    run_offset_ = step->run.offset;
    run_name_ = std::move(step->name);
    const auto got =
        step->file->read_at(run_offset_, {reinterpret_cast<std::byte*>(run_.data()), run_.size()});
    if (!got) return got.error();
    if (*got != run_.size()) {
      return error{errc::corrupt,
                   fmt::format("segment {} ends inside the run at byte {}", run_name_, run_offset_),
                   "restore the file from a copy"};
    }
  }
}

result<bool> segment_reader::next_block_of_run() {
  while (run_at_ < run_.size()) {
    const auto bytes = as_byte_view(run_).subspan(run_at_);
    const auto header = read_block_header(bytes);
    const auto damaged = [&](const error& why) {
      return error{
          errc::corrupt,
          fmt::format("segment {}, byte {}: {}", run_name_, run_offset_ + run_at_, why.what),
          "restore the file from a copy"};
    };
    if (!header) return damaged(header.error());
    const auto& facts = header->facts;
    const auto end = facts.first_sequence + facts.event_count;
    const bool seen = end <= next_sequence_;
    if (seen || (table_ != 0 && !facts.tables.may_have(table_))) {
      if (header->total_bytes > bytes.size())
        return damaged({errc::corrupt, "a block reaches past its run", {}});
      run_at_ += header->total_bytes;
      next_sequence_ = std::max(next_sequence_, end);
      if (!seen) scanned_at_ = std::max(scanned_at_, facts.last_at);
      continue;
    }
    auto block = unpack_block(*header, bytes);
    if (!block) return damaged(block.error());
    run_at_ += header->total_bytes;
    enter(std::move(block).value());
    return true;
  }
  return false;
}

}  // namespace pulse::log

#include "log/segment_reader.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "log/event_codec.hpp"

namespace pulse::log {

result<const event_view*> segment_reader::next() {
  for (;;) {
    while (block_ && block_at_ < block_->events.size()) {
      const auto event = decode_event(as_byte_view(block_->events), block_at_, next_sequence_);
      if (!event) return event.error();
      ++next_sequence_;
      scanned_at_ = std::max(scanned_at_, event->at);
      if (!tables_.contains(event->table) || event->at <= after_) continue;
      current_ = *event;
      return &current_;
    }
    block_.reset();
    const auto more = next_block();
    if (!more) return more.error();
    paused_ = *more == found::pause;
    if (*more != found::block) return nullptr;
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
  spend(block_->events.size());
}

result<segment_reader::found> segment_reader::next_block() {
  if (next_sequence_ == 0) {
    const auto start = store_->find_start(after_);
    if (!start) return start.error();
    next_sequence_ = start->sequence;
    scanned_at_ = std::max(scanned_at_, start->scanned);
  }
  for (;;) {
    if (!run_.empty()) {
      const auto in_run = next_block_of_run();
      if (!in_run) return in_run.error();
      if (*in_run != found::nothing) return *in_run;
      run_.clear();
    }
    if (allowed_bytes_ == 0) return found::pause;
    auto step = store_->next_step(next_sequence_, tables_, scanned_at_);
    if (!step) return step.error();
    next_sequence_ = std::max(next_sequence_, step->next);
    scanned_at_ = std::max(scanned_at_, step->scanned);
    if (step->at_end) {
      run_ = {};
      return found::nothing;
    }
    spend(step->looked_at_bytes);
    if (step->block) {
      enter(std::move(step->block));
      return found::block;
    }
    if (!step->file) continue;
    if (auto read = read_run(std::move(*step)); !read) return read.error();
  }
}

// A file that is shorter than it was is read as far as it goes: the rest is damaged.
result<void> segment_reader::read_run(segment_store::step step) {
  run_facts_ = std::move(step.run);
  run_name_ = std::move(step.name);
  run_next_ = run_facts_.first_sequence;
  run_before_ = step.before_run;
  run_salt_ = step.salt;
  run_at_ = 0;
  run_.resize(run_facts_.bytes);
  const auto got = step.file->read_at(run_facts_.offset,
                                      {reinterpret_cast<std::byte*>(run_.data()), run_.size()});
  if (!got) {
    run_.clear();
    return got.error();
  }
  std::fill(run_.begin() + static_cast<std::ptrdiff_t>(*got), run_.end(), '\0');
  return {};
}

// A header is believed only when the whole block holds: a damaged one could name other tables.
result<segment_reader::found> segment_reader::next_block_of_run() {
  while (run_at_ < run_.size()) {
    if (allowed_bytes_ == 0) return found::pause;
    const auto bytes = as_byte_view(run_).subspan(run_at_);
    const auto header = whole_block(bytes);
    if (!header || header->place.salt != run_salt_ || header->facts.first_sequence != run_next_) {
      const error stale{errc::corrupt, "this block belongs elsewhere", {}};
      if (auto passed = pass_damage(header ? stale : header.error()); !passed)
        return passed.error();
      continue;
    }
    const auto& facts = header->facts;
    const auto end = facts.first_sequence + facts.event_count;
    const bool seen = end <= next_sequence_;
    const bool wanted = !seen && facts.tables.may_have(tables_);
    auto block =
        wanted ? unpacked(*header, bytes) : result<std::shared_ptr<const loaded_block>>(nullptr);
    if (!block) {
      if (auto passed = pass_damage(block.error()); !passed) return passed.error();
      continue;
    }
    spend(header->total_bytes);
    run_at_ += header->total_bytes;
    run_next_ = end;
    run_before_ = facts.last_at;
    if (wanted) {
      enter(std::move(block).value());
      return found::block;
    }
    next_sequence_ = std::max(next_sequence_, end);
    if (!seen) scanned_at_ = std::max(scanned_at_, facts.last_at);
  }
  if (run_next_ >= run_facts_.first_sequence + run_facts_.event_count) return found::nothing;
  // The index knows of more events than the blocks have.
  const auto passed = pass_damage({errc::corrupt, "blocks are missing", {}});
  if (!passed) return passed.error();
  return found::nothing;
}

result<std::shared_ptr<const loaded_block>> segment_reader::unpacked(const block_header& header,
                                                                     byte_view bytes) {
  if (auto known = store_->unpacked().find(header.facts.first_sequence)) return known;
  auto block = unpack_block(header, bytes);
  if (block) store_->unpacked().add(*block);
  return block;
}

// At a block that does not hold. On to the next one that does, or to the end of the run, when what
// lies between is recorded as lost or of no concern; else it is an error, and the reader stays.
result<void> segment_reader::pass_damage(const error& why) {
  const auto bytes = as_byte_view(run_);
  const auto run_end = run_facts_.first_sequence + run_facts_.event_count;
  damaged_stretch lost;
  lost.after = run_before_;
  lost.through = run_facts_.last_at;
  auto next = run_end;
  auto at = std::min(run_at_ + block_alignment, run_.size());
  for (; at < run_.size(); at += block_alignment) {
    const auto block = whole_block(bytes.subspan(at));
    if (!block || block->place.salt != run_salt_ || block->facts.first_sequence < run_next_ ||
        block->facts.first_sequence + block->facts.event_count > run_end)
      continue;
    next = block->facts.first_sequence;
    lost.through = last_before(block->facts);
    break;
  }
  at = std::min(at, run_.size());
  lost.event_count = next - run_next_;
  const bool concerns = lost.event_count != 0 && next > next_sequence_ && lost.through > after_;
  if (concerns && !store_->passes(lost)) {
    if (!run_facts_.tables.many()) lost.tables = run_facts_.tables.exact();
    lost.place =
        fmt::format("segment {}, byte {}: {}", run_name_, run_facts_.offset + run_at_, why.what);
    damage_ = std::move(lost);
    return error{errc::corrupt, damage_->place, "restore the file from a backup"};
  }
  damage_.reset();
  run_at_ = at;
  run_next_ = next;
  run_before_ = std::max(run_before_, lost.through);
  next_sequence_ = std::max(next_sequence_, next);
  scanned_at_ = std::max(scanned_at_, lost.through);
  return {};
}

}  // namespace pulse::log

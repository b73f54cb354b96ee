#include "log/segment_store.hpp"

#include <algorithm>
#include <utility>

namespace pulse::log {

void segment_store::add_segment(segment_record segment, std::shared_ptr<storage_file> file) {
  const std::scoped_lock lock(mutex_);
  segment.file = file;
  stored_bytes_ += segment.file_bytes;
  end_ = segment.summary.end;
  segments_.push_back(std::make_shared<segment_record>(std::move(segment)));
  newest_file_ = std::move(file);
  newest_index_ = {};
}

void segment_store::adopt_index(run_index index) {
  const std::scoped_lock lock(mutex_);
  newest_index_ = std::move(index);
}

void segment_store::seal_newest(const segment_summary& summary, const sealed_facts& facts,
                                std::uint64_t file_bytes) {
  const std::scoped_lock lock(mutex_);
  auto& newest = *segments_.back();
  newest.summary = summary;
  newest.seal = facts;
  newest.sealed = true;
  newest.index_on_disk = true;
  newest.index = std::make_shared<const run_index>(std::move(newest_index_));
  newest_index_ = {};
  remember_index(segments_.back());
  stored_bytes_ += file_bytes - newest.file_bytes;
  newest.file_bytes = file_bytes;
}

void segment_store::publish(const std::vector<durable_block>& blocks) {
  const std::scoped_lock lock(mutex_);
  auto& newest = segments_.back()->summary;
  for (const auto& durable : blocks) {
    const auto& facts = durable.header.facts;
    newest_index_.add(durable.header, durable.offset);
    newest.event_count += facts.event_count;
    newest.newest_commit = std::max(newest.newest_commit, facts.newest_commit);
    end_.last_sequence += facts.event_count;
    end_.last_at = facts.last_at;
    end_.last_id = facts.last_id;
    end_.timeline = facts.timeline;
    end_.covered_through = facts.covered_through;
    if (facts.event_count == 0) continue;
    recent_bytes_ += durable.block->events.size();
    recent_.push_back(durable.block);
  }
  newest.end = end_;
  while (recent_bytes_ > recent_bytes_max_ && recent_.size() > 1) {
    recent_bytes_ -= recent_.front()->events.size();
    recent_.pop_front();
  }
}

void segment_store::set_out_of_space(bool out) {
  const std::scoped_lock lock(mutex_);
  out_of_space_ = out;
}

void segment_store::set_file_bytes(std::uint64_t file_bytes) {
  const std::scoped_lock lock(mutex_);
  stored_bytes_ += file_bytes - segments_.back()->file_bytes;
  segments_.back()->file_bytes = file_bytes;
}

log_bounds segment_store::bounds() const {
  const std::scoped_lock lock(mutex_);
  log_bounds found;
  found.first = segments_.front()->header.first_sequence;
  found.last = end_.last_sequence;
  found.last_at = end_.last_at;
  found.dropped_through = segments_.front()->header.before.last_at;
  found.last_id = end_.last_id;
  found.covered_through = end_.covered_through;
  found.timeline = end_.timeline;
  found.stored_bytes = stored_bytes_;
  found.out_of_space = out_of_space_;
  return found;
}

log_state segment_store::end() const {
  const std::scoped_lock lock(mutex_);
  return end_;
}

std::pair<segment_summary, run_index> segment_store::newest() const {
  const std::scoped_lock lock(mutex_);
  return {segments_.back()->summary, newest_index_};
}

std::shared_ptr<segment_record> segment_store::segment_with(event_sequence sequence) const {
  const auto behind = std::ranges::upper_bound(
      segments_, sequence, {}, [](const auto& segment) { return segment->header.first_sequence; });
  return behind == segments_.begin() ? nullptr : *std::prev(behind);
}

result<std::shared_ptr<storage_file>> segment_store::file_of(segment_record& segment) {
  {
    const std::scoped_lock lock(mutex_);
    if (auto open = segment.file.lock()) return open;
  }
  auto opened = files_->open(segment.name);
  if (!opened) return opened.error();
  std::shared_ptr<storage_file> file = std::move(opened).value();
  const std::scoped_lock lock(mutex_);
  segment.file = file;
  return file;
}

// Under the lock: the segment's index was used last; of those used longest ago some are dropped.
void segment_store::remember_index(const std::shared_ptr<segment_record>& segment) {
  with_index_.remove(segment);
  with_index_.push_front(segment);
  while (with_index_.size() > cached_indexes_max) {
    with_index_.back()->index.reset();
    with_index_.pop_back();
  }
}

result<std::shared_ptr<const run_index>> segment_store::index_of(
    const std::shared_ptr<segment_record>& segment) {
  {
    const std::scoped_lock lock(mutex_);
    if (segment->index) {
      if (segment->index_on_disk) remember_index(segment);
      return segment->index;
    }
  }
  const auto file = file_of(*segment);
  if (!file) return file.error();
  auto read = read_index(**file, segment->seal);
  if (!read) return wrap(segment->name, read.error());
  auto index = std::make_shared<const run_index>(std::move(read).value());
  const std::scoped_lock lock(mutex_);
  segment->index = index;
  remember_index(segment);
  return index;
}

result<segment_store::start> segment_store::find_start(const position& after) {
  std::shared_ptr<segment_record> segment;
  {
    const std::scoped_lock lock(mutex_);
    const auto& oldest = segments_.front()->header;
    // Position zero asks for the oldest event that is kept, whatever was dropped before it.
    if (after == position{}) return start{oldest.first_sequence, oldest.before.last_at};
    if (after < oldest.before.last_at) {
      return error{errc::gap,
                   "retention has dropped the events after " + to_string(after) + ", through " +
                       to_string(oldest.before.last_at),
                   "start from the oldest event that is kept"};
    }
    if (after >= end_.last_at) return start{end_.last_sequence + 1, after};
    const auto found = std::ranges::upper_bound(
        segments_, after, {}, [](const auto& one) { return one->summary.end.last_at; });
    segment = *found;
    if (!segment->sealed) {
      const auto* run = newest_index_.after_position(after);
      return start{run == nullptr ? end_.last_sequence + 1 : run->first_sequence, after};
    }
  }
  const auto index = index_of(segment);
  if (!index) return index.error();
  const auto* run = (*index)->after_position(after);
  return start{run == nullptr ? segment->summary.end.last_sequence + 1 : run->first_sequence,
               after};
}

// Under the lock: from the newest blocks, which are still unpacked.
bool segment_store::step_in_memory(step& to, event_sequence sequence, table_id table) const {
  if (recent_.empty() || sequence < recent_.front()->facts.first_sequence) return false;
  auto at = std::ranges::upper_bound(recent_, sequence, {},
                                     [](const auto& block) { return block->facts.first_sequence; });
  for (at = std::prev(at); at != recent_.end(); ++at) {
    const auto& facts = (*at)->facts;
    if (facts.first_sequence + facts.event_count <= sequence) continue;
    if (table == 0 || facts.tables.may_have(table)) {
      to.block = *at;
      return true;
    }
    to.next = facts.first_sequence + facts.event_count;
    to.scanned = facts.last_at;
  }
  to.at_end = true;
  return true;
}

result<segment_store::step> segment_store::next_step(event_sequence sequence, table_id table,
                                                     position scanned) {
  step to;
  to.next = sequence;
  to.scanned = scanned;
  for (;;) {
    std::shared_ptr<segment_record> segment;
    std::shared_ptr<const run_index> index;
    {
      const std::scoped_lock lock(mutex_);
      if (to.next < segments_.front()->header.first_sequence) {
        return error{errc::gap,
                     "retention has overtaken the reader: events through " +
                         to_string(segments_.front()->header.before.last_at) + " are dropped",
                     "read faster, or keep events for longer"};
      }
      if (to.next > end_.last_sequence) {
        to.at_end = true;
        to.scanned = std::max(to.scanned, end_.last_at);
        return to;
      }
      if (step_in_memory(to, to.next, table)) {
        if (to.at_end) to.scanned = std::max(to.scanned, end_.last_at);
        return to;
      }
      segment = segment_with(to.next);
      to.name = segment->name;
      if (!segment->sealed) {
        const auto* run = newest_index_.at_sequence(to.next);
        while (run != nullptr && table != 0 && !run->tables.may_have(table)) {
          to.scanned = run->last_at;
          to.next = run->first_sequence + run->event_count;
          run = newest_index_.at_sequence(to.next);
        }
        if (run == nullptr) {
          to.next = end_.last_sequence + 1;
          continue;
        }
        to.run = *run;
        to.file = newest_file_;
        return to;
      }
    }
    const auto read = index_of(segment);
    if (!read) return read.error();
    index = *read;
    const auto* run = index->at_sequence(to.next);
    while (run != nullptr && table != 0 && !run->tables.may_have(table)) {
      to.scanned = run->last_at;
      to.next = run->first_sequence + run->event_count;
      run = index->at_sequence(to.next);
    }
    if (run == nullptr) {
      to.next = segment->summary.end.last_sequence + 1;
      to.scanned = std::max(to.scanned, segment->summary.end.last_at);
      continue;
    }
    auto file = file_of(*segment);
    if (!file) return file.error();
    to.file = std::move(file).value();
    to.run = *run;
    return to;
  }
}

}  // namespace pulse::log

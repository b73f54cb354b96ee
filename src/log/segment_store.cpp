#include "log/segment_store.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/logging.hpp"

namespace pulse::log {
namespace {

result<run_index> rebuild_index(const storage_file& file, const segment_record& segment) {
  auto scanned = scan_sealed_segment(file, segment.header, segment.summary.end);
  if (!scanned) return scanned.error();
  return std::move(scanned->index);
}

// More tables than this in one segment are not told apart.
constexpr std::size_t segment_tables_max = 1024;

std::optional<std::vector<table_id>> tables_of(const run_index& index) {
  std::set<table_id> all;
  for (const auto& run : index.runs()) {
    if (run.tables.many()) return std::nullopt;
    all.insert(run.tables.exact().begin(), run.tables.exact().end());
    if (all.size() > segment_tables_max) return std::nullopt;
  }
  return std::vector<table_id>(all.begin(), all.end());
}

}  // namespace

void segment_store::add_segment(segment_record segment, std::shared_ptr<storage_file> file) {
  const std::scoped_lock lock(mutex_);
  if (!segments_.empty() && segments_.back()->name == segment.name) {
    stored_bytes_ -= segments_.back()->file_bytes;
    segments_.pop_back();
  }
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
  newest.tables = tables_of(*newest.index);
  newest_index_ = {};
  remember_index(segments_.back());
  stored_bytes_ += file_bytes - newest.file_bytes;
  newest.file_bytes = file_bytes;
}

void segment_store::publish(const std::vector<durable_block>& blocks) {
  const std::scoped_lock lock(mutex_);
  auto& newest = segments_.back()->summary;
  ++syncs_;
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
    recent_bytes_ += memory_bytes(*durable.block);
    recent_.push_back(durable.block);
  }
  newest.end = end_;
  while (recent_bytes_ > recent_bytes_max_ && recent_.size() > 1) {
    recent_bytes_ -= memory_bytes(*recent_.front());
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
  found.syncs = syncs_;
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
  const bool damaged = !read && read.error().code == errc::corrupt;
  if (damaged) {
    log_warning("log", "segment index damaged: rebuilt from the segment's blocks",
                {{"project", files_->project()}, {"segment", segment->name}});
    read = rebuild_index(**file, *segment);
  }
  if (!read) return wrap(segment->name, read.error());
  auto index = std::make_shared<const run_index>(std::move(read).value());
  auto tables = tables_of(*index);
  const std::scoped_lock lock(mutex_);
  segment->tables = std::move(tables);
  segment->index = index;
  if (damaged) segment->index_on_disk = false;
  if (segment->index_on_disk) remember_index(segment);
  return index;
}

// Under the lock: what a reader is told whose next event is gone.
std::optional<error> segment_store::overtaken(event_sequence sequence) const {
  const auto& oldest = segments_.front()->header;
  if (sequence >= oldest.first_sequence) return std::nullopt;
  return error{errc::gap,
               "the reader was too slow: retention dropped events through " +
                   to_string(oldest.before.last_at) + " are dropped",
               "read faster, or keep events for longer"};
}

// A file that cannot be opened because retention removed it meanwhile is a gap, not a bad disk.
error segment_store::explain(error failure, event_sequence sequence) const {
  const std::scoped_lock lock(mutex_);
  if (auto gap = overtaken(sequence)) return *std::move(gap);
  return failure;
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
                   "start from the oldest stored event"};
    }
    if (after >= end_.last_at) return start{end_.last_sequence + 1, after};
    segment = *std::ranges::upper_bound(segments_, after, {},
                                        [](const auto& one) { return one->summary.end.last_at; });
    if (!segment->sealed) return start{newest_index_.after_position(after)->first_sequence, after};
  }
  const auto index = index_of(segment);
  if (!index) return explain(index.error(), segment->summary.end.last_sequence);
  return start{(*index)->after_position(after)->first_sequence, after};
}

// Under the lock: from the newest blocks, which are still unpacked.
bool segment_store::step_in_memory(step& to, const wanted_tables& tables) const {
  const auto sequence = to.next;
  if (recent_.empty() || sequence < recent_.front()->facts.first_sequence) return false;
  auto at = std::ranges::upper_bound(recent_, sequence, {},
                                     [](const auto& block) { return block->facts.first_sequence; });
  for (at = std::prev(at); at != recent_.end(); ++at) {
    const auto& facts = (*at)->facts;
    if (facts.first_sequence + facts.event_count <= sequence) continue;
    if (facts.tables.may_have(tables)) {
      to.block = *at;
      return true;
    }
    to.next = facts.first_sequence + facts.event_count;
    to.scanned = facts.last_at;
  }
  return true;
}

// Under the lock: from the blocks that another reader has unpacked. True: at `to.block`; else
// behind what could be passed.
bool segment_store::step_in_cache(step& to, const wanted_tables& tables) {
  for (;;) {
    auto block = unpacked_.find(to.next);
    if (!block) return false;
    const auto& facts = block->facts;
    if (facts.tables.may_have(tables)) {
      to.block = std::move(block);
      return true;
    }
    to.next = facts.first_sequence + facts.event_count;
    to.scanned = std::max(to.scanned, facts.last_at);
    to.looked_at_bytes += passing_bytes;
  }
}

bool segment_store::passed(const segment_record& segment, const wanted_tables& tables, step& to) {
  if (tables.wants_all() || !segment.tables || tables.contains_any(*segment.tables)) return false;
  to.next = segment.summary.end.last_sequence + 1;
  to.scanned = std::max(to.scanned, segment.summary.end.last_at);
  to.looked_at_bytes += passing_bytes;
  return true;
}

// Passes the runs without events of the tables. False: the segment has no other.
bool segment_store::enter_wanted_run(const segment_record& segment, const run_index& index,
                                     const wanted_tables& tables, step& to) {
  const auto* run = index.at_sequence(to.next);
  while (run != nullptr && !run->tables.may_have(tables)) {
    to.next = run->first_sequence + run->event_count;
    to.scanned = std::max(to.scanned, run->last_at);
    run = index.at_sequence(to.next);
  }
  if (run == nullptr) return false;
  to.run = *run;
  to.salt = segment.header.salt;
  to.before_run =
      run == &index.runs().front() ? segment.header.before.last_at : std::prev(run)->last_at;
  return true;
}

void segment_store::pass_damage(const position& after, const position& through) {
  const std::scoped_lock lock(mutex_);
  if (std::ranges::find(passed_, std::pair(after, through)) == passed_.end())
    passed_.emplace_back(after, through);
}

bool segment_store::passes(const damaged_stretch& lost) const {
  const std::scoped_lock lock(mutex_);
  return std::ranges::any_of(passed_, [&](const auto& one) {
    return one.first <= lost.after && lost.through <= one.second;
  });
}

result<segment_store::step> segment_store::next_step(event_sequence sequence,
                                                     const wanted_tables& tables,
                                                     position scanned) {
  step to;
  to.next = sequence;
  to.scanned = scanned;
  for (;;) {
    std::shared_ptr<segment_record> segment;
    {
      const std::scoped_lock lock(mutex_);
      if (auto gap = overtaken(to.next)) return *std::move(gap);
      if (to.next > end_.last_sequence || step_in_memory(to, tables)) {
        to.at_end = to.block == nullptr;
        if (to.at_end) to.scanned = std::max(to.scanned, end_.last_at);
        return to;
      }
      const auto before = to.next;
      if (step_in_cache(to, tables)) return to;
      if (to.next != before) continue;
      segment = segment_with(to.next);
      to.name = segment->name;
      if (!segment->sealed) {
        if (enter_wanted_run(*segment, newest_index_, tables, to)) {
          to.file = newest_file_;
          return to;
        }
        continue;
      }
      if (passed(*segment, tables, to)) continue;
    }
    const auto index = index_of(segment);
    if (!index) return explain(index.error(), to.next);
    if (enter_wanted_run(*segment, **index, tables, to)) {
      auto file = file_of(*segment);
      if (!file) return explain(file.error(), to.next);
      to.file = std::move(file).value();
      return to;
    }
    if (to.next <= segment->summary.end.last_sequence) {
      return error{errc::corrupt, "segment " + segment->name + ": its index lacks events",
                   "report this: it is a bug"};
    }
    to.looked_at_bytes += segment->seal.index_bytes;
    return to;
  }
}

}  // namespace pulse::log

// The segments that are there and what readers may see of them: shared by the writer, retention and
// every reader.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "log/block_cache.hpp"
#include "log/event_log.hpp"
#include "log/segment.hpp"
#include "log/storage.hpp"

namespace pulse::log {

// One segment. `index` of a sealed segment is read when first needed, and dropped again when many
// others were needed since; that of the newest segment grows with it and is read under the store's
// lock only.
struct segment_record {
  std::string name;
  segment_header header;
  segment_summary summary;
  std::uint64_t file_bytes = 0;
  bool sealed = false;
  bool index_on_disk = false;  // false: rebuilt at recovery, kept in memory
  sealed_facts seal;
  std::shared_ptr<const run_index> index;
  // Those that it has events of, once that is known; nothing: too many to name, or not known.
  std::optional<std::vector<table_id>> tables;
  std::weak_ptr<storage_file> file;
};

// Thread-safe.
class segment_store {
 public:
  segment_store(storage& files, std::uint64_t recent_bytes_max, std::uint64_t unpacked_bytes_max)
      : files_(&files), recent_bytes_max_(recent_bytes_max), unpacked_(unpacked_bytes_max) {}

  // Recovery and rolling: `segment` becomes the newest; takes the place of one of the same name.
  void add_segment(segment_record segment, std::shared_ptr<storage_file> file);
  // The newest segment has been closed with this seal.
  void seal_newest(const segment_summary& summary, const sealed_facts& facts,
                   std::uint64_t file_bytes);
  // Blocks of the newest segment that are durable from now on; readers see them.
  struct durable_block {
    block_header header;
    std::uint64_t offset = 0;
    std::shared_ptr<const loaded_block> block;
  };
  void publish(const std::vector<durable_block>& blocks);
  void set_out_of_space(bool out);
  void set_file_bytes(std::uint64_t file_bytes);
  void adopt_index(run_index index);  // of the newest segment, as recovery found it

  // Removes the oldest segment if `drop` returns true; returns its name, to be removed. Never the
  // newest.
  template <class Predicate>
  std::unique_ptr<segment_record> take_oldest(Predicate drop);
  // Through where take_oldest() would take segments, called again and again.
  template <class Predicate>
  position droppable(Predicate drop) const;

  log_bounds bounds() const;
  log_state end() const;
  // The newest segment's summary and runs, as they stand.
  std::pair<segment_summary, run_index> newest() const;

  // Where a reader that wants what comes after a position begins. errc::gap: retention has dropped
  // some of it.
  struct start {
    event_sequence sequence = 0;
    position scanned;
  };
  result<start> find_start(const position& after);

  // What a reader does next: a block from memory, a run to read from a file, or nothing at the
  // durable end. None of these: a segment without wanted events was passed, and the reader asks
  // again.
  struct step {
    std::shared_ptr<const loaded_block> block;
    std::shared_ptr<storage_file> file;  // with `run`
    std::string name;
    run_entry run;
    segment_salt salt{};      // of the run's segment
    position before_run;      // of the newest event before it
    event_sequence next = 0;  // past what could be skipped
    position scanned;         // the end of what was skipped
    bool at_end = false;
    std::uint64_t looked_at_bytes = 0;  // to find this out
  };
  result<step> next_step(event_sequence sequence, const wanted_tables& tables, position scanned);

  // Of older blocks, for all readers.
  block_cache& unpacked() { return unpacked_; }

  // See event_log::pass_damage().
  void pass_damage(const position& after, const position& through);
  bool passes(const damaged_stretch& lost) const;

 private:
  static constexpr std::size_t cached_indexes_max = 64;
  // What passing a segment or block counts as, when it is known to have nothing that is wanted.
  static constexpr std::uint64_t passing_bytes = 64;

  void remember_index(const std::shared_ptr<segment_record>& segment);
  result<std::shared_ptr<const run_index>> index_of(const std::shared_ptr<segment_record>& segment);
  result<std::shared_ptr<storage_file>> file_of(segment_record& segment);
  std::shared_ptr<segment_record> segment_with(event_sequence sequence) const;
  std::optional<error> overtaken(event_sequence sequence) const;
  error explain(error failure, event_sequence sequence) const;
  // True: at `to.block`, or past all that is durable.
  bool step_in_memory(step& to, const wanted_tables& tables) const;
  bool step_in_cache(step& to, const wanted_tables& tables);
  // True: the segment has no event of these tables, and was passed.
  static bool passed(const segment_record& segment, const wanted_tables& tables, step& to);
  static bool enter_wanted_run(const segment_record& segment, const run_index& index,
                               const wanted_tables& tables, step& to);

  storage* files_;
  const std::uint64_t recent_bytes_max_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<segment_record>> segments_;
  std::shared_ptr<storage_file> newest_file_;
  run_index newest_index_;
  log_state end_;
  std::deque<std::shared_ptr<const loaded_block>> recent_;
  std::uint64_t recent_bytes_ = 0;
  block_cache unpacked_;
  std::list<std::shared_ptr<segment_record>> with_index_;
  std::uint64_t stored_bytes_ = 0;
  std::uint64_t syncs_ = 0;
  bool out_of_space_ = false;
  std::vector<std::pair<position, position>> passed_;  // after, through
};

template <class Predicate>
std::unique_ptr<segment_record> segment_store::take_oldest(Predicate drop) {
  const std::scoped_lock lock(mutex_);
  if (segments_.size() < 2 || !drop(*segments_.front(), stored_bytes_)) return nullptr;
  auto taken = std::make_unique<segment_record>(*segments_.front());
  with_index_.remove(segments_.front());
  segments_.erase(segments_.begin());
  stored_bytes_ -= taken->file_bytes;
  return taken;
}

template <class Predicate>
position segment_store::droppable(Predicate drop) const {
  const std::scoped_lock lock(mutex_);
  auto through = segments_.front()->header.before.last_at;
  auto stored_bytes = stored_bytes_;
  for (std::size_t i = 0; i + 1 < segments_.size(); ++i) {
    const auto& oldest = *segments_[i];
    if (!drop(oldest, stored_bytes)) break;
    stored_bytes -= oldest.file_bytes;
    through = oldest.summary.end.last_at;
  }
  return through;
}

}  // namespace pulse::log

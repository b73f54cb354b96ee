// A segment file: a header page, blocks, and, once it is full, an index of them.
// docs/log_format.md, "Segment".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "change/event.hpp"
#include "log/block.hpp"
#include "log/storage.hpp"

namespace pulse::log {

inline constexpr std::uint64_t segment_header_bytes = 4096;
inline constexpr std::uint32_t segment_format_version = 1;
// A run of blocks of one index entry has at least this many bytes. Without that, blocks of one
// event each, at a low rate, would make an index as large as the log.
inline constexpr std::uint64_t run_bytes_min = std::uint64_t{32} << 10U;

// Facts of one point between events, which retention does not change.
struct log_state {
  event_sequence last_sequence = 0;
  position last_at;
  event_id last_id;
  std::uint32_t timeline = 0;
  lsn covered_through;
};

// "00000000000000000001.seg", named after the first sequence that can be in it.
std::string segment_name(event_sequence first);
std::optional<event_sequence> parse_segment_name(std::string_view name);
// The next segment's file while it is prepared.
inline constexpr const char* spare_name = "next.tmp";

struct segment_header {
  event_sequence first_sequence = 1;
  log_state before;            // at the segment's start
  std::uint32_t checksum = 0;  // the first block names it as its predecessor
  segment_salt salt{};         // of all of its blocks
};

segment_salt make_salt();
std::string format_segment_header(segment_header& header);  // sets header.checksum
result<segment_header> read_segment_header(const storage_file& file);

// One index entry: a run of adjacent blocks.
struct run_entry {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  event_sequence first_sequence = 0;
  std::uint64_t event_count = 0;
  position last_at;  // at or before the run's end
  table_set tables;
};

// The runs of a segment in file order, built block by block.
class run_index {
 public:
  void add(const block_header& block, std::uint64_t offset);
  // Adds unreadable blocks: this many events, of any tables, through this position.
  void add_damaged(std::uint64_t offset, std::uint64_t bytes, event_sequence first,
                   std::uint64_t event_count, const position& last_at);
  const std::vector<run_entry>& runs() const { return runs_; }

  // Returns the run with `sequence`, or the first one after it; null past the end.
  const run_entry* at_sequence(event_sequence sequence) const;
  // The first run with an event after `after`; null when there is none.
  const run_entry* after_position(const position& after) const;

 private:
  friend result<run_index> parse_runs(byte_view bytes, std::uint64_t count);
  run_entry& run_at(std::uint64_t offset, event_sequence first);
  std::vector<run_entry> runs_;
};

// Facts of a sealed segment without opening its index.
struct segment_summary {
  log_state end;
  unix_time_us newest_commit{};
  std::uint64_t event_count = 0;
};

// The index and the trailer that seal a segment.
std::string format_footer(const run_index& index, const segment_summary& summary,
                          std::uint64_t offset);

struct sealed_facts {
  segment_summary summary;
  std::uint64_t index_offset = 0;  // where the blocks end
  std::uint64_t index_bytes = 0;
  std::uint64_t run_count = 0;
  std::uint32_t index_checksum = 0;
};

// errc::not_found: not sealed, or the seal is damaged.
result<sealed_facts> read_trailer(const storage_file& file);
result<run_index> read_index(const storage_file& file, const sealed_facts& facts);

// The result of reading a segment block by block.
struct scan_outcome {
  run_index index;
  segment_summary summary;
  std::uint64_t end = segment_header_bytes;  // behind the last whole block
  std::uint32_t last_checksum = 0;
  // Everything before this was synced successfully before the last block was written.
  std::uint64_t durable_through = segment_header_bytes;
  std::uint64_t torn_bytes = 0;  // non-zero bytes behind the end that are no block
};

// Reads and checks all blocks of a segment that is not sealed. An invalid block is the torn tail of
// an unconfirmed write, unless a later block says that it was durable. Then it is damaged, and the
// index has the number of its events.
result<scan_outcome> scan_segment(const storage_file& file, const segment_header& header);
// The same for a segment that was sealed at `end`, whose blocks were all durable.
result<scan_outcome> scan_sealed_segment(const storage_file& file, const segment_header& header,
                                         const log_state& end);

}  // namespace pulse::log

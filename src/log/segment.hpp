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
// A run of blocks that one index entry stands for has at least this many bytes: blocks of one event
// each, at a low rate, must not make an index as large as the log.
inline constexpr std::uint64_t run_bytes_min = std::uint64_t{32} << 10U;

// What holds at one point between events, whatever retention drops later.
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
// The next segment's file while it is made ready.
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

// The runs of a segment in file order, made block by block.
class run_index {
 public:
  void add(const block_header& block, std::uint64_t offset);
  // Where blocks do not hold: so many events, of whatever tables, through this position.
  void add_damaged(std::uint64_t offset, std::uint64_t bytes, event_sequence first,
                   std::uint64_t event_count, const position& last_at);
  const std::vector<run_entry>& runs() const { return runs_; }

  // The run that has `sequence`, or the first one behind it; null past the end.
  const run_entry* at_sequence(event_sequence sequence) const;
  // The first run with an event after `after`; null when there is none.
  const run_entry* after_position(const position& after) const;

 private:
  friend result<run_index> parse_runs(byte_view bytes, std::uint64_t count);
  run_entry& run_at(std::uint64_t offset, event_sequence first);
  std::vector<run_entry> runs_;
};

// What is known of a sealed segment without opening its index.
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

// What reading a segment block by block gives.
struct scan_outcome {
  run_index index;
  segment_summary summary;
  std::uint64_t end = segment_header_bytes;  // behind the last whole block
  std::uint32_t last_checksum = 0;
  // What lies before this was synced, and the sync succeeded, before the last block was written.
  std::uint64_t durable_through = segment_header_bytes;
  std::uint64_t torn_bytes = 0;  // non-zero bytes behind the end that are no block
};

// Reads all blocks of a segment that is not sealed, checking each. A block that does not hold is
// the torn tail of a write that was never confirmed durable, unless a later block says that it was:
// then it is damaged, and the index says how many events it had.
result<scan_outcome> scan_segment(const storage_file& file, const segment_header& header);
// The same of a segment that was sealed at `end`, whose blocks were all durable.
result<scan_outcome> scan_sealed_segment(const storage_file& file, const segment_header& header,
                                         const log_state& end);

}  // namespace pulse::log

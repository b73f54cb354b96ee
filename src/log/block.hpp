// The unit of writing, checking and compressing: some tens of KiB of events. docs/log_format.md,
// "Block".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "change/event.hpp"
#include "log/wanted_tables.hpp"

namespace pulse::log {

enum class compression : std::uint8_t { none = 0, lz4 = 1, zstd = 2 };

// The tables of a block's or a run's events.
class table_set {
 public:
  static constexpr std::size_t exact_max = 16;

  void add(table_id table);
  void add(const table_set& others);
  // May say yes without being sure, once there are too many to name; never no wrongly. Where all
  // tables are wanted: whether there is any event at all.
  bool may_have(const wanted_tables& tables) const;
  bool many() const { return many_; }
  const std::vector<table_id>& exact() const { return tables_; }
  static table_set of_many() {
    table_set set;
    set.many_ = true;
    return set;
  }

 private:
  std::vector<table_id> tables_;  // sorted
  bool many_ = false;
};

// Facts of a block's events without unpacking them. A block without events has the durable LSN
// alone.
struct block_facts {
  event_sequence first_sequence = 0;  // of its first event, or of the next one to come
  std::uint32_t event_count = 0;
  position first_at;
  position last_at;  // the newest at or before the end of the block, also of earlier blocks
  event_id last_id;
  // The newest commit time of its events, or when they were stored if that is later: their age
  // counts from this.
  unix_time_us newest_commit{};
  std::uint32_t timeline = 0;
  lsn covered_through;
  table_set tables;
};

// A block for readers: unpacked, shared, immutable.
struct loaded_block {
  block_facts facts;
  std::string events;
};

inline constexpr std::size_t block_header_bytes = 168;
inline constexpr std::size_t block_alignment = 8;

// Smaller blocks are stored uncompressed: compression gains too little.
inline constexpr std::size_t compressed_from_bytes = 512;

struct packed_block {
  std::string bytes;
  compression codec = compression::none;  // none: its events did not shrink
  std::uint32_t checksum = 0;             // what the next block names as its predecessor
};

// Random bytes in a segment's header and all of its blocks. Rows may contain bytes that look like a
// block, checksum included. After a damaged block, the reader searches its bytes for the next one;
// nobody who writes rows knows the salt. Zeros in segments of earlier versions.
using segment_salt = std::array<std::byte, 16>;

// Where a block is being written or was found.
struct block_place {
  std::uint32_t previous_checksum = 0;  // of the block before it: a stale block never fits here
  std::uint64_t durable_through =
      0;  // how much of the file was known durable when the block was written
  segment_salt salt{};
};

packed_block pack_block(const block_facts& facts, std::string_view events, const block_place& place,
                        compression codec);

// A parsed block header: enough to find the next block.
struct block_header {
  block_facts facts;
  block_place place;
  std::uint32_t checksum = 0;
  compression codec = compression::none;
  std::uint64_t stored_bytes = 0;  // of the payload
  std::uint64_t raw_bytes = 0;
  std::uint64_t total_bytes = 0;  // header, tables, payload and padding
};

// Reads the header at the start of `bytes`. errc::not_found: no block (zeros, or another magic
// number). errc::corrupt: an invalid header. Does not check the checksum.
result<block_header> read_block_header(byte_view bytes);
// The same for a whole block with the right checksum; otherwise errc::corrupt.
result<block_header> whole_block(byte_view bytes);
// `header`: the result of whole_block() for `bytes`. errc::corrupt: the events cannot be unpacked.
result<std::shared_ptr<const loaded_block>> unpack_block(const block_header& header,
                                                         byte_view bytes);
// Returns the position of the newest event that can be before this block.
position last_before(const block_facts& block);

}  // namespace pulse::log

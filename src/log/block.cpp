#include "log/block.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>

#include <lz4.h>
#include <zstd.h>

#include "log/crc32c.hpp"
#include "log/event_codec.hpp"

namespace pulse::log {
namespace {

// "PBLK" read as little-endian.
constexpr std::uint32_t block_magic = 0x4B4C4250;
constexpr std::uint16_t many_tables = 0xFFFF;
constexpr int zstd_level = 1;

// Offsets in the header; the payload follows the table list, which follows the header.
namespace field {
constexpr std::size_t magic = 0, checksum = 4, previous = 8, codec = 12, table_count = 14,
                      stored = 16, raw = 24, first_sequence = 32, event_count = 40, timeline = 44,
                      covered = 48, newest_commit = 56, first_at = 64, last_at = 88, last_id = 112,
                      durable = 128, salt = 136, reserved = 152;
static_assert(salt + sizeof(segment_salt) == reserved);
static_assert(reserved + 16 == block_header_bytes);
}  // namespace field

std::size_t padded(std::size_t size) {
  return (size + block_alignment - 1) / block_alignment * block_alignment;
}

// Compressed events, or nothing when they do not shrink by an eighth: then they are stored as they
// are, since a smaller gain is not worth that every reader unpacks them.
struct compressed_events {
  std::unique_ptr<char[]> bytes;  // NOLINT(*-avoid-c-arrays): not filled with zeros first
  std::size_t size = 0;
};

compressed_events compress(std::string_view events, compression codec) {
  compressed_events packed;
  if (codec == compression::lz4 && events.size() <= LZ4_MAX_INPUT_SIZE) {
    const int room = LZ4_compressBound(static_cast<int>(events.size()));
    packed.bytes = std::make_unique_for_overwrite<char[]>(static_cast<std::size_t>(room));
    const int size = LZ4_compress_default(events.data(), packed.bytes.get(),
                                          static_cast<int>(events.size()), room);
    packed.size = static_cast<std::size_t>(std::max(size, 0));
  } else if (codec == compression::zstd) {
    const auto room = ZSTD_compressBound(events.size());
    packed.bytes = std::make_unique_for_overwrite<char[]>(room);
    const auto size =
        ZSTD_compress(packed.bytes.get(), room, events.data(), events.size(), zstd_level);
    packed.size = ZSTD_isError(size) != 0U ? 0 : size;
  }
  if (packed.size > events.size() - events.size() / 8) packed.size = 0;
  return packed;
}

// What one stored byte can become at most, so that no more room is made than the block can fill:
// 255 for LZ4 (its block format), and for Zstandard 128 KiB for a repeated byte in a block of four
// (RFC 8878, section 3.1.1.2).
std::uint64_t growth_max(compression codec) {
  switch (codec) {
    case compression::none:
      return 1;
    case compression::lz4:
      return 255;
    case compression::zstd:
      return 32768;
  }
  return 0;
}

bool decompress(const block_header& header, byte_view payload, std::string& events) {
  if (header.raw_bytes > payload.size() * growth_max(header.codec)) return false;
  const auto* from = reinterpret_cast<const char*>(payload.data());
  if (header.codec != compression::none) events.resize(header.raw_bytes);
  switch (header.codec) {
    case compression::none:
      events.assign(from, payload.size());
      return payload.size() == header.raw_bytes;
    case compression::lz4:
      return header.raw_bytes <= LZ4_MAX_INPUT_SIZE &&
             LZ4_decompress_safe(from, events.data(), static_cast<int>(payload.size()),
                                 static_cast<int>(events.size())) ==
                 static_cast<int>(events.size());
    case compression::zstd:
      return ZSTD_decompress(events.data(), events.size(), from, payload.size()) == events.size();
  }
  return false;
}

}  // namespace

void table_set::add(table_id table) {
  if (many_) return;
  const auto at = std::ranges::lower_bound(tables_, table);
  if (at != tables_.end() && *at == table) return;
  if (tables_.size() == exact_max) {
    many_ = true;
    tables_.clear();
    return;
  }
  tables_.insert(at, table);
}

void table_set::add(const table_set& others) {
  if (others.many_) {
    many_ = true;
    tables_.clear();
    return;
  }
  for (const auto table : others.tables_) add(table);
}

bool table_set::may_have(const wanted_tables& tables) const {
  return many_ || tables.contains_any(tables_);
}

packed_block pack_block(const block_facts& facts, std::string_view events, const block_place& place,
                        compression codec) {
  if (events.size() < compressed_from_bytes) codec = compression::none;
  const auto compressed = compress(events, codec);
  if (compressed.size == 0) codec = compression::none;
  const std::string_view payload = codec == compression::none
                                       ? events
                                       : std::string_view(compressed.bytes.get(), compressed.size);
  const auto& tables = facts.tables.exact();
  const auto head = block_header_bytes + tables.size() * 4;

  packed_block packed;
  packed.codec = codec;
  packed.bytes.reserve(padded(head + payload.size()));
  packed.bytes.resize(head);
  packed.bytes += payload;
  packed.bytes.resize(padded(head + payload.size()));
  auto* to = reinterpret_cast<std::byte*>(packed.bytes.data());
  store_little(to + field::magic, block_magic);
  store_little(to + field::previous, place.previous_checksum);
  to[field::codec] = static_cast<std::byte>(codec);
  store_little(to + field::table_count,
               facts.tables.many() ? many_tables : static_cast<std::uint16_t>(tables.size()));
  store_little(to + field::stored, std::uint64_t{payload.size()});
  store_little(to + field::raw, std::uint64_t{events.size()});
  store_little(to + field::first_sequence, facts.first_sequence);
  store_little(to + field::event_count, facts.event_count);
  store_little(to + field::timeline, facts.timeline);
  store_little(to + field::covered, facts.covered_through.value);
  store_little(to + field::newest_commit,
               static_cast<std::uint64_t>(facts.newest_commit.time_since_epoch().count()));
  encode_position(facts.first_at, to + field::first_at);
  encode_position(facts.last_at, to + field::last_at);
  std::memcpy(to + field::last_id, facts.last_id.bytes.data(), facts.last_id.bytes.size());
  store_little(to + field::durable, place.durable_through);
  std::memcpy(to + field::salt, place.salt.data(), place.salt.size());
  for (std::size_t i = 0; i < tables.size(); ++i)
    store_little(to + block_header_bytes + i * 4, tables[i]);
  packed.checksum = crc32c(std::as_bytes(std::span(packed.bytes)).subspan(field::previous));
  store_little(to + field::checksum, packed.checksum);
  return packed;
}

result<block_header> read_block_header(byte_view bytes) {
  if (bytes.size() < block_header_bytes ||
      load_little<std::uint32_t>(bytes.data()) != block_magic) {
    return error{errc::not_found, "no block starts here", {}};
  }
  const auto* from = bytes.data();
  block_header header;
  header.checksum = load_little<std::uint32_t>(from + field::checksum);
  header.place.previous_checksum = load_little<std::uint32_t>(from + field::previous);
  header.place.durable_through = load_little<std::uint64_t>(from + field::durable);
  std::memcpy(header.place.salt.data(), from + field::salt, header.place.salt.size());
  header.codec = static_cast<compression>(from[field::codec]);
  header.stored_bytes = load_little<std::uint64_t>(from + field::stored);
  header.raw_bytes = load_little<std::uint64_t>(from + field::raw);
  auto& facts = header.facts;
  facts.first_sequence = load_little<std::uint64_t>(from + field::first_sequence);
  facts.event_count = load_little<std::uint32_t>(from + field::event_count);
  facts.timeline = load_little<std::uint32_t>(from + field::timeline);
  facts.covered_through = lsn{load_little<std::uint64_t>(from + field::covered)};
  facts.newest_commit = unix_time_us(std::chrono::microseconds(
      static_cast<std::int64_t>(load_little<std::uint64_t>(from + field::newest_commit))));
  facts.first_at = decode_position(from + field::first_at);
  facts.last_at = decode_position(from + field::last_at);
  std::memcpy(facts.last_id.bytes.data(), from + field::last_id, facts.last_id.bytes.size());

  const auto table_count = load_little<std::uint16_t>(from + field::table_count);
  const std::size_t listed = table_count == many_tables ? 0 : table_count;
  constexpr std::uint64_t payload_max = event_bytes_max + (std::uint64_t{1} << 30U);
  if (listed > table_set::exact_max || header.stored_bytes > payload_max ||
      header.raw_bytes > payload_max || header.codec > compression::zstd ||
      bytes.size() < block_header_bytes + listed * 4) {
    return error{errc::corrupt, "invalid block header", {}};
  }
  if (table_count == many_tables) facts.tables = table_set::of_many();
  for (std::size_t i = 0; i < listed; ++i) {
    facts.tables.add(load_little<std::uint32_t>(from + block_header_bytes + i * 4));
  }
  header.total_bytes = padded(block_header_bytes + listed * 4 + header.stored_bytes);
  return header;
}

result<block_header> whole_block(byte_view bytes) {
  auto header = read_block_header(bytes);
  if (!header) return header;
  if (bytes.size() < header->total_bytes ||
      crc32c(bytes.subspan(field::previous, header->total_bytes - field::previous)) !=
          header->checksum) {
    return error{errc::corrupt, "wrong block checksum", {}};
  }
  return header;
}

position last_before(const block_facts& block) {
  return block.event_count == 0 ? block.last_at : just_before(block.first_at);
}

result<std::shared_ptr<const loaded_block>> unpack_block(const block_header& header,
                                                         byte_view bytes) {
  auto loaded = std::make_shared<loaded_block>();
  loaded->facts = header.facts;
  const auto head = block_header_bytes + header.facts.tables.exact().size() * 4;
  if (!decompress(header, bytes.subspan(head, header.stored_bytes), loaded->events)) {
    return error{errc::corrupt, "corrupt compressed block", {}};
  }
  return std::shared_ptr<const loaded_block>(std::move(loaded));
}

}  // namespace pulse::log

#include "log/segment.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <random>

#include <fmt/format.h>

#include "log/crc32c.hpp"
#include "log/event_codec.hpp"

namespace pulse::log {
namespace {

constexpr std::string_view header_magic = "PULSELOG";
constexpr std::string_view trailer_magic = "PULSEEND";
constexpr std::size_t state_bytes = 60;
constexpr std::size_t run_bytes = 56;
constexpr std::size_t trailer_bytes = 128;
static_assert(56 + state_bytes <= trailer_bytes);

void encode_state(const log_state& state, std::byte* to) {
  store_little(to, state.last_sequence);
  encode_position(state.last_at, to + 8);
  std::memcpy(to + 32, state.last_id.bytes.data(), state.last_id.bytes.size());
  store_little(to + 48, state.timeline);
  store_little(to + 52, state.covered_through.value);
}

log_state decode_state(const std::byte* from) {
  log_state state;
  state.last_sequence = load_little<std::uint64_t>(from);
  state.last_at = decode_position(from + 8);
  std::memcpy(state.last_id.bytes.data(), from + 32, state.last_id.bytes.size());
  state.timeline = load_little<std::uint32_t>(from + 48);
  state.covered_through = lsn{load_little<std::uint64_t>(from + 52)};
  return state;
}

std::byte* bytes_of(std::string& text) {
  return reinterpret_cast<std::byte*>(text.data());
}

}  // namespace

std::string segment_name(event_sequence first) {
  return fmt::format("{:020}.seg", first);
}

std::optional<event_sequence> parse_segment_name(std::string_view name) {
  if (name.size() != 24 || !name.ends_with(".seg")) return std::nullopt;
  const auto digits = name.substr(0, 20);
  event_sequence first = 0;
  const auto [end, failure] = std::from_chars(digits.begin(), digits.end(), first);
  if (failure != std::errc() || end != digits.end()) return std::nullopt;
  return first;
}

// Offsets: 0 magic (8), 8 version (u32), 12 checksum of all that follows (u32), 16 first sequence
// (u64), 24 state (60), 84 salt (16).
constexpr std::size_t salt_at = 84;

segment_salt make_salt() {
  std::random_device random;
  segment_salt salt;
  for (auto& byte : salt) byte = static_cast<std::byte>(random());
  return salt;
}

std::string format_segment_header(segment_header& header) {
  std::string page(segment_header_bytes, '\0');
  auto* to = bytes_of(page);
  std::memcpy(to, header_magic.data(), header_magic.size());
  store_little(to + 8, segment_format_version);
  store_little(to + 16, header.first_sequence);
  encode_state(header.before, to + 24);
  std::memcpy(to + salt_at, header.salt.data(), header.salt.size());
  header.checksum = crc32c(as_byte_view(page).subspan(16));
  store_little(to + 12, header.checksum);
  return page;
}

result<segment_header> read_segment_header(const storage_file& file) {
  std::string page(segment_header_bytes, '\0');
  const auto got = file.read_at(0, {bytes_of(page), page.size()});
  if (!got) return got.error();
  const auto* from = bytes_of(page);
  if (*got != page.size() || !std::string_view(page).starts_with(header_magic)) {
    return error{errc::corrupt, "the file is no segment", "restore it from a backup"};
  }
  if (const auto version = load_little<std::uint32_t>(from + 8);
      version != segment_format_version) {
    return error{errc::unsupported,
                 fmt::format("the segment has format version {}, and this program knows {}",
                             version, segment_format_version),
                 "use the program that wrote it, or a newer one"};
  }
  segment_header header;
  header.checksum = load_little<std::uint32_t>(from + 12);
  if (crc32c(as_byte_view(page).subspan(16)) != header.checksum) {
    return error{errc::corrupt, "the segment's header is damaged",
                 "restore the file from a backup"};
  }
  header.first_sequence = load_little<std::uint64_t>(from + 16);
  header.before = decode_state(from + 24);
  std::memcpy(header.salt.data(), from + salt_at, header.salt.size());
  return header;
}

// The run that goes on at this offset.
run_entry& run_index::run_at(std::uint64_t offset, event_sequence first) {
  if (runs_.empty() || runs_.back().bytes >= run_bytes_min) {
    run_entry run;
    run.offset = offset;
    run.first_sequence = first;
    runs_.push_back(std::move(run));
  }
  return runs_.back();
}

void run_index::add_damaged(std::uint64_t offset, std::uint64_t bytes, event_sequence first,
                            std::uint64_t event_count, const position& last_at) {
  auto& run = run_at(offset, first);
  run.bytes += bytes;
  run.event_count += event_count;
  run.last_at = last_at;
  run.tables = table_set::of_many();
}

void run_index::add(const block_header& block, std::uint64_t offset) {
  auto& run = run_at(offset, block.facts.first_sequence);
  run.bytes += block.total_bytes;
  run.event_count += block.facts.event_count;
  run.last_at = block.facts.last_at;
  run.tables.add(block.facts.tables);
}

const run_entry* run_index::at_sequence(event_sequence sequence) const {
  const auto at = std::ranges::upper_bound(runs_, sequence, {}, [](const run_entry& run) {
    return run.first_sequence + run.event_count - 1;
  });
  // upper_bound on the last sequence of each run, so that runs without events are passed.
  const auto from = at == runs_.begin() ? at : std::prev(at);
  for (auto run = from; run != runs_.end(); ++run) {
    if (run->event_count != 0 && run->first_sequence + run->event_count > sequence) return &*run;
  }
  return nullptr;
}

const run_entry* run_index::after_position(const position& after) const {
  const auto at = std::ranges::upper_bound(runs_, after, {}, &run_entry::last_at);
  return at == runs_.end() ? nullptr : &*at;
}

// Each entry: 0 offset (u64), 8 bytes (u64), 16 first sequence (u64), 24 events (u32), 28 tables
// listed (u16, 0xFFFF: many), 30 zero (2), 32 last position (24), then the table numbers (u32
// each).
std::string format_footer(const run_index& index, const segment_summary& summary,
                          std::uint64_t offset) {
  std::string footer;
  for (const auto& run : index.runs()) {
    const auto at = footer.size();
    const auto& tables = run.tables.exact();
    footer.resize(at + run_bytes + tables.size() * 4);
    auto* to = bytes_of(footer) + at;
    store_little(to, run.offset);
    store_little(to + 8, run.bytes);
    store_little(to + 16, run.first_sequence);
    store_little(to + 24, static_cast<std::uint32_t>(run.event_count));
    store_little(to + 28, run.tables.many() ? std::uint16_t{0xFFFF}
                                            : static_cast<std::uint16_t>(tables.size()));
    encode_position(run.last_at, to + 32);
    for (std::size_t i = 0; i < tables.size(); ++i) store_little(to + run_bytes + i * 4, tables[i]);
  }
  const auto index_bytes = footer.size();
  const auto index_checksum = crc32c(as_byte_view(footer));
  // Trailer: 0 magic (8), 8 checksum of what follows (u32), 12 index checksum (u32), 16 index
  // offset (u64), 24 index bytes (u64), 32 runs (u64), 40 events (u64), 48 newest commit (i64), 56
  // state (60), zeros.
  footer.resize(index_bytes + trailer_bytes);
  auto* to = bytes_of(footer) + index_bytes;
  std::memcpy(to, trailer_magic.data(), trailer_magic.size());
  store_little(to + 12, index_checksum);
  store_little(to + 16, offset);
  store_little(to + 24, std::uint64_t{index_bytes});
  store_little(to + 32, std::uint64_t{index.runs().size()});
  store_little(to + 40, summary.event_count);
  store_little(to + 48,
               static_cast<std::uint64_t>(summary.newest_commit.time_since_epoch().count()));
  encode_state(summary.end, to + 56);
  store_little(to + 8, crc32c(byte_view(to + 12, trailer_bytes - 12)));
  return footer;
}

result<sealed_facts> read_trailer(const storage_file& file) {
  error unsealed{errc::not_found, "the segment is not sealed", {}};
  const auto size = file.size();
  if (!size) return size.error();
  if (*size < segment_header_bytes + trailer_bytes) return unsealed;
  std::string trailer(trailer_bytes, '\0');
  const auto got = file.read_at(*size - trailer_bytes, {bytes_of(trailer), trailer.size()});
  if (!got) return got.error();
  const auto* from = bytes_of(trailer);
  if (*got != trailer_bytes || !std::string_view(trailer).starts_with(trailer_magic) ||
      crc32c(byte_view(from + 12, trailer_bytes - 12)) != load_little<std::uint32_t>(from + 8)) {
    return unsealed;
  }
  sealed_facts facts;
  facts.index_checksum = load_little<std::uint32_t>(from + 12);
  facts.index_offset = load_little<std::uint64_t>(from + 16);
  facts.index_bytes = load_little<std::uint64_t>(from + 24);
  facts.run_count = load_little<std::uint64_t>(from + 32);
  facts.summary.event_count = load_little<std::uint64_t>(from + 40);
  facts.summary.newest_commit = unix_time_us(
      std::chrono::microseconds(static_cast<std::int64_t>(load_little<std::uint64_t>(from + 48))));
  facts.summary.end = decode_state(from + 56);
  const auto before_trailer = *size - trailer_bytes;
  if (facts.index_offset > before_trailer ||
      facts.index_bytes != before_trailer - facts.index_offset)
    return unsealed;
  return facts;
}

result<run_index> parse_runs(byte_view bytes, std::uint64_t count) {
  error damaged{errc::corrupt, "a segment's index is damaged", {}};
  run_index index;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (bytes.size() < run_bytes) return damaged;
    run_entry run;
    run.offset = load_little<std::uint64_t>(bytes.data());
    run.bytes = load_little<std::uint64_t>(bytes.data() + 8);
    run.first_sequence = load_little<std::uint64_t>(bytes.data() + 16);
    run.event_count = load_little<std::uint32_t>(bytes.data() + 24);
    const auto listed = load_little<std::uint16_t>(bytes.data() + 28);
    run.last_at = decode_position(bytes.data() + 32);
    bytes = bytes.subspan(run_bytes);
    if (listed == 0xFFFF) {
      run.tables = table_set::of_many();
    } else {
      if (listed > table_set::exact_max || bytes.size() < std::size_t{listed} * 4) return damaged;
      for (std::size_t t = 0; t < listed; ++t)
        run.tables.add(load_little<std::uint32_t>(bytes.data() + t * 4));
      bytes = bytes.subspan(std::size_t{listed} * 4);
    }
    index.runs_.push_back(std::move(run));
  }
  return index;
}

result<run_index> read_index(const storage_file& file, const sealed_facts& facts) {
  std::string bytes(facts.index_bytes, '\0');
  const auto got = file.read_at(facts.index_offset, {bytes_of(bytes), bytes.size()});
  if (!got) return got.error();
  if (*got != bytes.size() || crc32c(as_byte_view(bytes)) != facts.index_checksum) {
    return error{errc::corrupt, "a segment's index is damaged", {}};
  }
  return parse_runs(as_byte_view(bytes), facts.run_count);
}

}  // namespace pulse::log

// Arbitrary bytes as a segment file. Its checksums are made to hold first, most of the time: what
// lies behind them is to be reached. Whatever the file holds is read or refused, and reading stays
// within it.
#include <cstdlib>
#include <cstring>
#include <string>

#include "log/block.hpp"
#include "log/crc32c.hpp"
#include "log/event_codec.hpp"
#include "log/segment.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/memory_file.hpp"

namespace {

using namespace pulse;

// docs/log_format.md: the fields of header page, block and trailer that are used here.
constexpr std::size_t header_checksum = 12, header_checked_from = 16, header_fields_end = 84;
constexpr std::size_t block_checksum = 4, block_checked_from = 8;
constexpr std::size_t trailer_bytes = 128, trailer_checksum = 8, trailer_checked_from = 12,
                      trailer_index_offset = 16, trailer_index_bytes = 24;

byte_view part(const std::string& file, std::size_t from, std::size_t bytes) {
  return as_byte_view(file).subspan(from, bytes);
}

std::byte* at(std::string& file, std::size_t offset) {
  return reinterpret_cast<std::byte*>(file.data()) + offset;
}

void repair_blocks(std::string& file) {
  auto previous = load_little<std::uint32_t>(at(file, header_checksum));
  for (std::size_t offset = log::segment_header_bytes; offset < file.size();) {
    const auto header = log::read_block_header(as_byte_view(file).subspan(offset));
    if (!header || header->total_bytes > file.size() - offset) return;
    store_little(at(file, offset + block_checked_from), previous);
    previous = log::crc32c(
        part(file, offset + block_checked_from, header->total_bytes - block_checked_from));
    store_little(at(file, offset + block_checksum), previous);
    offset += header->total_bytes;
  }
}

void repair_trailer(std::string& file) {
  if (file.size() < log::segment_header_bytes + trailer_bytes) return;
  const auto trailer = file.size() - trailer_bytes;
  const auto offset = load_little<std::uint64_t>(at(file, trailer + trailer_index_offset));
  const auto bytes = load_little<std::uint64_t>(at(file, trailer + trailer_index_bytes));
  if (offset < file.size() && bytes <= file.size() - offset)
    store_little(at(file, trailer + trailer_checked_from), log::crc32c(part(file, offset, bytes)));
  store_little(at(file, trailer + trailer_checksum),
               log::crc32c(part(file, trailer + trailer_checked_from,
                                trailer_bytes - trailer_checked_from)));
}

// The header page is mostly zeros: the input has only what is not.
std::string segment_of(fuzz::input& bytes, bool repaired) {
  std::string file("PULSELOG");
  append_little(file, log::segment_format_version);
  append_little(file, std::uint32_t{0});
  file += as_text(bytes.take(header_fields_end - header_checked_from));
  file.resize(log::segment_header_bytes);
  store_little(at(file, header_checksum),
               log::crc32c(as_byte_view(file).subspan(header_checked_from)));
  file += bytes.rest_as_text();
  if (repaired) {
    repair_trailer(file);
    repair_blocks(file);
  }
  return file;
}

void read_events(const log::loaded_block& block) {
  const auto all = as_byte_view(block.events);
  auto sequence = block.facts.first_sequence;
  std::size_t at = 0;
  while (at < all.size()) {
    const auto event = log::decode_event(all, at, sequence++);
    if (!event) return;
    // Behind a checksum that nobody has tampered with rows are what was parsed once.
    for (const auto& row : {event->before, event->after}) {
      if (const auto parsed = tuple_view::parse(row.bytes())) {
        for (const auto value : *parsed) static_cast<void>(value.text.size());
      }
    }
  }
}

void read_blocks(const std::string& file, const log::scan_outcome& found) {
  for (const auto& run : found.index.runs()) {
    if (run.offset + run.bytes > found.end) std::abort();
    for (auto offset = run.offset; offset < run.offset + run.bytes;) {
      const auto bytes = as_byte_view(file).subspan(offset);
      const auto header = log::whole_block(bytes);
      if (header) {
        if (const auto block = log::unpack_block(*header, bytes)) read_events(**block);
      }
      offset += header ? header->total_bytes : log::block_alignment;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input bytes(data, size);
  const bool repaired = (bytes.take_byte() & 3U) != 3;
  const fuzz::memory_file file(segment_of(bytes, repaired));
  const auto header = log::read_segment_header(file);
  if (!header) std::abort();
  if (const auto found = log::scan_segment(file, *header)) read_blocks(file.content(), *found);
  const auto seal = log::read_trailer(file);
  if (!seal) return 0;
  const auto index = log::read_index(file, *seal);
  if (!index) return 0;
  static_cast<void>(index->at_sequence(header->first_sequence));
  static_cast<void>(index->at_sequence(seal->summary.end.last_sequence));
  static_cast<void>(index->after_position(header->before.last_at));
  return 0;
}

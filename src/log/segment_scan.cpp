// Reading a segment block by block: what recovery does with the newest one, and with one whose
// index is damaged.
#include <algorithm>

#include <fmt/format.h>

#include "log/segment.hpp"

namespace pulse::log {
namespace {

constexpr std::size_t step_bytes = std::size_t{1} << 20U;

// The file's bytes from an offset on, as many as are asked for.
class window_reader {
 public:
  window_reader(const storage_file& file, std::uint64_t file_size)
      : file_(&file), file_size_(file_size) {}

  // At least `bytes` from `offset`, or fewer at the end of the file. Holds until the next call.
  result<byte_view> at(std::uint64_t offset, std::size_t bytes) {
    if (offset < start_ || offset + bytes > start_ + buffer_.size()) {
      start_ = offset;
      buffer_.resize(std::min<std::uint64_t>(std::max(bytes, step_bytes),
                                             file_size_ - std::min(offset, file_size_)));
      const auto got =
          file_->read_at(offset, {reinterpret_cast<std::byte*>(buffer_.data()), buffer_.size()});
      if (!got) return got.error();
      buffer_.resize(*got);
    }
    return as_byte_view(buffer_).subspan(offset - start_);
  }

 private:
  const storage_file* file_;
  std::uint64_t file_size_;
  std::uint64_t start_ = 0;
  std::string buffer_;
};

constexpr std::size_t header_window = block_header_bytes + table_set::exact_max * 4;

// The whole block at `offset`, when there is one that holds.
result<block_header> whole_block(window_reader& reader, std::uint64_t offset,
                                 std::uint64_t file_size) {
  const auto head = reader.at(offset, header_window);
  if (!head) return head.error();
  auto header = read_block_header(*head);
  if (!header) return header;
  if (header->total_bytes > file_size - offset)
    return error{errc::corrupt, "a block reaches past the file", {}};
  const auto all = reader.at(offset, header->total_bytes);
  if (!all) return all.error();
  if (!checksum_holds(*header, *all))
    return error{errc::corrupt, "a block's checksum does not hold", {}};
  return header;
}

bool is_io(const error& failure) {
  return failure.code != errc::corrupt && failure.code != errc::not_found;
}

struct remainder {
  std::uint64_t nonzero_end = 0;  // behind the last byte that is not zero
  bool confirmed_later = false;   // a later block says that more than `from` was durable
};

result<remainder> look_behind(window_reader& reader, std::uint64_t from, std::uint64_t file_size) {
  remainder found{from, false};
  for (std::uint64_t offset = from; offset < file_size; offset += step_bytes) {
    const auto bytes = reader.at(offset, std::min<std::uint64_t>(step_bytes, file_size - offset));
    if (!bytes) return bytes.error();
    const auto part = bytes->first(std::min<std::size_t>(bytes->size(), step_bytes));
    const auto last =
        std::find_if(part.rbegin(), part.rend(), [](std::byte b) { return b != std::byte{0}; });
    if (last != part.rend())
      found.nonzero_end = offset + static_cast<std::uint64_t>(part.rend() - last);
  }
  for (std::uint64_t offset = from + block_alignment; offset < found.nonzero_end;
       offset += block_alignment) {
    const auto head = reader.at(offset, header_window);
    if (!head) return head.error();
    if (!read_block_header(*head)) continue;
    const auto block = whole_block(reader, offset, file_size);
    if (!block && is_io(block.error())) return block.error();
    if (block && block->place.durable_through > from) found.confirmed_later = true;
  }
  return found;
}

}  // namespace

result<scan_outcome> scan_segment(const storage_file& file, const segment_header& header,
                                  const std::string& name) {
  const auto file_size = file.size();
  if (!file_size) return file_size.error();
  scan_outcome outcome;
  outcome.summary.end = header.before;
  outcome.last_checksum = header.checksum;
  window_reader reader(file, *file_size);
  while (outcome.end < *file_size) {
    const auto block = whole_block(reader, outcome.end, *file_size);
    if (!block && is_io(block.error())) return block.error();
    const auto expected = outcome.summary.end.last_sequence + 1;
    if (!block || block->place.previous_checksum != outcome.last_checksum ||
        block->facts.first_sequence != expected) {
      break;
    }
    const auto& facts = block->facts;
    outcome.index.add(*block, outcome.end);
    outcome.end += block->total_bytes;
    outcome.last_checksum = block->checksum;
    outcome.durable_through = block->place.durable_through;
    outcome.summary.event_count += facts.event_count;
    outcome.summary.newest_commit = std::max(outcome.summary.newest_commit, facts.newest_commit);
    auto& end = outcome.summary.end;
    end.last_sequence += facts.event_count;
    end.last_at = facts.last_at;
    end.last_id = facts.last_id;
    end.timeline = facts.timeline;
    end.covered_through = facts.covered_through;
  }
  const auto behind = look_behind(reader, outcome.end, *file_size);
  if (!behind) return behind.error();
  if (behind->confirmed_later) {
    return error{errc::corrupt,
                 fmt::format("segment {}: the block at byte {} is damaged, and later blocks show "
                             "that it was durable",
                             name, outcome.end),
                 "restore the file from a copy; what follows the damage cannot be delivered in "
                 "order without it"};
  }
  outcome.torn_bytes = behind->nonzero_end - outcome.end;
  return outcome;
}

}  // namespace pulse::log

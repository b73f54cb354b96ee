// Reading a segment block by block: what recovery does with the newest one, and with one whose
// index is damaged.
#include <algorithm>
#include <optional>
#include <utility>

#include "log/segment.hpp"

namespace pulse::log {
namespace {

constexpr std::size_t scan_step_bytes = std::size_t{1} << 20U;

// The file's bytes from an offset on, as many as are asked for.
class window_reader {
 public:
  window_reader(const storage_file& file, std::uint64_t file_size)
      : file_(&file), file_size_(file_size) {}

  // At least `bytes` from `offset`, or fewer at the end of the file. Holds until the next call.
  result<byte_view> at(std::uint64_t offset, std::size_t bytes) {
    if (offset < start_ || offset + bytes > start_ + buffer_.size()) {
      start_ = offset;
      buffer_.resize(std::min<std::uint64_t>(std::max(bytes, scan_step_bytes),
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

// The whole block at `offset`, when there is one that holds and is of this segment.
result<block_header> block_at(window_reader& reader, std::uint64_t offset, std::uint64_t file_size,
                              const segment_salt& salt) {
  const auto head = reader.at(offset, header_window);
  if (!head) return head.error();
  auto header = read_block_header(*head);
  if (!header) return header;
  if (header->place.salt != salt)
    return error{errc::corrupt, "a block belongs to another segment", {}};
  if (header->total_bytes > file_size - offset)
    return error{errc::corrupt, "a block extends past the end of the file", {}};
  const auto all = reader.at(offset, header->total_bytes);
  if (!all) return all.error();
  return whole_block(*all);
}

bool is_io(const error& failure) {
  return failure.code != errc::corrupt && failure.code != errc::not_found;
}

struct remainder {
  std::uint64_t nonzero_end = 0;  // behind the last byte that is not zero
  bool confirmed_later = false;   // a later block says that more than `from` was durable
  // The first whole block behind `from` that can follow, and where it is.
  std::optional<block_header> next;
  std::uint64_t next_at = 0;
};

result<remainder> look_behind(window_reader& reader, std::uint64_t from, std::uint64_t file_size,
                              event_sequence expected, const segment_salt& salt) {
  remainder found;
  found.nonzero_end = from;
  for (std::uint64_t offset = from; offset < file_size; offset += scan_step_bytes) {
    const auto bytes =
        reader.at(offset, std::min<std::uint64_t>(scan_step_bytes, file_size - offset));
    if (!bytes) return bytes.error();
    const auto part = bytes->first(std::min<std::size_t>(bytes->size(), scan_step_bytes));
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
    auto block = block_at(reader, offset, file_size, salt);
    if (!block && is_io(block.error())) return block.error();
    if (!block || block->facts.first_sequence < expected) continue;
    if (block->place.durable_through > from) found.confirmed_later = true;
    if (!found.next) {
      found.next_at = offset;
      found.next = std::move(*block);
    }
  }
  return found;
}

// One pass over a segment's blocks.
class segment_scan {
 public:
  segment_scan(const storage_file& file, std::uint64_t file_size, const segment_header& header)
      : reader_(file, file_size), file_size_(file_size), salt_(header.salt) {
    outcome_.summary.end = header.before;
    outcome_.last_checksum = header.checksum;
  }

  // Through the last whole block that lies before no damage or, when a later block shows that what
  // does not hold was durable, behind it. `sealed`: all was, up to this state.
  result<scan_outcome> run(const log_state* sealed) {
    for (;;) {
      if (auto taken = take_blocks(sealed); !taken) return taken.error();
      if (sealed != nullptr && last_sequence() >= sealed->last_sequence) break;
      const auto behind =
          look_behind(reader_, outcome_.end, file_size_, last_sequence() + 1, salt_);
      if (!behind) return behind.error();
      const bool damaged = sealed != nullptr || behind->confirmed_later;
      if (!behind->next || !damaged) {
        outcome_.torn_bytes = behind->nonzero_end - outcome_.end;
        break;
      }
      pass_to(*behind);
    }
    if (sealed != nullptr && last_sequence() < sealed->last_sequence) {
      outcome_.index.add_damaged(outcome_.end, file_size_ - outcome_.end, last_sequence() + 1,
                                 sealed->last_sequence - last_sequence(), sealed->last_at);
    }
    if (sealed != nullptr) outcome_.summary.end = *sealed;
    return std::move(outcome_);
  }

 private:
  event_sequence last_sequence() const { return outcome_.summary.end.last_sequence; }

  result<void> take_blocks(const log_state* sealed) {
    while (outcome_.end < file_size_) {
      const auto block = block_at(reader_, outcome_.end, file_size_, salt_);
      if (!block && is_io(block.error())) return block.error();
      if (!block || block->place.previous_checksum != outcome_.last_checksum ||
          block->facts.first_sequence != last_sequence() + 1) {
        break;
      }
      if (sealed != nullptr && last_sequence() + block->facts.event_count > sealed->last_sequence)
        break;
      take(*block);
    }
    return {};
  }

  void take(const block_header& block) {
    const auto& facts = block.facts;
    outcome_.index.add(block, outcome_.end);
    outcome_.end += block.total_bytes;
    outcome_.last_checksum = block.checksum;
    outcome_.durable_through = block.place.durable_through;
    outcome_.summary.event_count += facts.event_count;
    outcome_.summary.newest_commit = std::max(outcome_.summary.newest_commit, facts.newest_commit);
    auto& end = outcome_.summary.end;
    end.last_sequence += facts.event_count;
    end.last_at = facts.last_at;
    end.last_id = facts.last_id;
    end.timeline = facts.timeline;
    end.covered_through = facts.covered_through;
  }

  void pass_to(const remainder& behind) {
    const auto& next = *behind.next;
    outcome_.index.add_damaged(outcome_.end, behind.next_at - outcome_.end, last_sequence() + 1,
                               next.facts.first_sequence - 1 - last_sequence(),
                               last_before(next.facts));
    outcome_.end = behind.next_at;
    outcome_.last_checksum = next.place.previous_checksum;
    outcome_.summary.end.last_sequence = next.facts.first_sequence - 1;
  }

  window_reader reader_;
  std::uint64_t file_size_;
  segment_salt salt_;
  scan_outcome outcome_;
};

}  // namespace

result<scan_outcome> scan_segment(const storage_file& file, const segment_header& header) {
  const auto file_size = file.size();
  if (!file_size) return file_size.error();
  return segment_scan(file, *file_size, header).run(nullptr);
}

result<scan_outcome> scan_sealed_segment(const storage_file& file, const segment_header& header,
                                         const log_state& end) {
  const auto file_size = file.size();
  if (!file_size) return file_size.error();
  return segment_scan(file, *file_size, header).run(&end);
}

}  // namespace pulse::log

#include "log/segment_writer.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

#include "base/failpoint.hpp"
#include "base/logging.hpp"

namespace pulse::log {

segment_writer::segment_writer(storage& files, segment_store& store, block_queue& queue,
                               const segment_log_options& options, position_in_file at,
                               std::function<void()> on_progress)
    : files_(&files),
      store_(&store),
      queue_(&queue),
      options_(options),
      at_(std::move(at)),
      on_progress_(std::move(on_progress)) {}

void segment_writer::must(const result<void>& outcome) {
  if (outcome) return;
  log_error(
      "log",
      "the log cannot be written any more: the process ends, and recovers when it is started again",
      {{"reason", outcome.error().message()}});
  if (options_.on_fatal) options_.on_fatal(outcome.error());
  std::abort();
}

result<segment_writer::position_in_file> segment_writer::make_segment(storage& files,
                                                                      segment_store& store,
                                                                      const log_state& before,
                                                                      std::uint64_t bytes) {
  failpoint("log.roll");
  auto made = files.create(spare_name);
  if (!made) return made.error();
  std::shared_ptr<storage_file> file = std::move(made).value();
  if (auto room = file->preallocate(bytes); !room) {
    // What was taken of a full disk is given back.
    if (auto removed = files.remove(spare_name); !removed) return removed.error();
    return room.error();
  }
  segment_record segment;
  segment.header.first_sequence = before.last_sequence + 1;
  segment.header.before = before;
  segment.summary.end = before;
  segment.name = segment_name(segment.header.first_sequence);
  segment.file_bytes = bytes;
  const auto page = format_segment_header(segment.header);
  if (auto written = file->write_at(0, as_byte_view(page)); !written) return written.error();
  if (auto synced = file->sync(); !synced) return synced.error();
  failpoint("log.roll");
  if (auto renamed = files.rename(spare_name, segment.name); !renamed) return renamed.error();
  failpoint("log.roll");
  if (auto synced = files.sync_directory(); !synced) return synced.error();

  position_in_file at;
  at.file = file;
  at.file_bytes = bytes;
  at.last_checksum = segment.header.checksum;
  store.add_segment(std::move(segment), std::move(file));
  return at;
}

void segment_writer::run() {
  std::vector<block_draft> drafts;
  while (!abandoned_ && queue_->take(drafts)) {
    write(drafts);
    if (abandoned_) return;
    queue_->written();
    if (on_progress_) on_progress_();
  }
}

void segment_writer::write(std::vector<block_draft>& drafts) {
  for (auto& draft : drafts) {
    block_place place{at_.last_checksum, at_.offset};
    auto packed = pack_block(draft.facts, draft.events, place, options_.codec);
    const auto used = at_.offset + buffer_.size();
    const bool fresh = used == segment_header_bytes;
    const bool full = used + packed.bytes.size() > options_.segment_bytes;
    if (at_.sealed || (full && !fresh)) {
      write_out();
      roll(segment_header_bytes + packed.bytes.size());
      if (abandoned_) return;
      place = {at_.last_checksum, at_.offset};
      packed = pack_block(draft.facts, draft.events, place, options_.codec);
    } else if (full && at_.file_bytes < used + packed.bytes.size() &&
               !make_room(used + packed.bytes.size())) {
      return;
    }
    segment_store::durable_block block;
    block.header = *read_block_header(as_byte_view(packed.bytes));
    block.offset = at_.offset + buffer_.size();
    auto loaded = std::make_shared<loaded_block>();
    loaded->facts = draft.facts;
    loaded->events = std::move(draft.events);
    block.block = std::move(loaded);
    packed_.push_back(std::move(block));
    buffer_ += packed.bytes;
    at_.last_checksum = packed.checksum;
  }
  write_out();
}

// Writes and syncs what is packed, then lets readers see it.
void segment_writer::write_out() {
  if (packed_.empty()) return;
  const auto bytes = as_byte_view(buffer_);
  const auto half = bytes.size() / 2;
  must(at_.file->write_at(at_.offset, bytes.first(half)));
  failpoint("log.torn");
  must(at_.file->write_at(at_.offset + half, bytes.subspan(half)));
  failpoint("log.append");
  must(at_.file->sync());
  at_.offset += bytes.size();
  store_->publish(packed_);
  buffer_.clear();
  packed_.clear();
}

// Closes the newest segment and opens the next. The seal is durable before the next segment exists.
void segment_writer::roll(std::uint64_t bytes_needed) {
  if (!at_.sealed) {
    failpoint("log.roll");
    sealed_facts facts;
    auto [summary, index] = store_->newest();
    const auto footer = format_footer(index, summary, at_.offset);
    must(at_.file->write_at(at_.offset, as_byte_view(footer)));
    failpoint("log.roll");
    const auto end = at_.offset + footer.size();
    must(at_.file->truncate(end));
    must(at_.file->sync());
    const auto seal = read_trailer(*at_.file);
    if (!seal) must(seal.error());
    store_->seal_newest(summary, *seal, end);
    at_.sealed = true;
  }
  const auto bytes = std::max(options_.segment_bytes, bytes_needed);
  for (bool waited = false; !queue_->stopped(); waited = true) {
    auto made = make_segment(*files_, *store_, store_->end(), bytes);
    if (made) {
      if (waited) log_info("log", "there is room on the disk again: writing goes on");
      store_->set_out_of_space(false);
      at_ = std::move(made).value();
      return;
    }
    if (made.error().code != errc::no_space) must(made.error());
    if (!waited) {
      log_error("log", "the disk is full: nothing is confirmed to the database until there is room",
                {{"reason", made.error().message()}});
    }
    store_->set_out_of_space(true);
    if (on_progress_) on_progress_();
    std::this_thread::sleep_for(options_.retry_wait);
  }
  abandoned_ = true;
}

// For one block that is larger than a whole segment.
bool segment_writer::make_room(std::uint64_t bytes_needed) {
  while (!queue_->stopped()) {
    const auto room = at_.file->preallocate(bytes_needed);
    if (room) {
      store_->set_out_of_space(false);
      at_.file_bytes = bytes_needed;
      store_->set_file_bytes(bytes_needed);
      return true;
    }
    if (room.error().code != errc::no_space) must(room);
    store_->set_out_of_space(true);
    if (on_progress_) on_progress_();
    std::this_thread::sleep_for(options_.retry_wait);
  }
  abandoned_ = true;
  return false;
}

}  // namespace pulse::log

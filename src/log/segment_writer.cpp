#include "log/segment_writer.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/failpoint.hpp"
#include "base/logging.hpp"
#include "base/shown_numbers.hpp"

namespace pulse::log {
namespace {

// What does not shrink comes in runs (pictures, ciphertext), and finding it out costs as much as
// the rest of packing: after such a block some are not tried, more each time.
constexpr unsigned stored_as_they_are_max = 15;

}  // namespace

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
  log_error("log", "log not writable: the process ends, and recovers at the next start",
            {{"project", files_->project()}, {"reason", outcome.error().message()}});
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
  segment.header.salt = make_salt();
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
  at.salt = segment.header.salt;
  store.add_segment(std::move(segment), std::move(file));
  return at;
}

void segment_writer::run() {
  std::vector<block_draft> drafts;
  while (!abandoned_ && queue_->take(drafts)) make_durable(drafts);
}

bool segment_writer::step() {
  std::vector<block_draft> drafts;
  if (abandoned_ || !queue_->take_present(drafts)) return false;
  make_durable(drafts);
  return true;
}

void segment_writer::make_durable(std::vector<block_draft>& drafts) {
  write(drafts);
  if (abandoned_) return;
  queue_->written();
  if (on_progress_) on_progress_();
}

void segment_writer::write(std::vector<block_draft>& drafts) {
  for (auto& draft : drafts) {
    auto packed = pack(draft);
    // A block that is larger than a segment has one to itself, which grows.
    if (at_.sealed || (packed_end() + packed.bytes.size() > options_.segment_bytes &&
                       packed_end() != segment_header_bytes)) {
      write_out();
      if (!roll()) return;
      packed = pack(draft);
    }
    if (const auto end = packed_end() + packed.bytes.size(); end > at_.file_bytes) {
      write_out();
      if (!make_room(std::max(end, options_.segment_bytes))) return;
    }
    segment_store::durable_block block;
    block.header = *read_block_header(as_byte_view(packed.bytes));
    block.offset = packed_end();
    auto loaded = std::make_shared<loaded_block>();
    loaded->facts = std::move(draft.facts);
    loaded->events = std::move(draft.events);
    // Readers keep it in memory: a block of one event must not hold the room of a full one.
    if (loaded->events.size() < loaded->events.capacity() / 2) loaded->events.shrink_to_fit();
    block.block = std::move(loaded);
    packed_.push_back(std::move(block));
    buffer_ += packed.bytes;
    at_.last_checksum = packed.checksum;
  }
  write_out();
}

packed_block segment_writer::pack(const block_draft& draft) {
  const bool tries = stored_as_they_are_ == 0;
  auto packed = pack_block(draft.facts, draft.events, {at_.last_checksum, at_.offset, at_.salt},
                           tries ? options_.codec : compression::none);
  if (!tries) {
    --stored_as_they_are_;
  } else if (packed.codec != compression::none) {
    next_stored_as_they_are_ = 1;
  } else if (draft.events.size() >= compressed_from_bytes) {
    stored_as_they_are_ = next_stored_as_they_are_;
    next_stored_as_they_are_ = std::min(2 * next_stored_as_they_are_ + 1, stored_as_they_are_max);
  }
  return packed;
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
// A segment that has marks and no event is not sealed: the next one begins with the same sequence,
// so it has the same name and takes its place, in one step, with the newest mark in its header.
bool segment_writer::roll() {
  auto [summary, index] = store_->newest();
  if (!at_.sealed && summary.event_count != 0) {
    failpoint("log.roll");
    const auto footer = format_footer(index, summary, at_.offset);
    const auto end = at_.offset + footer.size();
    if (end > at_.file_bytes && !make_room(end)) return false;
    must(at_.file->write_at(at_.offset, as_byte_view(footer)));
    failpoint("log.roll");
    must(at_.file->truncate(end));
    must(at_.file->sync());
    const auto seal = read_trailer(*at_.file);
    if (!seal) must(seal.error());
    store_->seal_newest(summary, *seal, end);
    at_.sealed = true;
  }
  return when_there_is_room([&]() -> result<void> {
    if (auto fits = within_quota(options_.segment_bytes); !fits) return fits;
    auto made = make_segment(*files_, *store_, store_->end(), options_.segment_bytes);
    if (!made) return made.error();
    at_ = std::move(made).value();
    return {};
  });
}

result<void> segment_writer::within_quota(std::uint64_t more_bytes) const {
  const auto wanted = store_->bounds().stored_bytes + more_bytes;
  if (options_.storage_bytes_max == 0 || wanted <= options_.storage_bytes_max) return {};
  return error{errc::no_space,
               "the log would have " + shown_bytes(wanted) + " and may have " +
                   shown_bytes(options_.storage_bytes_max),
               "raise storage_max, or let retention drop more"};
}

bool segment_writer::make_room(std::uint64_t file_bytes) {
  return when_there_is_room([&]() -> result<void> {
    if (auto fits = within_quota(file_bytes - at_.file_bytes); !fits) return fits;
    if (auto room = at_.file->preallocate(file_bytes); !room) return room;
    at_.file_bytes = file_bytes;
    store_->set_file_bytes(file_bytes);
    return {};
  });
}

// True: the log is being closed.
bool segment_writer::wait_for_room() {
  if (options_.stepped) return options_.stepped->wait_for_room();
  return queue_->wait_stopped(options_.retry_wait);
}

bool segment_writer::when_there_is_room(const std::function<result<void>()>& attempt) {
  for (bool waited = false;; waited = true) {
    const auto outcome = attempt();
    if (outcome) {
      if (!waited) return true;
      log_info("log", "log has room again: writing continues", {{"project", files_->project()}});
      store_->set_out_of_space(false);
      if (on_progress_) on_progress_();
      return true;
    }
    if (outcome.error().code != errc::no_space) must(outcome);
    if (!waited) {
      log_error("log", "log has no room: nothing is confirmed to PostgreSQL until there is room",
                {{"project", files_->project()}, {"reason", outcome.error().message()}});
      store_->set_out_of_space(true);
      if (on_progress_) on_progress_();
    }
    if (wait_for_room()) break;
  }
  log_warning("log",
              "stopped while the disk is full: PostgreSQL sends unwritten changes again, because "
              "they were not confirmed",
              {{"project", files_->project()}, {"bytes", queue_->pending_bytes()}});
  abandoned_ = true;
  return false;
}

}  // namespace pulse::log

#include "log/segment_log.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "base/logging.hpp"
#include "base/shown_numbers.hpp"
#include "log/block_queue.hpp"
#include "log/event_codec.hpp"
#include "log/recovery.hpp"
#include "log/segment_reader.hpp"
#include "log/segment_store.hpp"
#include "log/segment_writer.hpp"

namespace pulse::log {

segment_log::segment_log(std::unique_ptr<storage> files, segment_log_options options)
    : files_(std::move(files)),
      options_(std::move(options)),
      store_(std::make_unique<segment_store>(*files_, options_.recent_bytes_max,
                                             options_.unpacked_bytes_max)) {}

result<std::unique_ptr<segment_log>> segment_log::open(std::unique_ptr<storage> files,
                                                       segment_log_options options) {
  std::unique_ptr<segment_log> opened(new segment_log(std::move(files), std::move(options)));
  auto at = recover(*opened->files_, *opened->store_, opened->options_);
  if (!at) return wrap("opening the log", at.error());
  const auto end = opened->store_->end();
  opened->last_at_ = end.last_at;
  opened->last_id_ = end.last_id;
  opened->queue_ = std::make_unique<block_queue>(opened->options_.block_bytes_target, end,
                                                 *opened->options_.clock);
  opened->writer_ = std::make_unique<segment_writer>(*opened->files_, *opened->store_,
                                                     *opened->queue_, opened->options_,
                                                     std::move(at).value(), [log = opened.get()] {
                                                       if (log->listener_) log->listener_();
                                                     });
  if (!opened->options_.stepped)
    opened->thread_ = std::thread([writer = opened->writer_.get()] { writer->run(); });
  return opened;
}

segment_log::~segment_log() {
  if (!thread_.joinable()) return;
  queue_->stop();
  thread_.join();
}

bool segment_log::step() {
  return writer_->step();
}

result<void> segment_log::append(const event_view& event) {
  if (event.at <= last_at_ || event.id <= last_id_) {
    return error{errc::invalid_argument,
                 fmt::format("an event at {} was appended after one at {}", to_string(event.at),
                             to_string(last_at_)),
                 "report this: it is a bug"};
  }
  if (encoded_bytes(event) > event_bytes_max) {
    return error{errc::unsupported,
                 fmt::format("the row change at {} has {}, more than an event may have ({})",
                             to_string(event.at), shown_bytes(encoded_bytes(event)),
                             shown_bytes(event_bytes_max)),
                 "keep values of this size out of published tables"};
  }
  queue_->add(event);
  last_at_ = event.at;
  last_id_ = event.id;
  return {};
}

result<void> segment_log::cover(std::uint32_t timeline, lsn through) {
  queue_->cover(timeline, through);
  return {};
}

log_bounds segment_log::bounds() const {
  auto found = store_->bounds();
  found.pending_bytes = queue_->pending_bytes();
  return found;
}

std::unique_ptr<log_reader> segment_log::read(const position& after,
                                              const wanted_tables& tables) const {
  return std::make_unique<segment_reader>(*store_, after, tables);
}

void segment_log::pass_damage(const position& after, const position& through) {
  store_->pass_damage(after, through);
}

void segment_log::on_progress(std::function<void()> listener) {
  listener_ = std::move(listener);
}

namespace {

// Whether the policy wants the oldest segment gone, with so many bytes stored in all.
auto dropped_by(const retention_policy& policy, unix_time_us now) {
  return [policy, now](const segment_record& oldest, std::uint64_t stored_bytes) {
    if (policy.through_max && oldest.summary.end.last_at > *policy.through_max) return false;
    const bool old = policy.age_max && oldest.summary.newest_commit + *policy.age_max < now;
    const bool much = policy.bytes_max && stored_bytes > *policy.bytes_max;
    return old || much;
  };
}

}  // namespace

void segment_log::must_be_gone(const segment_record& segment, const result<void>& outcome) const {
  if (outcome) return;
  log_error("log", "segment not removed: the process ends, and recovers at the next start",
            {{"project", files_->project()},
             {"segment", segment.name},
             {"reason", outcome.error().message()}});
  if (options_.on_fatal) options_.on_fatal(outcome.error());
  std::abort();
}

position segment_log::trimmable(const retention_policy& policy, unix_time_us now) const {
  return store_->droppable(dropped_by(policy, now));
}

result<retention_outcome> segment_log::trim(const retention_policy& policy, unix_time_us now) {
  retention_outcome outcome;
  while (const auto dropped = store_->take_oldest(dropped_by(policy, now))) {
    outcome.dropped_events += dropped->summary.event_count;
    outcome.dropped_bytes += dropped->file_bytes;
    // One by one: a power cut must not bring an older segment back and take a newer one away. So
    // the next one is not touched when one stays, and the next start finds them all.
    must_be_gone(*dropped, files_->remove(dropped->name));
    must_be_gone(*dropped, files_->sync_directory());
    log_info("log", "segment dropped by retention",
             {{"project", files_->project()},
              {"segment", dropped->name},
              {"events", dropped->summary.event_count},
              {"bytes", dropped->file_bytes}});
  }
  return outcome;
}

}  // namespace pulse::log

#include "tests/simulation/plants.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "log/segment.hpp"

namespace pulse::simulation {

std::string_view to_string(plant bug) noexcept {
  switch (bug) {
    case plant::none:
      return "none";
    case plant::confirm_before_sync:
      return "confirm_before_sync";
    case plant::deliver_before_sync:
      return "deliver_before_sync";
    case plant::cursor_past_unacknowledged:
      return "cursor_past_unacknowledged";
    case plant::recognise_by_index:
      return "recognise_by_index";
    case plant::lsn_without_timeline:
      return "lsn_without_timeline";
    case plant::start_above_covered:
      return "start_above_covered";
    case plant::keep_aborted_parts:
      return "keep_aborted_parts";
    case plant::skip_block_at_segment_end:
      return "skip_block_at_segment_end";
    case plant::trust_page_cache:
      return "trust_page_cache";
    case plant::keepalive_past_unsynced:
      return "keepalive_past_unsynced";
    case plant::cover_before_events:
      return "cover_before_events";
    case plant::forget_gap:
      return "forget_gap";
    case plant::tail_from_first_stream:
      return "tail_from_first_stream";
    case plant::forget_timelines:
      return "forget_timelines";
    case plant::never_raise_base:
      return "never_raise_base";
    case plant::mark_before_origin:
      return "mark_before_origin";
    case plant::deliver_before_visible:
      return "deliver_before_visible";
  }
  return "";
}

namespace {

class lying_file final : public log::storage_file {
 public:
  lying_file(std::unique_ptr<log::storage_file> real, std::shared_ptr<const bool> lies)
      : real_(std::move(real)), lies_(std::move(lies)) {}
  result<void> write_at(std::uint64_t offset, byte_view bytes) override {
    return real_->write_at(offset, bytes);
  }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> to) const override {
    return real_->read_at(offset, to);
  }
  result<void> sync() override { return *lies_ ? result<void>() : real_->sync(); }
  result<void> preallocate(std::uint64_t size) override { return real_->preallocate(size); }
  result<void> truncate(std::uint64_t size) override { return real_->truncate(size); }
  result<std::uint64_t> size() const override { return real_->size(); }

 private:
  std::unique_ptr<log::storage_file> real_;
  std::shared_ptr<const bool> lies_;
};

class lying_directory final : public log::storage {
 public:
  lying_directory(std::unique_ptr<log::storage> real, std::shared_ptr<const bool> lies)
      : real_(std::move(real)), lies_(std::move(lies)) {}
  result<std::vector<std::string>> list() const override { return real_->list(); }
  result<std::unique_ptr<log::storage_file>> create(const std::string& name) override {
    return lying(real_->create(name));
  }
  result<std::unique_ptr<log::storage_file>> open(const std::string& name) override {
    return lying(real_->open(name));
  }
  result<void> rename(const std::string& from, const std::string& to) override {
    return real_->rename(from, to);
  }
  result<void> remove(const std::string& name) override { return real_->remove(name); }
  result<void> sync_directory() override {
    return *lies_ ? result<void>() : real_->sync_directory();
  }

 private:
  result<std::unique_ptr<log::storage_file>> lying(
      result<std::unique_ptr<log::storage_file>> file) const {
    if (!file) return file;
    return std::unique_ptr<log::storage_file>(
        std::make_unique<lying_file>(std::move(file).value(), lies_));
  }

  std::unique_ptr<log::storage> real_;
  std::shared_ptr<const bool> lies_;
};

// Passes over the last event of each segment but the newest.
class skipping_reader final : public log::log_reader {
 public:
  skipping_reader(std::unique_ptr<log::log_reader> real, const log::testing::fault_disk& disk)
      : real_(std::move(real)), disk_(&disk) {}

  result<const event_view*> next() override {
    for (;;) {
      auto event = real_->next();
      if (!event || *event == nullptr) return event;
      const auto behind = log::segment_name((*event)->sequence + 1);
      if (!disk_->holds(behind)) return event;
    }
  }
  position scanned_through() const override { return real_->scanned_through(); }
  event_sequence scanned_sequence() const override { return real_->scanned_sequence(); }
  void allow(std::uint64_t bytes) override { real_->allow(bytes); }
  std::uint64_t allowed() const override { return real_->allowed(); }
  bool paused() const override { return real_->paused(); }

 private:
  std::unique_ptr<log::log_reader> real_;
  const log::testing::fault_disk* disk_;
};

}  // namespace

void forget_base(source::start_plan& plan, const timelines& history) {
  plan.whose.timeline_base = 0;
  plan.whose.history = history;
  if (const auto* start = std::get_if<source::start_at>(&plan.next))
    source::begin_at(plan, start->from);
}

std::unique_ptr<log::storage> lying_storage(std::unique_ptr<log::storage> real,
                                            std::shared_ptr<const bool> lies) {
  return std::make_unique<lying_directory>(std::move(real), std::move(lies));
}

result<void> sync_everything(log::storage& files) {
  const auto names = files.list();
  if (!names) return names.error();
  for (const auto& name : *names) {
    const auto file = files.open(name);
    if (!file) return file.error();
    if (auto synced = (*file)->sync(); !synced) return synced;
  }
  return files.sync_directory();
}

result<void> index_positions::on_begin(const transaction_begin& begin) {
  commit_ = begin.commit;
  next_ = 0;
  return to_->on_begin(begin);
}

result<void> index_positions::on_relation(const relation_definition& definition) {
  return to_->on_relation(definition);
}

result<void> index_positions::on_change(const row_change& change) {
  auto numbered = change;
  // Before every true position of the transaction, so that cursors look right.
  numbered.at = lsn{};
  numbered.ordinal = next_++;
  return to_->on_change(numbered);
}

result<void> index_positions::on_commit(const transaction_commit& commit) {
  return to_->on_commit(commit);
}

result<void> planted_log::append(const event_view& event) {
  if (bug_ == plant::cover_before_events) {
    // Where the fake database's commit records end.
    constexpr std::uint64_t commit_record_bytes = 48;
    const lsn end{event.at.commit.value + commit_record_bytes};
    if (auto covered = real().cover(event.at.timeline, end); !covered) return covered;
  }
  return real().append(event);
}

result<void> planted_log::cover(std::uint32_t timeline, lsn through) {
  covered_ = through;
  return real().cover(timeline, through);
}

log::log_bounds planted_log::bounds() const {
  auto found = real().bounds();
  if (bug_ == plant::confirm_before_sync && covered_ > found.covered_through)
    found.covered_through = covered_;
  if (bug_ == plant::keepalive_past_unsynced)
    found.covered_through = std::max(found.covered_through, kept_alive_);
  return found;
}

std::unique_ptr<log::log_reader> planted_log::read(const position& after,
                                                   const log::wanted_tables& tables) const {
  auto begin = after;
  if (bug_ == plant::tail_from_first_stream) {
    // Only what all streams have in common reads all tables.
    if (!tables.wants_all()) begun_ = after;
    if (tables.wants_all()) begin = std::max(begin, begun_);
  }
  auto reader = real().read(begin, tables);
  if (bug_ != plant::skip_block_at_segment_end) return reader;
  return std::make_unique<skipping_reader>(std::move(reader), *disk_);
}

}  // namespace pulse::simulation

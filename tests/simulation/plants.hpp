// Bugs that the simulation must find, planted around the shipped code: docs/decisions/0008.
#pragma once

#include <memory>
#include <string_view>

#include "change/fragment.hpp"
#include "change/timelines.hpp"
#include "log/event_log.hpp"
#include "source/start_rules.hpp"
#include "tests/support/fault_storage.hpp"
#include "tests/support/forwarding_log.hpp"

namespace pulse::simulation {

enum class plant {
  none,
  confirm_before_sync,
  deliver_before_sync,
  cursor_past_unacknowledged,
  recognise_by_index,
  lsn_without_timeline,
  start_above_covered,
  keep_aborted_parts,
  skip_block_at_segment_end,
  trust_page_cache,
  keepalive_past_unsynced,
  // Of our own.
  cover_before_events,
  forget_gap,
  tail_from_first_stream,
  forget_timelines,
  never_raise_base,
  mark_before_origin,
  deliver_before_visible,
};
std::string_view to_string(plant bug) noexcept;

// Numbers the server's history as it does itself, whatever is stored.
void forget_base(source::start_plan& plan, const timelines& history);

// Storage whose files are not synced while `lies` says so.
std::unique_ptr<log::storage> lying_storage(std::unique_ptr<log::storage> real,
                                            std::shared_ptr<const bool> lies);

// What lying storage owes.
result<void> sync_everything(log::storage& files);

// Numbers a transaction's changes in the order in which they come, in place of their WAL records.
class index_positions final : public fragment_sink {
 public:
  explicit index_positions(fragment_sink& to) : to_(&to) {}
  result<void> on_begin(const transaction_begin& begin) override;
  result<void> on_relation(const relation_definition& definition) override;
  result<void> on_change(const row_change& change) override;
  result<void> on_commit(const transaction_commit& commit) override;

 private:
  fragment_sink* to_;
  lsn commit_;
  std::uint32_t next_ = 0;
};

// Lets subtransactions that were rolled back live.
class deaf_to_partial_aborts final : public streamed_sink {
 public:
  explicit deaf_to_partial_aborts(streamed_sink& to) : to_(&to) {}
  result<void> on_block_start(std::uint32_t xid, bool first) override {
    return to_->on_block_start(xid, first);
  }
  result<void> on_streamed(const streamed_message& message) override {
    return to_->on_streamed(message);
  }
  result<void> on_block_end() override { return to_->on_block_end(); }
  result<void> on_stream_commit(const transaction_begin& begin,
                                const transaction_commit& commit) override {
    return to_->on_stream_commit(begin, commit);
  }
  result<void> on_stream_abort(std::uint32_t xid, std::uint32_t subxid) override {
    return xid == subxid ? to_->on_stream_abort(xid, subxid) : result<void>();
  }

 private:
  streamed_sink* to_;
};

// A log with one of the bugs that a log could have.
class planted_log final : public pulse::testing::forwarding_log {
 public:
  planted_log(log::event_log& real, plant bug, const log::testing::fault_disk& disk)
      : forwarding_log(real), bug_(bug), disk_(&disk) {}

  // The server says that it has sent everything up to here.
  void heard_keepalive(lsn sent) { kept_alive_ = sent; }

  result<void> append(const event_view& event) override;
  result<void> cover(std::uint32_t timeline, lsn through) override;
  log::log_bounds bounds() const override;
  std::unique_ptr<log::log_reader> read(const position& after,
                                        const log::wanted_tables& tables) const override;

 private:
  plant bug_;
  const log::testing::fault_disk* disk_;
  lsn covered_;
  lsn kept_alive_;
  mutable position begun_;  // where the last stream has begun to read
};

}  // namespace pulse::simulation

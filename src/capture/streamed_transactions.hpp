// Between the decoder and the ingestor: transactions in progress wait in the spill area.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/metrics.hpp"
#include "change/fragment.hpp"
#include "log/spill_area.hpp"
#include "pgoutput/decoder.hpp"

namespace pulse::capture {

// When a streamed transaction commits, its messages go through the decoder again, a portion at a
// time, between the begin and the commit that PostgreSQL would have sent. Positions, ids and events
// are therefore those of the same transaction without streaming. Decode no other message until that
// is over. One owner: the capture thread.
class streamed_transactions final : public streamed_sink {
 public:
  // The project's name is for metrics.
  streamed_transactions(log::spill_area& area, metrics& figures, const std::string& project);

  // Sets where committed transactions go. Call it first.
  void replay_to(pgoutput::decoder& decoder) { decoder_ = &decoder; }
  // Starts a new connection: PostgreSQL will send all waiting transactions again.
  result<void> reset();

  result<void> on_block_start(std::uint32_t xid, bool first) override;
  result<void> on_streamed(const streamed_message& message) override;
  result<void> on_block_end() override;
  result<void> on_stream_commit(const transaction_begin& begin,
                                const transaction_commit& commit) override;
  result<void> on_stream_abort(std::uint32_t xid, std::uint32_t subxid) override;

  // Returns whether a committed transaction is not wholly through yet: call replay().
  bool replaying() const { return replay_ != nullptr; }
  // Returns whether a transaction is in progress.
  bool waiting() const { return area_->transactions() != 0; }
  // Continues until about `bytes` have gone through, the transaction is complete, or `pause`
  // returns true after a message.
  result<void> replay(std::size_t bytes, const std::function<bool()>& pause);

  // Returns whether the spill area's disk is full: decode nothing until retry() has cleared that.
  bool out_of_space() const { return area_->out_of_space(); }
  result<void> retry() { return area_->flush(); }

  void publish_figures();

 private:
  struct committed {
    transaction_begin begin;
    transaction_commit commit;
    std::unique_ptr<log::spill_area::reader> messages;
  };

  log::spill_area* area_;
  prometheus::Counter& committed_total_;
  prometheus::Counter& aborted_total_;
  prometheus::Counter& subtransactions_aborted_total_;
  prometheus::Counter& spilled_bytes_total_;
  prometheus::Gauge& waiting_bytes_;  // now in the spill area
  pgoutput::decoder* decoder_ = nullptr;
  std::unique_ptr<committed> replay_;
  std::uint64_t spilled_bytes_ = 0;
};

}  // namespace pulse::capture

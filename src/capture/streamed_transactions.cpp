#include "capture/streamed_transactions.hpp"

#include <string>

namespace pulse::capture {

streamed_transactions::streamed_transactions(log::spill_area& area, metrics& figures,
                                             const std::string& project)
    : area_(&area),
      committed_total_(figures.counter(metric::streamed_transactions_committed, project)),
      aborted_total_(figures.counter(metric::streamed_transactions_aborted, project)),
      subtransactions_aborted_total_(
          figures.counter(metric::streamed_subtransactions_aborted, project)),
      spilled_bytes_total_(figures.counter(metric::spill_written_bytes, project)),
      waiting_bytes_(figures.gauge(metric::spill_stored_bytes, project)) {}

result<void> streamed_transactions::reset() {
  replay_.reset();
  return area_->clear();
}

result<void> streamed_transactions::on_block_start(std::uint32_t xid, bool first) {
  // Blocks after the first of a transaction that is not known would lose its beginning.
  if (!first && !area_->holds(xid)) {
    return error{errc::protocol,
                 "PostgreSQL continues transaction " + std::to_string(xid) +
                     ", whose start it did not send on this connection",
                 "report this with PostgreSQL's version"};
  }
  area_->begin(xid);
  return {};
}

result<void> streamed_transactions::on_streamed(const streamed_message& message) {
  spilled_bytes_ += message.body.size();
  return area_->append(message);
}

result<void> streamed_transactions::on_block_end() {
  return area_->flush();
}

result<void> streamed_transactions::on_stream_abort(std::uint32_t xid, std::uint32_t subxid) {
  if (xid != subxid) {
    subtransactions_aborted_total_.Increment();
    area_->abort_part(xid, subxid);
    return {};
  }
  aborted_total_.Increment();
  return area_->remove(xid);
}

result<void> streamed_transactions::on_stream_commit(const transaction_begin& begin,
                                                     const transaction_commit& commit) {
  auto messages = area_->read(begin.xid);
  if (!messages) return messages.error();
  replay_ = std::make_unique<committed>();
  replay_->begin = begin;
  replay_->commit = commit;
  replay_->messages = std::move(messages).value();
  committed_total_.Increment();
  return decoder_->replay_begin(begin);
}

result<void> streamed_transactions::replay(std::size_t bytes, const std::function<bool()>& pause) {
  for (std::size_t done = 0; replay_ && done < bytes && !pause();) {
    const auto message = replay_->messages->next();
    if (!message) return message.error();
    if (*message == nullptr) {
      const auto over = std::move(replay_);
      if (auto closed = decoder_->replay_commit(over->commit); !closed) return closed;
      return area_->remove(over->begin.xid);
    }
    done += (*message)->body.size();
    const auto& one = **message;
    if (auto decoded = decoder_->replay(one.at, one.type, one.body); !decoded) return decoded;
  }
  return {};
}

void streamed_transactions::publish_figures() {
  if (spilled_bytes_ != 0) spilled_bytes_total_.Increment(static_cast<double>(spilled_bytes_));
  spilled_bytes_ = 0;
  waiting_bytes_.Set(static_cast<double>(area_->stored_bytes()));
}

}  // namespace pulse::capture

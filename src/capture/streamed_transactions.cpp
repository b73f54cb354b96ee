#include "capture/streamed_transactions.hpp"

#include <string>

namespace pulse::capture {

streamed_transactions::streamed_transactions(log::spill_area& area, figures counters)
    : area_(&area), counters_(counters) {}

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
    counters_.subtransactions_aborted.Increment();
    area_->abort_part(xid, subxid);
    return {};
  }
  counters_.aborted.Increment();
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
  counters_.committed.Increment();
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
  if (spilled_bytes_ != 0) counters_.spilled_bytes.Increment(static_cast<double>(spilled_bytes_));
  spilled_bytes_ = 0;
  counters_.waiting_bytes.Set(static_cast<double>(area_->stored_bytes()));
}

}  // namespace pulse::capture

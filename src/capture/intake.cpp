#include "capture/intake.hpp"

#include <utility>
#include <variant>

#include "pgoutput/copy_data.hpp"

namespace pulse::capture {

void intake::start(timelines history, lsn from) {
  history_ = std::move(history);
  rules_ = source::confirm_rules(from);
}

// Within a transaction an end says nothing: its commit is still to come.
void intake::note_received(lsn end) {
  if (!ingest_->in_transaction()) rules_.received_through(end);
}

result<void> intake::take(byte_view copy_data) {
  const auto parsed = pgoutput::parse_copy_data(copy_data);
  if (!parsed) return parsed.error();
  if (const auto* data = std::get_if<pgoutput::xlog_data>(&*parsed)) {
    auto decoded = decoder_->decode(data->wal_start, data->message);
    if (decoded) note_received(ingest_->received_through());
    return decoded;
  }
  const auto& alive = std::get<pgoutput::keepalive>(*parsed);
  note_received(alive.wal_end);
  if (alive.reply_requested) rules_.reply_requested();
  return {};
}

bool intake::held_up() const {
  return ingest_->waits() || streamed_->replaying() || streamed_->out_of_space();
}

result<void> intake::replay(std::size_t bytes) {
  auto gone_on = streamed_->replay(bytes, [this] { return ingest_->waits(); });
  if (gone_on) note_received(ingest_->received_through());
  return gone_on;
}

bool intake::feedback_due(time_point now) const {
  return rules_.due(log_->bounds().covered_through, now);
}

intake::feedback intake::take_feedback(time_point now) {
  return rules_.take(log_->bounds().covered_through, now);
}

result<void> intake::mark_idle(time_point now) {
  const auto bounds = log_->bounds();
  if (ingest_->in_transaction() || bounds.pending_bytes != 0) return {};
  const auto mark = rules_.idle_mark(bounds.covered_through, now);
  if (!mark) return {};
  return log_->cover(history_.at(mark), mark);
}

}  // namespace pulse::capture

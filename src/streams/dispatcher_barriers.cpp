// What stands in a stream's way: gaps, damage, retention.
#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "base/logging.hpp"
#include "streams/dispatcher.hpp"

namespace pulse::streams {

// What the consumer has in hand is waited for: on another connection it would be sent again.
void dispatcher::bar(stream_state& stream, const control::stored_gap& gap) {
  stream.pass(gap.what.after);
  stream.forget_reader();
  stream.how = delivery::barred;
  if (stream.name != nullptr) book_->note(*stream.name);
  end_when_done(stream);
}

bool dispatcher::bar_before(stream_state& stream, const position& next) {
  if (!stream.tracked()) return false;
  const auto* gap = gaps_->bar_between(stream.after, next, stream.table);
  if (gap == nullptr) return false;
  bar(stream, *gap);
  return true;
}

void dispatcher::end_when_done(const stream_state& barred) {
  if (!barred.window.empty()) return barred.to->waits_for_acknowledgement();
  // Not within the call that brought the last acknowledgement: its session is at work.
  boost::asio::post(with_->executor, [weak = weak_from_this(), id = barred.id] {
    if (const auto self = weak.lock()) self->end_barred(id);
  });
}

void dispatcher::end_barred(filters::stream_id id) {
  const auto* stream = streams_->find(id);
  if (stream == nullptr || stream->how != delivery::barred) return;
  const auto* gap = gaps_->bar_behind(stream->after, stream->table);
  // An unnamed stream comes back at once, and wants to know where to start.
  if (gap == nullptr || (stream->name == nullptr && !gap->what.through)) return;
  log_warning("streams", "stream ended: it has reached a gap",
              {{"project", with_->project},
               {"table", to_string(stream->table_of)},
               {"stream", stream->wanted.name},
               {"gap", gap->id}});
  end_(id, end_reason::gap, fmt::format("gap {}: {}", gap->id, bounds_of(gap->what)));
}

// What is damaged becomes a gap first; then the reader passes it, and the gap says who goes on.
void dispatcher::hold(stream_state& stream, const error& why) {
  if (why.code == errc::gap && stream.name == nullptr) return overtaken(stream, why);
  const auto lost = stream.reader->damage();
  if (!lost || !with_->on_damage) return end_unread(stream, why);
  stream.forget_reader();
  stream.how = delivery::held;
  // One after the other: who waits for another stretch comes back here.
  if (std::exchange(recording_damage_, true)) return;
  with_->on_damage(*lost, [weak = weak_from_this(), lost = *lost](const result<void>& recorded) {
    if (const auto self = weak.lock()) self->go_on_behind_damage(lost, recorded);
  });
}

// Retention was faster than a stream without a name, or the memory of a project without event
// persistence was full: subscribe() waits for nobody and goes on.
void dispatcher::overtaken(stream_state& stream, const error& why) {
  if (stream.tracked()) {
    unnamed_overtaken_total_.Increment();
    log_warning("streams", "unnamed stream ended: retention dropped events that it waited for",
                {{"project", with_->project},
                 {"table", to_string(stream.table_of)},
                 {"cursor", to_string(stream.cursor())},
                 {"reason", why.what}});
    return end_unread(stream, why);
  }
  const auto bounds = with_->log->bounds();
  // What they were is not known any more: all that it has not seen counts.
  const auto gone = std::max(stream.through, bounds.first - 1);
  if (stream.after < bounds.dropped_through) dropped_.add(stream, gone - stream.through);
  stream.through = gone;
  stream.pass(bounds.dropped_through);
  stream.forget_reader();
  read_by_itself(stream);
}

// The disk may read them the next time: until then nothing says that they are lost.
void dispatcher::end_unread(const stream_state& stream, const error& why) {
  // Retention was faster than the stream, which is said when the stream comes back.
  if (why.code == errc::gap) return end_(stream.id, end_reason::failure, why.message());
  failures_->note("stream ended by a read failure: it continues when the client reconnects", why,
                  &stream);
  end_(stream.id, end_reason::failure, "stored events could not be read: connect again");
}

void dispatcher::go_on_behind_damage(const log::damaged_stretch& lost,
                                     const result<void>& recorded) {
  recording_damage_ = false;
  if (recorded) with_->log->pass_damage(lost.after, lost.through);
  const auto held =
      streams_->where([](const auto& stream) { return stream.how == delivery::held; });
  for (const auto id : held) {
    if (recorded) {
      read_by_itself(streams_->at(id));
    } else {
      end_(id, end_reason::failure, recorded.error().message());
    }
  }
}

}  // namespace pulse::streams

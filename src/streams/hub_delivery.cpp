// The way of an event from the log to the streams: the shared tail for those that keep up, slices
// for the others.
#include <algorithm>

#include <boost/asio/post.hpp>

#include "base/failpoint.hpp"
#include "base/logging.hpp"
#include "streams/hub_impl.hpp"

namespace pulse::streams {

bool hub::impl::wanted(stream_state& stream, const event_view& event) {
  ++figures_.evaluations;
  const auto verdict = stream.filters.of(event.relation).judge(event);
  if (verdict == filter_verdict::undecided) {
    ++stream.undecided;
    ++figures_.undecided;
  }
  return verdict != filter_verdict::no;
}

hub::impl::offered hub::impl::offer(stream_state& stream, const event_view& event) {
  if (event.at <= stream.after) return offered::done;
  const bool tracked = stream.tracked();
  // The official client knows no truncates.
  const bool known =
      event.action != change_action::truncate || stream.wanted.form == event_form::native;
  if (!known || !wanted(stream, event)) {
    stream.pass(event.at);
    return offered::done;
  }
  const auto frame = stream.frames->frame(event);
  if (!frame) {
    end(stream.id, end_reason::failure, frame.error().message());
    return offered::done;
  }
  const bool congested = stream.to->unsent_bytes() > limits_.unsent_bytes_max;
  if (!tracked) {
    if (congested) {
      ++stream.dropped;
      ++figures_.dropped;
    } else {
      deliver(stream, *frame);
    }
    stream.after = event.at;
    return offered::done;
  }
  if (congested || !stream.window.room_for(frame->size())) return offered::no_room;

  using seen = acknowledged_ahead::seen;
  const auto earlier = stream.name != nullptr && !stream.name->ahead.empty()
                           ? stream.name->ahead.meet(event.id)
                           : seen::never;
  stream.after = event.at;
  if (earlier == seen::acknowledged) {
    stream.window.passed(event.at);
    return offered::done;
  }
  if (earlier == seen::delivered) {
    ++stream.redelivered;
    ++figures_.redelivered;
  }
  deliver(stream, *frame);
  stream.window.sent(event.id, event.at, frame->size());
  if (earlier == seen::acknowledged_elsewhere) {
    stream.window.acknowledge(event.id);
    note_cursor(*stream.name);
  }
  return offered::done;
}

void hub::impl::deliver(stream_state& stream, std::string_view frame) {
  failpoint("streams.deliver");
  stream.to->send(frame);
  ++stream.delivered;
  ++figures_.delivered;
}

void hub::impl::progress() {
  post_turn();
}

void hub::impl::post_turn() {
  if (turn_posted_) return;
  turn_posted_ = true;
  boost::asio::post(with_.executor, [self = weak_from_this()] {
    if (const auto alive = self.lock()) alive->turn();
  });
}

// One turn: the tail moves on for everybody who keeps up, then each that is behind gets a slice.
void hub::impl::turn() {
  turn_posted_ = false;
  advance_tail();
  run_slices();
  figures_.show();
}

void hub::impl::advance_tail() {
  if (tail_.empty()) return tail_.rest();
  for (int i = 0; i < slice_events; ++i) {
    const auto read = tail_.next();
    if (!read) {
      // From here on each reads for itself: what cannot be read may be of other tables.
      if (read.error().code == errc::io)
        note_unread("stored events could not be read for all: each stream reads for itself",
                    read.error());
      for (const auto id : tail_.members()) {
        auto& stream = *streams_.find(id);
        tail_.leave(stream);
        schedule(stream);
      }
      return tail_.rest();
    }
    if (*read == nullptr) return;
    hand_out(**read);
    if (tail_.empty()) return tail_.rest();
  }
  post_turn();
}

void hub::impl::hand_out(const event_view& event) {
  // A gap that counts as accepted ends nobody's keeping up.
  if (gaps_.never_happened(event.at)) return;
  for (const auto id : tail_.concerned(event)) {
    // One that is offered an event may end, and so may others with it.
    auto* stream = streams_.find(id);
    if (stream == nullptr || stream->how != delivery::live || event.sequence <= stream->through ||
        event.at <= stream->after)
      continue;
    stream->pass(tail_.place());
    if (offer(*stream, event) == offered::no_room) {
      // From here on it reads for itself, beginning with this event.
      tail_.leave(*stream);
      stream->how = delivery::waiting;
    }
  }
}

void hub::impl::go_live(stream_state& stream) {
  tail_.join(stream);
  stream.how = delivery::live;
  post_turn();
}

void hub::impl::schedule(stream_state& stream) {
  stream.how = delivery::behind;
  if (!stream.scheduled) {
    stream.scheduled = true;
    ready_.push_back(stream.id);
  }
  post_turn();
}

void hub::impl::run_slices() {
  for (auto turns = ready_.size(); turns > 0; --turns) {
    const auto id = ready_.front();
    ready_.pop_front();
    auto* stream = streams_.find(id);
    if (stream == nullptr) continue;
    stream->scheduled = false;
    if (stream->how == delivery::behind) run_slice(*stream);
  }
  if (!ready_.empty()) post_turn();
}

void hub::impl::run_slice(stream_state& stream) {
  const auto id = stream.id;
  const bool tracked = stream.tracked();
  if (!stream.reader) stream.reader = with_.log->read(stream.after, stream.table);
  for (int i = 0; i < slice_events; ++i) {
    const auto before = stream.reader->scanned_through();
    const auto read = stream.reader->next();
    if (!read) {
      stream.after = std::max(stream.after, before);
      return hold(stream, read.error());
    }
    if (*read == nullptr) {
      if (const auto* gap = tracked ? gaps_.bar_behind(stream.after, stream.table) : nullptr)
        return bar(stream, *gap);
      go_live(stream);
      return;
    }
    if (const auto* gap =
            tracked ? gaps_.bar_between(stream.after, (*read)->at, stream.table) : nullptr)
      return bar(stream, *gap);
    if (gaps_.never_happened((*read)->at)) {
      stream.pass((*read)->at);
      continue;
    }
    const auto outcome = offer(stream, **read);
    if (streams_.find(id) == nullptr) return;
    if (outcome == offered::no_room) {
      // While it waits it holds nothing but its place.
      stream.after = std::max(stream.after, before);
      stream.reader.reset();
      stream.how = delivery::waiting;
      return;
    }
  }
  schedule(stream);
}

}  // namespace pulse::streams

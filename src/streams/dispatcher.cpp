#include "streams/dispatcher.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "base/failpoint.hpp"
#include "base/logging.hpp"

namespace pulse::streams {
namespace {

// What one stream, or the tail, may do before others have their turn: events, and bytes looked at.
constexpr int slice_events = 512;
constexpr std::uint64_t slice_bytes = std::uint64_t{512} << 10U;
// And all streams that read by themselves, before the thread looks at its sockets again: some
// milliseconds, however many come back at once.
constexpr int turn_events = 8 * slice_events;
constexpr std::uint64_t turn_bytes = 8 * slice_bytes;

}  // namespace

dispatcher::dispatcher(const hub::parts& with, const stream_limits& limits,
                       const open_streams& streams, const known_gaps& gaps, cursor_book& book,
                       read_failures& failures, end_stream end)
    : with_(&with),
      limits_(&limits),
      streams_(&streams),
      gaps_(&gaps),
      book_(&book),
      failures_(&failures),
      end_(std::move(end)),
      tail_(*with.log, with.deliverable),
      figures_(*with.figures, with.project),
      dropped_(with.project, figures_),
      judge_(figures_),
      unnamed_overtaken_total_(
          with.figures->counter(metric::unnamed_streams_overtaken, with.project)) {}

void dispatcher::start(stream_state& stream, const position& from) {
  stream.after = from;
  stream.window.start_at(from);
  // Now: if it is overtaken before its turn comes, it is known what it has missed.
  if (!stream.tracked()) stream.reader = reader_for(stream);
  read_by_itself(stream);
}

void dispatcher::stop(stream_state& stream) {
  if (stream.how == delivery::live) tail_.leave(stream);
  stream.forget_reader();
  stream.how = delivery::quiet;
}

bool dispatcher::acknowledge(stream_state& stream, const event_id& id) {
  if (!stream.window.acknowledge(id)) return false;
  ++stream.acknowledged;
  ++figures_.acknowledged;
  if (stream.name != nullptr) book_->note(*stream.name);
  if (stream.window.half_free()) writable(stream);
  if (stream.how == delivery::barred) end_when_done(stream);
  return true;
}

// Whether the window has room shows with the next event: who waits for an acknowledgement is told
// so then.
void dispatcher::writable(stream_state& stream) {
  if (stream.how == delivery::waiting && stream.to->unsent_bytes() <= limits_->unsent_bytes_max)
    read_by_itself(stream);
}

void dispatcher::post_turn() {
  if (turn_posted_) return;
  turn_posted_ = true;
  boost::asio::post(with_->executor, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->turn();
  });
}

// One turn: the tail moves on for everybody who keeps up, then each that is behind gets a slice.
void dispatcher::turn() {
  turn_posted_ = false;
  judge_.begin_turn();
  advance_tail();
  judge_.begin_turn();
  turn_events_left_ = turn_events;
  turn_bytes_left_ = turn_bytes;
  run_slices();
  tell_who_has_passed();
  figures_.show();
}

void dispatcher::advance_tail() {
  tail_at_end_ = false;
  tail_.allow(turn_bytes);
  for (int i = 0; i < slice_events; ++i) {
    if (tail_.empty()) {
      handed_ = nullptr;
      return tail_.rest();
    }
    if (handed_ != nullptr && !hand_out()) break;
    const auto read = read_tail();
    if (!read) {
      // From here on each reads for itself: what cannot be read may be of other tables.
      if (read.error().code == errc::io)
        failures_->note("shared tail stopped by a read failure: each stream reads by itself",
                        read.error());
      for (const auto id : tail_.members()) {
        auto& stream = streams_->at(id);
        tail_.leave(stream);
        read_by_itself(stream);
      }
      return tail_.rest();
    }
    if (*read == nullptr && tail_.paused()) break;
    if (*read == nullptr) {
      tail_at_end_ = true;
      return;
    }
    handed_ = *read;
    concerned_ = tail_.concerned(*handed_, judge_.begin_event(*handed_));
    next_ = 0;
  }
  post_turn();
}

// Who waits for a place asks how far all is read: not only through the last event, but through what
// is known to be stored, and that may have grown since the tail found nothing more.
result<const event_view*> dispatcher::read_tail() {
  auto read = tail_.next();
  if (awaited_.empty() || !read || *read != nullptr || tail_.paused()) return read;
  const auto bounds = with_->log->bounds();
  const auto deliverable =
      with_->deliverable == nullptr ? bounds.last_at : with_->deliverable->get();
  const auto end =
      deliverable < bounds.last_at ? deliverable : std::max(bounds.last_at, bounds.mark());
  read = tail_.next();
  if (read && *read == nullptr && !tail_.paused()) handed_through_ = std::max(handed_through_, end);
  return read;
}

void dispatcher::when_passed(filters::stream_id id, const position& place,
                             std::function<void()> done) {
  awaited_.push_back({id, place, std::move(done)});
  post_turn();
}

stream_place dispatcher::place(const stream_state& stream) const {
  if (stream.how != delivery::live) return {stream.after, false};
  return {std::max({stream.after, *stream.tail_place, handed_through_}), tail_at_end_};
}

void dispatcher::tell_who_has_passed() {
  std::vector<std::function<void()>> passed;
  std::erase_if(awaited_, [&](awaited_place& one) {
    const auto* stream = streams_->find(one.id);
    if (stream != nullptr && place(*stream).passed < one.place) return false;
    if (stream != nullptr) passed.push_back(std::move(one.done));
    return true;
  });
  for (const auto& done : passed) done();
}

// False: the turn is over first. In between, the tail stays where it is.
bool dispatcher::hand_out() {
  const auto& event = *handed_;
  while (next_ < concerned_.size()) {
    // A gap that counts as accepted ends nobody's keeping up.
    if (gaps_->never_happened(event.at)) break;
    if (judge_.turn_is_over()) return false;
    // One that is offered an event may end, and so may others with it.
    auto* stream = streams_->find(concerned_[next_++]);
    if (stream == nullptr || stream->how != delivery::live || event.sequence <= stream->through ||
        event.at <= stream->after)
      continue;
    stream->pass(tail_.place());
    const auto outcome = offer(*stream, event, &event_judge::wanted);
    if (outcome == offered::done) continue;
    // From here on it reads for itself, beginning with this event.
    tail_.leave(*stream);
    stream->how = delivery::waiting;
    if (outcome == offered::unfinished) read_by_itself(*stream);
  }
  handed_ = nullptr;
  return true;
}

void dispatcher::read_by_itself(stream_state& stream) {
  stream.how = delivery::behind;
  if (!stream.scheduled) {
    stream.scheduled = true;
    ready_.push_back(stream.id);
  }
  post_turn();
}

void dispatcher::run_slices() {
  for (auto turns = ready_.size(); turns > 0 && !turn_is_over(); --turns) {
    const auto id = ready_.front();
    ready_.pop_front();
    auto* stream = streams_->find(id);
    if (stream == nullptr) continue;
    stream->scheduled = false;
    if (stream->how == delivery::behind) run_slice(*stream);
  }
  if (!ready_.empty()) post_turn();
}

bool dispatcher::turn_is_over() const {
  return judge_.turn_is_over() || turn_events_left_ <= 0 || turn_bytes_left_ == 0;
}

result<const event_view*> dispatcher::read_in_turn(stream_state& stream) {
  const auto allowed = stream.reader->allowed();
  auto read = stream.reader->next();
  turn_bytes_left_ -= std::min(turn_bytes_left_, allowed - stream.reader->allowed());
  --turn_events_left_;
  return read;
}

void dispatcher::run_slice(stream_state& stream) {
  const auto id = stream.id;
  const bool tracked = stream.tracked();
  if (!stream.reader) stream.reader = reader_for(stream);
  judge_.begin_slice();
  stream.reader->allow(slice_bytes);
  for (int i = 0; i < slice_events && !judge_.slice_is_over(); ++i) {
    const bool begun = stream.unjudged != nullptr;
    const auto before = begun ? stream.after : stream.reader->scanned_through();
    if (!begun) stream.through = std::max(stream.through, stream.reader->scanned_sequence());
    const auto read = begun ? result<const event_view*>(std::exchange(stream.unjudged, nullptr))
                            : read_in_turn(stream);
    if (!read) {
      if (pass_skipped(stream)) hold(stream, read.error());
      return;
    }
    if (*read == nullptr) {
      if (stream.reader->paused()) {
        if (!pass_skipped(stream)) return;
        break;
      }
      const auto* gap = tracked ? gaps_->bar_behind(stream.after, stream.table) : nullptr;
      if (gap == nullptr) return keep_up(stream);
      if (!stream.reader->held_back()) return bar(stream, *gap);
      // The gap may lie behind what must not be delivered yet.
      return held_back_.push_back(id);
    }
    if (bar_before(stream, (*read)->at)) return;
    if (gaps_->never_happened((*read)->at)) {
      stream.pass((*read)->at);
      continue;
    }
    const auto outcome = offer(stream, **read, &event_judge::wanted_in_slice);
    if (streams_->find(id) == nullptr) return;
    if (outcome == offered::unfinished) {
      stream.after = std::max(stream.after, before);
      stream.unjudged = *read;
      break;
    }
    if (outcome == offered::no_room) {
      // While it waits it holds nothing but its place.
      stream.after = std::max(stream.after, before);
      stream.forget_reader();
      stream.how = delivery::waiting;
      return;
    }
  }
  read_by_itself(stream);
}

// What the reader has skipped counts as seen. False: there is a gap in it, and the stream ends
// before that.
bool dispatcher::pass_skipped(stream_state& stream) {
  const auto scanned = stream.reader->scanned_through();
  if (bar_before(stream, scanned)) return false;
  stream.through = std::max(stream.through, stream.reader->scanned_sequence());
  stream.pass(scanned);
  return true;
}

void dispatcher::keep_up(stream_state& stream) {
  // Nothing may be delivered yet: looked at again when that moves.
  if (!tail_.can_begin()) return held_back_.push_back(stream.id);
  tail_.join(stream);
  stream.how = delivery::live;
  post_turn();
}

dispatcher::offered dispatcher::offer(stream_state& stream, const event_view& event, wants asks) {
  if (event.at <= stream.after) return offered::done;
  // The official client knows no truncates.
  const bool known =
      event.action != change_action::truncate || stream.wanted.form == requests::event_form::native;
  const auto wanted = known ? (judge_.*asks)(stream, event) : false;
  if (!wanted) return offered::unfinished;
  if (!*wanted) {
    stream.pass(event.at);
    return offered::done;
  }
  const auto frame = stream.frames->frame(event);
  if (!frame) {
    end_(stream.id, end_reason::failure, frame.error().message());
    return offered::done;
  }
  const bool congested = stream.to->unsent_bytes() > limits_->unsent_bytes_max;
  if (!stream.tracked()) {
    if (congested) {
      dropped_.add(stream, 1);
    } else {
      deliver(stream, event.id, *frame);
    }
    stream.after = event.at;
    return offered::done;
  }
  if (congested) return offered::no_room;
  if (!stream.window.room_for(frame->size())) {
    stream.to->waits_for_acknowledgement();
    return offered::no_room;
  }
  if (!stream.to->takes(frame->size())) return offered::no_room;

  using seen = acknowledged_ahead::seen;
  const auto earlier = stream.name != nullptr && !stream.name->ahead.empty()
                           ? stream.name->ahead.meet(event.id)
                           : seen::never;
  stream.after = event.at;
  if (earlier == seen::acknowledged) {
    // Open events before it may have it come by again, on a connection after this one.
    stream.window.sent(event.id, event.at, 0);
    stream.window.acknowledge(event.id);
    book_->note(*stream.name);
    return offered::done;
  }
  if (earlier == seen::delivered) {
    ++stream.redelivered;
    ++figures_.redelivered;
  }
  deliver(stream, event.id, *frame);
  stream.window.sent(event.id, event.at, frame->size());
  if (earlier == seen::acknowledged_elsewhere) {
    stream.window.acknowledge(event.id);
    book_->note(*stream.name);
  }
  return offered::done;
}

void dispatcher::deliver(stream_state& stream, const event_id& id, std::string_view frame) {
  failpoint("streams.deliver");
  stream.to->send(id, frame);
  ++stream.delivered;
  ++figures_.delivered;
}

// Nothing behind a gap is stored before the hub knows of it: those that keep up look at once.
void dispatcher::look_at_gaps() {
  const auto look = streams_->where([](const auto& stream) {
    return stream.tracked() && (stream.how == delivery::live || stream.how == delivery::barred);
  });
  for (const auto id : look) {
    auto& stream = streams_->at(id);
    if (stream.how == delivery::live) {
      if (gaps_->bar_behind(stream.after, stream.table) == nullptr) continue;
      tail_.leave(stream);
    }
    read_by_itself(stream);
  }
}

}  // namespace pulse::streams

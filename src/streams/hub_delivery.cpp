// The way of an event from the log to the streams: the shared tail for those that keep up, slices
// for the others.
#include <algorithm>

#include <boost/asio/post.hpp>

#include "base/failpoint.hpp"
#include "base/logging.hpp"
#include "streams/hub_impl.hpp"
#include "streams/native_filter.hpp"

namespace pulse::streams {

const filter& hub::impl::filter_for(stream_state& stream, relation_version version) {
  auto& place = stream.filters[version];
  if (place) return *place;
  const auto definition = with_.relations->find(version);
  // Without a definition nothing is decided; rendering will say what is missing.
  const relation unknown{};
  place =
      follow_wanted(stream.wanted, {definition ? definition.get() : &unknown, stream.facts.get()});
  if (definition && !place->left_open().empty()) {
    log_warning("streams",
                "the table was altered and a stream's filter no longer fits it: what it cannot "
                "decide is delivered",
                {{"project", with_.project},
                 {"table", to_string(definition->table)},
                 {"stream", stream.wanted.name},
                 {"reason", place->left_open()}});
  }
  return *place;
}

bool hub::impl::wanted(stream_state& stream, const event_view& event) {
  ++figures_.evaluations;
  const auto verdict = filter_for(stream, event.relation).judge(event);
  if (verdict == filter_verdict::undecided) {
    ++stream.undecided;
    ++figures_.undecided;
  }
  return verdict != filter_verdict::no;
}

hub::impl::offered hub::impl::offer(stream_state& stream, const event_view& event) {
  if (event.at <= stream.after) return offered::done;
  const bool tracked = stream.wanted.mode == stream_mode::stream;
  // The official client knows no truncates.
  const bool known =
      event.action != change_action::truncate || stream.wanted.form == event_form::native;
  if (!known || !wanted(stream, event)) {
    stream.after = event.at;
    stream.window.passed(event.at);
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
  if (live_count_ == 0) {
    tail_.reset();
    return;
  }
  for (int i = 0; i < slice_events; ++i) {
    tail_before_ = tail_->scanned_through();
    const auto read = tail_->next();
    if (!read) {
      // From here on each reads for itself: what cannot be read may be of other tables.
      if (read.error().code == errc::io)
        note_unread("stored events could not be read for all: each stream reads for itself",
                    read.error());
      std::vector<stream_id> all;
      for (const auto& [table, live] : live_) {
        for (const auto* stream : live.streams) all.push_back(stream->id);
      }
      for (const auto id : all) {
        leave_live(*find(id));
        schedule(*find(id));
      }
      tail_.reset();
      return;
    }
    if (*read == nullptr) return;
    hand_out(**read);
    if (live_count_ == 0) {
      tail_.reset();
      return;
    }
  }
  post_turn();
}

// Only the streams that the event could concern hear of it; for the others the tail's own place
// stands for what has passed them (cursor_of, pass_to_tail).
void hub::impl::hand_out(const event_view& event) {
  const auto found = live_.find(event.table);
  // A gap that counts as accepted ends nobody's keeping up.
  if (found == live_.end() || gaps_.never_happened(event.at)) return;
  concerned_.clear();
  if (event.action == change_action::truncate) {
    for (const auto* stream : found->second.streams) concerned_.push_back(stream->id);
  } else {
    index_for(found->second, event.relation).find(event, concerned_);
  }
  for (const auto id : concerned_) {
    // One that is offered an event may end, and so may others with it.
    auto* stream = find(id);
    if (stream == nullptr || stream->how != delivery::live || event.sequence <= stream->through ||
        event.at <= stream->after)
      continue;
    pass_to_tail(*stream);
    if (offer(*stream, event) == offered::no_room) {
      // From here on it reads for itself, beginning with this event.
      leave_live(*stream);
      stream->how = delivery::waiting;
    }
  }
}

const filter_index& hub::impl::index_for(live_table& live, relation_version version) {
  if (live.index && live.version == version) return *live.index;
  live.version = version;
  live.index.emplace();
  for (auto* stream : live.streams) live.index->add(stream->id, filter_for(*stream, version));
  return *live.index;
}

// What the tail has passed without this stream counts as seen by it.
void hub::impl::pass_to_tail(stream_state& stream) {
  stream.after = std::max(stream.after, tail_before_);
  stream.window.passed(stream.after);
}

void hub::impl::go_live(stream_state& stream) {
  // The tail may stand earlier or later than this reader: what it hands out up to `through` has
  // been seen. One that is made now starts exactly here, or, where the stream begins ahead of what
  // is stored, at the end of that: others want what this stream does not.
  stream.through = stream.reader->scanned_sequence();
  stream.after = std::max(stream.after, stream.reader->scanned_through());
  stream.window.passed(stream.after);
  if (!tail_) tail_ = with_.log->read(std::min(stream.after, with_.log->bounds().last_at), 0);
  stream.reader.reset();
  stream.how = delivery::live;
  auto& live = live_[stream.table];
  live.streams.push_back(&stream);
  if (live.index) live.index->add(stream.id, filter_for(stream, live.version));
  ++live_count_;
  post_turn();
}

void hub::impl::leave_live(stream_state& stream) {
  pass_to_tail(stream);
  auto& live = live_[stream.table];
  const auto at = std::ranges::find(live.streams, &stream);
  *at = live.streams.back();
  live.streams.pop_back();
  if (live.index) live.index->remove(stream.id, filter_for(stream, live.version));
  --live_count_;
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
    auto* stream = find(id);
    if (stream == nullptr) continue;
    stream->scheduled = false;
    if (stream->how == delivery::behind) run_slice(*stream);
  }
  if (!ready_.empty()) post_turn();
}

void hub::impl::run_slice(stream_state& stream) {
  const auto id = stream.id;
  const bool tracked = stream.wanted.mode == stream_mode::stream;
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
      stream.after = std::max(stream.after, (*read)->at);
      stream.window.passed(stream.after);
      continue;
    }
    const auto outcome = offer(stream, **read);
    if (find(id) == nullptr) return;
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

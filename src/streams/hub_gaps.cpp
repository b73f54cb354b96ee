// Gaps in the stored history: streams end before one that nobody has accepted, and events that
// never happened are passed over.
#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "base/logging.hpp"
#include "streams/hub_impl.hpp"

namespace pulse::streams {

void hub::impl::use_gaps(std::vector<control::stored_gap> gaps) {
  gaps_.use(std::move(gaps));
  // Recorded by an earlier run, perhaps: nobody has to find it again, retention least of all.
  for (const auto& gap : gaps_.all()) {
    if (gap.what.kind == gap_kind::damaged && gap.what.through)
      with_.log->pass_damage(gap.what.after, *gap.what.through);
  }
  // Those that keep up look at once: nothing behind a gap is stored before the hub knows of it.
  const auto look = streams_.where([](const auto& stream) {
    return stream.tracked() && (stream.how == delivery::live || stream.how == delivery::barred);
  });
  for (const auto id : look) {
    auto& stream = *streams_.find(id);
    if (stream.how == delivery::live) {
      if (gaps_.bar_behind(stream.after, stream.table) == nullptr) continue;
      tail_.leave(stream);
    }
    schedule(stream);
  }
}

// What the consumer has in hand is waited for: on another connection it would be sent again.
void hub::impl::bar(stream_state& stream, const control::stored_gap& gap) {
  stream.pass(gap.what.after);
  stream.reader.reset();
  stream.how = delivery::barred;
  if (stream.name != nullptr) note_cursor(*stream.name);
  end_when_done(stream);
}

void hub::impl::end_when_done(const stream_state& barred) {
  if (!barred.window.empty()) return;
  // Not within the call that brought the last acknowledgement: its session is at work.
  boost::asio::post(with_.executor, [self = shared_from_this(), id = barred.id] {
    const auto* stream = self->streams_.find(id);
    if (stream == nullptr || stream->how != delivery::barred) return;
    const auto* gap = self->gaps_.bar_behind(stream->after, stream->table);
    // An unnamed stream comes back at once, and wants to know where to start.
    if (gap == nullptr || (stream->name == nullptr && !gap->what.through)) return;
    log_warning("streams", "a stream has reached a gap and ends before it",
                {{"project", self->with_.project},
                 {"table", to_string(stream->table_of)},
                 {"stream", stream->wanted.name},
                 {"gap", gap->id}});
    self->end(id, end_reason::gap, fmt::format("gap {}: {}", gap->id, bounds_of(gap->what)));
  });
}

// What is damaged becomes a gap first; then the reader passes it, and the gap says who goes on.
void hub::impl::hold(stream_state& stream, const error& why) {
  const auto lost = stream.reader->damage();
  if (!lost || !with_.on_damage) return end_unread(stream, why);
  stream.window.passed(stream.after);
  stream.reader.reset();
  stream.how = delivery::held;
  // One after the other: who waits for another stretch comes back here.
  if (std::exchange(recording_damage_, true)) return;
  with_.on_damage(*lost, [weak = weak_from_this(), lost = *lost](const result<void>& recorded) {
    if (const auto self = weak.lock()) self->go_on_behind_damage(lost, recorded);
  });
}

void hub::impl::note_unread(std::string_view what_follows, const error& why,
                            const stream_state* stream) {
  read_failures_total_.Increment();
  log_error("streams", what_follows,
            {{"project", with_.project},
             {"table", stream == nullptr ? "" : to_string(stream->table_of)},
             {"stream", stream == nullptr ? "" : stream->wanted.name},
             {"reason", why.message()}});
}

// The disk may read them the next time: until then nothing says that they are lost.
void hub::impl::end_unread(const stream_state& stream, const error& why) {
  // Retention was faster than the stream, which is said when the stream comes back.
  if (why.code == errc::gap) return end(stream.id, end_reason::failure, why.message());
  note_unread(
      "stored events could not be read: the stream ends, and goes on when it is opened again", why,
      &stream);
  end(stream.id, end_reason::failure, "stored events could not be read: connect again");
}

void hub::impl::go_on_behind_damage(const log::damaged_stretch& lost,
                                    const result<void>& recorded) {
  recording_damage_ = false;
  if (recorded) with_.log->pass_damage(lost.after, lost.through);
  const auto held = streams_.where([](const auto& stream) { return stream.how == delivery::held; });
  for (const auto id : held) {
    if (recorded) {
      schedule(*streams_.find(id));
    } else {
      end(id, end_reason::failure, recorded.error().message());
    }
  }
}

std::optional<control::stored_gap> hub::impl::gap_of(const cursor_key& key) const {
  const auto found = names_.find(key);
  if (found == names_.end()) return std::nullopt;
  const auto* gap = gaps_.bar_behind(found->second->cursor, found->second->table);
  return gap == nullptr ? std::nullopt : std::optional(*gap);
}

}  // namespace pulse::streams

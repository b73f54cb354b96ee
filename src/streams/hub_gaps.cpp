// Gaps in the stored history: streams end before one that nobody has accepted, and events that
// never happened are passed over.
#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "base/logging.hpp"
#include "streams/hub_impl.hpp"

namespace pulse::streams {
namespace {

std::string bounds_of(const history_gap& gap) {
  return gap.through ? fmt::format("between {} and {}", to_string(gap.after.commit),
                                   to_string(gap.through->commit))
                     : fmt::format("after {}", to_string(gap.after.commit));
}

}  // namespace

void hub::impl::use_gaps(std::vector<control::stored_gap> gaps) {
  gaps_ = std::move(gaps);
  // Recorded by an earlier run, perhaps: nobody has to find it again, retention least of all.
  for (const auto& gap : gaps_) {
    if (gap.what.kind == gap_kind::damaged && gap.what.through)
      with_.log->pass_damage(gap.what.after, *gap.what.through);
  }
  // Those that keep up look at once: nothing behind a gap is stored before the hub knows of it.
  std::vector<stream_id> look;
  for (const auto& [id, stream] : streams_) {
    const bool stands_at_end = stream->how == delivery::live || stream->how == delivery::barred;
    if (stands_at_end && stream->wanted.mode == stream_mode::stream) look.push_back(stream->id);
  }
  for (const auto id : look) {
    auto& stream = *find(id);
    if (stream.how == delivery::live) {
      if (gap_behind(stream.after, stream.table) == nullptr) continue;
      stream.after = std::max(stream.after, cursor_of(stream));
      leave_live(stream);
    }
    schedule(stream);
  }
}

const control::stored_gap* hub::impl::gap_behind(const position& place, table_id table) const {
  const auto found = std::ranges::find_if(gaps_, [&](const auto& gap) {
    const auto& tables = gap.what.tables;
    return !gap.accepted_at && (!gap.what.through || place < *gap.what.through) &&
           (table == 0 || tables.empty() || std::ranges::find(tables, table) != tables.end());
  });
  return found == gaps_.end() ? nullptr : &*found;
}

const control::stored_gap* hub::impl::gap_before(const stream_state& stream,
                                                 const position& next) const {
  if (gaps_.empty() || stream.wanted.mode != stream_mode::stream) return nullptr;
  const auto* gap = gap_behind(stream.after, stream.table);
  return gap != nullptr && next > gap->what.after ? gap : nullptr;
}

bool hub::impl::never_happened(const position& at) const {
  return std::ranges::any_of(gaps_, [&](const auto& gap) {
    return gap.what.kind == gap_kind::forked && at > gap.what.after &&
           (!gap.what.through || at <= *gap.what.through);
  });
}

// A name that has nothing left before the gap is refused; one that has is served up to it.
result<void> hub::impl::check_gap(const name_state& name, table_id table) const {
  const auto* gap = gap_behind(name.cursor, table);
  if (gap == nullptr || name.active != nullptr) return {};
  // What retention has dropped before the gap does not come any more.
  const auto from = std::max(name.cursor, with_.log->bounds().dropped_through);
  if (from < gap->what.after) {
    const auto reader = with_.log->read(from, table);
    const auto next = reader->next();
    // What cannot be read is said where it is read.
    if (!next || (*next != nullptr && (*next)->at <= gap->what.after)) return {};
  }
  return error{errc::gap,
               fmt::format("this stream has reached a gap ({}): events {} are missing or never "
                           "happened: {}",
                           gap->id, bounds_of(gap->what), gap->what.reason),
               fmt::format("bring the consumer up to date by other means, then let it go on behind "
                           "the gap: pulse gaps accept {}",
                           gap->id)};
}

// A new stream starts behind every gap that is known.
result<position> hub::impl::start_behind_gaps(const position& start) const {
  auto from = start;
  for (const auto& gap : gaps_) {
    if (gap.what.through) {
      from = std::max(from, *gap.what.through);
    } else if (!gap.accepted_at) {
      return error{errc::unavailable,
                   "capture is making its way over a gap, and where a new stream starts is not "
                   "known yet: " +
                       gap.what.reason,
                   "connect again when it is done; see `pulse gaps list`"};
    }
  }
  return from;
}

// What the consumer has in hand is waited for: on another connection it would be sent again.
void hub::impl::bar(stream_state& stream, const control::stored_gap& gap) {
  stream.after = std::max(stream.after, gap.what.after);
  stream.window.passed(stream.after);
  stream.reader.reset();
  stream.how = delivery::barred;
  if (stream.name != nullptr) note_cursor(*stream.name);
  end_when_done(stream);
}

void hub::impl::end_when_done(const stream_state& barred) {
  if (!barred.window.empty()) return;
  // Not within the call that brought the last acknowledgement: its session is at work.
  boost::asio::post(with_.executor, [self = shared_from_this(), id = barred.id] {
    const auto* stream = self->find(id);
    if (stream == nullptr || stream->how != delivery::barred) return;
    const auto* gap = self->gap_behind(stream->after, stream->table);
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
  std::vector<stream_id> held;
  for (const auto& [id, stream] : streams_) {
    if (stream->how == delivery::held) held.push_back(stream->id);
  }
  for (const auto id : held) {
    if (recorded) {
      schedule(*find(id));
    } else {
      end(id, end_reason::failure, recorded.error().message());
    }
  }
}

std::optional<control::stored_gap> hub::impl::gap_of(const cursor_key& key) const {
  const auto found = names_.find(key);
  if (found == names_.end()) return std::nullopt;
  const auto* gap = gap_behind(found->second->cursor, found->second->table);
  return gap == nullptr ? std::nullopt : std::optional(*gap);
}

}  // namespace pulse::streams

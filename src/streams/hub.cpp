// Opening and closing streams, names and their cursors. The way of events is in hub_delivery.cpp.
#include "streams/hub.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "base/logging.hpp"
#include "streams/cursor_lag.hpp"
#include "streams/hub_impl.hpp"
#include "streams/native_filter.hpp"

namespace pulse::streams {

hub::impl::impl(parts with, stream_limits limits)
    : with_(std::move(with)),
      limits_(limits),
      streams_(with_),
      tail_(*with_.log),
      save_timer_(with_.executor),
      figures_(*with_.figures, with_.project),
      unknown_acknowledgements_total_(with_.figures->counter("pulse_acknowledgements_unknown_total",
                                                             "Acknowledgements that fit no event",
                                                             {{"project", with_.project}})),
      stalled_streams_(with_.figures->gauge("pulse_streams_stalled", "Streams whose window is full",
                                            {{"project", with_.project}})),
      stalled_ended_total_(with_.figures->counter(
          "pulse_streams_stalled_ended_total",
          "Streams ended because they acknowledged nothing while another waited for their name",
          {{"project", with_.project}})),
      read_failures_total_(with_.figures->counter(
          "pulse_log_read_failures_total",
          "Times that stored events could not be read, damage and what retention dropped apart",
          {{"project", with_.project}})),
      expired_total_(with_.figures->counter(
          "pulse_cursors_expired_total",
          "Named streams for which retention dropped events that they still waited for",
          {{"project", with_.project}})),
      abandoned_total_(with_.figures->counter("pulse_cursors_abandoned_total",
                                              "Names that nobody has used for too long",
                                              {{"project", with_.project}})),
      lags_(*with_.figures, with_.project) {}

void hub::impl::know(const known_cursor& cursor) {
  auto& place = names_[cursor.key];
  place = std::make_shared<name_state>();
  place->key = cursor.key;
  place->cursor = place->saved = cursor.at;
  place->used_at = cursor.used_at;
  place->abandoned = cursor.abandoned;
  find_table(*place);
}

void hub::impl::find_table(name_state& name) {
  const auto table = with_.relations->table(0, name.key.table);
  name.table = table ? *table : 0;
}

void hub::impl::open(stream_request wanted, const table_shape& shape, position start,
                     std::shared_ptr<subscriber> to, opened done) {
  const auto refuse = [&](error why) {
    boost::asio::post(with_.executor, [done, why = std::move(why)] { done(why); });
  };
  if (shutting_down_)
    return refuse({errc::unavailable, "the server is shutting down", "connect again"});
  if (streams_.size() >= limits_.streams_max) {
    return refuse({errc::unavailable,
                   "the project has as many open streams as it may have (" +
                       std::to_string(limits_.streams_max) + ")",
                   "close some, or raise its setting `streams`"});
  }
  // Only to refuse what cannot be: events bring their own table version, for which the filter is
  // compiled again.
  const filter_table known{shape.definition.get(), shape.facts.get()};
  if (const auto compiled = compile_wanted(wanted, known); !compiled) {
    return refuse(compiled.error());
  }
  const auto table = with_.relations->table(shape.definition->oid, shape.definition->table);
  if (!table) return refuse(table.error());

  const cursor_key key{shape.definition->table, wanted.name};
  const bool has_cursor =
      wanted.mode == stream_mode::stream && !wanted.name.empty() && names_.contains(key);
  if (wanted.mode == stream_mode::stream && !has_cursor) {
    const auto behind = gaps_.start_behind(start);
    if (!behind) return refuse(behind.error());
    start = *behind;
  }
  auto& stream = streams_.add(std::move(wanted), shape, *table, std::move(to), limits_);
  const auto id = stream.id;
  if (stream.wanted.mode == stream_mode::subscribe || stream.wanted.name.empty()) {
    boost::asio::post(with_.executor, [self = shared_from_this(), id, start, done] {
      if (self->streams_.find(id) == nullptr)
        return done(error{errc::cancelled, "the connection was closed"});
      done(id);
      if (auto* opened_stream = self->streams_.find(id)) self->activate(*opened_stream, start);
    });
    return;
  }

  auto& place = names_[key];
  const bool is_new = place == nullptr;
  if (is_new) {
    place = std::make_shared<name_state>();
    place->key = key;
    place->table = *table;
    place->opening = true;
  }
  stream.name = place.get();
  place->standbys.push_back(&stream);
  if (!place->opening) {
    boost::asio::post(with_.executor,
                      [self = shared_from_this(), id, done] { self->attach(id, done); });
    return;
  }
  place->waiting_for_store.push_back(
      [self = shared_from_this(), id, done](const result<void>& stored) {
        if (stored) return self->attach(id, done);
        self->remove(id);
        done(stored.error());
      });
  if (!is_new) return;
  // Its key may be another one when the answer comes, or it may be gone.
  with_.cursors->open(
      key, start,
      [self = shared_from_this(), name = std::weak_ptr(place)](const result<position>& stored) {
        if (const auto waiting = name.lock()) self->name_ready(*waiting, stored);
      });
}

void hub::impl::name_ready(name_state& name, result<position> stored) {
  name.opening = false;
  if (stored) name.cursor = name.saved = *stored;
  const auto waiting = std::exchange(name.waiting_for_store, {});
  const auto key = name.key;
  const result<void> outcome = stored ? result<void>() : result<void>(stored.error());
  for (const auto& answer : waiting) answer(outcome);
  if (const auto found = names_.find(key); !stored && found != names_.end()) names_.erase(found);
}

// A named stream whose cursor is known: refused, served, or kept as a standby.
void hub::impl::attach(stream_id id, const opened& done) {
  auto* stream = streams_.find(id);
  if (stream == nullptr) return done(error{errc::cancelled, "the connection was closed"});
  auto& name = *stream->name;
  // One that has expired may go on by itself, but over no gap.
  if (name.active == nullptr) {
    const auto reached = gaps_.check_not_reached(name.cursor, stream->table, *with_.log);
    if (!reached) {
      remove(id);
      return done(reached.error());
    }
  }
  if (const auto kept = check_kept(name); !kept) {
    remove(id);
    return done(kept.error());
  }
  use(name);
  done(id);
  stream = streams_.find(id);
  if (stream == nullptr || stream->name != &name) return;
  if (auto* first = name.promote()) {
    activate(*first, name.cursor);
  } else if (name.active != stream) {
    log_info("streams", "another connection has this name: standing by",
             {{"project", with_.project},
              {"table", to_string(name.key.table)},
              {"stream", name.key.name}});
  }
}

void hub::impl::activate(stream_state& stream, const position& from) {
  stream.after = from;
  stream.window.start_at(from);
  schedule(stream);
}

void hub::impl::acknowledge(stream_id id, const event_id& event) {
  auto* stream = streams_.find(id);
  if (stream == nullptr || stream->wanted.mode != stream_mode::stream) return;
  // A consumer that has reconnected acknowledges on the new connection what the old one, perhaps
  // still active here, had delivered: names count, not connections.
  auto* name = stream->name;
  auto* holder = name == nullptr ? stream : name->active;
  if (holder != nullptr && holder->window.acknowledge(event)) {
    ++holder->acknowledged;
    ++figures_.acknowledged;
    if (name != nullptr) note_cursor(*name);
    if (holder->how == delivery::waiting && holder->window.half_free()) writable(holder->id);
    if (holder->how == delivery::barred) end_when_done(*holder);
    return;
  }
  if (name == nullptr || !name->ahead.acknowledge(event))
    unknown_acknowledgements_total_.Increment();
}

void hub::impl::writable(stream_id id) {
  auto* stream = streams_.find(id);
  if (stream == nullptr || stream->how != delivery::waiting) return;
  if (stream->to->unsent_bytes() <= limits_.unsent_bytes_max && stream->window.half_free())
    schedule(*stream);
}

void hub::impl::quiesce(stream_id id) {
  auto* stream = streams_.find(id);
  if (stream == nullptr) return;
  if (stream->how == delivery::standby) {
    // Not promoted any more.
    if (stream->name != nullptr) std::erase(stream->name->standbys, stream);
    return;
  }
  if (stream->how == delivery::live) tail_.leave(*stream);
  stream->reader.reset();
  stream->how = delivery::quiet;
}

void hub::impl::close(stream_id id) {
  remove(id);
}

void hub::impl::remove(stream_id id) {
  const auto stream = streams_.take(id);
  if (!stream) return;
  if (stream->how == delivery::live) tail_.leave(*stream);
  if (stream->name != nullptr) leave_name(*stream);
}

void hub::impl::leave_name(stream_state& stream) {
  auto& name = *stream.name;
  std::erase(name.standbys, &stream);
  if (name.active != &stream) return;
  name.cursor = name.reached();
  name.active = nullptr;
  name.ahead.connection_ended(stream.window);
  use(name);
  schedule_save(std::chrono::milliseconds(0));
  auto* next = name.promote();
  if (next == nullptr) return;
  log_info("streams", "a standby takes over",
           {{"project", with_.project},
            {"table", to_string(name.key.table)},
            {"stream", name.key.name}});
  activate(*next, name.cursor);
}

void hub::impl::end(stream_id id, end_reason reason, std::string_view message) {
  auto* stream = streams_.find(id);
  if (stream == nullptr) return;
  const auto to = stream->to;
  remove(id);
  to->end(reason, message);
}

std::vector<stream_status> hub::impl::status() const {
  const auto newest = with_.log->bounds().last_at;
  std::vector<stream_status> all;
  all.reserve(streams_.size());
  for (const auto& [id, stream] : streams_.all()) {
    stream_status one;
    one.id = stream->id;
    one.key = {stream->table_of, stream->wanted.name};
    one.mode = stream->wanted.mode;
    one.in_flight_events = stream->window.events();
    one.in_flight_bytes = stream->window.bytes();
    one.delivered = stream->delivered;
    one.acknowledged = stream->acknowledged;
    one.redelivered = stream->redelivered;
    one.dropped = stream->dropped;
    one.undecided = stream->undecided;
    one.standby = stream->how == delivery::standby;
    one.stalled = stream->how == delivery::waiting;
    one.cursor = stream->cursor();
    one.lag_bytes = lag_bytes(one.cursor, newest);
    all.push_back(std::move(one));
  }
  return all;
}

hub::hub(parts with, stream_limits limits)
    : impl_(std::make_shared<impl>(std::move(with), limits)) {}
hub::~hub() = default;

void hub::open(stream_request wanted, const table_shape& shape, position start,
               std::shared_ptr<subscriber> to, opened done) {
  impl_->open(std::move(wanted), shape, start, std::move(to), std::move(done));
}
void hub::know(const known_cursor& cursor) {
  impl_->know(cursor);
}
void hub::use_limits(const stream_limits& limits) {
  impl_->use_limits(limits);
}
void hub::acknowledge(stream_id stream, const event_id& id) {
  impl_->acknowledge(stream, id);
}
void hub::writable(stream_id stream) {
  impl_->writable(stream);
}
void hub::quiesce(stream_id stream) {
  impl_->quiesce(stream);
}
void hub::close(stream_id stream) {
  impl_->close(stream);
}
void hub::progress() {
  impl_->progress();
}
void hub::tick(std::chrono::steady_clock::time_point now) {
  impl_->tick(now);
}
void hub::forget(const cursor_key& key, std::string_view why) {
  impl_->forget(key, why);
}
void hub::follow(const std::vector<table_rename>& renamed) {
  impl_->follow(renamed);
}
void hub::shut_down(end_reason reason, std::string_view message, std::function<void()> done) {
  impl_->shut_down(reason, message, std::move(done));
}
void hub::use_gaps(std::vector<control::stored_gap> gaps) {
  impl_->use_gaps(std::move(gaps));
}
std::optional<control::stored_gap> hub::gap_of(const cursor_key& key) const {
  return impl_->gap_of(key);
}
void hub::make_way(const position& through, std::function<void(bool)> done) {
  impl_->make_way(through, std::move(done));
}
position hub::cursor(const cursor_key& key) const {
  return impl_->cursor(key);
}
cursor_condition hub::condition(const cursor_key& key, const position& at) const {
  return impl_->condition(key, at);
}
std::vector<stream_status> hub::status() const {
  return impl_->status();
}

}  // namespace pulse::streams

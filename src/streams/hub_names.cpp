// What is told of streams; and what becomes of names, and of the streams that have them, from
// outside: their cursors are moved or deleted, their tables renamed.
#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "base/logging.hpp"
#include "streams/cursor_lag.hpp"
#include "streams/hub_impl.hpp"
#include "streams/name_renames.hpp"

namespace pulse::streams {

void hub::impl::forget(const cursor_key& key, std::string_view why) {
  if (const auto name = book_->remove(key)) disband(*name, why);
}

hub::moved hub::impl::move(const cursor_key& key, std::string_view why) {
  // What is under way for it finds that it is gone: the one that is added is another.
  const auto before = book_->remove(key);
  if (!before) {
    return [weak = weak_from_this(), key](const result<position>& to) {
      const auto self = weak.lock();
      if (!self || !to) return;
      self->know({key, *to, self->with_.clock->now(), false});
      // Whoever moved it wants events again, whatever was acknowledged before.
      self->book_->find(key)->is_of_earlier_run = false;
    };
  }
  name_state moving;
  moving.key = key;
  moving.table = before->table;
  moving.opening = true;
  moving.cursor = before->opening ? position{} : before->reached();
  moving.saved = before->saved;
  moving.abandoned = before->abandoned;
  moving.overtaken = before->overtaken;
  moving.used_at = before->used_at;
  // Of use if it is not moved after all.
  if (before->active != nullptr) before->ahead.connection_ended(before->active->window);
  moving.ahead = before->ahead;
  book_->add(std::move(moving));
  moved done = [weak = weak_from_this(),
                known = std::weak_ptr(book_->find(key))](const result<position>& to) {
    const auto self = weak.lock();
    const auto name = known.lock();
    if (self && name) self->move_done(*name, to);
  };
  disband(*before, why);
  return done;
}

void hub::impl::move_done(name_state& name, const result<position>& to) {
  if (to) {
    name.abandoned = name.overtaken = false;
    name.ahead.clear();
    name.used_at = with_.clock->now();
    return name_ready(name, to);
  }
  if (to.error().code == errc::not_found || name.cursor == position{})
    return name_ready(name, error{errc::cancelled, to.error().what, "connect again"});
  // It stands where it stood. Whoever had a lease was told that it is over.
  name.leased_anew = true;
  const auto saved = name.saved;
  const auto waiting = std::exchange(name.waiting_for_store, {});
  name_ready(name, name.cursor);
  name.saved = saved;
  book_->note(name);
  for (const auto& answer : waiting) answer({});
}

void hub::impl::disband(name_state& name, std::string_view why) {
  for (const auto& answer : std::exchange(name.waiting_for_store, {}))
    answer(error{errc::cancelled, std::string(why), "connect again"});
  std::vector<stream_state*> streams(name.standbys.begin(), name.standbys.end());
  if (name.active != nullptr) streams.push_back(name.active);
  for (auto* stream : streams) {
    stream->name = nullptr;
    end(stream->id, end_reason::cursor_moved, why);
  }
}

void hub::impl::save(const cursor_key& key, std::optional<std::string> lease,
                     std::function<void(result<void>)> done) {
  const auto name = book_->find(key);
  if (!name || name->opening) {
    boost::asio::post(with_.executor, [done = std::move(done)] {
      done(error{errc::cancelled, "there is no such name", "connect again"});
    });
    return;
  }
  book_->save_now(*name, std::move(lease), std::move(done));
}

bool hub::impl::reserve(const cursor_key& key, const name_holder& whose) {
  const auto name = book_->find(key);
  if (!name || name->active != nullptr || name->reserved) return false;
  name->reserved = whose;
  return true;
}

void hub::impl::release(const cursor_key& key) {
  const auto name = book_->find(key);
  if (!name) return;
  name->reserved.reset();
  serve_next(*name);
}

std::optional<name_holder> hub::impl::holder(const cursor_key& key) const {
  const auto name = book_->find(key);
  if (!name) return std::nullopt;
  if (name->active != nullptr) return name_holder{name->active->kind, name->held_since};
  return name->reserved;
}

std::optional<cursor_key> hub::impl::keep(filters::stream_id id) {
  auto* stream = streams_.find(id);
  if (stream == nullptr || stream->name == nullptr || stream->name->active != stream)
    return std::nullopt;
  stream->name->reserved = name_holder{stream->kind, stream->name->held_since};
  return stream->name->key;
}

std::uint64_t hub::impl::turn(const cursor_key& key) const {
  const auto name = book_->find(key);
  return name ? name->turn : 0;
}

void hub::impl::acknowledge(const cursor_key& key, const event_id& event) {
  const auto name = book_->find(key);
  if (name) acknowledge(*name, event);
}

std::vector<event_id> hub::impl::acknowledged_ahead(const cursor_key& key) const {
  const auto name = book_->find(key);
  if (!name) return {};
  auto ids = name->ahead.acknowledged();
  if (name->active != nullptr) {
    for (const auto& one : name->active->window.entries()) {
      if (one.acknowledged) ids.insert(one.id);
    }
  }
  return {ids.begin(), ids.end()};
}

std::uint64_t hub::impl::lag_bytes(const cursor_key& key) const {
  const auto name = book_->find(key);
  if (!name || name->opening) return 0;
  return streams::lag_bytes(name->reached(), with_.log->bounds().last_at, history_);
}

// Who waits holds the hub, and the answer may never come: of a name that is being moved by somebody
// who has gone, for one.
void hub::impl::refuse_waiting(const error& why) {
  std::vector<std::function<void(result<void>)>> waiting;
  for (const auto& [key, name] : book_->names()) {
    for (auto& answer : std::exchange(name->waiting_for_store, {}))
      waiting.push_back(std::move(answer));
  }
  for (const auto& answer : waiting) answer(why);
}

void hub::impl::follow(const std::vector<table_rename>& renamed) {
  const auto followed = follow_renames(*book_, renamed);
  for (const auto& name : followed.replaced) disband(*name, "the table was renamed: connect again");
  for (const auto& name : followed.copied) expiry_->look_at_too(name);
  for (const auto& [from, to, taken] : renamed) {
    log_info("streams", "table renamed: its streams follow",
             {{"project", with_.project}, {"from", to_string(from)}, {"to", to_string(to)}});
  }
  end_replaced(renamed);
}

void hub::impl::end_replaced(const std::vector<table_rename>& renamed) {
  std::vector<filters::stream_id> replaced;
  for (const auto& [id, stream] : streams_.all()) {
    const auto found = std::ranges::find(renamed, stream->table_of, &table_rename::from);
    bool other = false;
    if (found != renamed.end()) {
      stream->table_of = found->to;
      other = found->name_taken;
    }
    const auto table = with_.relations->table(stream->table_oid, stream->table_of);
    if (other || (table && *table != stream->table)) replaced.push_back(id);
  }
  for (const auto id : replaced)
    end(id, end_reason::cursor_moved, "another table has this name now: connect again");
}

std::vector<stream_status> hub::impl::status() const {
  const auto newest = with_.log->bounds().last_at;
  std::vector<stream_status> all;
  all.reserve(streams_.size());
  for (const auto& [id, stream] : streams_.all()) {
    stream_status one;
    one.id = stream->id;
    one.key = {stream->table_of, stream->wanted.name};
    one.kind = stream->kind;
    one.opened_at = stream->opened_at;
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
    one.lag_bytes = streams::lag_bytes(one.cursor, newest, history_);
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace pulse::streams

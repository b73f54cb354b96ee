#include "streams/cursor_book.hpp"

#include <algorithm>

#include <boost/asio/post.hpp>

#include "base/logging.hpp"
#include "streams/cursor_lag.hpp"

namespace pulse::streams {
namespace {

// Streams whose filter wants nothing of what passes save their way only this often.
constexpr std::chrono::seconds sweep_interval{5};
constexpr std::chrono::seconds retry_interval{1};

}  // namespace

cursor_book::cursor_book(const hub::parts& with, const stream_limits& limits)
    : with_(&with), limits_(&limits), timer_(with.executor), lags_(*with.figures, with.project) {}

std::shared_ptr<name_state> cursor_book::find(const cursor_key& key) const {
  const auto found = names_.find(key);
  return found == names_.end() ? nullptr : found->second;
}

position cursor_book::cursor(const cursor_key& key) const {
  const auto name = find(key);
  return !name || name->opening ? position{} : name->reached();
}

name_state& cursor_book::add(name_state name) {
  auto& place = names_[name.key];
  place = std::make_shared<name_state>(std::move(name));
  place->turn = next_turn();
  return *place;
}

std::shared_ptr<name_state> cursor_book::remove(const cursor_key& key) {
  const auto found = names_.find(key);
  if (found == names_.end()) return nullptr;
  auto name = std::move(found->second);
  names_.erase(found);
  dirty_.erase(key);
  lags_.drop(key);
  answer_waiting(*name, {errc::cancelled, "the cursor was moved or deleted", "connect again"});
  return name;
}

std::shared_ptr<name_state> cursor_book::rename(const cursor_key& from, const cursor_key& to) {
  auto moving = names_.extract(from);
  moving.key() = to;
  moving.mapped()->key = to;
  const bool was_dirty = dirty_.erase(from) != 0;
  lags_.drop(from);
  const auto placed = names_.insert(std::move(moving));
  if (!placed.inserted) {
    answer_waiting(*placed.node.mapped(),
                   {errc::cancelled, "another name took the cursor's place", "connect again"});
    return placed.node.mapped();
  }
  if (was_dirty) dirty_.insert(to);
  return nullptr;
}

void cursor_book::find_table(name_state& name) const {
  const auto table = with_->relations->table(0, name.key.table);
  name.table = table ? *table : 0;
}

void cursor_book::note(name_state& name) {
  if (std::exchange(name.dirty, true)) return;
  dirty_.insert(name.key);
  save_after(limits_->cursor_flush_interval);
}

void cursor_book::save_now(name_state& name, std::optional<std::string> lease,
                           std::function<void(result<void>)> done) {
  if (lease && *lease != name.lease) {
    name.lease = std::move(*lease);
    name.leased_anew = true;
  }
  name.when_saved.push_back(std::move(done));
  name.dirty = true;
  dirty_.insert(name.key);
  save_soon();
}

// Not within the call: whoever has removed the name is at work on it.
void cursor_book::answer_waiting(name_state& name, const error& why) const {
  auto waiting = std::exchange(name.when_saved, {});
  for (auto& one : std::exchange(name.being_saved, {})) waiting.push_back(std::move(one));
  for (auto& one : waiting)
    boost::asio::post(with_->executor, [one = std::move(one), why] { one(why); });
}

void cursor_book::use(name_state& name) {
  name.used_at = with_->clock->now();
  name.touched = true;
  note(name);
}

void cursor_book::abandon(name_state& name) {
  name.abandoned = true;
  lags_.drop(name.key);
  with_->cursors->mark_abandoned(name.key, true);
}

void cursor_book::take_back(name_state& name) {
  if (std::exchange(name.abandoned, false)) with_->cursors->mark_abandoned(name.key, false);
}

void cursor_book::save_after(std::chrono::milliseconds wait) {
  const auto at = std::chrono::steady_clock::now() + wait;
  if (scheduled_ && timer_.expiry() <= at) return;
  scheduled_ = true;
  timer_.expires_at(at);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    const auto self = weak.lock();
    if (cancelled || !self) return;
    self->scheduled_ = false;
    self->save();
  });
}

void cursor_book::save() {
  if (saving_) return;
  std::vector<saving> batch;
  std::vector<cursor_store::saved_cursor> moved;
  for (const auto& key : dirty_) {
    const auto found = names_.find(key);
    if (found == names_.end()) continue;
    auto& name = *found->second;
    name.dirty = false;
    if (name.opening) continue;
    name.cursor = name.reached();
    if (!must_save(name)) continue;
    batch.push_back({found->second, name.cursor, name.leased_anew});
    moved.push_back(
        {key, name.cursor, name.leased_anew ? std::optional(name.lease) : std::nullopt});
    name.touched = name.leased_anew = false;
    name.being_saved = std::exchange(name.when_saved, {});
  }
  dirty_.clear();
  if (moved.empty()) {
    if (when_closed_) std::exchange(when_closed_, nullptr)();
    return;
  }
  saving_ = true;
  with_->cursors->save(std::move(moved), [weak = weak_from_this(), batch = std::move(batch)](
                                             const result<std::vector<cursor_key>>& outcome) {
    if (const auto self = weak.lock()) self->saved(batch, outcome);
  });
}

bool cursor_book::must_save(const name_state& name) const {
  return name.cursor != name.saved || name.touched || name.leased_anew || !name.when_saved.empty();
}

void cursor_book::saved(const std::vector<saving>& batch,
                        const result<std::vector<cursor_key>>& outcome) {
  saving_ = false;
  std::vector<std::function<void()>> answers;
  for (const auto& one : batch) {
    const auto name = one.name.lock();
    if (!name || find(name->key) != name) continue;
    result<void> answer;
    if (!outcome) {
      name->leased_anew |= one.has_lease;
      name->dirty = true;
      dirty_.insert(name->key);
      answer = outcome.error();
    } else if (std::ranges::find(*outcome, name->key) != outcome->end()) {
      name->leased_anew |= one.has_lease;
      answer = error{errc::unavailable, "the cursor was not stored any more", "try again"};
    } else {
      name->saved = one.at;
    }
    for (auto& waiting : std::exchange(name->being_saved, {}))
      answers.emplace_back([waiting = std::move(waiting), answer] { waiting(answer); });
  }
  for (const auto& answer : answers) boost::asio::post(with_->executor, answer);
  if (!outcome) {
    log_error("streams", "cursors not saved: trying again",
              {{"project", with_->project},
               {"cursors", batch.size()},
               {"reason", outcome.error().message()}});
    if (when_closed_) {
      // Nothing is saved any more.
      for (const auto& [key, name] : names_) answer_waiting(*name, outcome.error());
      return std::exchange(when_closed_, nullptr)();
    }
    return save_after(retry_interval);
  }
  store_anew(*outcome);
  if (when_closed_) return save_soon();
  if (!dirty_.empty()) save_after(limits_->cursor_flush_interval);
}

bool cursor_book::store_anew(const std::vector<cursor_key>& missing) {
  bool any = false;
  for (const auto& key : missing) {
    const auto name = find(key);
    if (!name || name->opening) continue;
    any = true;
    log_warning("streams", "stored cursor of an open name missing: storing it again",
                {{"project", with_->project},
                 {"table", to_string(key.table)},
                 {"stream", key.name},
                 {"cursor", to_string(name->cursor)}});
    with_->cursors->open(
        key, name->cursor,
        [weak = weak_from_this(), known = std::weak_ptr(name)](const result<position>& stored) {
          const auto self = weak.lock();
          const auto waiting = known.lock();
          if (!self || !waiting) return;
          if (stored) waiting->saved = *stored;
          waiting->touched = waiting->dirty = true;
          self->dirty_.insert(waiting->key);
          self->save_after(retry_interval);
        });
  }
  return any;
}

// Most names stand where they are saved: nothing is copied of these.
void cursor_book::note_all() {
  for (const auto& [key, name] : names_) {
    if (name->opening) continue;
    if (!name->touched && !name->leased_anew && name->reached() == name->saved) continue;
    name->dirty = true;
    dirty_.insert(key);
  }
}

void cursor_book::sweep(std::chrono::steady_clock::time_point now) {
  if (now - last_sweep_ < sweep_interval) return;
  last_sweep_ = now;
  note_all();
  save();
}

void cursor_book::close(std::function<void()> done) {
  note_all();
  when_closed_ = std::move(done);
  save_soon();
}

void cursor_book::show_lags(const position& newest, const timelines& history) {
  std::size_t left_out = 0;
  for (const auto& [key, name] : names_) {
    if (name->opening || name->abandoned) continue;
    if (!lags_.set(key, lag_bytes(name->reached(), newest, history))) ++left_out;
  }
  lags_.leave_out(left_out);
}

}  // namespace pulse::streams

// How cursors become durable: gathered, saved together, and saved before the hub is gone.
#include <algorithm>
#include <utility>

#include "base/logging.hpp"
#include "streams/hub_impl.hpp"

namespace pulse::streams {

position hub::impl::cursor(const cursor_key& key) const {
  const auto found = names_.find(key);
  if (found == names_.end() || found->second->opening) return {};
  return found->second->reached();
}

void hub::impl::note_cursor(name_state& name) {
  if (std::exchange(name.dirty, true)) return;
  dirty_.insert(name.key);
  schedule_save(limits_.cursor_flush_interval);
}

// Somebody has the name open: its age begins anew.
void hub::impl::use(name_state& name) {
  name.used_at = with_.clock->now();
  name.touched = true;
  note_cursor(name);
}

void hub::impl::schedule_save(std::chrono::milliseconds wait) {
  const auto at = std::chrono::steady_clock::now() + wait;
  if (save_scheduled_ && save_timer_.expiry() <= at) return;
  save_scheduled_ = true;
  save_timer_.expires_at(at);
  save_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    const auto self = weak.lock();
    if (cancelled || !self) return;
    self->save_scheduled_ = false;
    self->save_cursors();
  });
}

void hub::impl::save_cursors() {
  if (saving_) return;
  std::vector<std::pair<cursor_key, position>> moved;
  for (const auto& key : dirty_) {
    const auto found = names_.find(key);
    if (found == names_.end()) continue;
    auto& name = *found->second;
    name.dirty = false;
    if (name.opening) continue;
    name.cursor = name.reached();
    const bool touched = std::exchange(name.touched, false);
    if (name.cursor != name.saved || touched) moved.emplace_back(key, name.cursor);
  }
  dirty_.clear();
  if (moved.empty()) {
    if (when_saved_) std::exchange(when_saved_, nullptr)();
    return;
  }
  saving_ = true;
  auto batch = moved;
  with_.cursors->save(std::move(moved),
                      [self = shared_from_this(), batch = std::move(batch)](
                          const result<void>& outcome) { self->save_done(batch, outcome); });
}

// Nobody notes the cursors of streams that keep up and want nothing of what passes.
void hub::impl::sweep_cursors(std::chrono::steady_clock::time_point now) {
  if (now - last_sweep_ < sweep_interval) return;
  last_sweep_ = now;
  for (const auto& [key, name] : names_) dirty_.insert(key);
  save_cursors();
}

void hub::impl::save_done(const std::vector<std::pair<cursor_key, position>>& batch,
                          const result<void>& outcome) {
  saving_ = false;
  for (const auto& [key, cursor] : batch) {
    const auto found = names_.find(key);
    if (found == names_.end()) continue;
    if (outcome) {
      found->second->saved = cursor;
    } else {
      found->second->dirty = true;
      dirty_.insert(key);
    }
  }
  if (!outcome) {
    log_error("streams", "cursors could not be saved: trying again",
              {{"project", with_.project},
               {"cursors", batch.size()},
               {"reason", outcome.error().message()}});
    if (when_saved_) return std::exchange(when_saved_, nullptr)();
    return schedule_save(std::chrono::seconds(1));
  }
  if (!dirty_.empty() || when_saved_) {
    schedule_save(when_saved_ ? std::chrono::milliseconds(0) : limits_.cursor_flush_interval);
  }
}

void hub::impl::forget(const cursor_key& key, std::string_view why) {
  const auto found = names_.find(key);
  if (found == names_.end()) return;
  const auto name = std::move(found->second);
  names_.erase(found);
  dirty_.erase(key);
  lags_.drop(key);
  disband(*name, why);
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

void hub::impl::shut_down(end_reason reason, std::string_view message, std::function<void()> done) {
  shutting_down_ = true;
  for (const auto id : streams_.where([](const auto&) { return true; })) end(id, reason, message);
  figures_.show();
  for (const auto& [key, name] : names_) dirty_.insert(key);
  when_saved_ = std::move(done);
  schedule_save(std::chrono::milliseconds(0));
}

}  // namespace pulse::streams

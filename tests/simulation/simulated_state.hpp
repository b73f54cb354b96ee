// The state database and the thread that owns it, a step at a time.
#pragma once

#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "control/state_store.hpp"
#include "streams/hub.hpp"

namespace pulse::simulation {

// What the store has returned from is durable: it syncs every commit. What still waits in the queue
// is lost with the process. The real store on a database in memory, which the caller keeps from one
// process to the next.
class simulated_state final : public streams::cursor_store {
 public:
  static constexpr std::string_view project = "simulated";
  using saved_cursors = std::vector<saved_cursor>;

  simulated_state(control::state_store& store, std::function<void(const saved_cursors&)> on_saved)
      : store_(&store), on_saved_(std::move(on_saved)) {}

  void open(const streams::cursor_key& key, position initial, opened done) override {
    waiting_.emplace_back([this, key, initial, done = std::move(done)] {
      done(store_->open_cursor(project, key.table, key.name, initial));
    });
  }

  void save(saved_cursors moved, saved done) override {
    waiting_.emplace_back([this, moved = std::move(moved), done = std::move(done)] {
      std::vector<control::state_store::moved_cursor> cursors;
      for (const auto& one : moved)
        cursors.push_back({one.key.table, one.key.name, one.at, one.lease});
      const auto missing = store_->save_cursors(project, cursors);
      if (!missing) return done(missing.error());
      on_saved_(moved);
      std::vector<streams::cursor_key> keys;
      for (const auto& one : *missing) keys.push_back({one.table, one.name});
      done(keys);
    });
  }

  void mark_abandoned(const streams::cursor_key& /*key*/, bool /*abandoned*/) override {}
  void remove(const streams::cursor_key& /*key*/) override {}

  // One piece of work. False: there is none.
  bool step() {
    if (waiting_.empty()) return false;
    const auto work = std::move(waiting_.front());
    waiting_.pop_front();
    work();
    return true;
  }

 private:
  control::state_store* store_;
  std::function<void(const saved_cursors&)> on_saved_;
  std::deque<std::function<void()>> waiting_;
};

}  // namespace pulse::simulation

#include "app/cursor_keeper.hpp"

#include "base/logging.hpp"

namespace pulse::app {

cursor_keeper::cursor_keeper(std::string project, boost::asio::any_io_executor executor,
                             std::shared_ptr<control::control_thread> control)
    : project_(std::move(project)), executor_(std::move(executor)), control_(std::move(control)) {}

void cursor_keeper::open(const streams::cursor_key& key, position initial, opened done) {
  waiting_.push_back({key.table, key.name, initial});
  waiting_done_.push_back(std::move(done));
  if (!opening_) open_waiting();
}

void cursor_keeper::open_waiting() {
  opening_ = true;
  control_->run(
      executor_,
      [project = project_, wanted = std::exchange(waiting_, {})](control::state_store& store) {
        return store.open_cursors(project, wanted);
      },
      [self = shared_from_this(),
       done = std::exchange(waiting_done_, {})](const result<std::vector<position>>& stand_at) {
        self->opening_ = false;
        if (!self->waiting_.empty()) self->open_waiting();
        for (std::size_t i = 0; i < done.size(); ++i) {
          done[i](stand_at ? result<position>((*stand_at)[i]) : result<position>(stand_at.error()));
        }
      });
}

void cursor_keeper::save(std::vector<saved_cursor> moved, saved done) {
  control_->run(
      executor_,
      [project = project_, moved = std::move(moved)](
          control::state_store& store) -> result<std::vector<streams::cursor_key>> {
        std::vector<control::state_store::moved_cursor> cursors;
        cursors.reserve(moved.size());
        for (const auto& one : moved)
          cursors.push_back({one.key.table, one.key.name, one.at, one.lease});
        const auto missing = store.save_cursors(project, cursors);
        if (!missing) return missing.error();
        std::vector<streams::cursor_key> keys;
        for (const auto& one : *missing) keys.push_back({one.table, one.name});
        return keys;
      },
      std::move(done));
}

void cursor_keeper::mark_abandoned(const streams::cursor_key& key, bool abandoned) {
  control_->run(
      executor_,
      [project = project_, key, abandoned](control::state_store& store) {
        return store.mark_abandoned(project, key.table, key.name, abandoned);
      },
      [project = project_, key](const result<void>& marked) {
        if (marked) return;
        log_error("state", "abandoned name not stored: the state database failed",
                  {{"project", project},
                   {"table", to_string(key.table)},
                   {"stream", key.name},
                   {"reason", marked.error().message()}});
      });
}

void cursor_keeper::remove(const streams::cursor_key& key) {
  control_->run(
      executor_,
      [project = project_, key](control::state_store& store) {
        return store.delete_cursor(project, key.table, key.name);
      },
      [project = project_, key](const result<void>& removed) {
        if (removed || removed.error().code == errc::not_found) return;
        log_error("state", "cursor not deleted: it exists again after the next start",
                  {{"project", project},
                   {"table", to_string(key.table)},
                   {"stream", key.name},
                   {"reason", removed.error().message()}});
      });
}

}  // namespace pulse::app

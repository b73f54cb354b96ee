// Cursors of one project, kept by the control thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/logging.hpp"
#include "control/control_thread.hpp"
#include "streams/hub.hpp"

namespace pulse::app {

class cursor_keeper final : public streams::cursor_store {
 public:
  cursor_keeper(std::string project, boost::asio::any_io_executor executor,
                std::shared_ptr<control::control_thread> control)
      : project_(std::move(project)),
        executor_(std::move(executor)),
        control_(std::move(control)) {}

  void open(const streams::cursor_key& key, position initial, opened done) override {
    control_->run(
        executor_,
        [project = project_, key, initial](control::state_store& store) {
          return store.open_cursor(project, key.table, key.name, initial);
        },
        std::move(done));
  }

  void save(std::vector<std::pair<streams::cursor_key, position>> moved, saved done) override {
    control_->run(
        executor_,
        [project = project_, moved = std::move(moved)](control::state_store& store) {
          std::vector<control::state_store::moved_cursor> cursors;
          cursors.reserve(moved.size());
          for (const auto& [key, at] : moved) cursors.push_back({key.table, key.name, at});
          return store.save_cursors(project, cursors);
        },
        std::move(done));
  }

  void mark_abandoned(const streams::cursor_key& key, bool abandoned) override {
    control_->run(
        executor_,
        [project = project_, key, abandoned](control::state_store& store) {
          return store.mark_abandoned(project, key.table, key.name, abandoned);
        },
        [project = project_, key](const result<void>& marked) {
          if (marked) return;
          log_error("state", "that a name is abandoned, or is not any more, could not be stored",
                    {{"project", project},
                     {"table", to_string(key.table)},
                     {"stream", key.name},
                     {"reason", marked.error().message()}});
        });
  }

 private:
  std::string project_;
  boost::asio::any_io_executor executor_;
  std::shared_ptr<control::control_thread> control_;
};

}  // namespace pulse::app

// Cursors of one project, kept by the control thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "control/control_thread.hpp"
#include "streams/hub.hpp"

namespace pulse::app {

// Used on `executor`, which runs one thing at a time and on which answers come.
class cursor_keeper final : public streams::cursor_store,
                            public std::enable_shared_from_this<cursor_keeper> {
 public:
  cursor_keeper(std::string project, boost::asio::any_io_executor executor,
                std::shared_ptr<control::control_thread> control);

  // Requests during an open are opened together next: thousands of new names at once cost a few
  // syncs, not one each.
  void open(const streams::cursor_key& key, position initial, opened done) override;
  void save(std::vector<saved_cursor> moved, saved done) override;
  void mark_abandoned(const streams::cursor_key& key, bool abandoned) override;
  void remove(const streams::cursor_key& key) override;

 private:
  void open_waiting();

  std::string project_;
  boost::asio::any_io_executor executor_;
  std::shared_ptr<control::control_thread> control_;
  std::vector<control::state_store::wanted_cursor> waiting_;
  std::vector<opened> waiting_done_;  // of waiting_, in its order
  bool opening_ = false;
};

}  // namespace pulse::app

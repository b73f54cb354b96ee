// One project's gaps: recorded durably, reported to its streams, accepted by operators.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/metrics.hpp"
#include "control/control_thread.hpp"
#include "control/stored_gap.hpp"
#include "streams/hub.hpp"

namespace pulse::capture {

class gap_keeper : public std::enable_shared_from_this<gap_keeper> {
 public:
  struct parts {
    std::string project;
    boost::asio::any_io_executor delivery;
    std::shared_ptr<control::control_thread> control;
    metrics* figures = nullptr;
    streams::hub* streams = nullptr;  // lives as long as this
    bool goes_on = false;             // every gap counts as accepted (on_gap = "continue")
  };

  // `known`: those of the last run. On the delivery thread.
  gap_keeper(parts with, std::vector<control::stored_gap> known);

  // Call this with a found gap, wait for `done`, and only then append events after it: then the gap
  // is durable and the streams know it. Finding it again completes it (see gap_table). Any thread;
  // `done` on the delivery thread, unless the project is gone by then.
  using recorded = std::function<void(result<control::stored_gap>)>;
  void record(const history_gap& found, recorded done);

  // See gap_table::withdraw_beyond(). Any thread; `done` on the delivery thread, unless the project
  // is gone by then.
  void withdraw_beyond(const position& start, std::function<void(result<void>)> done);

  // errc::not_found: no such gap. On the delivery thread, `done` too.
  void accept(std::uint64_t id, const std::string& by, recorded done);

  // On the delivery thread.
  const std::vector<control::stored_gap>& all() const { return gaps_; }
  std::size_t open() const;

 private:
  using gaps = std::vector<control::stored_gap>;
  void use(gaps now);
  // `lost`: cursors of a lost log that are after the gap's end.
  void keep(const history_gap& found, std::vector<streams::cursor_key> lost, recorded done);

  parts with_;
  gaps gaps_;
  prometheus::Gauge& open_;
};

}  // namespace pulse::capture

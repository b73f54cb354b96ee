// How far a project's capture has come, for the server.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "capture/capture.hpp"
#include "change/timelines.hpp"
#include "server/captured_history.hpp"
#include "streams/position_waits.hpp"

namespace pulse::app {

// A part of a project, which outlives it, as what the arguments refer to does.
class project_history final : public server::captured_history {
 public:
  project_history(boost::asio::any_io_executor delivery, capture::capture& from,
                  const log::event_log& log, const log::readable_end* end,
                  const timelines& followed);

  position captured() const override { return waits_.reached(); }
  bool has_captured(const position& through) const override { return waits_.has_reached(through); }
  bool has_passed(const position& cursor, const position& through) const override;
  std::shared_ptr<void> wait(const position& through, std::function<void()> done) override {
    return waits_.wait(through, std::move(done));
  }
  std::optional<position> place(lsn at) const override;
  void find_transaction(std::uint64_t xid,
                        std::function<void(result<transaction_place>)> done) override;

  // The log, or its deliverable part, has grown.
  void progress() { waits_.look(); }

 private:
  boost::asio::any_io_executor delivery_;
  capture::capture* capture_;
  const log::event_log* log_;
  const timelines* followed_;
  streams::position_waits waits_;
};

}  // namespace pulse::app

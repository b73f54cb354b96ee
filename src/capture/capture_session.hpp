// One replication connection and its parts. Internal to capture/.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "capture/capture.hpp"
#include "source/start_order.hpp"
#include "source/start_rules.hpp"

namespace pulse::capture {

inline constexpr std::chrono::seconds connect_timeout{10};

// The error for an operator who names another change than the one at which capture is stopped.
inline error stands_elsewhere(lsn at, lsn named) {
  return {errc::conflict,
          "capture is stopped at the change at " + to_string(at) + ", not at " + to_string(named),
          "give the LSN of the change to skip"};
}

struct capture::session {
  std::unique_ptr<source::connection> database;  // SQL
  std::unique_ptr<source::connection> replication;
  source::server_identity server;
  source::stored_history stored;             // as compared last
  std::optional<source::start_order> order;  // what follows from that
  std::optional<position> told_gap;          // while its end is waited for
  std::string slot;
  lsn from;
  bool slot_made = false;  // on this connection: what is before it is a gap
  bool streams = false;    // where it begins is decided
  bool ran_dry = false;    // the stream has ended, and all that had come by then was taken
  std::uint32_t waited_for_xid = 0;    // the last transaction whose visibility was waited for
  bool sees_waited_for = false;        // and it is visible
  std::optional<lsn> came_with_large;  // how far had been received with a very large message
  std::shared_ptr<boost::asio::steady_timer> house_timer;
  bool over = false;
};

}  // namespace pulse::capture

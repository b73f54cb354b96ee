// A project whose stored state cannot be read: it reports that while the others are served.
#pragma once

#include "config/config.hpp"
#include <map>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "base/metrics.hpp"
#include "log/memory_log.hpp"
#include "log/memory_relations.hpp"
#include "server/registry.hpp"
#include "streams/hub.hpp"

namespace pulse::app {

// Refuses every stream, captures nothing, and leaves all stored files as they are, until Pulse is
// restarted. Lives on the delivery thread.
class unopened_project final : public server::project_service {
 public:
  // `why` is what opening the project failed with.
  unopened_project(const config::project_config& config,
                   const boost::asio::any_io_executor& delivery, metrics& figures, error why);

  bool event_persistence() const override { return event_persistence_; }
  streams::hub& streams() override { return hub_; }
  void resolve(const requests::stream_request& wanted, resolved done) override;
  capture_status capture() const override { return {false, false, "stopped", why_.message()}; }

 private:
  bool event_persistence_;
  error why_;
  // Of no event, and no stream is ever opened on it.
  log::memory_log log_{0};
  log::memory_relations relations_;
  streams::hub hub_;
};

// What whoever wants something of such a project is told: errc::corrupt.
error project_is_stopped();

using unopened_map = std::map<std::string, std::unique_ptr<unopened_project>>;

}  // namespace pulse::app

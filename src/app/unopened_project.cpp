#include "app/unopened_project.hpp"

#include <utility>

namespace pulse::app {

unopened_project::unopened_project(const config::project_config& config,
                                   const boost::asio::any_io_executor& delivery, metrics& figures,
                                   error why)
    : event_persistence_(config.event_persistence),
      why_(std::move(why)),
      hub_({delivery, &log_, &relations_, nullptr, &figures, config.name}, config.limits) {}

void unopened_project::resolve(const requests::stream_request& /*wanted*/, resolved done) {
  done(project_is_stopped());
}

// Which file it is, is no business of a consumer's.
error project_is_stopped() {
  return {errc::corrupt, "the project is stopped: its stored events or state cannot be opened",
          "read the reason in /capturez on the admin address, fix it, and restart Pulse"};
}

}  // namespace pulse::app

#include "app/project_not_serving.hpp"

#include <utility>

namespace pulse::app {
namespace {

constexpr const char* being_read = "what it has stored is still being read";

}  // namespace

std::shared_ptr<project_not_serving> project_not_serving::opening(bool event_persistence) {
  std::shared_ptr<project_not_serving> one(
      new project_not_serving(event_persistence, project_is_opening()));
  one->state_ = "opening";
  one->problem_ = one->not_ready_ = being_read;
  return one;
}

// It is ready all the same: see project_service::not_ready().
std::shared_ptr<project_not_serving> project_not_serving::failed(bool event_persistence,
                                                                 const error& why) {
  std::shared_ptr<project_not_serving> one(
      new project_not_serving(event_persistence, project_is_stopped()));
  one->state_ = "stopped";
  one->problem_ = why.message();
  return one;
}

void project_not_serving::resolve(const requests::stream_request& /*wanted*/, resolved done) {
  done(told_);
}

error project_is_opening() {
  return {errc::unavailable, std::string("the project is opening: ") + being_read,
          "try again in a moment"};
}

// Which file it is, is no business of a consumer's.
error project_is_stopped() {
  return {errc::corrupt, "the project is stopped: its stored events or state cannot be opened",
          "read the reason in /capturez on the admin address, fix it, and restart Pulse"};
}

}  // namespace pulse::app

#include "server/websocket/control_messages.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/iso_time.hpp"

namespace pulse::server {

std::string open_message(std::string_view request_id,
                         const std::optional<streams::name_holder>& holder) {
  boost::json::object message{{"pulse", "open"}, {"requestId", request_id}};
  if (holder) {
    message["waiting"] = {{"kind", streams::to_string(holder->kind)},
                          {"since", iso_time(holder->since)}};
  }
  return boost::json::serialize(message);
}

std::string_view caught_up_message() {
  return R"({"pulse":"caught_up"})";
}

std::string_view heartbeat_message() {
  return R"({"pulse":"heartbeat"})";
}

}  // namespace pulse::server

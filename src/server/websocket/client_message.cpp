#include "server/websocket/client_message.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace pulse::server {
namespace {

client_message parse_any_spelling(std::string_view text) {
  boost::json::error_code failed;
  boost::json::parse_options options;
  options.max_depth = 16;
  const auto value = boost::json::parse({text.data(), text.size()}, failed, {}, options);
  if (failed) return {client_message::kind::malformed};
  const auto* object = value.if_object();
  if (object == nullptr) return {};
  const auto* type = object->if_contains("type");
  const auto* id = object->if_contains("id");
  if (type == nullptr || id == nullptr || !type->is_string() || !id->is_string()) return {};
  if (type->get_string() != "ack") return {};
  const auto parsed = parse_event_id({id->get_string().data(), id->get_string().size()});
  if (!parsed) return {};
  return {client_message::kind::acknowledgement, *parsed};
}

}  // namespace

client_message parse_client_message(std::string_view text) {
  constexpr std::string_view head = R"({"type":"ack","id":")";
  constexpr std::string_view tail = R"("})";
  if (text.size() == head.size() + event_id::text_size + tail.size() && text.starts_with(head) &&
      text.ends_with(tail)) {
    if (const auto id = parse_event_id(text.substr(head.size(), event_id::text_size))) {
      return {client_message::kind::acknowledgement, *id};
    }
  }
  return parse_any_spelling(text);
}

}  // namespace pulse::server

#include "server/websocket/client_message.hpp"

#include <optional>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace pulse::server {
namespace {

std::optional<event_id> id_of(const boost::json::value* value) {
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return parse_event_id({value->get_string().data(), value->get_string().size()});
}

client_message parse_any_spelling(std::string_view text) {
  boost::json::error_code failed;
  boost::json::parse_options options;
  options.max_depth = 16;
  const auto value = boost::json::parse({text.data(), text.size()}, failed, {}, options);
  if (failed) return {client_message::kind::malformed};
  const auto* object = value.if_object();
  if (object == nullptr) return {};
  const auto* type = object->if_contains("type");
  if (type == nullptr || !type->is_string() || type->get_string() != "ack") return {};
  if (const auto id = id_of(object->if_contains("id")))
    return {client_message::kind::acknowledgement, *id};
  if (const auto id = id_of(object->if_contains("through")))
    return {client_message::kind::through, *id};
  const auto* ids = object->if_contains("ids");
  if (ids == nullptr || !ids->is_array()) return {};
  client_message several{client_message::kind::acknowledgements};
  for (const auto& one : ids->get_array()) {
    const auto id = id_of(&one);
    if (!id) return {};
    several.ids.push_back(*id);
  }
  return several;
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

#include "server/events/event_text.hpp"

#include <algorithm>
#include <utility>

#include <boost/algorithm/string/predicate.hpp>
#include <boost/algorithm/string/trim.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/shown_text.hpp"

namespace pulse::server {
namespace {

constexpr std::string_view end_mark = "end";
constexpr std::string_view end_suffix = ".end";

std::optional<event_format> format_of_media_type(std::string_view type) {
  for (const auto format : {event_format::event_stream, event_format::ndjson}) {
    if (boost::algorithm::iequals(type, content_type_of(format))) return format;
  }
  if (type == "*/*" || boost::algorithm::iequals(type, "text/*")) return event_format::event_stream;
  if (boost::algorithm::iequals(type, "application/*")) return event_format::ndjson;
  return std::nullopt;
}

}  // namespace

// A `json` column's text keeps the line breaks that it was written with. They stand between tokens,
// where a space means the same; here they would end the line.
void append_on_one_line(std::string& to, std::string_view json) {
  const auto from = to.size();
  to += json;
  std::replace_if(
      to.begin() + static_cast<std::ptrdiff_t>(from), to.end(),
      [](char one) { return one == '\n' || one == '\r'; }, ' ');
}

std::string_view content_type_of(event_format format) {
  return format == event_format::event_stream ? "text/event-stream" : "application/x-ndjson";
}

std::optional<event_format> accepted_format(std::string_view accept) {
  if (accept.empty()) return event_format::event_stream;
  while (!accept.empty()) {
    const auto comma = std::min(accept.find(','), accept.size());
    const auto range = accept.substr(0, comma);
    const std::string type(range.substr(0, range.find(';')));
    if (const auto format = format_of_media_type(boost::algorithm::trim_copy(type))) return format;
    accept.remove_prefix(std::min(comma + 1, accept.size()));
  }
  return std::nullopt;
}

std::string end_id(const std::optional<event_id>& last) {
  return last ? to_string(*last).append(end_suffix) : std::string(end_mark);
}

result<last_event> parse_last_event_id(std::string_view text) {
  last_event last;
  if (text == end_mark) {
    last.was_caught_up = true;
    return last;
  }
  const auto sent = text;
  // The letters alone may be an id's own.
  if (text.ends_with(end_suffix)) {
    last.was_caught_up = true;
    text.remove_suffix(end_suffix.size());
  }
  last.id = parse_event_id(text);
  if (last.id) return last;
  return error{errc::invalid_argument,
               fmt::format("Last-Event-ID is not the id of an event: '{}'", cut_and_shown(sent)),
               "send the id of the last event that you have handled, or leave the header out: then "
               "all unacknowledged events come again"};
}

std::string event_text(event_format format, const event_id& id, std::string_view json) {
  std::string text;
  text.reserve(json.size() + event_id::text_size + 16);
  if (format == event_format::event_stream) text = fmt::format("id: {}\ndata: ", to_string(id));
  append_on_one_line(text, json);
  text += format == event_format::event_stream ? "\n\n" : "\n";
  return text;
}

std::string message_text(event_format format, boost::json::object message, std::string_view id) {
  if (format == event_format::ndjson) {
    if (!id.empty()) message["lastEventId"] = id;
    return boost::json::serialize(boost::json::object{{"pulse", std::move(message)}}) + '\n';
  }
  std::string text = "event: pulse\n";
  if (!id.empty()) text += fmt::format("id: {}\n", id);
  text += "data: ";
  append_on_one_line(text, boost::json::serialize(message));
  return text + "\n\n";
}

std::string heartbeat_text(event_format format) {
  return format == event_format::event_stream ? ": hb\n\n"
                                              : message_text(format, {{"heartbeat", true}});
}

std::string reconnect_text(event_format format, std::chrono::milliseconds wait) {
  return format == event_format::event_stream ? fmt::format("retry: {}\n\n", wait.count())
                                              : std::string();
}

}  // namespace pulse::server

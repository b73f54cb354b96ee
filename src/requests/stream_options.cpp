#include "requests/stream_options.hpp"

#include <array>
#include <string>

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "requests/header_json.hpp"
#include "requests/json_members.hpp"

namespace pulse::requests {
namespace {

constexpr std::array<std::string_view, 4> known_members{"name", "from", "until", "window"};

}  // namespace

result<stream_options> parse_stream_options(std::string_view stream_header) {
  stream_options options;
  if (stream_header.empty()) return options;
  const auto place = request_place::of_header("stream");
  const auto stream = parse_header_object(stream_header, place);
  if (!stream) return stream.error();
  if (auto all = check_members(*stream, known_members, place); !all) return all.error();
  const auto from = text_member(*stream, "from", place);
  if (!from) return from.error();
  options.from_beginning = *from == "beginning";
  if (!from->empty() && *from != "now" && !options.from_beginning)
    return place.member("from").wrong(R"(is neither "now" nor "beginning")");
  const auto until = text_member(*stream, "until", place);
  if (!until) return until.error();
  options.until_end = *until == "end";
  if (!until->empty() && !options.until_end) return place.member("until").wrong(R"(is not "end")");
  if (const auto* window = find_member(*stream, "window")) {
    const auto events = count_at(*window, place.member("window"));
    if (!events) return events.error();
    if (*events == 0 || *events > window_events_of_request_max) {
      return place.member("window").wrong(
          fmt::format("is not 1 to {} events", window_events_of_request_max));
    }
    options.window_events = *events;
  }
  return options;
}

}  // namespace pulse::requests

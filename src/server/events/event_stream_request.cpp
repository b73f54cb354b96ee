#include "server/events/event_stream_request.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/percent_encoding.hpp"
#include "requests/native_request.hpp"
#include "server/http/credentials.hpp"
#include "server/http/query_string.hpp"

namespace pulse::server {
namespace {

using requests::request_place;

constexpr std::array<std::string_view, 4> stream_parameters{"table", "where", "until", "window"};

// The schema ends at the first dot that is not encoded.
result<requests::model> read_table(const query_string& query) {
  const auto place = request_place::of_query("table");
  const auto* asked = query.find("table");
  if (asked == nullptr)
    return place.wrong("is missing", "add ?table={schema}.{table}; a dot within a name is %2E");
  const auto raw = asked->raw_value;
  const auto dot = raw.find('.');
  const auto schema =
      percent_decode(dot == std::string_view::npos ? std::string_view() : raw.substr(0, dot));
  const auto table = percent_decode(dot == std::string_view::npos ? raw : raw.substr(dot + 1));
  if (!schema || !table) return place.wrong("is not percent-encoded as it should be");
  return requests::table_of(*schema, *table, place);
}

result<requests::stream_request> read_wanted(const query_string& query) {
  auto table = read_table(query);
  if (!table) return table.error();
  const auto place = request_place::of_query("where");
  const auto* where = query.find("where");
  if (where == nullptr) return requests::native_request(std::move(*table), nullptr, place);
  const auto filters = requests::parse_json(where->value, place);
  if (!filters) return filters.error();
  return requests::native_request(std::move(*table), &*filters, place);
}

result<std::string> read_name(const std::string& name) {
  const auto problem = requests::problem_of_name(name);
  if (problem.empty()) return name;
  return error{errc::invalid_argument, "the stream's name " + problem};
}

result<bool> read_until(const query_string& query) {
  const auto* until = query.find("until");
  if (until == nullptr) return false;
  if (until->value == "end") return true;
  return request_place::of_query("until").wrong("is not 'end'");
}

result<std::size_t> read_window(const query_string& query) {
  const auto* window = query.find("window");
  if (window == nullptr) return event_stream_window_events;
  const auto place = request_place::of_query("window");
  const auto events = requests::count_of(window->value, place);
  if (!events) return events.error();
  if (*events == 0 || *events > event_stream_window_events_max)
    return place.wrong(fmt::format("is not between 1 and {}", event_stream_window_events_max));
  return static_cast<std::size_t>(*events);
}

result<event_stream_request> read_all(const http_exchange& asked, const query_string& query) {
  if (auto known = check_parameters(query, stream_parameters); !known) return known.error();
  auto name = read_name(asked.parameter("name"));
  if (!name) return name.error();
  auto wanted = read_wanted(query);
  if (!wanted) return wanted.error();
  const auto until = read_until(query);
  if (!until) return until.error();
  const auto window = read_window(query);
  if (!window) return window.error();
  event_stream_request read;
  read.wanted = std::move(*wanted);
  read.wanted.name = std::move(*name);
  read.until_end = *until;
  read.window_events_max = *window;
  const auto last = asked.request().header("last-event-id");
  if (last.empty()) return read;
  const auto event = parse_last_event_id(last);
  if (!event) return event.error();
  read.last = *event;
  return read;
}

}  // namespace

boost::system::result<event_stream_request, refusal> read_event_stream_request(
    const http_exchange& asked) {
  const auto query = query_string::of_target(asked.request().target);
  if (!query)
    return refusal{400, pulse_code::server_error,
                   "the query is not percent-encoded as it should be"};
  if (auto secret = refuse_secret_in_url(*query)) return std::move(*secret);
  const auto format = accepted_format(asked.request().header("accept"));
  if (!format) {
    return refusal{406, pulse_code::server_error,
                   "the answer has another content type than the 'accept' header asks for",
                   "accept text/event-stream or application/x-ndjson"};
  }
  auto read = read_all(asked, *query);
  if (!read) return refuse(read.error());
  read->format = *format;
  return std::move(*read);
}

}  // namespace pulse::server

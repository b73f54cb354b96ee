#include "server/events/read_request.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "base/shown_numbers.hpp"
#include "base/shown_text.hpp"
#include "requests/native_request.hpp"
#include "server/http/query_string.hpp"

namespace pulse::server {

namespace json = boost::json;

namespace {

using requests::find_member;
using requests::request_place;

constexpr std::array<std::string_view, 8> body_members{"tables", "where",     "after",    "limit",
                                                       "wait",   "acceptGap", "maxBytes", "until"};
constexpr std::array<std::string_view, 3> table_members{"table", "schema", "where"};
constexpr std::array<std::string_view, 6> query_members{"table", "after",     "limit",
                                                        "wait",  "acceptGap", "until"};

result<void> set_limit(read_request& to, const result<std::uint64_t>& count,
                       const request_place& place) {
  if (!count) return count.error();
  if (*count < 1 || *count > page_events_max)
    return place.wrong(fmt::format("is not from 1 to {}", page_events_max));
  to.events_max = *count;
  return {};
}

result<void> set_wait(read_request& to, const result<std::chrono::milliseconds>& wait,
                      const request_place& place) {
  if (!wait) return wait.error();
  if (*wait > page_wait_max)
    return place.wrong(fmt::format("is longer than {} s", page_wait_max.count()));
  to.wait = *wait;
  return {};
}

result<void> set_bytes(read_request& to, const result<std::uint64_t>& bytes,
                       const request_place& place) {
  if (!bytes) return bytes.error();
  if (*bytes < 1 || *bytes > page_bytes_max)
    return place.wrong("is not from 1 byte to " + shown_bytes(page_bytes_max));
  to.bytes_max = *bytes;
  return {};
}

result<void> set_gap(read_request& to, const result<std::uint64_t>& gap) {
  if (!gap) return gap.error();
  to.accept_gap = *gap;
  return {};
}

result<void> set_until(read_request& to, std::string_view text, const request_place& place) {
  if (text != "end") return place.wrong("is not 'end'", "leave it out, or send \"end\"");
  to.until_end = true;
  return {};
}

// A dot within a name is encoded there, as in paths.
result<requests::model> table_in_query(const query_value& one, const request_place& place) {
  const auto dot = one.raw_value.find('.');
  if (dot == std::string_view::npos) return requests::table_of({}, one.value, place);
  const auto schema = decode_query(one.raw_value.substr(0, dot));
  const auto table = decode_query(one.raw_value.substr(dot + 1));
  if (!schema || !table) return place.wrong("is not percent-encoded as it should be");
  return requests::table_of(*schema, *table, place);
}

result<void> add_query_value(read_request& to, const query_value& one, std::string_view project) {
  const auto place = request_place::of_query(one.name);
  if (one.name == "table") {
    auto table = table_in_query(one, place);
    if (!table) return table.error();
    auto wanted = requests::native_request(std::move(*table), nullptr, place);
    if (!wanted) return wanted.error();
    if (to.tables.size() >= page_tables_max)
      return place.wrong(fmt::format("stands there more than {} times", page_tables_max));
    to.tables.push_back(std::move(*wanted));
    return {};
  }
  if (one.name == "limit") return set_limit(to, requests::count_of(one.value, place), place);
  if (one.name == "wait") return set_wait(to, requests::duration_of(one.value, place), place);
  if (one.name == "until") return set_until(to, one.value, place);
  if (one.name == "acceptGap") return set_gap(to, requests::count_of(one.value, place));
  auto after = parse_page_start(one.value, project, place);
  if (!after) return after.error();
  to.after = std::move(*after);
  return {};
}

result<requests::stream_request> table_in_body(const json::value& value, const json::value* where,
                                               const request_place& place) {
  auto where_place = request_place::of_body().member("where");
  if (value.is_string()) {
    auto table = requests::table_at(value, place);
    if (!table) return table.error();
    return requests::native_request(std::move(*table), where, where_place);
  }
  if (!value.is_object())
    return place.wrong(R"(is neither a table's name nor {"table":…,"where":…})");
  const auto& object = value.get_object();
  if (auto all = check_members(object, table_members, place); !all) return all.error();
  const auto table_name = requests::text_member(object, "table", place);
  if (!table_name) return table_name.error();
  const auto schema = requests::text_member(object, "schema", place);
  if (!schema) return schema.error();
  auto table = schema->empty() ? requests::table_of(*table_name, place)
                               : requests::table_of(*schema, *table_name, place);
  if (!table) return table.error();
  if (const auto* own = find_member(object, "where")) {
    where = own;
    where_place = place.member("where");
  }
  return requests::native_request(std::move(*table), where, where_place);
}

result<void> add_tables(read_request& to, const json::object& body) {
  const auto place = request_place::of_body().member("tables");
  const auto* tables = find_member(body, "tables");
  if (tables == nullptr) return place.wrong("is missing", R"(send ["public.orders"], for example)");
  if (!tables->is_array()) return place.wrong("is not an array");
  const auto& list = tables->get_array();
  if (list.empty() || list.size() > page_tables_max)
    return place.wrong(fmt::format("does not have 1 to {} tables", page_tables_max));
  const auto* where = find_member(body, "where");
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto wanted = table_in_body(list[i], where, place.element(i));
    if (!wanted) return wanted.error();
    to.tables.push_back(std::move(*wanted));
  }
  return {};
}

constexpr auto* places =
    "beginning, now, a `next` token, an event's id, a time "
    "(2026-05-28T12:00:00Z) or an LSN (0/16B3748)";

error lacks_start(const request_place& place) {
  return place.wrong("is missing", fmt::format("say where to begin: {}", places));
}

}  // namespace

result<page_start> parse_page_start(std::string_view text, std::string_view project,
                                    const request_place& place) {
  if (text == "now") return page_start(from_now{});
  if (is_token(text)) {
    auto token = read_token(text, project);
    if (!token) return wrap(place.text(), token.error());
    return page_start(std::move(*token));
  }
  // "end" is a cursor's word for where the log ends, which may be before now.
  const auto target = text == "end"
                          ? result<streams::seek_target>(error{errc::invalid_argument, ""})
                          : streams::parse_seek_target(text);
  if (!target) {
    return place.wrong(fmt::format("is no place: {}", cut_and_shown(text, 80)),
                       fmt::format("use {}; a + in a URL is written %2B", places));
  }
  return page_start(*target);
}

result<read_request> read_page_query(std::string_view target, std::string_view last_event_id,
                                     std::string_view project) {
  const auto query = query_string::of_target(target);
  if (!query) {
    return error{errc::invalid_argument, "the query is not percent-encoded as it should be",
                 "write % as %25"};
  }
  read_request asked;
  json::object names;
  for (const auto& one : query->all()) {
    const bool is_again = !names.emplace(one.name, nullptr).second;
    if (is_again && one.name != "table")
      return request_place::of_query(one.name).wrong("stands there more than once");
  }
  if (auto known = check_members(names, query_members, request_place::of_query("parameter"));
      !known)
    return known.error();
  for (const auto& one : query->all()) {
    if (one.name == "after" && !last_event_id.empty()) continue;
    if (auto added = add_query_value(asked, one, project); !added) return added.error();
  }
  if (asked.tables.empty())
    return request_place::of_query("table").wrong("is missing", "add ?table=public.orders");
  if (!last_event_id.empty()) {
    auto after =
        parse_page_start(last_event_id, project, request_place::of_header("last-event-id"));
    if (!after) return after.error();
    asked.after = std::move(*after);
  } else if (!names.contains("after")) {
    return lacks_start(request_place::of_query("after"));
  }
  return asked;
}

result<read_request> read_page_body(std::string_view body, std::string_view project) {
  const auto place = request_place::of_body();
  const auto parsed = requests::parse_json(body, place);
  if (!parsed) return parsed.error();
  const auto object = object_at(*parsed, place);
  if (!object) return object.error();
  if (auto known = check_members(**object, body_members, place); !known) return known.error();
  read_request asked;
  if (auto added = add_tables(asked, **object); !added) return added.error();
  const auto after = requests::text_member(**object, "after", place);
  if (!after) return after.error();
  if (after->empty()) return lacks_start(place.member("after"));
  auto start = parse_page_start(*after, project, place.member("after"));
  if (!start) return start.error();
  asked.after = std::move(*start);
  const auto set = [&](std::string_view name, const auto& setter) -> result<void> {
    const auto* value = find_member(**object, name);
    return value == nullptr ? result<void>() : setter(*value, place.member(name));
  };
  using at = const request_place&;
  if (auto one =
          set("limit", [&](const json::value& value,
                           at where) { return set_limit(asked, count_at(value, where), where); });
      !one)
    return one.error();
  if (auto one =
          set("maxBytes", [&](const json::value& value,
                              at where) { return set_bytes(asked, size_at(value, where), where); });
      !one)
    return one.error();
  if (auto one =
          set("wait", [&](const json::value& value,
                          at where) { return set_wait(asked, duration_at(value, where), where); });
      !one)
    return one.error();
  if (auto one = set("acceptGap", [&](const json::value& value,
                                      at where) { return set_gap(asked, count_at(value, where)); });
      !one)
    return one.error();
  if (auto one = set("until",
                     [&](const json::value& value, at where) {
                       const auto text =
                           value.is_string() ? std::string_view(value.get_string()) : "";
                       return set_until(asked, text, where);
                     });
      !one)
    return one.error();
  return asked;
}

}  // namespace pulse::server

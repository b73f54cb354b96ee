#include "server/events/pull_request.hpp"

#include <array>
#include <span>
#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "requests/json_members.hpp"
#include "requests/native_request.hpp"

namespace pulse::server {
namespace {

namespace json = boost::json;
using requests::find_member;
using requests::request_place;

constexpr std::array<std::string_view, 10> pull_members{
    "table", "where", "from", "max", "maxBytes", "wait", "lease", "token", "until", "ack"};
constexpr std::array<std::string_view, 5> change_members{"table", "token", "ack", "extend",
                                                         "release"};
constexpr std::array<std::string_view, 2> acknowledgement_members{"through", "ids"};

result<void> check_name(std::string_view name) {
  const auto problem = requests::problem_of_name(name);
  if (problem.empty()) return {};
  const bool is_long = name.size() > requests::stream_name_bytes_max;
  return error{errc::invalid_argument, "the stream's name " + problem,
               is_long ? "use a shorter name" : "use another name"};
}

result<json::object> parse_body(std::string_view body, std::span<const std::string_view> members) {
  const auto place = request_place::of_body();
  auto parsed = requests::parse_json(body, place);
  if (!parsed) return parsed.error();
  if (!parsed->is_object()) return place.wrong("is not a JSON object");
  if (auto all = requests::check_members(parsed->get_object(), members, place); !all)
    return all.error();
  return std::move(parsed->get_object());
}

// A number of it, from `least` to `most`.
template <class Read, class Number>
result<void> read_bounded(const json::object& body, std::string_view name, Read read, Number least,
                          Number most, std::string_view bounds, Number& to) {
  const auto* found = find_member(body, name);
  if (found == nullptr) return {};
  const auto place = request_place::of_body().member(name);
  const auto value = read(*found, place);
  if (!value) return value.error();
  const auto number = static_cast<Number>(*value);
  if (number < least || number > most) return place.wrong(fmt::format("is not {}", bounds));
  to = number;
  return {};
}

result<std::chrono::seconds> seconds_at(const json::value& value, const request_place& place) {
  const auto time = requests::duration_at(value, place);
  if (!time) return time.error();
  return std::chrono::ceil<std::chrono::seconds>(*time);
}

result<event_id> id_at(const json::value& value, const request_place& place) {
  const auto id = value.is_string() ? parse_event_id(value.get_string()) : std::nullopt;
  if (!id) return place.wrong("is no event's id");
  return *id;
}

result<streams::lease_acknowledgement> read_acknowledgement(const json::object& body,
                                                            const streams::lease_limits& limits) {
  streams::lease_acknowledgement read;
  const auto* found = find_member(body, "ack");
  if (found == nullptr) return read;
  const auto place = request_place::of_body().member("ack");
  const auto object = requests::object_at(*found, place);
  if (!object) return object.error();
  if (auto all = requests::check_members(**object, acknowledgement_members, place); !all)
    return all.error();
  if (const auto* through = find_member(**object, "through")) {
    const auto id = id_at(*through, place.member("through"));
    if (!id) return id.error();
    read.through = *id;
  }
  const auto* ids = find_member(**object, "ids");
  if (ids == nullptr) return read;
  const auto ids_place = place.member("ids");
  if (!ids->is_array()) return ids_place.wrong("is not a list of events' ids");
  const auto& list = ids->get_array();
  if (list.size() > limits.batch_events_max) {
    return ids_place.wrong(fmt::format("has {} ids, more than a batch has events ({})", list.size(),
                                       limits.batch_events_max));
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto id = id_at(list[i], ids_place.element(i));
    if (!id) return id.error();
    read.ids.push_back(*id);
  }
  return read;
}

// One of the words; false: the other.
result<bool> read_choice(const json::object& body, std::string_view name, std::string_view yes,
                         std::string_view no) {
  const auto place = request_place::of_body();
  const auto word = requests::text_member(body, name, place);
  if (!word) return word.error();
  if (*word == yes) return true;
  if (word->empty() || (!no.empty() && *word == no)) return false;
  return place.member(name).wrong(no.empty()
                                      ? fmt::format("is not \"{}\"", yes)
                                      : fmt::format("is neither \"{}\" nor \"{}\"", no, yes));
}

result<void> read_bounds(const json::object& body, const streams::lease_limits& limits,
                         pull_body& read) {
  if (auto most =
          read_bounded(body, "max", requests::count_at, std::size_t{1}, limits.batch_events_max,
                       fmt::format("1 to {} events", limits.batch_events_max), read.events_max);
      !most)
    return most;
  if (auto most = read_bounded(
          body, "maxBytes", requests::size_at, std::size_t{1}, limits.batch_bytes_max,
          fmt::format("1 byte to {} MiB", limits.batch_bytes_max >> 20U), read.bytes_max);
      !most)
    return most;
  if (auto wait = read_bounded(body, "wait", seconds_at, std::chrono::seconds(0), limits.wait_max,
                               fmt::format("0 to {} s", limits.wait_max.count()), read.wait);
      !wait)
    return wait;
  return read_bounded(
      body, "lease", seconds_at, limits.length_min, limits.length_max,
      fmt::format("{} s to {} h", limits.length_min.count(), limits.length_max.count() / 3600),
      read.length);
}

}  // namespace

result<pull_body> parse_pull(std::string_view name, std::string_view text,
                             const streams::lease_limits& limits) {
  if (auto named = check_name(name); !named) return named.error();
  const auto place = request_place::of_body();
  const auto body = parse_body(text, pull_members);
  if (!body) return body.error();
  const auto* table = find_member(*body, "table");
  if (table == nullptr) return place.member("table").wrong("is missing");
  auto model = requests::table_at(*table, place.member("table"));
  if (!model) return model.error();
  const auto* where = find_member(*body, "where");
  auto wanted = requests::native_request(std::move(*model), where, place.member("where"));
  if (!wanted) return wanted.error();
  pull_body read;
  read.wanted = std::move(*wanted);
  read.wanted.name = name;
  read.asked = json::serialize(*table) + (where == nullptr ? "" : json::serialize(*where));
  if (auto bounds = read_bounds(*body, limits, read); !bounds) return bounds.error();
  auto token = requests::text_member(*body, "token", place);
  if (!token) return token.error();
  if (!token->empty()) read.token = std::move(*token);
  auto acknowledged = read_acknowledgement(*body, limits);
  if (!acknowledged) return acknowledged.error();
  if (!read.token && find_member(*body, "ack") != nullptr)
    return place.member("ack").wrong("needs the token of the batch that it acknowledges");
  read.acknowledged = std::move(*acknowledged);
  const auto beginning = read_choice(*body, "from", "beginning", "now");
  if (!beginning) return beginning.error();
  read.from_beginning = *beginning;
  const auto until_end = read_choice(*body, "until", "end", "");
  if (!until_end) return until_end.error();
  read.until_end = *until_end;
  return read;
}

result<streams::lease_change> parse_lease_change(std::string_view name, std::string_view text,
                                                 const streams::lease_limits& limits) {
  if (auto named = check_name(name); !named) return named.error();
  const auto place = request_place::of_body();
  const auto body = parse_body(text, change_members);
  if (!body) return body.error();
  // The token says which lease is meant, whatever its table is called now.
  if (const auto* table = find_member(*body, "table")) {
    if (const auto model = requests::table_at(*table, place.member("table")); !model)
      return model.error();
  }
  streams::lease_change read;
  read.name = name;
  auto token = requests::text_member(*body, "token", place);
  if (!token) return token.error();
  if (token->empty()) return place.member("token").wrong("is missing");
  read.token = std::move(*token);
  auto acknowledged = read_acknowledgement(*body, limits);
  if (!acknowledged) return acknowledged.error();
  read.acknowledged = std::move(*acknowledged);
  if (find_member(*body, "extend") != nullptr) {
    read.extend.emplace();
    auto extended = read_bounded(
        *body, "extend", seconds_at, limits.length_min, limits.length_max,
        fmt::format("{} s to {} h", limits.length_min.count(), limits.length_max.count() / 3600),
        *read.extend);
    if (!extended) return extended.error();
  }
  if (const auto* release = find_member(*body, "release")) {
    if (!release->is_bool()) return place.member("release").wrong("is neither true nor false");
    read.release = release->get_bool();
  }
  if (read.release && read.extend)
    return place.member("release").wrong("ends the lease: leave extend out");
  return read;
}

}  // namespace pulse::server

// What a consumer asks for: the upgrade request's headers, read and checked. No sockets here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "requests/json_members.hpp"
#include "requests/model.hpp"

namespace pulse::requests {

enum class stream_mode {
  stream,     // at least once, acknowledged, from the log
  subscribe,  // at most once
};

// The filters of `where`, one per kind of event: absent means that this kind is not wanted; an
// empty object that every event of the kind is. Still JSON: compiled against the table's columns by
// filter.hpp.
struct wanted_events {
  std::optional<boost::json::object> create;
  std::optional<boost::json::object> update_after;
  std::optional<boost::json::object> remove;
  std::optional<boost::json::object> update_before = std::nullopt;  // besides update_after
};

// How a consumer wants its events.
enum class event_form {
  prisma,  // a model's fields, for the official client: docs/wire_protocol.md
  native,  // all columns under their own names: docs/native_events.md
};

struct stream_request {
  stream_mode mode = stream_mode::stream;
  std::string name;  // empty: unnamed
  event_form form = event_form::prisma;
  requests::model model;  // `native`: table and schema (empty: not said), and no fields
  wanted_events wanted;
};

// Limits on what an unauthenticated client may send.
inline constexpr std::size_t stream_name_bytes_max = 512;
inline constexpr std::size_t model_fields_max =
    1664;  // PostgreSQL's own limit of columns in a table is 1600

// Says what is wrong with a stream's name, as "has 600 bytes, more than 512"; empty: nothing.
std::string problem_of_name(std::string_view name);

// Reads the header values as they stood in the request: Latin-1 bytes that hold JSON. A
// `subscription` with a `table` asks for native events. `stream_header` may be empty, or name no
// stream: then `where.name` does, if it is there. Errors are errc::invalid_argument and name the
// header and the member that is wrong.
result<stream_request> parse_request(stream_mode mode, std::string_view subscription_header,
                                     std::string_view stream_header);

}  // namespace pulse::requests

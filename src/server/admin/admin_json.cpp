#include "server/admin/admin_json.hpp"

#include <algorithm>
#include <string>

#include "base/iso_time.hpp"

namespace pulse::server {

namespace json = boost::json;

namespace {

json::value iso_time_or_null(const std::optional<unix_time_us>& at) {
  return at ? json::value(iso_time(*at)) : json::value();
}

std::string_view to_string(streams::cursor_condition condition) {
  switch (condition) {
    case streams::cursor_condition::kept:
      return "kept";
    case streams::cursor_condition::expired:
      return "expired";
    case streams::cursor_condition::abandoned:
      return "abandoned";
  }
  return "kept";
}

}  // namespace

json::object describe(const key_description& key) {
  return {{"id", key.id},
          {"label", key.label},
          {"createdAt", iso_time(key.created_at)},
          {"revokedAt", iso_time_or_null(key.revoked_at)}};
}

json::object describe(const streams::stream_status& stream) {
  return {{"id", static_cast<std::uint64_t>(stream.id)},
          {"mode", stream.mode == requests::stream_mode::stream ? "stream" : "subscribe"},
          {"kind", to_string(stream.kind)},
          {"since", iso_time(stream.opened_at)},
          {"table", to_string(stream.key.table)},
          {"name", stream.key.name},
          {"delivered", stream.delivered},
          {"acknowledged", stream.acknowledged},
          {"redelivered", stream.redelivered},
          {"dropped", stream.dropped},
          {"undecided", stream.undecided},
          {"inFlightEvents", stream.in_flight_events},
          {"inFlightBytes", stream.in_flight_bytes},
          {"standby", stream.standby},
          {"stalled", stream.stalled},
          {"cursor", to_string(stream.cursor)},
          {"lagBytes", stream.lag_bytes}};
}

json::object describe(const stored_cursor& cursor, unix_time_us now) {
  const auto& lag = cursor.lag;
  const auto waiting =
      lag.oldest_waiting ? std::max(now - *lag.oldest_waiting, {}) : std::chrono::microseconds(0);
  return {{"table", to_string(cursor.key.table)},
          {"name", cursor.key.name},
          {"condition", to_string(cursor.condition)},
          {"cursor", to_string(cursor.at)},
          {"lagEvents", lag.events},
          {"lagEventsAtLeast", lag.at_least},
          {"lagBytes", lag.bytes},
          {"lagSeconds", std::chrono::ceil<std::chrono::seconds>(waiting).count()},
          {"movedAt", iso_time_or_null(cursor.moved_at)},
          {"usedAt", iso_time_or_null(cursor.used_at)}};
}

}  // namespace pulse::server

#include "control/stored_gap.hpp"

#include "base/iso_time.hpp"

namespace pulse::control {

namespace json = boost::json;

namespace {

json::value to_json(const std::optional<unix_time_us>& at) {
  return at ? json::value(iso_time(*at)) : json::value();
}

json::object place(const position& at) {
  return {{"timeline", at.timeline}, {"lsn", to_string(at.commit)}};
}

}  // namespace

json::object to_json(const stored_gap& gap) {
  json::object all;
  all["id"] = gap.id;
  all["kind"] = to_string(gap.what.kind);
  all["reason"] = gap.what.reason;
  all["after"] = place(gap.what.after);
  all["through"] = gap.what.through ? json::value(place(*gap.what.through)) : json::value();
  all["vanished"] = nullptr;
  if (const auto& vanished = gap.what.vanished) {
    all["vanished"] = json::object{{"first", to_string(vanished->first)},
                                   {"last", to_string(vanished->last)},
                                   {"count", vanished->count}};
  }
  all["foundAt"] = to_json(std::optional(gap.found_at));
  all["acceptedAt"] = to_json(gap.accepted_at);
  all["acceptedBy"] = gap.accepted_at ? json::value(gap.accepted_by) : json::value();
  return all;
}

}  // namespace pulse::control

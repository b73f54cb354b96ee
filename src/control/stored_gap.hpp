// A gap as it was found and, perhaps, accepted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "base/clock.hpp"
#include "change/history_gap.hpp"

namespace pulse::control {

struct stored_gap {
  std::uint64_t id = 0;  // rises with every gap of any project; never used twice
  history_gap what;
  unix_time_us found_at{};
  std::optional<unix_time_us> accepted_at = {};
  std::string accepted_by = {};
};

// {"id","kind","reason","after":{"timeline","lsn"},"through":{…}|null,"vanished":{"first","last",
// "count"}|null,"foundAt","acceptedAt","acceptedBy"}; times are ISO 8601 in UTC. What clients, the
// admin API and the command line see.
boost::json::object to_json(const stored_gap& gap);

}  // namespace pulse::control

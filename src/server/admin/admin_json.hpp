// What the admin API lists, as JSON.
#pragma once

#include <boost/json/object.hpp>

#include "base/clock.hpp"
#include "server/admin/admin_backend.hpp"

namespace pulse::server {

boost::json::object describe(const key_description& key);
boost::json::object describe(const streams::stream_status& stream);
// `now`: what the age of the oldest waiting event is measured by.
boost::json::object describe(const stored_cursor& cursor, unix_time_us now);

}  // namespace pulse::server

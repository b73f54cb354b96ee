// A request for native events: a table and the filters on its columns.
#pragma once

#include <optional>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "requests/json_members.hpp"
#include "requests/request.hpp"

namespace pulse::requests {

// Reads a table's name: "orders", "public.orders" (the schema ends at the first dot), or
// {"schema":…,"table":…}, where both names may have dots.
result<model> table_at(const boost::json::value& value, const request_place& place);
// The same for text.
result<model> table_of(std::string_view text, const request_place& place);
// For names that are known apart. An empty schema is looked for.
result<model> table_of(std::string_view schema, std::string_view table, const request_place& place);

// Reads `where`: {"create":{…},"update":{"after":{…},"before":{…}},"delete":{…}}, as
// docs/native_events.md says. Null: every event. Unknown members are refused. The conditions
// themselves are read against the table's columns (filters/filter.hpp).
result<wanted_events> where_at(const boost::json::value* where, const request_place& place);
// The same where the object may have a stream's name, too: the 'subscription' header.
result<wanted_events> where_with_name_at(const boost::json::value* where,
                                         const request_place& place);

// Returns the request for native events of `table`, which table_at() has read. `where`: null for
// every event. The mode is `stream`, without a name.
result<stream_request> native_request(model table, const boost::json::value* where,
                                      const request_place& where_place);

}  // namespace pulse::requests

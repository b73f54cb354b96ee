// JSON in a request's headers.
#pragma once

#include <string_view>

#include <boost/json/object.hpp>

#include "base/error.hpp"
#include "requests/json_members.hpp"

namespace pulse::requests {

// Parses a header's bytes, which are Latin-1, as a JSON object. `header`: its place, for errors.
result<boost::json::object> parse_header_object(std::string_view text, const request_place& header);

}  // namespace pulse::requests

// What handlers of the admin API have in common.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "base/error.hpp"
#include "server/http/http_message.hpp"
#include "server/http/route.hpp"

namespace pulse::server {

// Of what people write down: a key's label, who accepts a gap.
inline constexpr std::size_t label_bytes_max = 200;

http_response json_answer(const boost::json::object& body, unsigned status = 200);

// For a path with {project}: answers 404 with the projects that there are when it is none of them;
// else `handle` does.
route_handler in_project(route_handler handle);

// The member of this name in a body that is a JSON object, a text; nothing when the body is empty
// or lacks it. errc::invalid_argument: it is no such body.
result<std::optional<std::string>> text_member(const http_request& request, std::string_view name);

}  // namespace pulse::server

#include "server/admin/admin_handlers.hpp"

#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace pulse::server {

namespace json = boost::json;

http_response json_answer(const json::object& body, unsigned status) {
  http_response answer;
  answer.status = status;
  answer.body = json::serialize(body);
  return answer;
}

route_handler in_project(route_handler handle) {
  return [handle = std::move(handle)](const exchange_pointer& asked) {
    const auto& name = asked->parameter("project");
    if (asked->context().registry->project(name) == nullptr)
      return asked->refuse(unknown_project(asked->context(), name));
    handle(asked);
  };
}

result<std::optional<std::string>> text_member(const http_request& request, std::string_view name) {
  if (request.body.empty()) return std::optional<std::string>();
  json::error_code bad;
  const auto parsed = json::parse(request.body, bad);
  const auto* object = bad ? nullptr : parsed.if_object();
  const auto* given = object == nullptr ? nullptr : object->if_contains(name);
  if (object == nullptr || (given != nullptr && !given->is_string())) {
    return error{errc::invalid_argument, fmt::format(R"(the body must be {{"{}":"…"}})", name)};
  }
  if (given == nullptr) return std::optional<std::string>();
  return std::optional(std::string(given->get_string()));
}

}  // namespace pulse::server

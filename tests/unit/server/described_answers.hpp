// Holds answers to what /openapi.json says of them.
#pragma once

#include <charconv>
#include <string>

#include <boost/json/parse.hpp>

#include "server/http/openapi.hpp"
#include "tests/unit/server/json_schema.hpp"

namespace pulse::server {

// Where a whole answer (head and body) to this request disagrees with the description of the route
// table; empty: nowhere.
inline std::string disagreement_with_description(const route_table& routes, surface where,
                                                 const std::string& method, std::string target,
                                                 const std::string& answer) {
  namespace json = boost::json;
  target.erase(std::min(target.find('?'), target.size()));
  while (target.size() > 1 && target.ends_with('/')) target.pop_back();
  const auto status = answer.substr(answer.find(' ') + 1, 3);
  const auto end_of_head = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.1 ") || end_of_head == std::string::npos) return "no HTTP answer";
  const auto head = answer.substr(0, end_of_head);
  const auto body = answer.substr(end_of_head + 4);
  if (head.find("\r\ncache-control: no-store") == std::string::npos) return "a cache may keep it";

  const auto document = openapi_of(routes, where);
  const auto row = routes.find(where, method, target);
  // What has no route is answered with an error too.
  json::object answers{
      {"default",
       document.at("paths").at("/openapi.json").at("get").at("responses").at("default")}};
  if (row) {
    const std::string key = row->row->method == "GET"    ? "get"
                            : row->row->method == "POST" ? "post"
                                                         : "delete";
    answers = document.at("paths").at(row->row->path.text()).at(key).at("responses").as_object();
  }
  const bool is_named = answers.contains(status);
  if (!is_named && status < "400") return "status " + status + " is not described";
  const auto& content = answers.at(is_named ? std::string_view(status) : "default").at("content");
  const auto& [type, described] = *content.as_object().begin();
  if (head.find("\r\ncontent-type: " + std::string(type)) == std::string::npos)
    return "it is no " + std::string(type);
  if (type == "text/plain") return {};
  const auto parsed = json::parse(body);
  if (!is_named && std::to_string(parsed.at("status").as_int64()) != status)
    return "its member `status` is another than its status";
  return json_schema(document).disagreement(parsed, described.at("schema").as_object());
}

}  // namespace pulse::server

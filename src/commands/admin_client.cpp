#include "commands/admin_client.hpp"

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "commands/admin_connection.hpp"
#include "commands/server_answer.hpp"

namespace pulse::commands {

namespace json = boost::json;

result<json::object> call_admin(const admin_access& access, const std::string& method,
                                const std::string& path, const std::string& body) {
  auto connection = admin_connection::open(access);
  if (!connection) return connection.error();
  auto request = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n", method,
                             path, connection->host(), access.token);
  // RFC 9110, section 8.6: of methods that have a body, its length also when it is empty.
  if (!body.empty() || method == "POST" || method == "PUT") {
    request += fmt::format("Content-Length: {}\r\n", body.size());
  }
  request += "\r\n" + body;
  server_answer received;
  auto failed = connection->write(request);
  if (!failed) failed = read_answer(*connection, received);
  if (failed) return nobody_answers(access, failed);

  json::error_code malformed;
  auto parsed = json::parse(received.body, malformed);
  if (malformed || !parsed.is_object()) {
    return error{errc::protocol,
                 fmt::format("{} answered {} without JSON", access.url, received.status),
                 "check that PULSE_URL is the admin address"};
  }
  auto answer = std::move(parsed.get_object());
  if (received.status < 300) return answer;
  const auto text_in = [](const json::object& part, const char* name) {
    const auto* value = part.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
  };
  const auto text = [&](const char* name) { return text_in(answer, name); };
  const auto* details = answer.if_contains("details");
  const bool unauthorized = received.status == 401;
  return error{
      unauthorized ? errc::unauthorized : errc::conflict,
      fmt::format("{} refused ({} {}): {}", access.url, received.status, text("code"),
                  text("message")),
      unauthorized
          ? "check that PULSE_URL and PULSE_ADMIN_TOKEN (or --data-dir) belong to the same Pulse"
      : details != nullptr && details->is_object() ? text_in(details->get_object(), "next")
                                                   : ""};
}

}  // namespace pulse::commands

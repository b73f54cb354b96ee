#include "server/http/refusal.hpp"

#include <boost/beast/http/status.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/shown_text.hpp"

namespace pulse::server {
namespace {

unsigned status_of(errc code) {
  switch (code) {
    case errc::invalid_argument:
      return 400;
    case errc::unauthorized:
      return 401;
    case errc::not_found:
      return 404;
    case errc::conflict:
    case errc::gap:
    case errc::divergence:
      return 409;
    case errc::unsupported:
      return 501;
    case errc::unavailable:
    case errc::no_space:
    case errc::cancelled:
      return 503;
    case errc::io:
    case errc::corrupt:
    case errc::protocol:
      return 500;
  }
  return 500;
}

}  // namespace

std::string_view to_string(pulse_code code) noexcept {
  switch (code) {
    case pulse_code::server_error:
      return "P6100";
    case pulse_code::datasource_error:
      return "P6101";
    case pulse_code::unauthorized:
      return "P6102";
    case pulse_code::streams_disabled:
      return "P6106";
  }
  return "P6100";
}

refusal refuse(const error& failure) {
  const auto code =
      failure.code == errc::unauthorized ? pulse_code::unauthorized : pulse_code::server_error;
  return {status_of(failure.code), code, failure.what, failure.next};
}

refusal refuse_while_stopping() {
  return {503, pulse_code::server_error, "Pulse is shutting down", "connect again"};
}

refusal refuse_for_now(const error& failure) {
  auto answer = refuse(failure);
  if (failure.code == errc::unavailable) answer.retry_after = std::chrono::seconds(1);
  return answer;
}

refusal refuse_for_datasource(const error& failure) {
  auto why = refuse(failure);
  if (why.status == 503) why.code = pulse_code::datasource_error;
  return why;
}

std::string error_body(const refusal& why, std::string_view request_id) {
  boost::json::object details;
  if (!why.details.empty()) details["next"] = cut_and_shown(why.details);
  if (!why.gap.empty()) details["gap"] = why.gap;
  for (const auto& [name, value] : why.more) details[name] = value;
  boost::json::object body;
  body["code"] = to_string(why.code);
  const auto message = cut_and_shown(why.message);
  body["message"] = message;
  body["requestId"] = request_id;
  body["details"] = std::move(details);
  body["type"] = "about:blank";
  body["title"] = std::string_view(
      boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(why.status)));
  body["status"] = why.status;
  body["detail"] = message;
  return boost::json::serialize(body);
}

}  // namespace pulse::server

// Error answers: what the client extension reads when anything but 101 comes back.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "base/error.hpp"

namespace pulse::server {

// The codes that the client extension maps to its error classes.
enum class pulse_code {
  server_error,      // P6100
  datasource_error,  // P6101
  unauthorized,      // P6102
  streams_disabled,  // P6106: event persistence is off
};

std::string_view to_string(pulse_code code) noexcept;

// `status` is an HTTP status from 400 on. `details` (may be empty) says what to do next.
struct refusal {
  unsigned status = 500;
  pulse_code code = pulse_code::server_error;
  std::string message;
  std::string details = {};
  std::chrono::seconds retry_after{0};  // zero: not said
  boost::json::object gap = {};         // the gap that blocks the stream, when one does
  boost::json::object more = {};        // other members of the answer's `details`
  std::string allow = {};               // of a 405: the methods that there are, "GET, HEAD"
};

// What an expected failure is to a client, where the source database plays no part in it: 400 for
// what the client must change, 401, 404, 409 (a gap or divergence: the operator decides), 501, 503
// for what may work later, else 500.
refusal refuse(const error& failure);
// The same, and asks to be tried again in a second where waiting helps: a project that is still
// opening takes less, mostly.
refusal refuse_for_now(const error& failure);
// The same where the failure is the source database's: what is unavailable is P6101 then.
refusal refuse_for_datasource(const error& failure);
// For whoever asks for something that lasts while server_context::stopping.
refusal refuse_while_stopping();

// What the client extension reads, and what RFC 9457 says of application/problem+json, together:
// {"code":…,"message":…,"requestId":…,"details":{"next":…,"gap":{…}},
// "type":"about:blank","title":…,"status":…,"detail":…}; of `details` only what there is. The type
// says that the title is the status' own and that `code` is what tells errors apart.
std::string error_body(const refusal& why, std::string_view request_id);

}  // namespace pulse::server

// What the server says of a session beside its answers: at its beginning, and at its end.
#include <string>
#include <vector>

#include <libpq-fe.h>

#include "source/connection.hpp"
#include "source/session_settings.hpp"
#include "source/time_limit.hpp"

namespace pulse::source {

// The first question of all: until it is answered nothing is known of the search path.
async_result<> connection::check_settings(session_use use, std::chrono::milliseconds timeout) {
  const time_limit limit(executor_, timeout, [this] { cancel(); });
  const auto answered = co_await query(session_settings_query(use));
  if (limit.passed()) co_return no_answer("reading the session's settings", timeout);
  if (!answered) co_return wrap("reading the session's settings", answered.error());
  std::vector<std::string> present;
  if (!answered->empty()) {
    for (const auto& value : answered->rows().front()) present.push_back(value.value_or(""));
  }
  co_return check_session_settings(use, present);
}

// A database that is SQL_ASCII has text of no encoding. Asked for UTF8 the server refuses to send
// what is none: one odd table name, and the catalog could not be read.
async_result<> connection::take_any_bytes() {
  const char* encoding = PQparameterStatus(handle_, "server_encoding");
  if (encoding == nullptr || std::string_view(encoding) != "SQL_ASCII") co_return result<void>();
  const auto set = co_await query("SET client_encoding = 'SQL_ASCII'");
  if (!set) co_return set.error();
  has_any_bytes_ = true;
  co_return result<void>();
}

bool connection::was_ended_by_crash() {
  // Reads what has come while nobody waited for it, up to the end.
  PQconsumeInput(handle_);
  PQisBusy(handle_);
  return said_.sqlstate == "57P02";
}

}  // namespace pulse::source

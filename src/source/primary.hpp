// Whether a connection has reached the server that it was opened for.
#pragma once

#include <string>

#include "source/connection.hpp"

namespace pulse::source {

// errc::unavailable: the connection has reached another database than `identity` (as
// catalog::database names it; empty: any), or a standby. A standby sees commits later than its
// primary, and another database has other transactions.
async_result<> check_primary(connection* database, std::string identity);

}  // namespace pulse::source

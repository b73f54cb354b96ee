// Databases whose text cannot always be sent as UTF-8.
#pragma once

#include <vector>

#include "source/connection.hpp"
#include "source/server_checks.hpp"

namespace pulse::source {

// Appends a finding on the database's encoding; for SQL_ASCII one more for each schema, table,
// column and enum label whose name is not valid UTF-8 (up to a bound). Reads the catalog only, no
// rows. Facts: PostgreSQL manual, "Character Set Support".
async_result<> check_encoding(connection* database, std::vector<finding>* findings);

}  // namespace pulse::source

// Taking away all that Pulse has made in a database.
#pragma once

#include <vector>

#include "source/connection.hpp"
#include "source/server_checks.hpp"

namespace pulse::source {

// Removes slot, publications (not the user's own), event triggers and their schema, and those of
// earlier versions. What does not exist is no error. A slot that somebody uses stays, and is
// reported.
async_result<std::vector<finding>> tear_down(connection* database, source_names names);

}  // namespace pulse::source

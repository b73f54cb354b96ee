// Removes everything that Pulse has created in a database.
#pragma once

#include <vector>

#include "source/connection.hpp"
#include "source/server_checks.hpp"

namespace pulse::source {

// Removes slot, publications (not the user's own), event triggers and their schema, and those of
// earlier versions. Missing objects are no error. Keeps and reports a slot that is in use.
async_result<std::vector<finding>> tear_down(connection* database, source_names names);

}  // namespace pulse::source

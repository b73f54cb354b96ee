// Tables whose replica identity exists and is not sufficient.
#pragma once

#include <vector>

#include "source/connection.hpp"
#include "source/server_checks.hpp"

namespace pulse::source {

// Appends a finding for each
// - partitioned table with REPLICA IDENTITY FULL whose partitions have another one: ALTER TABLE
// does not
//   reach them, and the old rows of their UPDATEs and DELETEs have the key alone (warning);
// - table of the user's own publication whose identity has columns that the publication does not
// send:
//   the server refuses every UPDATE and DELETE on it (failure). Facts: PostgreSQL manual, "Column
//   Lists" (15 and later) and "Generated Column Replication" (18).
async_result<> check_identities(connection* database, source_names names,
                                std::vector<finding>* findings);

}  // namespace pulse::source

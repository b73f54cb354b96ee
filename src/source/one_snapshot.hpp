// Several questions that must be answered as of one moment.
#pragma once

#include <functional>

#include "source/connection.hpp"

namespace pulse::source {

// Runs `read`, whose queries on the connection see one snapshot, taken by the first of them
// (manual, section 13.2.2), and write nothing. Its error, or that of the transaction's begin or
// end; none is left open. What functions say that ask PostgreSQL's caches is newer than the
// snapshot.
async_result<> in_one_snapshot(connection* database, std::function<async_result<>()> read);

}  // namespace pulse::source

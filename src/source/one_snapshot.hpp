// Several queries that must see one moment.
#pragma once

#include <functional>

#include "source/connection.hpp"

namespace pulse::source {

// Runs `read`, whose queries see one snapshot, taken by the first of them (manual, section 13.2.2),
// and write nothing. Returns its error, or that of the transaction's begin or end; leaves no
// transaction open. Functions that ask PostgreSQL's caches return newer facts than the snapshot.
async_result<> in_one_snapshot(connection* database, std::function<async_result<>()> read);

}  // namespace pulse::source

// The database's tables and types, read by SQL.
#pragma once

#include <memory>
#include <string>

#include "change/catalog.hpp"
#include "source/connection.hpp"

namespace pulse::source {

// Reads everything in one repeatable-read transaction, so that it fits together. `publication` says
// which tables count as published; it need not exist yet.
async_result<std::shared_ptr<const catalog>> read_catalog(connection* database,
                                                          std::string publication);

}  // namespace pulse::source

// The last known catalog of each project, in the table `catalogs`: a row for each table, type and
// collation, so that a migration writes what it has changed and not thousands of tables.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.hpp"
#include "change/catalog.hpp"
#include "control/sqlite.hpp"

namespace pulse::control {

// Null: none. errc::corrupt: what is stored cannot be read.
result<std::shared_ptr<const catalog>> read_catalog(const sqlite_database& database,
                                                    std::string_view project);

// Writes what is in `now` and is not, or not so, in `before`, which is what is stored; null: it is
// not known, and all is written. Within a transaction of the caller's.
result<void> write_catalog(const sqlite_database& database, std::string_view project,
                           const catalog* before, const catalog& now);

}  // namespace pulse::control

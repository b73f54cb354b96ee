// The last known catalog of each project, in the table `catalogs`: a row for each table, type and
// collation, so that a migration writes only what it has changed.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.hpp"
#include "change/catalog.hpp"
#include "control/sqlite.hpp"

namespace pulse::control {

// Null: none. errc::corrupt: the stored catalog is invalid.
result<std::shared_ptr<const catalog>> read_catalog(const sqlite_database& database,
                                                    std::string_view project);

// Writes the rows of `now` that differ from `before`, the stored catalog; null: unknown, and all
// are written. Within a transaction of the caller's.
result<void> write_catalog(const sqlite_database& database, std::string_view project,
                           const catalog* before, const catalog& now);

}  // namespace pulse::control

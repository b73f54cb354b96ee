// Stored cursors when tables are renamed.
#pragma once

#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "change/catalog.hpp"
#include "control/sqlite.hpp"

namespace pulse::control {

// Lets the project's cursors follow their tables, within the caller's transaction. Where another
// table has the old name now, cursors stay there too: whoever reads on under either name misses
// nothing. A cursor that the new name has already stays.
result<void> rename_cursors(const sqlite_database& database, std::string_view project,
                            const std::vector<table_rename>& renamed);

}  // namespace pulse::control

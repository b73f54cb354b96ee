// Stored cursors when tables are renamed.
#pragma once

#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "change/catalog.hpp"
#include "control/sqlite.hpp"

namespace pulse::control {

// Moves the project's cursors with their tables, within the caller's transaction. If another table
// has the old name now, cursors stay there, too, so that readers of either name miss no event. An
// existing cursor under the new name stays.
result<void> rename_cursors(const sqlite_database& database, std::string_view project,
                            const std::vector<table_rename>& renamed);

}  // namespace pulse::control

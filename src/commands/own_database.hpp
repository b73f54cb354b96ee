// The user's own database under `pulse dev`: checked before a run, and restored after it.
#pragma once

#include "base/error.hpp"
#include "config/config.hpp"

namespace pulse::commands {

// Checks that capture can begin, and removes what a killed run of the project has left. Blocks for
// seconds at most. Prints what the database lacks on standard error, with the SQL that fixes it.
// errc::conflict: another process uses the slot.
result<void> prepare_own_database(const config::project_config& project);

// Removes slot, publications and event triggers of the project. Blocks for seconds at most. An
// error lists what is left.
result<void> leave_own_database(const config::project_config& project);

}  // namespace pulse::commands

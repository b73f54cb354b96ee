// The user's own database under `pulse dev`: looked at before a run, and left as it was after it.
#pragma once

#include "config/config.hpp"

#include "base/error.hpp"

namespace pulse::commands {

// Whether capture can begin there; removes what a killed run of the project has left. Blocks for
// seconds at most. On standard error: what the database lacks, with the SQL that mends it.
// errc::conflict: another process has the slot.
result<void> prepare_own_database(const config::project_config& project);

// Removes slot, publications and event triggers of the project. Blocks for seconds at most. An
// error says what is left.
result<void> leave_own_database(const config::project_config& project);

}  // namespace pulse::commands

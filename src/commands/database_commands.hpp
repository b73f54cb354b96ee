// `pulse doctor` and `pulse teardown`: they talk to the database themselves.
#pragma once

#include "config/config.hpp"

namespace pulse::commands {

// Says what is missing, with the SQL that mends it; with `fix` sets up first. Exit code 1 when
// something is missing.
int run_doctor(const config::server_config& config, bool fix, bool json);
// Removes slot, publication and event trigger of every project. Exit code 1 when something is left.
int run_teardown(const config::server_config& config, bool json);

}  // namespace pulse::commands

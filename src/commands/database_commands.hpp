// `pulse doctor` and `pulse teardown`: they talk to the database themselves.
#pragma once

#include "config/config.hpp"

namespace pulse::commands {

// Lists what is missing, with the SQL that fixes it; with `fix` sets up first. Returns exit code 1
// if something is missing.
int run_doctor(const config::server_config& config, bool fix, bool json);
// Removes slot, publications and event triggers of every project. Returns exit code 1 if something
// is left.
int run_teardown(const config::server_config& config, bool json);

}  // namespace pulse::commands

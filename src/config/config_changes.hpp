// Which changed settings a running server can apply.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"

namespace pulse::config {

// Returns the names of changed settings that apply at the next start only, "projects.shop.database"
// for example. Never their values: some are secret.
std::vector<std::string> changes_for_a_restart(const server_config& running,
                                               const server_config& wanted);

}  // namespace pulse::config

// What a running server can take from a configuration that was read again.
#pragma once

#include "config/config.hpp"
#include <string>
#include <vector>

namespace pulse::config {

// Names of the settings that differ and are only taken at a start, "projects.shop.database" for
// example. Never their values: some are secret.
std::vector<std::string> changes_for_a_restart(const server_config& running,
                                               const server_config& wanted);

}  // namespace pulse::config

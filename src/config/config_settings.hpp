// Every setting by name, and how its text becomes a value.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "config/config.hpp"

namespace pulse::config {

// Each assigns one setting; errc::invalid_argument says `where` it stood, what it was, and what it
// should be.
using server_setter = result<void> (*)(server_config&, std::string_view where,
                                       const std::string& value);
using project_setter = result<void> (*)(project_config&, std::string_view where,
                                        const std::string& value);

// Of the server, and of one project.
const std::map<std::string, server_setter>& server_settings();
const std::map<std::string, project_setter>& project_settings();

}  // namespace pulse::config

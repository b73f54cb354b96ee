// Names as SQL has them.
#pragma once

#include <string>
#include <string_view>

namespace pulse {

// In double quotes (PostgreSQL manual, section 4.1.1): for commands, and for people who run them.
// Names only; values go as parameters.
std::string quote_identifier(std::string_view name);

}  // namespace pulse

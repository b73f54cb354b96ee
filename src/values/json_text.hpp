// JSON written by hand, where a library's tree would cost more than the work itself.
#pragma once

#include <string>
#include <string_view>

namespace pulse::values {

// Appends `text` (UTF-8, taken as it is) as a JSON string with its quotes (RFC 8259, section 7).
void append_json_string(std::string& to, std::string_view text);

}  // namespace pulse::values

// Text that should be UTF-8 and may not be.
#pragma once

#include <string>
#include <string_view>

namespace pulse {

// Replaces each byte that belongs to no UTF-8 sequence (RFC 3629) by U+FFFD. Returns valid text
// unchanged.
std::string to_valid_utf8(std::string_view text);

}  // namespace pulse

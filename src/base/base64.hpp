// Bytes as base64 (RFC 4648, section 4), with padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pulse {

void append_base64(std::string& to, std::string_view bytes);
std::string to_base64(std::string_view bytes);

// Nothing: the text is not base64.
std::optional<std::string> decode_base64(std::string_view text);

// The same in the alphabet of URLs, without padding (section 5).
std::string to_base64url(std::string_view bytes);
std::optional<std::string> decode_base64url(std::string_view text);

}  // namespace pulse

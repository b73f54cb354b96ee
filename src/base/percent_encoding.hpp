// Percent-encoding of parts of URLs (RFC 3986, section 2.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pulse {

// All but letters, digits, '-' and '_' as %XX: nothing in it ends a path segment or a name that is
// followed by a dot.
std::string percent_encode(std::string_view text);

// Nothing for a broken escape.
std::optional<std::string> percent_decode(std::string_view text);

// A broken escape stands as it is: a '%' that somebody did not encode.
std::string percent_decode_leniently(std::string_view text);

}  // namespace pulse

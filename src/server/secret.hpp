// Secrets in requests: where they stand and how they are compared.
#pragma once

#include <optional>
#include <string_view>

namespace pulse::server {

// The token of an `authorization: Bearer <token>` value; nothing for any other scheme or an empty
// token. The scheme's case does not matter (RFC 9110, section 11.1).
std::optional<std::string_view> bearer_token(std::string_view authorization);

// Takes the same time wherever the two differ; the lengths may show.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

}  // namespace pulse::server

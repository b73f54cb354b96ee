// The secret by which a lease's holder is known.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace pulse::streams {

// Makes a token: 128 random bits as base64url. errc::io: the system has no random bits.
result<std::string> make_lease_token();

// Returns the token's SHA-256 in hex: all that is kept of it.
std::string hash_lease_token(std::string_view token);

}  // namespace pulse::streams

#include "streams/lease_token.hpp"

#include <algorithm>
#include <array>

#include <openssl/rand.h>

#include "base/base64.hpp"
#include "control/key_ring.hpp"

namespace pulse::streams {

result<std::string> make_lease_token() {
  std::array<unsigned char, 16> bits{};
  if (RAND_bytes(bits.data(), static_cast<int>(bits.size())) != 1)
    return error{errc::io, "the system gave no random bits for a lease's token", "try again"};
  auto token = to_base64({reinterpret_cast<const char*>(bits.data()), bits.size()});
  // RFC 4648, section 5: it stands in JSON, and perhaps in a shell's command.
  token.erase(token.find('='));
  std::ranges::replace(token, '+', '-');
  std::ranges::replace(token, '/', '_');
  return token;
}

std::string hash_lease_token(std::string_view token) {
  return control::hash_key(token);
}

}  // namespace pulse::streams

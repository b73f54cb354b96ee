#include "server/secret.hpp"

#include <boost/algorithm/string/predicate.hpp>
#include <openssl/crypto.h>

namespace pulse::server {

std::optional<std::string_view> bearer_token(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() <= scheme.size() ||
      !boost::algorithm::iequals(authorization.substr(0, scheme.size()), scheme)) {
    return std::nullopt;
  }
  auto token = authorization.substr(scheme.size());
  while (token.starts_with(' ')) token.remove_prefix(1);
  while (token.ends_with(' ')) token.remove_suffix(1);
  if (token.empty()) return std::nullopt;
  return token;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace pulse::server

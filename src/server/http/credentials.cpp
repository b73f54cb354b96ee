#include "server/http/credentials.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <boost/algorithm/string/case_conv.hpp>

#include "server/secret.hpp"

namespace pulse::server {
namespace {

// In small letters, without hyphens and underscores.
constexpr std::array<std::string_view, 7> names_of_secrets{
    "accesstoken", "apikey", "auth", "authorization", "key", "secret", "token"};

using authorized = boost::system::result<caller, refusal>;

authorized authorize_operator(const server_context& context, const http_request& request) {
  if (context.options.admin_token.empty()) {
    return refusal{403, pulse_code::server_error, "administration is off: Pulse has no admin token",
                   "set an admin token (PULSE_ADMIN_TOKEN) and restart Pulse"};
  }
  const auto presented = bearer_token(request.header("authorization"));
  if (!presented || !equal_in_constant_time(*presented, context.options.admin_token)) {
    return refusal{401, pulse_code::unauthorized, "the admin token is missing or wrong",
                   "send it as authorization: Bearer <token>"};
  }
  return caller{};
}

authorized authorize_application(const server_context& context, const http_request& request) {
  auto presented = bearer_token(request.header("authorization"));
  if (!presented) {
    const auto query = query_string::of_target(request.target);
    if (auto secret = query ? refuse_secret_in_url(*query) : std::nullopt) return *secret;
    return refusal{401, pulse_code::unauthorized,
                   "the request has no API key (authorization: Bearer <key>)"};
  }
  auto accepted = context.registry->authenticate(*presented);
  if (!accepted) return no_such_key();
  return caller{std::move(*accepted), std::string(*presented)};
}

}  // namespace

authorized authorize(const server_context& context, const http_request& request,
                     credential wanted) {
  switch (wanted) {
    case credential::none:
      return caller{};
    case credential::admin_token:
      return authorize_operator(context, request);
    case credential::api_key:
      return authorize_application(context, request);
  }
  return no_such_key();
}

std::optional<refusal> refuse_secret_in_url(const query_string& query) {
  for (const auto& one : query.all()) {
    auto name = boost::algorithm::to_lower_copy(one.name);
    std::erase_if(name, [](char letter) { return letter == '-' || letter == '_'; });
    if (std::ranges::find(names_of_secrets, name) == names_of_secrets.end()) continue;
    return refusal{
        400, pulse_code::server_error,
        "a secret stands in the URL, which proxies, logs and browsers keep",
        "send it as authorization: Bearer <key>, and replace the key if it is a real one"};
  }
  return std::nullopt;
}

bool key_was_revoked(const server_context& context, const caller& who) {
  return !who.presented_key.empty() && !context.registry->authenticate(who.presented_key);
}

refusal no_such_key() {
  return {401, pulse_code::unauthorized, "the API key is wrong or was revoked",
          "create one with 'pulse keys create'"};
}

}  // namespace pulse::server

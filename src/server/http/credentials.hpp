// Who may ask what: the API keys of applications and the operators' token.
#pragma once

#include <optional>
#include <string>

#include <boost/system/result.hpp>

#include "server/context.hpp"
#include "server/http/http_message.hpp"
#include "server/http/query_string.hpp"
#include "server/http/refusal.hpp"

namespace pulse::server {

// What a route wants to see, as authorization: Bearer <secret>.
enum class credential {
  none,
  admin_token,
  api_key,
};

// Whose request was let in.
struct caller {
  key_identity key = {};           // of an API key; else empty
  std::string presented_key = {};  // secret; of an API key
};

// The caller, or the answer: 401 without the right credential, 403 when the server has no admin
// token.
boost::system::result<caller, refusal> authorize(const server_context& context,
                                                 const http_request& request, credential wanted);

// 400 when the query has a parameter that is named as a secret is: proxies, logs and browsers keep
// URLs.
std::optional<refusal> refuse_secret_in_url(const query_string& query);

// Whether the caller's API key has been revoked since: end_sessions_of_key() ends what has started,
// after the key has become wrong; what starts later asks here, in the turn of the thread in which
// it starts.
bool key_was_revoked(const server_context& context, const caller& who);
refusal no_such_key();

}  // namespace pulse::server

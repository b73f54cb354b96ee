// Whether a request is let in: by its credential, and by how often its address had none that was
// right.
#pragma once

#include <string>

#include <boost/system/result.hpp>

#include "server/context.hpp"
#include "server/http/credentials.hpp"
#include "server/http/http_message.hpp"
#include "server/http/refusal.hpp"

namespace pulse::server {

// The caller, or the answer: that of authorize(), or 429 where wrong keys came from `origin` (the
// network_of() the client's address) too often lately, unless this one is right. Counts wrong ones.
// Who shows no key was not wrong: a page of the web can have a browser ask here, but without one.
boost::system::result<caller, refusal> admit(server_context& context, surface where,
                                             const std::string& origin, const http_request& request,
                                             credential wanted);

}  // namespace pulse::server

// Which names the admin address may be called by.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/http_message.hpp"

namespace pulse::server {

// A page of the web may have its own name resolved to the address of a machine that its reader
// reaches, and asks there under that name ("DNS rebinding"). So names count only when nobody
// outside can have them resolved: IP addresses, localhost, names without a dot, this machine's own
// name, and those that `allowed` has ("pulse.example.org", without a port). `host` is the Host
// header's value.
bool is_allowed_host(std::string_view host, const std::vector<std::string>& allowed);

// RFC 9112, section 3.2: nothing when the request has one Host header, as it must from HTTP/1.1 on,
// and no malformed one.
std::optional<refusal> check_host(const http_request& request);
// The same on the admin address, where the name must be one that is_allowed_host(), else 421,
// unless it is asked for no more than whether it is alive.
std::optional<refusal> check_admin_host(const http_request& request,
                                        const std::vector<std::string>& allowed);

}  // namespace pulse::server

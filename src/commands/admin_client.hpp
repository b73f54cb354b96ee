// The command line's way to a running server: its admin API over HTTP.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "base/error.hpp"
#include "server/options.hpp"

namespace pulse::commands {

struct admin_access {
  std::string url = "http://127.0.0.1:" + std::to_string(server::admin_port_default);
  std::string token = {};
  std::string ca_file = {};  // PEM, for https://; empty: what the system trusts
};

// One request and its JSON answer. Refusals come as the server words them; errc::unavailable:
// nobody answers there.
result<boost::json::object> call_admin(const admin_access& access, const std::string& method,
                                       const std::string& path, const std::string& body = {});

}  // namespace pulse::commands

#include "app/admin_connection.hpp"

#include <string_view>
#include <utility>

#include <boost/asio/ssl/host_name_verification.hpp>
#include <fmt/format.h>

namespace pulse::app {

namespace ssl = boost::asio::ssl;

result<server_url> parse_server_url(const std::string& url) {
  constexpr std::string_view plain = "http://";
  constexpr std::string_view encrypted = "https://";
  server_url found;
  auto rest = std::string_view(url);
  if (rest.starts_with(encrypted)) {
    found.encrypted = true;
    rest.remove_prefix(encrypted.size());
  } else if (rest.starts_with(plain)) {
    rest.remove_prefix(plain.size());
  } else {
    return error{errc::invalid_argument, "PULSE_URL is '" + url + "'",
                 "write it as http://127.0.0.1:4001 or https://host:4001"};
  }
  rest = rest.substr(0, rest.find('/'));
  found.host = rest;
  found.port = found.encrypted ? "443" : "80";
  // A colon within brackets belongs to an IPv6 address.
  if (const auto colon = rest.rfind(':');
      colon != std::string_view::npos && rest.find(']', colon) == std::string_view::npos) {
    found.host = rest.substr(0, colon);
    found.port = rest.substr(colon + 1);
  }
  if (found.host.starts_with('[') && found.host.ends_with(']'))
    found.host = found.host.substr(1, found.host.size() - 2);
  return found;
}

result<ssl::context> make_tls_client(const admin_access& access, const std::string& host) {
  ssl::context made(ssl::context::tls_client);
  boost::system::error_code failed;
  if (access.ca_file.empty()) {
    made.set_default_verify_paths(failed);
  } else {
    made.load_verify_file(access.ca_file, failed);
  }
  if (failed) {
    return error{errc::invalid_argument,
                 fmt::format("the CA certificates in '{}' cannot be used: {}", access.ca_file,
                             failed.message()),
                 "set PULSE_CA_FILE to a PEM file"};
  }
  made.set_verify_mode(ssl::verify_peer);
  made.set_verify_callback(ssl::host_name_verification(host));
  return made;
}

error nobody_answers(const admin_access& access, const boost::system::error_code& why) {
  return {errc::unavailable, fmt::format("no server answers at {}: {}", access.url, why.message()),
          why.category() == boost::asio::error::get_ssl_category()
              ? "check that it speaks TLS; for a certificate that the system does not trust, set "
                "PULSE_CA_FILE"
              : "start `pulse serve`, or set PULSE_URL to its admin address"};
}

}  // namespace pulse::app

#include "server/http/hosts.hpp"

#include <algorithm>
#include <array>
#include <unistd.h>

#include <boost/algorithm/string/predicate.hpp>
#include <boost/asio/ip/address.hpp>

namespace pulse::server {
namespace {

// Without the port, and an IPv6 address without its brackets.
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    return end == std::string_view::npos ? std::string_view() : host.substr(1, end - 1);
  }
  return host.substr(0, host.find(':'));
}

const std::string& name_of_this_machine() {
  static const std::string name = [] {
    std::array<char, 256> text{};
    return ::gethostname(text.data(), text.size() - 1) == 0 ? std::string(text.data())
                                                            : std::string();
  }();
  return name;
}

}  // namespace

bool is_allowed_host(std::string_view host, const std::vector<std::string>& allowed) {
  auto name = without_port(host);
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty()) return false;
  boost::system::error_code no_address;
  boost::asio::ip::make_address(std::string(name), no_address);
  if (!no_address || name.find('.') == std::string_view::npos) return true;
  if (boost::algorithm::iends_with(name, ".localhost")) return true;
  return boost::algorithm::iequals(name, name_of_this_machine()) ||
         std::ranges::any_of(allowed,
                             [&](const auto& one) { return boost::algorithm::iequals(name, one); });
}

std::optional<refusal> check_host(const http_request& request) {
  const auto count = std::ranges::count_if(request.headers, [](const auto& field) {
    return boost::algorithm::iequals(field.first, "host");
  });
  if (count > 1)
    return refusal{400, pulse_code::server_error, "the request has more than one Host header"};
  if (count == 0 && request.http_1_1) {
    return refusal{400, pulse_code::server_error, "the request has no Host header",
                   "HTTP/1.1 wants one"};
  }
  if (request.header("host").find_first_of(" \t,/@?#\\") != std::string_view::npos)
    return refusal{400, pulse_code::server_error, "the request's Host header names no host"};
  return std::nullopt;
}

std::optional<refusal> check_admin_host(const http_request& request,
                                        const std::vector<std::string>& allowed) {
  if (auto bad = check_host(request)) return bad;
  const auto host = request.header("host");
  if (request.path() == "/healthz" || host.empty() || is_allowed_host(host, allowed))
    return std::nullopt;
  return refusal{421, pulse_code::server_error, "the admin address does not accept this host name",
                 "use its IP address, or add the name to the setting `admin_hosts`"};
}

}  // namespace pulse::server

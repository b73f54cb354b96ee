#include "commands/admin_connection.hpp"

#include <array>
#include <string_view>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

namespace pulse::commands {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;

namespace {

constexpr std::chrono::seconds patience{30};

// errc::invalid_argument: the CA file cannot be used.
result<ssl::context> make_tls_client(const admin_access& access, const std::string& host) {
  ssl::context made(ssl::context::tls_client);
  error_code failed;
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

}  // namespace

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
                 "write it as http://127.0.0.1:7858 or https://host:7858"};
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

error nobody_answers(const admin_access& access, const error_code& why) {
  return {errc::unavailable, fmt::format("no Pulse answers at {}: {}", access.url, why.message()),
          why.category() == asio::error::get_ssl_category()
              ? "check that it speaks TLS; for a certificate that the system does not trust, set "
                "PULSE_CA_FILE"
              : "start `pulse serve`, or set PULSE_URL to its admin address"};
}

struct admin_connection::sockets {
  explicit sockets(server_url to) : where(std::move(to)) {}

  // Waits for one operation, which `start` begins with the handler that it is given.
  template <class Start>
  error_code wait_for(Start start) {
    std::optional<error_code> outcome;
    start([&outcome](const error_code& ended, const auto&...) { outcome = ended; });
    context.restart();
    if (deadline) {
      context.run_until(*deadline);
    } else {
      context.run();
    }
    if (outcome) return *outcome;
    error_code ignored;
    plain.close(ignored);
    context.restart();
    context.run();
    return asio::error::timed_out;
  }

  server_url where;
  asio::io_context context{1};
  std::optional<ssl::context> tls;
  asio::ip::tcp::socket plain{context};
  std::optional<ssl::stream<asio::ip::tcp::socket&>> encrypted;  // over `plain`
  std::optional<std::chrono::steady_clock::time_point> deadline =
      std::chrono::steady_clock::now() + patience;
};

admin_connection::admin_connection(std::unique_ptr<sockets> open) : sockets_(std::move(open)) {}
admin_connection::~admin_connection() = default;
admin_connection::admin_connection(admin_connection&&) noexcept = default;

result<admin_connection> admin_connection::open(const admin_access& access) {
  auto where = parse_server_url(access.url);
  if (!where) return where.error();
  auto made = std::make_unique<sockets>(std::move(*where));
  auto& s = *made;
  error_code failed;
  asio::ip::tcp::resolver resolver(s.context);
  const auto found = resolver.resolve(s.where.host, s.where.port, failed);
  if (failed) return nobody_answers(access, failed);
  if (s.where.encrypted) {
    auto tls = make_tls_client(access, s.where.host);
    if (!tls) return tls.error();
    s.tls.emplace(std::move(*tls));
  }
  failed = s.wait_for([&](auto done) { asio::async_connect(s.plain, found, done); });
  if (!failed && s.tls) {
    s.encrypted.emplace(s.plain, *s.tls);
    SSL_set_tlsext_host_name(s.encrypted->native_handle(), s.where.host.c_str());
    failed = s.wait_for(
        [&](auto done) { s.encrypted->async_handshake(ssl::stream_base::client, done); });
  }
  if (failed) return nobody_answers(access, failed);
  return admin_connection(std::move(made));
}

const std::string& admin_connection::host() const {
  return sockets_->where.host;
}

error_code admin_connection::write(std::string_view bytes) {
  auto& s = *sockets_;
  const auto buffer = asio::buffer(bytes);
  return s.wait_for([&](auto done) {
    if (s.encrypted) return asio::async_write(*s.encrypted, buffer, done);
    asio::async_write(s.plain, buffer, done);
  });
}

error_code admin_connection::read(std::string& to) {
  auto& s = *sockets_;
  std::array<char, 16384> piece{};
  std::size_t size = 0;
  const auto ended = s.wait_for([&](auto done) {
    const auto counted = [&size, done](const error_code& failed, std::size_t came) {
      size = came;
      done(failed);
    };
    if (s.encrypted) return s.encrypted->async_read_some(asio::buffer(piece), counted);
    s.plain.async_read_some(asio::buffer(piece), counted);
  });
  to.append(piece.data(), size);
  return ended;
}

void admin_connection::set_deadline(std::optional<std::chrono::seconds> from_now) {
  sockets_->deadline.reset();
  if (from_now) sockets_->deadline = std::chrono::steady_clock::now() + *from_now;
}

}  // namespace pulse::commands

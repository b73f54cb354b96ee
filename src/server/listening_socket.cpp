#include "server/listening_socket.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

namespace pulse::server {
namespace {

// sd_listen_fds(3): where the sockets begin.
constexpr int first_descriptor = 3;
constexpr const char* pid_variable = "LISTEN_PID";
constexpr const char* count_variable = "LISTEN_FDS";
constexpr const char* names_variable = "LISTEN_FDNAMES";
constexpr const char* unit_next = "use the socket units in packaging/systemd";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string take_variable(const char* name) {
  auto value = variable(name);
  ::unsetenv(name);
  return value;
}

int number(std::string_view text) {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc() && end == text.data() + text.size() ? value : 0;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  for (auto end = text.find(separator); end != std::string::npos;
       end = text.find(separator, from)) {
    parts.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  parts.push_back(text.substr(from));
  return parts;
}

result<listening_socket> check(int descriptor) {
  int listens = 0;
  socklen_t size = sizeof listens;
  boost::asio::ip::tcp::endpoint endpoint;
  auto length = static_cast<socklen_t>(endpoint.capacity());
  if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0 ||
      ::getsockname(descriptor, endpoint.data(), &length) != 0 ||
      (endpoint.data()->sa_family != AF_INET && endpoint.data()->sa_family != AF_INET6)) {
    return error{errc::invalid_argument,
                 "descriptor " + std::to_string(descriptor) +
                     ", which this process inherited, is no socket that listens on an IP address",
                 unit_next};
  }
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  return listening_socket(descriptor, {endpoint.address().to_string(), endpoint.port()});
}

}  // namespace

listening_socket::~listening_socket() {
  if (is_open()) ::close(descriptor_);
}

listening_socket& listening_socket::operator=(listening_socket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(bound_, other.bound_);
  return *this;
}

result<listening_sockets> inherited_sockets() {
  const auto pid = take_variable(pid_variable);
  const auto count = number(take_variable(count_variable));
  const auto given_names = take_variable(names_variable);
  listening_sockets found;
  // Meant for another process: a shell between systemd and this one, say.
  if (pid.empty() || number(pid) != ::getpid()) return found;
  auto names = split(given_names, ':');
  if (given_names.empty()) names = {"streams", "admin"};
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const auto name = at < names.size() ? names[at] : std::string();
    auto socket = check(first_descriptor + i);
    if (!socket) return socket.error();
    auto& place = name == "admin" ? found.admin : found.streams;
    if ((name != "admin" && name != "streams") || place.is_open()) {
      return error{errc::invalid_argument,
                   "this process inherited a socket named '" + name + "' on " +
                       to_string(socket->bound()) + ": known are one 'streams' and one 'admin'",
                   unit_next};
    }
    place = std::move(*socket);
  }
  return found;
}

result<void> leave_to_successor(const listening_sockets& sockets) {
  const auto failed = [](std::string_view doing) {
    return error{errc::io, std::string(doing) + ": " + std::strerror(errno)};
  };
  if (::close_range(first_descriptor, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
    return failed("cannot close descriptors for the next process");
  std::string names;
  // Copies first, out of the way: one may stand where another is to go.
  std::vector<int> copies;
  const std::array<std::pair<const listening_socket*, std::string>, 2> all{
      {{&sockets.streams, "streams"}, {&sockets.admin, "admin"}}};
  for (const auto& [socket, name] : all) {
    if (!socket->is_open()) continue;
    const int copy = ::fcntl(socket->get(), F_DUPFD_CLOEXEC, first_descriptor + 2);
    if (copy < 0) return failed("cannot keep a listening socket");
    copies.push_back(copy);
    names += (names.empty() ? "" : ":") + name;
  }
  int to = first_descriptor;
  for (const int copy : copies) {
    if (::dup2(copy, to++) < 0) return failed("cannot keep a listening socket");
  }
  ::setenv(pid_variable, std::to_string(::getpid()).c_str(), 1);
  ::setenv(count_variable, std::to_string(copies.size()).c_str(), 1);
  ::setenv(names_variable, names.c_str(), 1);
  return {};
}

}  // namespace pulse::server

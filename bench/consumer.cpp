// A consumer that costs next to nothing: reads a stream over one WebSocket, acknowledges each event
// with a message of its own, and says how long it took. Used by script/bench.
//
//   bench_consumer --port P --key-file F --subscription-file F --name N --events N [--times FILE]
//
// Prints "open" once the stream is open, then one JSON object when it has received all events.
#include <arpa/inet.h>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

namespace {

using steady = std::chrono::steady_clock;

[[noreturn]] void die(const std::string& why) {
  fmt::print(stderr, "bench_consumer: {}\n", why);
  std::exit(1);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) die("cannot read " + path);
  std::ostringstream content;
  content << file.rdbuf();
  auto text = content.str();
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

void write_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) die("the server has closed the connection");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

int connect_to(const std::string& port) {
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(made, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    die("cannot connect");
  const int on = 1;
  ::setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return made;
}

// One unfragmented frame as a server sends it; the bytes it takes, or 0 when it is not all there.
std::size_t take_frame(std::string_view bytes, std::string_view& payload, int& opcode) {
  if (bytes.size() < 2) return 0;
  const auto at = [&](std::size_t i) {
    return static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i]));
  };
  opcode = static_cast<int>(at(0) & 15U);
  std::uint64_t size = at(1) & 127U;
  std::size_t header = 2;
  const std::size_t wide = size == 126 ? 2 : size == 127 ? 8 : 0;
  if (wide != 0) {
    if (bytes.size() < header + wide) return 0;
    size = 0;
    for (std::size_t i = 0; i < wide; ++i) size = size << 8U | at(header + i);
    header += wide;
  }
  if (bytes.size() < header + size) return 0;
  payload = bytes.substr(header, size);
  return header + size;
}

// Masked with zeros: the mask must be there (RFC 6455, section 5.3) and may be any.
void append_acknowledgement(std::string& to, std::string_view id) {
  constexpr std::string_view before = R"({"type":"ack","id":")";
  constexpr std::string_view after = R"("})";
  to += '\x81';
  to += static_cast<char>(0x80U | (before.size() + id.size() + after.size()));
  to.append(4, '\0');
  to += before;
  to += id;
  to += after;
}

std::string_view id_of(std::string_view event) {
  constexpr std::string_view member = R"("id":")";
  const auto at = event.find(member);
  if (at == std::string_view::npos)
    die("an event without id: " + std::string(event.substr(0, 200)));
  return event.substr(at + member.size(), 26);
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  const auto wanted = std::stoull(options["--events"]);
  const int socket = connect_to(options["--port"]);
  write_all(
      socket,
      "GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "authorization: Bearer " +
          read_file(options["--key-file"]) +
          "\r\nsubscription: " + read_file(options["--subscription-file"]) +
          "\r\nstream: {\"name\":\"" + options["--name"] + "\"}\r\n\r\n");

  constexpr std::size_t buffer_bytes = std::size_t{1} << 20U;
  std::vector<char> buffer(buffer_bytes);
  std::size_t filled = 0;
  bool open = false;
  std::uint64_t received = 0;
  std::uint64_t bytes = 0;
  steady::time_point first;
  std::string acknowledgements;
  std::vector<std::int64_t> arrivals;  // system clock, microseconds
  const bool keep_times = options.contains("--times");
  while (received < wanted || !open) {
    const auto got = ::recv(socket, buffer.data() + filled, buffer.size() - filled, 0);
    if (got <= 0) die("the server has closed the connection");
    filled += static_cast<std::size_t>(got);
    std::string_view rest(buffer.data(), filled);
    if (!open) {
      const auto end = rest.find("\r\n\r\n");
      if (end == std::string_view::npos) continue;
      if (!rest.starts_with("HTTP/1.1 101")) die(std::string(rest.substr(0, 600)));
      rest.remove_prefix(end + 4);
      open = true;
      fmt::print("open\n");
      std::fflush(stdout);
    }
    std::string_view payload;
    int opcode = 0;
    while (const auto size = take_frame(rest, payload, opcode)) {
      rest.remove_prefix(size);
      if (opcode == 8) die("the server has closed the stream: " + std::string(payload.substr(2)));
      if (opcode != 1) continue;
      if (received++ == 0) first = steady::now();
      bytes += payload.size();
      if (keep_times) {
        arrivals.push_back(std::chrono::duration_cast<std::chrono::microseconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count());
      }
      append_acknowledgement(acknowledgements, id_of(payload));
    }
    if (!acknowledgements.empty()) write_all(socket, acknowledgements);
    acknowledgements.clear();
    std::memmove(buffer.data(), rest.data(), rest.size());
    filled = rest.size();
    if (filled == buffer.size()) buffer.resize(buffer.size() * 2);
  }
  const auto seconds =
      wanted == 0 ? 0 : std::chrono::duration<double>(steady::now() - first).count();
  if (keep_times) {
    std::ofstream file(options["--times"]);
    for (const auto at : arrivals) file << at << '\n';
  }
  fmt::print("{{\"events\":{},\"seconds\":{:.6f},\"bytes\":{}}}\n", received, seconds, bytes);
  ::close(socket);
  return 0;
}

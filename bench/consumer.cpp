// Consumers that cost next to nothing: read named streams over WebSockets, acknowledge each event
// with a message of its own, and say how long it took. Used by script/bench.
//
//   bench_consumer --port P --key-file F --subscription-file F --name N --events N
//                  [--connections N] [--times FILE]
//
// The streams are called N-1, N-2, …; each is to receive --events events. In the subscription "@n"
// (with its quotes) stands for the stream's number. Prints "open" once all
// streams are open, then one JSON object when all have everything: events and bytes of all
// together, and when the first and the last event came, in seconds of the monotonic clock.
#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/epoll.h>
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

void append_pong(std::string& to, std::string_view payload) {
  to += '\x8A';
  to += static_cast<char>(0x80U | payload.size());
  to.append(4, '\0');
  to += payload;
}

std::string with_number(std::string text, std::size_t number) {
  constexpr std::string_view place = R"("@n")";
  if (const auto at = text.find(place); at != std::string::npos)
    text.replace(at, place.size(), std::to_string(number));
  return text;
}

std::string_view id_of(std::string_view event) {
  constexpr std::string_view member = R"("id":")";
  const auto at = event.find(member);
  if (at == std::string_view::npos)
    die("an event without id: " + std::string(event.substr(0, 200)));
  return event.substr(at + member.size(), 26);
}

// What all connections have received together.
struct outcome {
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
  steady::time_point first;
  bool keep_times = false;
  std::vector<std::int64_t> arrivals;  // system clock, microseconds

  void take(std::string_view event) {
    if (events++ == 0) first = steady::now();
    bytes += event.size();
    if (!keep_times) return;
    arrivals.push_back(std::chrono::duration_cast<std::chrono::microseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count());
  }
};

class stream {
 public:
  stream(const std::string& port, const std::string& upgrade, std::size_t buffer_bytes)
      : socket_(connect_to(port)), buffer_(buffer_bytes) {
    write_all(socket_, upgrade);
  }

  int socket() const { return socket_; }
  bool open() const { return open_; }
  std::uint64_t received() const { return received_; }

  // One portion of what the socket has.
  void read(outcome& all) {
    const auto got = ::recv(socket_, buffer_.data() + filled_, buffer_.size() - filled_, 0);
    if (got <= 0) die("the server has closed the connection");
    filled_ += static_cast<std::size_t>(got);
    std::string_view rest(buffer_.data(), filled_);
    if (!open_ && !take_answer(rest)) return;
    take_frames(rest, all);
    if (!acknowledgements_.empty()) write_all(socket_, acknowledgements_);
    acknowledgements_.clear();
    std::memmove(buffer_.data(), rest.data(), rest.size());
    filled_ = rest.size();
    if (filled_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
  }

 private:
  bool take_answer(std::string_view& rest) {
    const auto end = rest.find("\r\n\r\n");
    if (end == std::string_view::npos) return false;
    if (!rest.starts_with("HTTP/1.1 101")) die(std::string(rest.substr(0, 600)));
    rest.remove_prefix(end + 4);
    return open_ = true;
  }

  void take_frames(std::string_view& rest, outcome& all) {
    std::string_view payload;
    int opcode = 0;
    while (const auto size = take_frame(rest, payload, opcode)) {
      rest.remove_prefix(size);
      if (opcode == 8) die("the server has closed the stream: " + std::string(payload.substr(2)));
      if (opcode == 9) append_pong(acknowledgements_, payload);
      if (opcode != 1) continue;
      ++received_;
      all.take(payload);
      append_acknowledgement(acknowledgements_, id_of(payload));
    }
  }

  int socket_;
  std::vector<char> buffer_;  // grows
  std::size_t filled_ = 0;
  bool open_ = false;
  std::uint64_t received_ = 0;
  std::string acknowledgements_;
};

double seconds(steady::time_point at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options{{"--connections", "1"}};
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  const auto wanted = std::stoull(options["--events"]);
  const auto connections = std::stoull(options["--connections"]);
  const auto request =
      "GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "authorization: Bearer " +
      read_file(options["--key-file"]) +
      "\r\nsubscription: " + read_file(options["--subscription-file"]);

  const int ready = ::epoll_create1(EPOLL_CLOEXEC);
  std::deque<stream> streams;
  for (std::size_t i = 0; i < connections; ++i) {
    streams.emplace_back(options["--port"],
                         fmt::format("{}\r\nstream: {{\"name\":\"{}-{}\"}}\r\n\r\n",
                                     with_number(request, i + 1), options["--name"], i + 1),
                         connections > 100 ? std::size_t{4} << 10U : std::size_t{1} << 20U);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    ::epoll_ctl(ready, EPOLL_CTL_ADD, streams.back().socket(), &event);
  }

  outcome all;
  all.keep_times = options.contains("--times");
  std::size_t opened = 0;
  std::size_t done = 0;
  const auto is_done = [&](const stream& one) { return one.open() && one.received() >= wanted; };
  while (done < streams.size()) {
    constexpr int silence_max_ms = 120'000;
    std::array<epoll_event, 16> events{};
    const int count =
        ::epoll_wait(ready, events.data(), static_cast<int>(events.size()), silence_max_ms);
    if (count == 0) die("nothing has come for two minutes");
    for (int i = 0; i < count; ++i) {
      auto& one = streams[events.at(static_cast<std::size_t>(i)).data.u64];
      const bool was_open = one.open();
      const bool was_done = is_done(one);
      one.read(all);
      if (one.open() && !was_open && ++opened == streams.size()) {
        fmt::print("open\n");
        std::fflush(stdout);
      }
      if (is_done(one) && !was_done) ++done;
    }
  }
  const auto last = steady::now();
  if (all.events == 0) all.first = last;
  if (all.keep_times) {
    std::ofstream file(options["--times"]);
    for (const auto at : all.arrivals) file << at << '\n';
  }
  fmt::print("{{\"events\":{},\"bytes\":{},\"first\":{:.6f},\"last\":{:.6f}}}\n", all.events,
             all.bytes, seconds(all.first), seconds(last));
  return 0;
}

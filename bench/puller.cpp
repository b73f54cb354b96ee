// A consumer over HTTP that costs next to nothing: pulls a named stream in batches and acknowledges
// each with the next pull, or reads events and keeps its place itself. Used by script/bench pull.
//
//   bench_puller --mode pull|read --port P --key-file F --table T --name N --events N --batch N
//
// Prints one JSON object when it has all events: events, bytes of the answers, requests, and when
// the first request was sent and the last answer came, in seconds of the monotonic clock.
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

namespace {

using steady = std::chrono::steady_clock;

constexpr std::string_view event_begin = R"({"action":")";
constexpr std::size_t id_size = 26;

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "bench_puller: {}\n", why);
  std::exit(1);
}

// One connection that is kept.
class connection {
 public:
  connection(const std::string& port, std::string key)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), key_(std::move(key)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      give_up("cannot connect");
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~connection() { ::close(socket_); }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  // Returns the answer's body, which holds until the next call. Ends the program unless it is 200.
  std::string_view post(std::string_view path, std::string_view body) {
    const auto request = fmt::format(
        "POST {} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {}\r\n"
        "content-type: application/json\r\ncontent-length: {}\r\n\r\n{}",
        path, key_, body.size(), body);
    std::string_view left = request;
    while (!left.empty()) {
      const auto sent = ::send(socket_, left.data(), left.size(), MSG_NOSIGNAL);
      if (sent <= 0) give_up("the server has closed the connection");
      left.remove_prefix(static_cast<std::size_t>(sent));
    }
    received_.clear();
    std::size_t head = std::string::npos;
    while (head == std::string::npos) {
      receive();
      head = received_.find("\r\n\r\n");
    }
    constexpr std::string_view length = "content-length: ";
    auto at = received_.find(length);
    if (at == std::string::npos) at = received_.find("Content-Length: ");
    if (at == std::string::npos || at > head) give_up("an answer without a length: " + received_);
    const auto size = std::stoull(received_.substr(at + length.size(), 20));
    const auto begin = head + 4;
    while (received_.size() < begin + size) receive();
    if (!received_.starts_with("HTTP/1.1 200 ")) give_up(received_);
    return std::string_view(received_).substr(begin, size);
  }

 private:
  void receive() {
    static std::array<char, std::size_t{1} << 18U> buffer;
    const auto got = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (got <= 0) give_up("the server has closed the connection");
    received_.append(buffer.data(), static_cast<std::size_t>(got));
  }

  int socket_;
  std::string key_;
  std::string received_;
};

// A text member of the answer itself: events come before it, or have no member of this name.
std::string text_member(std::string_view body, std::string_view name) {
  const auto begin = fmt::format("\"{}\":\"", name);
  const auto at = body.rfind(begin);
  if (at == std::string_view::npos) give_up(fmt::format("an answer without {}: {}", name, body));
  const auto from = at + begin.size();
  return std::string(body.substr(from, body.find('"', from) - from));
}

// Counts the events of an answer, and finds the id of the last one.
std::uint64_t count_events(std::string_view body, std::string& last_id) {
  std::uint64_t count = 0;
  for (auto at = body.find(event_begin); at != std::string_view::npos;
       at = body.find(event_begin, at + event_begin.size())) {
    ++count;
    constexpr std::string_view id = R"("id":")";
    last_id = body.substr(body.find(id, at) + id.size(), id_size);
  }
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  std::ifstream file(options["--key-file"]);
  std::string key;
  std::getline(file, key);
  const auto wanted = std::stoull(options["--events"]);
  const auto& table = options["--table"];
  const auto& batch = options["--batch"];
  const bool reads = options["--mode"] == "read";
  const auto path =
      reads ? "/v1/events/query" : fmt::format("/v1/streams/{}/pull", options["--name"]);

  connection server(options["--port"], key);
  std::string place = "beginning";
  std::string token;
  std::string last_id;
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
  std::uint64_t requests = 0;
  const auto first = steady::now();
  while (events < wanted) {
    std::string body;
    if (reads) {
      body = fmt::format(
          R"({{"tables":["{}"],"after":"{}","limit":{},"maxBytes":"8MiB","wait":"10s"}})", table,
          place, batch);
    } else if (token.empty()) {
      body = fmt::format(
          R"({{"table":"{}","from":"beginning","max":{},"maxBytes":"8MiB","wait":"10s"}})", table,
          batch);
    } else {
      body = fmt::format(
          R"({{"table":"{}","token":"{}","ack":{{"through":"{}"}},"max":{},"maxBytes":"8MiB","wait":"10s"}})",
          table, token, last_id, batch);
    }
    const auto answer = server.post(path, body);
    ++requests;
    bytes += answer.size();
    const auto got = count_events(answer, last_id);
    if (got == 0) give_up("nothing has come for ten seconds");
    events += got;
    if (reads) {
      place = text_member(answer, "next");
    } else {
      token = text_member(answer, "token");
    }
  }
  if (!reads) {
    server.post(
        fmt::format("/v1/streams/{}/ack", options["--name"]),
        fmt::format(R"({{"token":"{}","ack":{{"through":"{}"}},"release":true}})", token, last_id));
    ++requests;
  }
  const auto last = steady::now();
  const auto seconds = [](steady::time_point at) {
    return std::chrono::duration<double>(at.time_since_epoch()).count();
  };
  fmt::print("{{\"events\":{},\"bytes\":{},\"requests\":{},\"first\":{:.6f},\"last\":{:.6f}}}\n",
             events, bytes, requests, seconds(first), seconds(last));
  return 0;
}

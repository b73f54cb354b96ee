// What a WebSocket frame costs: by hand as the server does it, with Beast, and over a real socket.
#include <atomic>
#include <string>
#include <thread>
#include <time.h>
#include <vector>

#include <benchmark/benchmark.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "server/http/outgoing_buffer.hpp"
#include "server/server.hpp"
#include "server/websocket/client_message.hpp"
#include "server/websocket/websocket_frames.hpp"
#include "tests/unit/server/fakes.hpp"

namespace pulse::server {
namespace {

namespace websocket = boost::beast::websocket;
using boost::asio::ip::tcp;
using boost::system::error_code;

const std::string an_event(240, 'e');
const std::string an_ack = R"({"type":"ack","id":"01HYZ3T9QK7B2M4N6P8R0S1T2V"})";
constexpr const char* upgrade =
    "GET /stream HTTP/1.1\r\nhost: bench\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
    "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "authorization: Bearer good-key\r\nstream: {}\r\nsubscription: {\"modelName\":\"User\","
    "\"model\":{\"dbName\":null,\"fields\":[{\"name\":\"id\",\"kind\":\"scalar\"}]}}\r\n\r\n";

std::string masked_acks(std::size_t count) {
  std::string bytes;
  const std::string mask = "\x37\xFA\x21\x3D";
  for (std::size_t i = 0; i < count; ++i) {
    bytes += static_cast<char>(0x81);
    bytes += static_cast<char>(0x80U | an_ack.size());
    bytes += mask;
    for (std::size_t at = 0; at < an_ack.size(); ++at) {
      bytes += static_cast<char>(an_ack[at] ^ mask[at % 4]);
    }
  }
  return bytes;
}

// A stream for Beast that costs nothing itself: takes every write and reads the same bytes over and
// over.
class memory_stream {
 public:
  using executor_type = boost::asio::io_context::executor_type;
  memory_stream(boost::asio::io_context& io, std::string again)
      : io_(&io), now_(upgrade), again_(std::move(again)) {}
  executor_type get_executor() { return io_->get_executor(); }

  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, error_code& failed) {
    failed = {};
    return boost::asio::buffer_size(buffers);
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers) {
    return boost::asio::buffer_size(buffers);
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, error_code& failed) {
    failed = {};
    const auto bytes = boost::asio::buffer_copy(
        buffers, boost::asio::buffer(now_.data() + at_, now_.size() - at_));
    at_ += bytes;
    if (at_ == now_.size()) {
      now_ = again_;
      at_ = 0;
    }
    return bytes;
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    error_code ignored;
    return read_some(buffers, ignored);
  }

 private:
  boost::asio::io_context* io_;
  std::string now_;
  std::string again_;
  std::size_t at_ = 0;
};

void teardown(boost::beast::role_type /*role*/, memory_stream& /*stream*/, error_code& failed) {
  failed = {};
}

void write_frame_by_hand(benchmark::State& state) {
  outgoing_buffer out;
  for (auto _ : state) {
    append_frame(out.tail(), opcode::text, an_event);
    if (out.size() > (std::size_t{256} << 10U)) out.sent(out.size());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(write_frame_by_hand);

void write_frame_with_beast(benchmark::State& state) {
  boost::asio::io_context io;
  websocket::stream<memory_stream> stream(io, std::string());
  stream.accept();
  stream.text(true);
  for (auto _ : state) benchmark::DoNotOptimize(stream.write(boost::asio::buffer(an_event)));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(write_frame_with_beast);

void read_acknowledgement_by_hand(benchmark::State& state) {
  constexpr std::size_t count = 1000;
  const auto bytes = masked_acks(count);
  websocket_reader reader(std::size_t{64} << 10U);
  std::string received;
  for (auto _ : state) {
    received = bytes;  // what the read system call copies
    std::span<char> rest(received);
    while (!rest.empty()) {
      benchmark::DoNotOptimize(parse_client_message(reader.next(rest).payload));
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}
BENCHMARK(read_acknowledgement_by_hand);

void read_acknowledgement_with_beast(benchmark::State& state) {
  boost::asio::io_context io;
  websocket::stream<memory_stream> stream(io, masked_acks(1000));
  stream.accept();
  boost::beast::flat_buffer buffer;
  for (auto _ : state) {
    stream.read(buffer);
    benchmark::DoNotOptimize(
        parse_client_message({static_cast<const char*>(buffer.data().data()), buffer.size()}));
    buffer.clear();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(read_acknowledgement_with_beast);

void parse_acknowledgement(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(parse_client_message(an_ack));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(parse_acknowledgement);

double thread_cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// A server on loopback with one open stream, and its CPU time.
class loopback {
 public:
  loopback() {
    server_options options;
    options.listen.port = options.admin_listen.port = 0;
    const auto ports =
        outside_
            .start(options, registry_, backend_, figures_,
                   [this](project_service&) -> std::shared_ptr<stream_host> { return host; })
            .value();
    thread_ = std::thread([this] { io.run(); });
    client.connect({boost::asio::ip::make_address("127.0.0.1"), ports.streams.port});
    boost::asio::write(client, boost::asio::buffer(std::string(upgrade)));
    std::string answer;
    boost::asio::read_until(client, boost::asio::dynamic_buffer(answer), "\r\n\r\n");
  }
  ~loopback() {
    client.close();
    boost::asio::post(
        io, [this] { outside_.stop(std::chrono::milliseconds(0), [this] { work_.reset(); }); });
    thread_.join();
  }
  loopback(const loopback&) = delete;
  loopback& operator=(const loopback&) = delete;

  double server_cpu_s() {
    std::atomic<double> spent = -1;
    boost::asio::post(io, [&] { spent = thread_cpu_s(); });
    while (spent < 0) std::this_thread::yield();
    return spent;
  }

  boost::asio::io_context io;
  boost::asio::io_context client_io;
  tcp::socket client{client_io};
  std::shared_ptr<fake_host> host = std::make_shared<fake_host>();

 private:
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io.get_executor()};
  metrics figures_;
  fake_project project_{io.get_executor(), figures_};
  fake_registry registry_{project_};
  fake_backend backend_;
  server outside_{io.get_executor()};
  std::thread thread_;
};

void report(benchmark::State& state, std::int64_t messages, double cpu_s) {
  state.SetItemsProcessed(messages);
  state.counters["server_cpu_ns_a_message"] = cpu_s * 1e9 / static_cast<double>(messages);
}

// As the hub does: up to 512 events a turn, none while more than 1 MiB is unsent.
void loopback_send(benchmark::State& state) {
  loopback run;
  constexpr std::int64_t events = 500'000;
  std::vector<char> sink(std::size_t{1} << 20U);
  const auto before = run.server_cpu_s();
  for (auto _ : state) {
    std::int64_t left = events;
    std::function<void()> turn = [&] {
      for (int i = 0; i < 512 && left > 0; ++i, --left) {
        if (run.host->subscriber->unsent_bytes() > (std::size_t{1} << 20U)) return;
        run.host->subscriber->send({}, an_event);
      }
      if (left > 0) boost::asio::post(run.io, turn);
    };
    run.host->on_writable = [&] { boost::asio::post(run.io, turn); };
    boost::asio::post(run.io, turn);
    const auto bytes = static_cast<std::size_t>(events) * (an_event.size() + 4);
    for (std::size_t got = 0; got < bytes;) got += run.client.read_some(boost::asio::buffer(sink));
  }
  report(state, state.iterations() * events, run.server_cpu_s() - before);
}
BENCHMARK(loopback_send)->UseRealTime()->Unit(benchmark::kMillisecond);

void loopback_acknowledge(benchmark::State& state) {
  loopback run;
  constexpr std::int64_t events = 500'000;
  const auto bytes = masked_acks(static_cast<std::size_t>(events));
  std::atomic<std::int64_t> heard = 0;
  run.host->on_acknowledge = [&] {
    run.host->acknowledged.clear();
    heard.fetch_add(1, std::memory_order_relaxed);
  };
  const auto before = run.server_cpu_s();
  std::int64_t sent = 0;
  for (auto _ : state) {
    boost::asio::write(run.client, boost::asio::buffer(bytes));
    sent += events;
    while (heard < sent) std::this_thread::yield();
  }
  report(state, sent, run.server_cpu_s() - before);
}
BENCHMARK(loopback_acknowledge)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace pulse::server

BENCHMARK_MAIN();

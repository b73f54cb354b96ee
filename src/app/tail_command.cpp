#include "app/tail_command.hpp"

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "app/admin_connection.hpp"
#include "app/terminal.hpp"

namespace pulse::app {

namespace websocket = boost::beast::websocket;
namespace json = boost::json;

namespace {

// Empty: there is no such row.
std::string row_text(const json::object& event, const char* member) {
  const auto* row = event.if_contains(member);
  return row == nullptr || row->is_null() ? std::string() : json::serialize(*row);
}

// "18:03:22  update  {…} → {…}"; whatever is no event as it came.
std::string line_for_people(std::string_view text) {
  json::error_code failed;
  const auto parsed = json::parse(text, failed);
  const auto* event = failed ? nullptr : parsed.if_object();
  const auto* action = event == nullptr ? nullptr : event->if_contains("action");
  if (action == nullptr || !action->is_string()) return std::string(text);
  const std::string_view kind = action->get_string();
  auto rows = row_text(*event, "before");
  if (const auto after = row_text(*event, "after"); !after.empty()) {
    rows += (rows.empty() ? "" : " → ") + after;
  }
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  return fmt::format("{:%H:%M:%S}  {:<6}  {}",
                     fmt::localtime(std::chrono::system_clock::to_time_t(now)), kind, rows);
}

// Opens the WebSocket, then prints until it ends. Lives until its last handler has run.
template <class Stream>
class tail_session : public std::enable_shared_from_this<tail_session<Stream>> {
 public:
  tail_session(Stream& stream, const admin_access& access, const tail_options& options)
      : socket_(stream), access_(&access), options_(&options) {}

  void start(const boost::asio::ip::tcp::resolver::results_type& found, const server_url& where) {
    host_ = where.host;
    boost::beast::get_lowest_layer(socket_).expires_after(std::chrono::seconds(30));
    async_open(socket_.next_layer(), found,
               [self = this->shared_from_this()](const boost::system::error_code& opened) {
                 if (opened) return self->fail(nobody_answers(*self->access_, opened));
                 self->shake_hands();
               });
  }

  std::optional<error> problem;

 private:
  void shake_hands() {
    socket_.set_option(websocket::stream_base::decorator([this](websocket::request_type& request) {
      request.set("authorization", "Bearer " + access_->token);
    }));
    // An event can be as large as a row.
    socket_.read_message_max(std::size_t{2} << 30U);
    const auto dot = options_->table.find('.');
    auto target = "/v1/projects/" + percent_encode(options_->project) + "/tail?table=";
    if (dot != std::string::npos) target += percent_encode(options_->table.substr(0, dot)) + ".";
    target += percent_encode(dot == std::string::npos ? options_->table
                                                      : options_->table.substr(dot + 1));
    socket_.async_handshake(
        answer_, host_, target,
        [self = this->shared_from_this()](const boost::system::error_code& done) {
          if (done) return self->refused(done);
          boost::beast::get_lowest_layer(self->socket_).expires_never();
          if (!self->options_->json) say(stderr, "waiting for events\n");
          self->read();
        });
  }

  void refused(const boost::system::error_code& why) {
    json::error_code failed;
    const auto parsed = json::parse(answer_.body(), failed);
    const auto* body = failed ? nullptr : parsed.if_object();
    const auto* message = body == nullptr ? nullptr : body->if_contains("message");
    if (message == nullptr || !message->is_string()) return fail(nobody_answers(*access_, why));
    fail({errc::conflict, fmt::format("the server refused ({}): {}", answer_.result_int(),
                                      std::string_view(message->get_string()))});
  }

  void read() {
    socket_.async_read(buffer_, [self = this->shared_from_this()](
                                    const boost::system::error_code& failed, std::size_t) {
      if (failed)
        return self->fail({errc::unavailable, "the server ended it: " + failed.message()});
      self->show();
    });
  }

  void show() {
    const std::string_view text(static_cast<const char*>(buffer_.data().data()), buffer_.size());
    say(stdout, "{}\n", options_->json ? std::string(text) : line_for_people(text));
    std::fflush(stdout);
    buffer_.consume(buffer_.size());
    if (++shown_ != options_->count) return read();
    socket_.async_close(websocket::close_code::normal,
                        [self = this->shared_from_this()](const boost::system::error_code&) {});
  }

  void fail(error why) { problem = std::move(why); }

  websocket::stream<Stream&> socket_;
  const admin_access* access_;
  const tail_options* options_;
  std::string host_;
  websocket::response_type answer_;
  boost::beast::flat_buffer buffer_;
  std::uint64_t shown_ = 0;
};

}  // namespace

int tail_table(const admin_access& access, const tail_options& options) {
  std::optional<error> problem;
  const auto run = with_stream(access, [&](auto& stream, const auto& found, const auto& where) {
    using session = tail_session<std::remove_reference_t<decltype(stream)>>;
    // The last handler that goes takes the session along, and its problem is told then.
    const std::shared_ptr<session> one(new session(stream, access, options), [&](session* done) {
      problem = done->problem;
      delete done;
    });
    one->start(found, where);
  });
  if (!run) problem = run.error();
  if (!problem) return 0;
  say(stderr, "pulse: {}\n", problem->message());
  return 1;
}

}  // namespace pulse::app

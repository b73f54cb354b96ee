#include "commands/server_answer.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace pulse::commands {

namespace http = boost::beast::http;

boost::system::error_code read_answer(admin_connection& connection, server_answer& to) {
  http::response_parser<http::string_body> parser;
  parser.eager(true);
  std::string bytes;
  while (!parser.is_done()) {
    const auto ended = connection.read(bytes);
    boost::system::error_code failed;
    while (!parser.is_done() && !bytes.empty()) {
      bytes.erase(0, parser.put(boost::asio::buffer(bytes), failed));
      if (failed) break;
    }
    if (failed && failed != http::error::need_more) return failed;
    if (parser.is_done()) break;
    if (ended == boost::asio::error::eof && parser.got_some()) {
      // An answer without a length lasts until the connection ends.
      parser.put_eof(failed);
      if (failed) return failed;
    } else if (ended) {
      return ended;
    }
  }
  auto& answer = parser.get();
  to.status = answer.result_int();
  to.websocket_accept = std::string(answer[http::field::sec_websocket_accept]);
  to.body = std::move(answer.body());
  to.behind = std::move(bytes);
  return {};
}

}  // namespace pulse::commands

// One connection to PostgreSQL: libpq, driven by Asio, never blocking a thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/error.hpp"
#include "change/identifier.hpp"
#include "source/database_url.hpp"
#include "source/session_settings.hpp"
#include "source/unsendable.hpp"

struct pg_conn;
struct pg_result;

namespace pulse::source {

template <class T = void>
using async_result = boost::asio::awaitable<result<T>>;

// Rows as text; a missing value is SQL NULL. In an SQL_ASCII database, bytes that are not UTF-8 are
// returned as U+FFFD.
class query_rows {
 public:
  using row = std::vector<std::optional<std::string>>;

  const std::vector<row>& rows() const { return rows_; }
  bool empty() const { return rows_.empty(); }
  std::size_t size() const { return rows_.size(); }
  // Returns the column of a row, the first one by default; empty text for NULL and if there is no
  // such row.
  std::string value(std::size_t column, std::size_t at_row = 0) const;

  std::vector<row> rows_;
};

// Parameters of a query. A function, since g++ 12 takes no braced list inside a co_await
// expression.
using query_parameters = std::vector<std::optional<std::string>>;
template <class... Texts>
query_parameters with(Texts&&... texts) {
  query_parameters all;
  (all.emplace_back(std::forward<Texts>(texts)), ...);
  return all;
}

// A literal in single quotes, as PostgreSQL reads it (manual, section 4.1.2): for commands that
// take no parameters. Names only; values go as parameters.
std::string quote_literal(std::string_view text);
// The same for replication commands, whose grammar has no escape form: a backslash is a backslash.
std::string quote_replication_literal(std::string_view text);

enum class connection_kind {
  sql,
  replication,  // replication=database: understands the replication commands, and simple queries
};

// One owner, one thread (its executor's). One operation at a time.
class connection {
 public:
  // Returns a connection whose settings (session_settings.hpp) are in effect. errc::unavailable: no
  // answer within the time; errc::invalid_argument: a pooler or proxy has dropped the settings;
  // errc::cancelled: the caller has cancelled, on the executor's thread.
  static async_result<std::unique_ptr<connection>> open(database_target target,
                                                        connection_kind kind,
                                                        std::string application_name,
                                                        std::chrono::milliseconds timeout,
                                                        std::stop_token unwanted = {});
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  // Runs SQL with parameters $1, $2 … (text; nothing is NULL). Replication connections support no
  // parameters.
  async_result<query_rows> query(std::string sql, query_parameters parameters = query_parameters());

  // After this the stream is in copy mode: receive() and send().
  async_result<> start_copy(std::string command);

  // Copy mode. Waits until at least one message has arrived, then hands over every message that
  // needs no waiting, up to the bounds. Views end with the call. errc::unavailable: the connection
  // or the stream has ended.
  struct receive_bounds {
    std::size_t messages = 512;
    std::size_t bytes = std::size_t{1} << 20U;
  };
  template <class Handler>
  async_result<> receive(receive_bounds bounds, Handler handle);
  async_result<> send(std::string message);
  // Returns the size in bytes of the largest message of the copy stream so far. libpq keeps a
  // buffer of at least this size until the connection is closed.
  std::size_t largest_message() const { return largest_message_; }

  // Ends whatever waits on the connection with errc::cancelled. The connection can be used again.
  void interrupt();
  // The same, and tells PostgreSQL to cancel.
  void cancel();

  int server_version() const;  // as libpq gives it: 150004
  // Returns the last error, or the notice with which PostgreSQL ended the session.
  const last_words& said() const { return said_; }
  // Returns whether PostgreSQL has ended this idle session because another of its processes had
  // crashed.
  bool was_ended_by_crash();
  bool in_use() const { return busy_; }

 private:
  class socket;
  explicit connection(boost::asio::any_io_executor executor);

  async_result<> connect(std::vector<std::pair<std::string, std::string>> parameters,
                         std::chrono::milliseconds timeout);
  async_result<> check_settings(session_use use, std::chrono::milliseconds timeout);
  async_result<> take_any_bytes();
  bool has_decrypted() const;
  async_result<> wait_readable();
  async_result<> flush();
  async_result<query_rows> collect();
  // Returns one message of the copy stream, or nothing if none is buffered. The bytes live until
  // the next call.
  result<std::optional<std::string_view>> next_copy_message();
  error failure(std::string_view doing) const;
  error note_error(const pg_result* told, std::string_view doing);

  boost::asio::any_io_executor executor_;
  pg_conn* handle_ = nullptr;
  std::unique_ptr<socket> socket_;
  char* message_ = nullptr;
  std::size_t largest_message_ = 0;
  bool busy_ = false;
  bool has_any_bytes_ = false;  // text that comes is made valid UTF-8
  last_words said_;
};

template <class Handler>
async_result<> connection::receive(receive_bounds bounds, Handler handle) {
  std::size_t messages = 0;
  std::size_t bytes = 0;
  for (;;) {
    const auto message = next_copy_message();
    if (!message) co_return message.error();
    if (*message) {
      if (auto handled = handle(**message); !handled) co_return handled.error();
      ++messages;
      bytes += (*message)->size();
      if (messages >= bounds.messages || bytes >= bounds.bytes) co_return result<void>();
      continue;
    }
    if (messages != 0) co_return result<void>();
    if (auto readable = co_await wait_readable(); !readable) co_return readable.error();
  }
}

}  // namespace pulse::source

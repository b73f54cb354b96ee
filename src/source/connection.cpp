#include "source/connection.hpp"

#include <algorithm>
#include <array>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <openssl/ssl.h>

#include "base/logging.hpp"
#include "base/utf8.hpp"
#include "source/session_settings.hpp"
#include "source/time_limit.hpp"

namespace pulse::source {

namespace asio = boost::asio;

namespace {

struct result_deleter {
  void operator()(PGresult* made) const { PQclear(made); }
};
using owned_result = std::unique_ptr<PGresult, result_deleter>;

std::string field_of(const PGresult* made, int name) {
  const char* text = PQresultErrorField(made, name);
  return text == nullptr ? "" : text;
}

std::string first_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  std::string line(text);
  std::ranges::replace(line, '\n', ' ');
  return line;
}

errc code_of(std::string_view sqlstate) {
  if (sqlstate == "42501" || sqlstate.starts_with("28")) return errc::unauthorized;
  if (sqlstate == "42704" || sqlstate == "42P01" || sqlstate == "3D000") return errc::not_found;
  if (sqlstate == "55006") return errc::conflict;
  constexpr std::array<std::string_view, 5> busy{"08", "40", "53", "55", "57"};
  // Somebody else, perhaps another connection of the same program, made it between the look for it
  // and the making: the next look finds it.
  constexpr std::array<std::string_view, 4> made_meanwhile{"23505", "42710", "42723", "42P06"};
  const bool is_busy = std::ranges::find(busy, sqlstate.substr(0, 2)) != busy.end();
  if (is_busy || std::ranges::find(made_meanwhile, sqlstate) != made_meanwhile.end())
    return errc::unavailable;
  return errc::protocol;
}

error of_result(const PGresult* made, std::string_view doing) {
  const auto state = field_of(made, PG_DIAG_SQLSTATE);
  auto message = field_of(made, PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) message = first_line(PQresultErrorMessage(made));
  return {code_of(state),
          fmt::format("{}: {}{}", doing, message, state.empty() ? "" : " (SQLSTATE " + state + ")"),
          field_of(made, PG_DIAG_MESSAGE_HINT)};
}

}  // namespace

// libpq owns the descriptor: this one is taken apart from Asio before it is closed.
class connection::socket {
 public:
  socket(const asio::any_io_executor& executor, int descriptor)
      : stream(executor, descriptor), number(descriptor) {}
  ~socket() { stream.release(); }
  socket(const socket&) = delete;
  socket& operator=(const socket&) = delete;

  asio::posix::stream_descriptor stream;
  int number;
};

std::string query_rows::value(std::size_t column, std::size_t at_row) const {
  if (at_row >= rows_.size() || column >= rows_[at_row].size()) return {};
  return rows_[at_row][column].value_or("");
}

std::string quote_replication_literal(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += '\'';
    quoted += c;
  }
  return quoted + '\'';
}

std::string quote_literal(std::string_view text) {
  auto quoted = quote_replication_literal(text);
  // With a backslash the escape form means the same whatever standard_conforming_strings says.
  if (text.find('\\') == std::string_view::npos) return quoted;
  std::string escaped = " E";
  for (const char c : quoted) {
    if (c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

connection::connection(asio::any_io_executor executor) : executor_(std::move(executor)) {}

connection::~connection() {
  if (message_ != nullptr) PQfreemem(message_);
  socket_.reset();
  if (handle_ != nullptr) PQfinish(handle_);
}

int connection::server_version() const {
  return PQserverVersion(handle_);
}

void connection::interrupt() {
  if (socket_ != nullptr) socket_->stream.cancel();
}

void connection::cancel() {
  if (socket_ == nullptr) return;
  interrupt();
  ::shutdown(socket_->number, SHUT_RDWR);
}

error connection::failure(std::string_view doing) const {
  const auto message = first_line(PQerrorMessage(handle_));
  error failed{
      errc::unavailable,
      fmt::format("{}: {}", doing, message.empty() ? "the connection was closed" : message),
      "check that PostgreSQL runs and is reachable"};
  if (message.find("password") != std::string::npos || message.find("role") != std::string::npos ||
      message.find("pg_hba") != std::string::npos) {
    failed.code = errc::unauthorized;
    failed.next = "check the user, the password and pg_hba.conf";
  } else if (message.find("unsupported startup parameter") != std::string::npos) {
    // PgBouncer's words: it does not pass on replication connections.
    failed.code = errc::invalid_argument;
    failed.next =
        "this is a connection pooler: logical replication needs a direct connection, the URL that "
        "Prisma calls "
        "`directUrl`";
  }
  return failed;
}

error connection::note_error(const PGresult* told, std::string_view doing) {
  said_ = {field_of(told, PG_DIAG_SQLSTATE), field_of(told, PG_DIAG_CONTEXT)};
  return of_result(told, doing);
}

async_result<std::unique_ptr<connection>> connection::open(database_target target,
                                                           connection_kind kind,
                                                           std::string application_name,
                                                           std::chrono::milliseconds timeout,
                                                           std::stop_token unwanted) {
  if (unwanted.stop_requested()) co_return error{errc::cancelled, "opening: cancelled", {}};
  auto parameters = target.parameters;
  parameters["application_name"] = std::move(application_name);
  parameters["client_encoding"] = "UTF8";
  const bool replicates = kind == connection_kind::replication;
  const auto use = replicates ? session_use::changes : session_use::questions;
  const auto given = parameters.find("options");
  parameters["options"] =
      given == parameters.end() ? session_options(use) : given->second + " " + session_options(use);
  parameters.try_emplace("keepalives_idle", "30");
  parameters.try_emplace("keepalives_interval", "10");
  parameters.try_emplace("keepalives_count", "3");
  if (replicates) parameters["replication"] = "database";

  std::unique_ptr<connection> opened(new connection(co_await asio::this_coro::executor));
  std::vector<std::pair<std::string, std::string>> pairs(parameters.begin(), parameters.end());
  const std::stop_callback at_once(std::move(unwanted), [&opened] { opened->cancel(); });
  const auto connected = co_await opened->connect(std::move(pairs), timeout);
  if (!connected) co_return wrap("connecting to " + target.display(), connected.error());
  if (auto fixed = co_await opened->check_settings(use, timeout); !fixed)
    co_return wrap("connecting to " + target.display(), fixed.error());
  if (!replicates) {
    if (auto read = co_await opened->take_any_bytes(); !read) co_return read.error();
  }
  co_return opened;
}

async_result<> connection::connect(std::vector<std::pair<std::string, std::string>> parameters,
                                   std::chrono::milliseconds timeout) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : parameters) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  handle_ = PQconnectStartParams(names.data(), values.data(), 0);
  if (handle_ == nullptr) co_return error{errc::unavailable, "out of memory", {}};
  // libpq would write the server's notices to standard error as they come.
  PQsetNoticeReceiver(
      handle_,
      [](void* self, const PGresult* notice) {
        log_debug("source", first_line(PQresultErrorMessage(notice)));
        // Class 57 is the server's farewell.
        const auto state = field_of(notice, PG_DIAG_SQLSTATE);
        if (state.starts_with("57")) static_cast<connection*>(self)->said_.sqlstate = state;
      },
      this);
  if (PQstatus(handle_) == CONNECTION_BAD) co_return failure("opening");

  const time_limit limit(executor_, timeout, [this] {
    if (socket_) socket_->stream.cancel();
  });
  for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;
       state = PQconnectPoll(handle_)) {
    if (state == PGRES_POLLING_FAILED) co_return failure("opening");
    // libpq may have gone on to another address, with another socket that often has the same
    // number: the one that is watched must be the one that is there.
    socket_.reset();
    socket_ = std::make_unique<socket>(executor_, PQsocket(handle_));
    const auto direction = state == PGRES_POLLING_READING
                               ? asio::posix::stream_descriptor::wait_read
                               : asio::posix::stream_descriptor::wait_write;
    boost::system::error_code failed;
    co_await socket_->stream.async_wait(direction,
                                        asio::redirect_error(asio::use_awaitable, failed));
    if (limit.passed()) co_return no_answer("opening", timeout);
    if (failed) co_return error{errc::cancelled, "opening: cancelled", {}};
    // The poll below may replace the descriptor behind Asio's back.
    if (PQsocket(handle_) != socket_->number) socket_.reset();
  }
  if (!socket_ || socket_->number != PQsocket(handle_)) {
    socket_.reset();
    socket_ = std::make_unique<socket>(executor_, PQsocket(handle_));
  }
  // The receive buffer is left to the system: a size set here would end TCP's own, which grows with
  // the way to the server.
  PQsetnonblocking(handle_, 1);
  co_return result<void>();
}

// What OpenSSL has decrypted and libpq had no room for does not show as readable on the socket.
bool connection::has_decrypted() const {
  auto* ssl = static_cast<SSL*>(PQsslStruct(handle_, "OpenSSL"));
  return ssl != nullptr && SSL_pending(ssl) > 0;
}

async_result<> connection::wait_readable() {
  if (!has_decrypted()) {
    boost::system::error_code failed;
    co_await socket_->stream.async_wait(asio::posix::stream_descriptor::wait_read,
                                        asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return error{errc::cancelled, "waiting for PostgreSQL: cancelled", {}};
  }
  if (PQconsumeInput(handle_) == 0) co_return failure("reading");
  co_return result<void>();
}

async_result<> connection::flush() {
  for (;;) {
    const int left = PQflush(handle_);
    if (left == 0) co_return result<void>();
    if (left < 0) co_return failure("writing");
    boost::system::error_code failed;
    co_await socket_->stream.async_wait(asio::posix::stream_descriptor::wait_write,
                                        asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return error{errc::cancelled, "waiting for PostgreSQL: cancelled", {}};
  }
}

async_result<query_rows> connection::query(std::string sql, query_parameters parameters) {
  busy_ = true;
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const auto& value : parameters) values.push_back(value ? value->c_str() : nullptr);
  const int sent = parameters.empty()
                       ? PQsendQuery(handle_, sql.c_str())
                       : PQsendQueryParams(handle_, sql.c_str(), static_cast<int>(values.size()),
                                           nullptr, values.data(), nullptr, nullptr, 0);
  if (sent == 0) {
    busy_ = false;
    co_return failure("sending a query");
  }
  auto answered = co_await collect();
  busy_ = false;
  co_return answered;
}

async_result<query_rows> connection::collect() {
  if (auto flushed = co_await flush(); !flushed) co_return flushed.error();
  query_rows all;
  std::optional<error> failed;
  for (;;) {
    while (PQisBusy(handle_) != 0) {
      if (auto readable = co_await wait_readable(); !readable) co_return readable.error();
    }
    const owned_result one(PQgetResult(handle_));
    if (!one) break;
    const auto status = PQresultStatus(one.get());
    if (status == PGRES_TUPLES_OK) {
      all.rows_.clear();
      for (int r = 0; r < PQntuples(one.get()); ++r) {
        query_rows::row row;
        for (int c = 0; c < PQnfields(one.get()); ++c) {
          if (PQgetisnull(one.get(), r, c) != 0) {
            row.emplace_back();
          } else {
            const std::string_view text(PQgetvalue(one.get(), r, c),
                                        static_cast<std::size_t>(PQgetlength(one.get(), r, c)));
            row.emplace_back(has_any_bytes_ ? to_valid_utf8(text) : std::string(text));
          }
        }
        all.rows_.push_back(std::move(row));
      }
    } else if (status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY && !failed) {
      failed = note_error(one.get(), "query");
    }
  }
  if (failed) co_return *failed;
  co_return all;
}

async_result<> connection::start_copy(std::string command) {
  if (PQsendQuery(handle_, command.c_str()) == 0) co_return failure("sending a command");
  if (auto flushed = co_await flush(); !flushed) co_return flushed.error();
  while (PQisBusy(handle_) != 0) {
    if (auto readable = co_await wait_readable(); !readable) co_return readable.error();
  }
  const owned_result answer(PQgetResult(handle_));
  if (!answer) co_return failure("starting replication");
  if (PQresultStatus(answer.get()) != PGRES_COPY_BOTH)
    co_return note_error(answer.get(), "starting replication");
  co_return result<void>();
}

result<std::optional<std::string_view>> connection::next_copy_message() {
  if (message_ != nullptr) PQfreemem(message_);
  message_ = nullptr;
  const int size = PQgetCopyData(handle_, &message_, 1);
  if (size > 0) {
    const std::string_view message(message_, static_cast<std::size_t>(size));
    largest_message_ = std::max(largest_message_, message.size());
    return std::optional(message);
  }
  if (size == 0) return std::optional<std::string_view>();
  if (size == -1) {
    const owned_result ended(PQgetResult(handle_));
    if (ended && PQresultStatus(ended.get()) == PGRES_FATAL_ERROR)
      return note_error(ended.get(), "replication has ended");
    return error{errc::unavailable, "PostgreSQL ended replication", "Pulse starts it again"};
  }
  return failure("reading the replication stream");
}

async_result<> connection::send(std::string message) {
  if (PQputCopyData(handle_, message.data(), static_cast<int>(message.size())) < 0)
    co_return failure("writing");
  co_return co_await flush();
}

}  // namespace pulse::source

#include "control/sqlite.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

namespace pulse::control {
namespace {

error failed(sqlite3* handle, std::string_view doing) {
  const int code = sqlite3_extended_errcode(handle);
  const bool full = (code & 0xFF) == SQLITE_FULL;
  return {full ? errc::no_space : errc::io, std::string(doing) + ": " + sqlite3_errmsg(handle),
          full ? "free space on the disk" : "check the data directory"};
}

// Not to be read by others, whatever the umask; SQLite gives its other files the mode of this one.
// Not opened where it is there: closing it would give up locks that this process has on it.
result<void> make_private(const std::string& path) {
  if (path.empty() || path.starts_with(':')) return {};
  const auto failure = [&](std::string_view doing) {
    return error{errc::io, std::string(doing) + " " + path + ": " + std::strerror(errno),
                 "check the data directory and its owner"};
  };
  const int made = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made >= 0) {
    ::close(made);
    return {};
  }
  for (const auto* suffix : {"", "-wal", "-shm"}) {
    const auto file = path + suffix;
    struct stat facts{};
    if (::stat(file.c_str(), &facts) != 0 || (facts.st_mode & 0077U) == 0) continue;
    if (::chmod(file.c_str(), 0600) != 0) return failure("closing to others");
  }
  return {};
}

}  // namespace

void statement::finalize::operator()(sqlite3_stmt* prepared) const {
  sqlite3_finalize(prepared);
}

statement& statement::bind(std::string_view text) {
  sqlite3_bind_text64(prepared_.get(), next_parameter_++, text.data(), text.size(),
                      SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

statement& statement::bind(std::int64_t number) {
  sqlite3_bind_int64(prepared_.get(), next_parameter_++, number);
  return *this;
}

statement& statement::bind(const std::optional<std::int64_t>& number) {
  return number ? bind(*number) : bind_null();
}

statement& statement::bind_null() {
  sqlite3_bind_null(prepared_.get(), next_parameter_++);
  return *this;
}

result<bool> statement::step() {
  const int code = sqlite3_step(prepared_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return failed(sqlite3_db_handle(prepared_.get()), "the state database");
}

result<void> statement::run() {
  const auto stepped = step();
  sqlite3_reset(prepared_.get());
  next_parameter_ = 1;
  if (!stepped) return stepped.error();
  return {};
}

std::string statement::text(int column) const {
  const auto* from = reinterpret_cast<const char*>(sqlite3_column_text(prepared_.get(), column));
  return from == nullptr
             ? std::string()
             : std::string(from,
                           static_cast<std::size_t>(sqlite3_column_bytes(prepared_.get(), column)));
}

std::int64_t statement::number(int column) const {
  return sqlite3_column_int64(prepared_.get(), column);
}

unix_time_us statement::time(int column) const {
  return unix_time_us(std::chrono::microseconds(number(column)));
}

bool statement::is_null(int column) const {
  return sqlite3_column_type(prepared_.get(), column) == SQLITE_NULL;
}

void sqlite_database::close::operator()(sqlite3* handle) const {
  sqlite3_close(handle);
}

result<sqlite_database> sqlite_database::open(const std::string& path) {
  if (auto closed = make_private(path); !closed) return closed.error();
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  sqlite_database opened(handle);
  if (code != SQLITE_OK) return failed(handle, "opening " + path);
  constexpr int patience_ms = 5000;
  sqlite3_busy_timeout(handle, patience_ms);
  for (const auto* setting :
       {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON"}) {
    if (auto set = opened.execute(setting); !set) return wrap("opening " + path, set.error());
  }
  return opened;
}

result<statement> sqlite_database::prepare(std::string_view sql) const {
  sqlite3_stmt* prepared = nullptr;
  if (sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()), &prepared,
                         nullptr) != SQLITE_OK) {
    return failed(handle_.get(), "the state database");
  }
  return statement(prepared);
}

result<void> sqlite_database::execute(const std::string& sql) const {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return failed(handle_.get(), "the state database");
  }
  return {};
}

std::int64_t sqlite_database::changes() const {
  return sqlite3_changes64(handle_.get());
}

}  // namespace pulse::control

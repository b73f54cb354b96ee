// SQLite with its handles owned and its errors as values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace pulse::control {

// A prepared statement: bind in order, step, read. One owner.
class statement {
 public:
  explicit statement(sqlite3_stmt* prepared) : prepared_(prepared) {}

  statement& bind(std::string_view text);
  statement& bind(std::int64_t number);
  statement& bind(const std::optional<std::int64_t>& number);
  statement& bind_null();

  // True: there is a row. False: the statement is done.
  result<bool> step();
  // For statements without rows: done, and ready to be bound again.
  result<void> run();

  std::string text(int column) const;
  std::int64_t number(int column) const;
  // Of a column of microseconds since 1970-01-01.
  unix_time_us time(int column) const;
  bool is_null(int column) const;

 private:
  struct finalize {
    void operator()(sqlite3_stmt* prepared) const;
  };
  std::unique_ptr<sqlite3_stmt, finalize> prepared_;
  int next_parameter_ = 1;
};

class sqlite_database {
 public:
  // Journal in WAL mode; every commit is synced before it returns.
  static result<sqlite_database> open(const std::string& path);

  result<statement> prepare(std::string_view sql) const;
  result<void> execute(const std::string& sql) const;
  // How many rows the last statement changed.
  std::int64_t changes() const;

 private:
  struct close {
    void operator()(sqlite3* handle) const;
  };
  explicit sqlite_database(sqlite3* handle) : handle_(handle) {}
  std::unique_ptr<sqlite3, close> handle_;
};

}  // namespace pulse::control

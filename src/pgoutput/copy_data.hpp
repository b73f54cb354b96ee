// What travels inside CopyData during replication (PostgreSQL manual, section 55.4,
// START_REPLICATION).
#pragma once

#include <array>
#include <cstddef>
#include <variant>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "change/lsn.hpp"

namespace pulse::pgoutput {

// 'w': one message of the output plugin.
struct xlog_data {
  lsn wal_start;      // of the change that the message is about
  byte_view message;  // points into what was parsed
};

// 'k': the server is alive, and how far it has sent.
struct keepalive {
  lsn wal_end;
  bool reply_requested = false;
};

result<std::variant<xlog_data, keepalive>> parse_copy_data(byte_view bytes);

// 'r': what the server may forget (`flushed`) and what its views show.
struct status_update {
  lsn written;
  lsn flushed;
  lsn applied;
  bool reply_requested = false;
};

inline constexpr std::size_t status_update_size = 34;
std::array<std::byte, status_update_size> format_status_update(const status_update& update,
                                                               unix_time_us now);

// Microseconds since 2000-01-01 00:00 UTC, PostgreSQL's own epoch, to Unix time and back.
unix_time_us from_postgres_time(std::int64_t microseconds) noexcept;
std::int64_t to_postgres_time(unix_time_us at) noexcept;

}  // namespace pulse::pgoutput

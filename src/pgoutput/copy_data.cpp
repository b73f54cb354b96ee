#include "pgoutput/copy_data.hpp"

#include <string>

#include "pgoutput/message_reader.hpp"

namespace pulse::pgoutput {
namespace {

constexpr std::chrono::seconds postgres_epoch{946'684'800};

}  // namespace

unix_time_us from_postgres_time(std::int64_t microseconds) noexcept {
  // PostgreSQL's "infinity" never stands for a commit; saturating keeps a broken clock from
  // overflowing.
  constexpr auto shift = std::chrono::microseconds(postgres_epoch).count();
  if (microseconds > INT64_MAX - shift) microseconds = INT64_MAX - shift;
  return unix_time_us(std::chrono::microseconds(microseconds + shift));
}

std::int64_t to_postgres_time(unix_time_us at) noexcept {
  return (at.time_since_epoch() - postgres_epoch).count();
}

result<std::variant<xlog_data, keepalive>> parse_copy_data(byte_view bytes) {
  message_reader reader(bytes);
  const char type = static_cast<char>(reader.read_byte());
  switch (type) {
    case 'w': {
      xlog_data data;
      data.wal_start = reader.read_lsn();
      reader.skip(16);  // the server's current end of WAL and its clock
      data.message = reader.rest();
      if (!reader.ok() || data.message.empty()) break;
      return data;
    }
    case 'k': {
      keepalive alive;
      alive.wal_end = reader.read_lsn();
      reader.skip(8);  // the server's clock
      alive.reply_requested = reader.read_byte() != 0;
      if (!reader.ok()) break;
      return alive;
    }
    default:
      return error{errc::protocol,
                   "unknown type of CopyData message in the replication stream (byte " +
                       std::to_string(static_cast<unsigned char>(type)) + ")",
                   "report this with the server's version"};
  }
  return error{errc::protocol,
               std::string("a CopyData message of type '") + type + "' is incomplete",
               "report this with the server's version"};
}

std::array<std::byte, status_update_size> format_status_update(const status_update& update,
                                                               unix_time_us now) {
  std::array<std::byte, status_update_size> bytes{};
  bytes[0] = std::byte{'r'};
  store_big(&bytes[1], update.written.value);
  store_big(&bytes[9], update.flushed.value);
  store_big(&bytes[17], update.applied.value);
  store_big(&bytes[25], static_cast<std::uint64_t>(to_postgres_time(now)));
  bytes[33] = std::byte{update.reply_requested ? std::uint8_t{1} : std::uint8_t{0}};
  return bytes;
}

}  // namespace pulse::pgoutput

#include "tests/simulation/fake_messages.hpp"

#include "base/bytes.hpp"

namespace pulse::simulation {
namespace {

// PostgreSQL counts from 2000-01-01 (manual, section 55.4).
constexpr auto postgres_epoch = std::chrono::seconds(946684800);

std::uint64_t postgres_time(unix_time_us at) {
  return static_cast<std::uint64_t>((at.time_since_epoch() - postgres_epoch).count());
}

void append_name(std::string& to, std::string_view text) {
  to += text;
  to += '\0';
}

void append_column(std::string& to, std::string_view text) {
  to += 't';
  append_big(to, static_cast<std::uint32_t>(text.size()));
  to += text;
}

// Inside a streamed block a message names its (sub)transaction after its type.
std::string start_message(char type, std::uint32_t subxid) {
  std::string bytes(1, type);
  if (subxid != 0) append_big(bytes, subxid);
  return bytes;
}

}  // namespace

std::string begin_message(const fake_transaction& transaction) {
  std::string bytes = "B";
  append_big(bytes, transaction.commit.value);
  append_big(bytes, postgres_time(transaction.committed_at));
  append_big(bytes, transaction.xid);
  return bytes;
}

std::string commit_message(const fake_transaction& transaction) {
  std::string bytes = "C";
  bytes += '\0';
  append_big(bytes, transaction.commit.value);
  append_big(bytes, transaction.end.value);
  append_big(bytes, postgres_time(transaction.committed_at));
  return bytes;
}

std::string relation_message(std::uint32_t table, std::uint32_t subxid) {
  auto bytes = start_message('R', subxid);
  append_big(bytes, fake_database::oid(table));
  append_name(bytes, fake_database::name(table).schema);
  append_name(bytes, fake_database::name(table).name);
  bytes += 'd';
  append_big(bytes, std::uint16_t{2});
  for (const auto* column : {"id", "value"}) {
    bytes += column == std::string_view("id") ? '\1' : '\0';
    append_name(bytes, column);
    append_big(bytes, std::uint32_t{25});
    append_big(bytes, ~std::uint32_t{0});
  }
  return bytes;
}

std::string row_message(const fake_row& row, std::uint32_t subxid) {
  std::string bytes;
  const auto tuple = [&](char kind, bool key_only) {
    bytes += kind;
    append_big(bytes, std::uint16_t{2});
    append_column(bytes, row.key);
    if (key_only) {
      bytes += 'n';
    } else {
      append_column(bytes, row.value);
    }
  };
  switch (row.action) {
    case change_action::create:
      bytes = start_message('I', subxid);
      append_big(bytes, fake_database::oid(row.tables.front()));
      tuple('N', false);
      break;
    case change_action::update:
      bytes = start_message('U', subxid);
      append_big(bytes, fake_database::oid(row.tables.front()));
      tuple('N', false);
      break;
    case change_action::remove:
      bytes = start_message('D', subxid);
      append_big(bytes, fake_database::oid(row.tables.front()));
      tuple('K', true);
      break;
    case change_action::truncate:
      bytes = start_message('T', subxid);
      append_big(bytes, static_cast<std::uint32_t>(row.tables.size()));
      bytes += '\0';
      for (const auto table : row.tables) append_big(bytes, fake_database::oid(table));
      break;
  }
  return bytes;
}

std::string stream_start_message(std::uint32_t xid, bool first) {
  auto bytes = start_message('S', xid);
  bytes += first ? '\1' : '\0';
  return bytes;
}

std::string stream_commit_message(std::uint32_t xid, const fake_transaction& transaction) {
  // The commit's own fields, behind the transaction's number.
  return start_message('c', xid) + commit_message(transaction).substr(1);
}

std::string stream_abort_message(std::uint32_t xid, std::uint32_t subxid) {
  auto bytes = start_message('A', xid);
  append_big(bytes, subxid);
  return bytes;
}

}  // namespace pulse::simulation

#include "tests/simulation/fake_database.hpp"

#include "base/bytes.hpp"
#include "change/type_catalog.hpp"

namespace pulse::simulation {
namespace {

using namespace std::chrono_literals;

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

std::string begin_message(const fake_transaction& transaction) {
  std::string bytes = "B";
  append_big(bytes, transaction.commit.value);
  append_big(bytes, postgres_time(transaction.committed_at));
  append_big(bytes, std::uint32_t{7});
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

std::string relation_message(std::uint32_t table) {
  std::string bytes = "R";
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

std::string row_message(const fake_row& row) {
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
      bytes += 'I';
      append_big(bytes, fake_database::oid(row.table));
      tuple('N', false);
      break;
    case change_action::update:
      bytes += 'U';
      append_big(bytes, fake_database::oid(row.table));
      tuple('N', false);
      break;
    case change_action::remove:
      bytes += 'D';
      append_big(bytes, fake_database::oid(row.table));
      tuple('K', true);
      break;
  }
  return bytes;
}

}  // namespace

relation fake_database::definition(std::uint32_t table) {
  relation defined;
  defined.oid = oid(table);
  defined.table = name(table);
  const type_catalog builtin;
  for (const auto* column_name : {"id", "value"}) {
    column one;
    one.name = column_name;
    one.type = *builtin.resolve(25, -1);
    one.in_identity = column_name == std::string_view("id");
    defined.columns.push_back(one);
  }
  return defined;
}

const fake_transaction& fake_database::commit() {
  const auto pick = [&](std::uint64_t from, std::uint64_t to) {
    return std::uniform_int_distribution<std::uint64_t>(from, to)(random_);
  };
  fake_transaction transaction;
  wal_.value += pick(0, 3) * 40;
  const auto rows = pick(1, 10) == 1 ? pick(20, 80) : pick(1, 6);
  bool same_record = false;
  for (std::uint64_t i = 0; i < rows; ++i) {
    fake_row row;
    row.table = static_cast<std::uint32_t>(pick(0, table_count - 1));
    if (same_record) {
      // One COPY record holds rows of one table only.
      row.table = transaction.rows.back().table;
    } else {
      wal_.value += 8 * pick(4, 20);
    }
    row.at = wal_;
    row.action = same_record ? change_action::create : static_cast<change_action>(pick(1, 3));
    row.key = std::to_string(history_.size()) + "." + std::to_string(i);
    row.value = std::string(pick(0, 200), 'x') + row.key;
    transaction.rows.push_back(row);
    same_record = row.action == change_action::create && pick(1, 3) == 1;
  }
  wal_.value += 8 * pick(4, 20);
  transaction.commit = wal_;
  wal_.value += 48;
  transaction.end = wal_;
  now_ += std::chrono::microseconds(pick(0, 3000));
  if (pick(1, 20) == 1) now_ -= 5s;
  transaction.committed_at = now_;
  history_.push_back(std::move(transaction));
  return history_.back();
}

fake_walsender::fake_walsender(const fake_database& source, lsn start)
    : source_(&source), described_(fake_database::table_count, false) {
  const auto& history = source.history();
  while (next_transaction_ < history.size() && history[next_transaction_].end <= start)
    ++next_transaction_;
}

void fake_walsender::queue(const fake_transaction& transaction) {
  queued_.clear();
  next_message_ = 0;
  queued_.push_back({transaction.rows.front().at, begin_message(transaction)});
  for (const auto& row : transaction.rows) {
    if (!described_[row.table]) {
      described_[row.table] = true;
      queued_.push_back({row.at, relation_message(row.table)});
    }
    queued_.push_back({row.at, row_message(row)});
  }
  queued_.push_back({transaction.commit, commit_message(transaction)});
}

bool fake_walsender::next(wal_message& to) {
  if (next_message_ == queued_.size()) {
    if (next_transaction_ == source_->history().size()) return false;
    queue(source_->history()[next_transaction_++]);
  }
  to = queued_[next_message_++];
  return true;
}

}  // namespace pulse::simulation

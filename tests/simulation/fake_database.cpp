#include "tests/simulation/fake_database.hpp"

#include <algorithm>

#include "change/type_catalog.hpp"

namespace pulse::simulation {
using namespace std::chrono_literals;

namespace {

std::uint32_t xid_of(std::uint64_t number) {
  return first_xid + static_cast<std::uint32_t>(number) * xid_distance;
}

}  // namespace

// The ids of transactions that rolled back, or that nothing is sent of, are not among those in
// progress.
source::snapshot fake_database::current_snapshot() const {
  const auto wide = [](std::uint64_t number) { return first_xid + number * xid_distance; };
  source::snapshot seen;
  seen.xmin = seen.xmax = wide(0);
  const auto number = [](const fake_transaction& one) {
    return static_cast<std::uint64_t>((one.xid - first_xid) / xid_distance);
  };
  for (const auto& one : history_) {
    if (sees(one.xid)) seen.xmax = std::max(seen.xmax, wide(number(one)) + 1);
  }
  seen.xmin = seen.xmax;
  seen.begun_before = seen.xmax;
  for (const auto& one : history_) {
    seen.begun_before = std::max(seen.begun_before, wide(number(one)) + 1);
    if (sees(one.xid) || wide(number(one)) >= seen.xmax) continue;
    seen.in_progress.push_back(wide(number(one)));
    seen.xmin = std::min(seen.xmin, seen.in_progress.back());
  }
  std::ranges::sort(seen.in_progress);
  return seen;
}

bool fake_database::show_one(std::mt19937_64& random) {
  if (unseen_.empty()) return false;
  const auto which = std::uniform_int_distribution<std::size_t>(0, unseen_.size() - 1)(random);
  unseen_.erase(std::next(unseen_.begin(), static_cast<std::ptrdiff_t>(which)));
  return true;
}

std::uint32_t fake_database::writer_of(const std::string& key) const {
  const auto found = std::ranges::find_if(history_, [&](const fake_transaction& one) {
    return std::ranges::any_of(one.rows, [&](const fake_row& row) { return row.key == key; });
  });
  return found == history_.end() ? 0 : found->xid;
}

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
  transaction.xid = xid_of(transactions_made_);
  if (pick(1, 2) == 1) unseen_.insert(transaction.xid);
  wal_.value += pick(0, 3) * 40;
  const auto rows = pick(1, 10) == 1 ? pick(20, 80) : pick(1, 6);
  bool same_record = false;
  for (std::uint64_t i = 0; i < rows; ++i) {
    fake_row row;
    row.tables = {static_cast<std::uint32_t>(pick(0, table_count - 1))};
    if (same_record) {
      // One COPY record holds rows of one table only.
      row.tables = transaction.rows.back().tables;
    } else {
      wal_.value += 8 * pick(4, 20);
    }
    row.at = wal_;
    row.action = same_record ? change_action::create : static_cast<change_action>(pick(1, 3));
    if (truncates_ == truncates::some && !same_record && pick(1, 12) == 1) {
      row.action = change_action::truncate;
      if (pick(1, 2) == 1) row.tables.push_back((row.tables.front() + 1) % table_count);
    }
    row.key = name_ + std::to_string(transactions_made_) + "." + std::to_string(i);
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
  ++transactions_made_;
  history_.push_back(std::move(transaction));
  return history_.back();
}

void fake_database::promote(std::size_t kept) {
  sibling_ = {history_, branches_, wal_};
  fork(kept);
}

void fake_database::promote_sibling(std::size_t kept) {
  history_ = sibling_.history;
  branches_ = sibling_.branches;
  wal_ = sibling_.wal;
  while (history_.size() < kept) commit();
  // The next of its standbys has the same of it.
  sibling_ = {history_, branches_, wal_};
  fork(kept);
}

void fake_database::fork(std::size_t kept) {
  ++times_left_;
  show_all();
  history_.resize(kept);
  wal_ = history_.empty() ? begin_ : history_.back().end;
  // The standby may have been on an older timeline than the server that it takes over from.
  const auto left = branches_.at(lsn{wal_.value - 1});
  std::erase_if(branches_.left, [&](const auto& past) { return past.switch_point >= wal_; });
  branches_.left.push_back({left, wal_});
  branches_.current = ++newest_timeline_;
  // The record that begins the new timeline.
  wal_.value += 48;
}

void fake_database::set_back(std::size_t kept) {
  ++times_left_;
  show_all();
  history_.resize(kept);
  wal_ = history_.empty() ? begin_ : history_.back().end;
  // The record that begins the timeline is there in every copy.
  if (!branches_.left.empty())
    wal_ = std::max(wal_, lsn{branches_.left.back().switch_point.value + 48});
}

std::size_t fake_database::kept_min() const {
  if (branches_.left.empty()) return 0;
  const auto begin = branches_.left.back().switch_point;
  return static_cast<std::size_t>(std::ranges::count_if(
      history_, [&](const fake_transaction& one) { return one.end <= begin; }));
}

}  // namespace pulse::simulation

#include "tests/simulation/fake_walsender.hpp"

#include <algorithm>
#include <utility>

#include "tests/simulation/fake_messages.hpp"

namespace pulse::simulation {

fake_walsender::fake_walsender(const fake_database& source, lsn start, std::uint64_t seed,
                               publication published)
    : source_(&source),
      random_(seed),
      described_(fake_database::table_count, false),
      published_(std::move(published)),
      sent_through_(start) {
  const auto& history = source.history();
  while (next_transaction_ < history.size() && history[next_transaction_].end <= start)
    ++next_transaction_;
}

std::uint64_t fake_walsender::pick(std::uint64_t from, std::uint64_t to) {
  return std::uniform_int_distribution<std::uint64_t>(from, to)(random_);
}

void fake_walsender::append_row(block& to, std::vector<bool>& described, const fake_row& row,
                                std::uint32_t subxid) {
  // Rows of one table are published or not; tables of one TRUNCATE are sent together.
  if (!published_[row.tables.front()]) return;
  for (const auto table : row.tables) {
    if (described[table]) continue;
    described[table] = true;
    to.push_back({row.at, relation_message(table, subxid)});
  }
  to.push_back({row.at, row_message(row, subxid)});
}

void fake_walsender::queue(const fake_transaction& transaction) {
  queued_.push_back({transaction.rows.front().at, begin_message(transaction)});
  for (const auto& row : transaction.rows) append_row(queued_, described_, row, 0);
  queued_.push_back({transaction.commit, commit_message(transaction), transaction.end});
}

// The transaction's rows in blocks, cut anywhere, between WAL records or within one; in between,
// rows of subtransactions that are rolled back later: the same rows, so that one that did not
// vanish would show as coming twice.
fake_walsender::open_transaction fake_walsender::streamed(const fake_transaction& transaction) {
  open_transaction made;
  made.xid = transaction.xid;
  made.commits_as = &transaction;
  made.described.assign(fake_database::table_count, false);
  std::uint32_t subxid = made.xid;
  made.blocks.emplace_back();
  for (const auto& row : transaction.rows) {
    if (pick(1, 4) == 1) made.blocks.emplace_back();
    if (pick(1, 5) == 1) {
      const auto aborted = ++subxid;
      append_row(made.blocks.back(), made.described, row, aborted);
      if (pick(1, 2) == 1) made.blocks.emplace_back();
      append_row(made.blocks.back(), made.described, row, aborted);
      // The rollback stands between blocks; tables are described again after it.
      made.blocks.push_back({{row.at, stream_abort_message(made.xid, aborted)}});
      made.described.assign(fake_database::table_count, false);
      made.blocks.emplace_back();
    }
    const bool of_part = pick(1, 3) == 1;
    append_row(made.blocks.back(), made.described, row, of_part ? ++subxid : made.xid);
  }
  return made;
}

fake_walsender::open_transaction fake_walsender::rolled_back(const fake_transaction& like) {
  auto one = like;
  one.xid = next_xid_;
  next_xid_ += xid_distance;
  auto made = streamed(one);
  made.commits_as = nullptr;
  if (pick(1, 3) != 1)
    made.blocks.push_back({{like.commit, stream_abort_message(made.xid, made.xid)}});
  return made;
}

void fake_walsender::send_block(open_transaction& of) {
  auto messages = std::move(of.blocks.front());
  of.blocks.erase(of.blocks.begin());
  if (messages.empty()) return;
  if (messages.front().bytes.front() == 'A') {
    queued_.push_back(messages.front());
    return;
  }
  const auto at = messages.front().wal_start;
  queued_.push_back({at, stream_start_message(of.xid, !std::exchange(of.started, true))});
  std::ranges::move(messages, std::back_inserter(queued_));
  queued_.push_back({at, "E"});
}

void fake_walsender::send_some_blocks(std::vector<open_transaction>& open) {
  for (auto n = pick(0, 6); n > 0; --n) {
    auto& one = open[pick(0, open.size() - 1)];
    if (!one.blocks.empty()) send_block(one);
  }
}

// The next few transactions, in the order of their commits, with blocks of those that are streamed
// between them.
void fake_walsender::queue_some() {
  queued_.clear();
  next_message_ = 0;
  const auto& history = source_->history();
  const auto end = std::min(next_transaction_ + pick(1, 4), history.size());
  std::vector<open_transaction> open;
  for (auto i = next_transaction_; i < end; ++i) {
    if (pick(1, 2) == 1) open.push_back(streamed(history[i]));
    if (pick(1, 4) == 1) open.push_back(rolled_back(history[i]));
  }
  for (; next_transaction_ < end; ++next_transaction_) {
    if (!open.empty()) send_some_blocks(open);
    const auto& transaction = history[next_transaction_];
    const auto found = std::ranges::find(open, &transaction, &open_transaction::commits_as);
    if (found == open.end()) {
      queue(transaction);
      continue;
    }
    while (!found->blocks.empty()) send_block(*found);
    if (!found->started) {
      // None of its tables is published.
      queue(transaction);
      continue;
    }
    queued_.push_back(
        {transaction.commit, stream_commit_message(found->xid, transaction), transaction.end});
    // From its commit on the server takes as known what was described in it.
    for (std::size_t table = 0; table < described_.size(); ++table) {
      if (found->described[table]) described_[table] = true;
    }
  }
  for (auto& one : open) {
    while (!one.blocks.empty()) send_block(one);
  }
}

bool fake_walsender::next(wal_message& to) {
  while (next_message_ == queued_.size()) {
    if (next_transaction_ == source_->history().size()) return false;
    queue_some();
  }
  to = queued_[next_message_++];
  if (to.end) sent_through_ = to.end;
  return true;
}

lsn fake_walsender::sent_through() const {
  const bool all =
      next_message_ == queued_.size() && next_transaction_ == source_->history().size();
  return all ? std::max(sent_through_, source_->wal_end()) : sent_through_;
}

}  // namespace pulse::simulation

// What capture knows of the database's tables and types: all of it is read when it connects, later
// only what has changed.
#include <algorithm>
#include <cassert>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/backoff.hpp"
#include "capture/capture_session.hpp"
#include "source/snapshot.hpp"

namespace pulse::capture {

namespace asio = boost::asio;

namespace {

// Each is a copy that waits to be stored: with many tables it is some megabytes large.
constexpr std::size_t unkept_catalogs_max = 16;
constexpr std::size_t vanished_tables_max = 10'000;
constexpr std::chrono::milliseconds kept_poll_interval{2};
constexpr std::chrono::milliseconds visible_poll_first{1};
constexpr std::chrono::milliseconds visible_poll_most{50};
constexpr std::chrono::seconds visible_wait_max{1};

// Since when composite types are what they are. Kept also when the log has come there: it says
// which is newer, the catalog or what a message has told.
std::shared_ptr<const catalog> with_ages_of_composites(std::shared_ptr<const catalog> read,
                                                       const catalog& before, lsn read_before) {
  std::vector<std::pair<std::uint32_t, lsn>> ages;
  for (const auto& [oid, type] : read->types.entries()) {
    if (type.kind != 'c') continue;
    const auto* known = before.types.find(oid);
    if (known == nullptr || known->attributes.empty()) continue;
    const auto since = known->attributes == type.attributes ? known->since : read_before;
    if (since != type.since) ages.emplace_back(oid, since);
  }
  if (ages.empty()) return read;
  auto aged = std::make_shared<catalog>(*read);
  for (const auto& [oid, since] : ages) {
    const auto* found = aged->types.find(oid);
    assert(found != nullptr);
    auto type = *found;
    type.since = since;
    aged->types.put(std::move(type));
  }
  return aged;
}

// The tables, as they are now, whose changes came under their own names before and come as those of
// a partitioned table now.
std::vector<const catalog_table*> find_new_partitions(const catalog& before, const catalog& now) {
  std::vector<const catalog_table*> found;
  std::unordered_map<std::uint32_t, const catalog_table*> attached;
  for (const auto& table : now.tables) {
    if (table.published || table.root.name.empty()) continue;
    const auto* root = now.find(table.root);
    if (root != nullptr && root->published) attached.emplace(table.oid, &table);
  }
  if (attached.empty()) return found;
  for (const auto& table : before.tables) {
    if (!table.published) continue;
    if (const auto one = attached.find(table.oid); one != attached.end())
      found.push_back(one->second);
  }
  return found;
}

}  // namespace

// Not by pause(): the connection for questions reads catalogs too, and must not end a wait of the
// stream's.
source::async_result<> capture::sleep(std::chrono::milliseconds time) {
  asio::steady_timer timer(context_, time);
  boost::system::error_code cancelled;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  if (stopping_) co_return error{errc::cancelled, "stopping", {}};
  co_return result<void>();
}

source::async_result<> capture::wait_for_kept_catalogs() {
  while (unkept_catalogs_ >= unkept_catalogs_max) {
    if (auto slept = co_await sleep(kept_poll_interval); !slept) co_return slept.error();
  }
  co_return result<void>();
}

// PostgreSQL sends a transaction before other sessions see it: what it has altered would be read as
// it was before. A commit may stay invisible for long (a synchronous standby is away), and capture
// does not wait that long, and once for each transaction.
source::async_result<> capture::wait_until_visible(std::shared_ptr<session> one) {
  const auto xid = ingest_.transaction_id();
  if (std::exchange(one->waited_for_xid, xid) == xid) co_return result<void>();
  const auto end = std::chrono::steady_clock::now() + visible_wait_max;
  backoff wait(visible_poll_first, visible_poll_most, xid);
  for (;;) {
    const auto seen = co_await source::read_snapshot(one->database.get());
    if (!seen) co_return seen.error();
    one->sees_waited_for = seen->sees(xid);
    if (one->sees_waited_for || std::chrono::steady_clock::now() > end) co_return result<void>();
    if (auto slept = co_await sleep(wait.next()); !slept) co_return slept.error();
  }
}

// The database is ahead of what has been read of the WAL: what is said there of a table may be read
// when the catalog has it no more.
void capture::note_vanished(const catalog& before, const catalog& now) {
  std::unordered_set<std::uint32_t> there;
  for (const auto& table : now.tables) there.insert(table.oid);
  for (const auto& table : before.tables) {
    if (!there.contains(table.oid)) vanished_.insert_or_assign(table.oid, table.name);
  }
  while (vanished_.size() > vanished_tables_max) vanished_.erase(vanished_.begin());
}

result<void> capture::adopt(source::catalog_reading reading) {
  auto read = std::move(reading.known);
  read_before_ = reading.before;
  if (read == catalog_) return {};
  const bool is_first = !catalog_;
  const auto before = is_first ? std::exchange(with_.last_catalog, nullptr) : catalog_;
  if (before && before->database != read->database) ingest_.forget_types();
  if (before && before->database == read->database) {
    read = with_ages_of_composites(read, *before, reading.before);
    for (const auto* table : find_new_partitions(*before, *read))
      new_partitions_.push_back({table->oid, table->name});
    note_vanished(*before, *read);
  }
  if (auto observed = with_.relations->observe(*read); !observed) return observed;
  const bool goes_on = is_first && before && before->database == read->database;
  catalog_ = std::move(read);
  if (goes_on) ingest_.use_types(before->types);
  ingest_.use_types(catalog_->types);
  ++unkept_catalogs_;
  with_.on_catalog(catalog_, [this] { --unkept_catalogs_; });
  return {};
}

source::async_result<std::shared_ptr<const catalog>> capture::refresh_catalog(
    source::connection* database) {
  if (auto room = co_await wait_for_kept_catalogs(); !room) co_return room.error();
  const auto begun = ++whole_readings_begun_;
  source::catalog_part meanwhile;
  whole_readings_.push_back(&meanwhile);
  auto read = co_await source::read_catalog(database, published_by_now());
  whole_catalogs_read_.Increment();
  while (read && !meanwhile.empty()) {
    catalog_rows_read_.Increment(static_cast<double>(read->rows));
    const auto newer = std::exchange(meanwhile, {});
    read = co_await source::read_changed(database, published_by_now(), read->known, newer);
  }
  std::erase(whole_readings_, &meanwhile);
  if (!read) co_return read.error();
  catalog_rows_read_.Increment(static_cast<double>(read->rows));
  // One that has begun later has ended earlier.
  if (begun < newest_whole_reading_) co_return catalog_;
  newest_whole_reading_ = begun;
  if (auto adopted = adopt(*read); !adopted) co_return adopted.error();
  if (auto told = co_await tell_of_new_partitions(database); !told) co_return told.error();
  co_return catalog_;
}

source::async_result<std::shared_ptr<const catalog>> capture::refresh_part(
    source::connection* database, source::catalog_part part) {
  if (!catalog_) co_return co_await refresh_catalog(database);
  if (auto room = co_await wait_for_kept_catalogs(); !room) co_return room.error();
  std::shared_ptr<const catalog> before;
  source::catalog_reading now;
  // What others have read meanwhile may be newer than what was read here.
  while (!now.known || catalog_ != before) {
    before = catalog_;
    const auto read = co_await source::read_changed(database, published_by_now(), before, part);
    if (!read) co_return read.error();
    catalog_parts_read_.Increment();
    catalog_rows_read_.Increment(static_cast<double>(read->rows));
    now = *read;
  }
  for (auto* meanwhile : whole_readings_) meanwhile->add(part);
  if (auto adopted = adopt(now); !adopted) co_return adopted.error();
  if (auto told = co_await tell_of_new_partitions(database); !told) co_return told.error();
  co_return catalog_;
}

// For the changes that wait; and whatever else statements have altered by now is asked for with it,
// since its changes come next.
source::async_result<std::shared_ptr<const catalog>> capture::refresh_outdated(
    source::connection* database) {
  auto outdated = ingest_.take_outdated();
  if (outdated.everything) co_return co_await refresh_catalog(database);
  source::catalog_part part;
  part.tables = std::move(outdated.tables);
  part.types = std::move(outdated.types);
  co_return co_await refresh_part(database, std::move(part));
}

}  // namespace pulse::capture

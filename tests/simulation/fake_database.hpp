// A database that exists only as its history: random transactions.
#pragma once

#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "change/fragment.hpp"
#include "change/lsn.hpp"
#include "change/timelines.hpp"
#include "source/snapshot.hpp"

namespace pulse::simulation {

// Ids of transactions. Between them is room for subtransactions, and for those that roll back with
// theirs. They pass 2^32 soon, and none is 0, which is nobody's: it lies behind the last
// subtransaction of one that commits.
inline constexpr std::uint32_t first_xid = 0xFFFFFFFF - 20'449;
inline constexpr std::uint32_t xid_distance = 1000;
inline constexpr std::uint32_t first_rolled_back_xid = first_xid + xid_distance / 2;

struct fake_row {
  std::vector<std::uint32_t> tables;  // one; of a TRUNCATE any number
  lsn at;                             // rows of one COPY record share it
  change_action action = change_action::create;
  std::string key;
  std::string value;
};

struct fake_transaction {
  std::uint32_t xid = 0;
  lsn commit;
  lsn end;
  unix_time_us committed_at{};
  std::vector<fake_row> rows;
};

class fake_database {
 public:
  static constexpr std::uint32_t table_count = 3;
  static constexpr lsn wal_begin{0x1000};

  enum class truncates { some, none };
  explicit fake_database(std::uint64_t seed, truncates commands = truncates::some)
      : random_(seed), truncates_(commands) {}
  // Another one beside others: its WAL begins here, and its rows' keys with `name`.
  fake_database(std::uint64_t seed, truncates commands, lsn begin, std::string name)
      : random_(seed), truncates_(commands), name_(std::move(name)), begin_(begin) {}

  // Commits one more transaction: rows in up to three tables, some rolled into one COPY record,
  // TRUNCATEs, commit times that sometimes step back, and WAL of other databases in between.
  const fake_transaction& commit();
  const std::vector<fake_transaction>& history() const { return history_; }
  lsn wal_end() const { return wal_; }
  // A standby that has replayed only the first `kept` transactions is promoted: the others never
  // happened, and their LSNs are used again on a new timeline.
  void promote(std::size_t kept);
  // Another standby of the server whose standby was promoted last takes over, with so many of that
  // server's transactions, which may have gone on for a while: what the first has done since never
  // happened.
  void promote_sibling(std::size_t kept);
  // What that server had when the first was promoted; zero: there is none.
  std::size_t sibling_transactions() const { return sibling_.history.size(); }
  const timelines& branches() const { return branches_; }
  // The whole of it is replaced by a copy that was made when it had so many transactions: the
  // others never happened, and their LSNs are used again on the same timeline.
  void set_back(std::size_t kept);
  // A copy that has fewer is of an older timeline.
  std::size_t kept_min() const;
  // Other sessions see some of the last transactions later than the stream of changes has them, in
  // any order. A server that starts shows all that it has.
  source::snapshot current_snapshot() const;
  bool sees(std::uint32_t xid) const { return !unseen_.contains(xid); }
  // One of those that are not seen is seen from now on. False: there is none.
  bool show_one(std::mt19937_64& random);
  void show_all() { unseen_.clear(); }
  // The transaction that has written the row with this key; 0: none of this database.
  std::uint32_t writer_of(const std::string& key) const;

  // How often transactions that had been committed ceased to be.
  std::size_t times_left() const { return times_left_; }

  static table_name name(std::uint32_t table) { return {"public", "t" + std::to_string(table)}; }
  static std::uint32_t oid(std::uint32_t table) { return 16384 + table; }
  // As the catalog would describe it: id text (the key), value text.
  static relation definition(std::uint32_t table);

 private:
  struct standby {
    std::vector<fake_transaction> history;
    timelines branches;
    lsn wal;
  };
  void fork(std::size_t kept);

  std::mt19937_64 random_;
  truncates truncates_;
  std::string name_;
  lsn begin_ = wal_begin;
  std::vector<fake_transaction> history_;
  std::uint64_t transactions_made_ = 0;
  std::set<std::uint32_t> unseen_;
  timelines branches_{1};
  standby sibling_;  // of the server before the last promotion
  std::uint32_t newest_timeline_ = 1;
  std::size_t times_left_ = 0;
  lsn wal_ = begin_;
  unix_time_us now_{std::chrono::seconds(1700000000)};
};

}  // namespace pulse::simulation

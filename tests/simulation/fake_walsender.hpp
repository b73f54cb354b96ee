// What a replication connection to the fake database sends.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/simulation/fake_database.hpp"

namespace pulse::simulation {

// One XLogData frame.
struct wal_message {
  lsn wal_start;
  std::string bytes;
  lsn end = {};  // of the transaction that is complete with it
};

// One replication connection: everything whose commit ends after `start`, tables described anew.
// Some transactions are streamed in blocks while others commit between, with subtransactions that
// are rolled back, and beside them transactions that are rolled back, or are still open at the end.
class fake_walsender {
 public:
  using publication = std::vector<bool>;  // by table
  fake_walsender(const fake_database& source, lsn start, std::uint64_t seed,
                 publication published = publication(fake_database::table_count, true));

  // The next message, or nothing when all that has been committed is sent.
  bool next(wal_message& to);
  // What a keepalive says now: everything that was committed up to here has been sent.
  lsn sent_through() const;

 private:
  using block = std::vector<wal_message>;
  struct open_transaction {
    std::uint32_t xid = 0;
    const fake_transaction* commits_as = nullptr;  // null: it never does
    std::vector<block> blocks;                     // not sent yet
    bool started = false;
    std::vector<bool> described;
  };

  std::uint64_t pick(std::uint64_t from, std::uint64_t to);
  void queue_some();
  void queue(const fake_transaction& transaction);
  open_transaction streamed(const fake_transaction& transaction);
  open_transaction rolled_back(const fake_transaction& like);
  void append_row(block& to, std::vector<bool>& described, const fake_row& row,
                  std::uint32_t subxid);
  void send_block(open_transaction& of);
  void send_some_blocks(std::vector<open_transaction>& open);

  const fake_database* source_;
  std::mt19937_64 random_;
  std::size_t next_transaction_ = 0;
  std::uint32_t next_xid_ = first_rolled_back_xid;
  std::vector<wal_message> queued_;
  std::size_t next_message_ = 0;
  std::vector<bool> described_;
  publication published_;
  lsn sent_through_;
};

}  // namespace pulse::simulation

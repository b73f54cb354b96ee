// PostgreSQL as capture meets it: a slot, a publication, and what happens to them.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <string>

#include "source/start_rules.hpp"
#include "tests/simulation/fake_database.hpp"
#include "tests/simulation/fake_walsender.hpp"

namespace pulse::simulation {

// One replication connection at a time. It behaves where it hurts: a start below confirmed_flush is
// moved forward without a word, one above the server's end skips what comes in between, and after a
// restart the slot stands where the last checkpoint has written it.
class scripted_server {
 public:
  // The tables of which every row counts; of the last one rows come and go with the publication.
  static constexpr std::uint32_t watched_tables = fake_database::table_count - 1;

  explicit scripted_server(std::uint64_t seed);

  // The one that answers now.
  fake_database& database() { return clusters_[current_].database; }
  const fake_database& database() const { return clusters_[current_].database; }

  source::server_identity identity() const;
  std::optional<source::slot_facts> slot() const;
  // Where the new slot begins.
  lsn create_slot();

  void start_streaming(lsn from);
  bool streaming() const { return sender_.has_value(); }
  void cut() { sender_.reset(); }
  // The connection is gone, and its walsender has not noticed: it keeps the slot until let_go().
  void linger();
  void let_go() { lingers_ = false; }
  // The next CopyData message; nothing: all is sent, or the connection is cut.
  std::optional<std::string> next();
  std::string keepalive(bool wants_reply) const;
  lsn sent_through() const { return sender_ ? sender_->sent_through() : lsn{}; }
  void feedback(lsn flushed);

  void checkpoint();
  void restart();
  void alter_publication();
  // What loses changes, or events: each allows one gap to be recorded.
  void drop_slot();
  void lose_slot();
  void let_somebody_else_read();
  // The standby has replayed up to `kept` transactions; its slot stands no further, or is not
  // there.
  void promote(std::size_t kept, bool with_slot);
  // So is the other standby of the server that the last one was a standby of.
  void promote_sibling(std::size_t kept, bool with_slot);
  // Another database answers, which was not there before: with a slot that was made there earlier,
  // or none.
  void replace_by_new(std::size_t transactions, bool with_slot);
  // One of those before answers again, which has committed so many more meanwhile. False: there is
  // none.
  bool return_to_former(std::size_t transactions);
  // The one that answered before this one does.
  void return_to_last(std::size_t transactions);
  // The database becomes the copy of itself that had `kept` transactions; its slot stood no further
  // then than behind `slot_at` of them, or was not there.
  void set_back(std::size_t kept, std::optional<std::size_t> slot_at);
  std::size_t harms() const { return harms_; }

 private:
  struct replication_slot {
    lsn confirmed;
    lsn on_disk;
    lsn made;
    bool lost = false;
  };

  // A server with a database on it.
  struct cluster {
    fake_database database;
    std::optional<replication_slot> slot = {};
  };

  std::optional<replication_slot>& own_slot() { return clusters_[current_].slot; }
  const std::optional<replication_slot>& own_slot() const { return clusters_[current_].slot; }
  void take_over(bool with_slot);
  void switch_to(std::size_t number, std::size_t transactions);

  std::mt19937_64 random_;
  std::deque<cluster> clusters_;
  std::size_t current_ = 0;
  std::size_t last_ = 0;
  std::optional<fake_walsender> sender_;
  bool lingers_ = false;
  bool last_table_published_ = true;
  std::size_t harms_ = 0;
};

}  // namespace pulse::simulation

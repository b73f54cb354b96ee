// What must hold, judged by what the database has committed and by what is surely on the disk.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "change/event_id.hpp"
#include "change/history_gap.hpp"
#include "log/segment_log.hpp"
#include "tests/simulation/promised_rows.hpp"
#include "tests/simulation/scripted_server.hpp"
#include "tests/support/fault_storage.hpp"

namespace pulse::simulation {

// Everything that is told to it was seen from outside: by consumers, by the server, by whoever
// reads the state database. The first thing that must not be is kept as problem().
class oracle {
 public:
  oracle(const scripted_server& server, log::segment_log_options options,
         const std::vector<std::uint32_t>& tables_of_consumers);

  // The database has committed one more.
  void committed();
  // Another standby, an older copy, or another database answers from now on.
  void history_changed(std::string_view how);
  // It is to be known, and then the log's mark is to be moved: what is stored of the server's
  // history begins here.
  void way_begins(const position& to);
  // The server's history is captured from now on, from here, with timelines counted from this base.
  void follows(std::uint32_t timeline_base, lsn from);
  bool follows_the_server() const { return promised_.is_current(); }
  // Nothing had been captured before, and so nothing is promised of what was committed before this.
  void history_begins(const position& at) { begins_ = at; }
  // What the next process would find now, at worst.
  void use_disk(std::shared_ptr<log::testing::fault_disk> disk) { disk_ = std::move(disk); }
  // Up to here the log is on the disk, surely.
  const position& durable_mark();
  // Behind everything that is committed, as positions number it.
  position server_end() const { return promised_.numbered(server_->database().wal_end()); }

  // A stream without a name: what is committed behind this is promised to it, and nothing before.
  void begins_at(std::size_t number, const position& at);
  void delivered(std::size_t number, const std::string& key, const event_id& id);
  void acknowledged(std::size_t number, const std::string& key);
  void cursor_saved(std::size_t number, const position& at);
  void confirmed(lsn flushed);
  void gaps_recorded(const std::vector<history_gap>& gaps);
  // Nothing fails any more and everybody has taken what there was.
  void at_rest();

  // One more word of what was seen, for digest(). With PULSE_SIMULATION_TRACE set it is printed.
  void note(std::string_view seen);
  std::uint64_t digest() const { return digest_; }

  void report(std::string problem);
  const std::string& problem() const { return problem_; }

 private:
  struct consumer {
    std::uint32_t table = 0;
    position begins;
    std::set<std::string> had;
    std::set<std::string> done;   // acknowledged
    std::size_t had_before = 0;   // every row before this one was delivered, or is in a gap
    std::size_t done_before = 0;  // the same, acknowledged
  };

  // A database that was left for another one.
  struct left_database {
    position mark;               // of the log then
    std::size_t times_left = 0;  // see fake_database
  };

  void look_at_disk();
  bool lost(const position& at) const;
  bool excused(const consumer& by, const promised_rows::row& one) const;
  void expect_one_id(const std::string& key, const position* at, const event_id& id);
  void expect_read_on();
  void expect_gaps_end_before(const position& start);
  bool known_to_have_vanished(const std::string& key) const;
  void expect_had_before(consumer& one, std::size_t end);

  const scripted_server* server_;
  log::segment_log_options options_;
  std::shared_ptr<log::testing::fault_disk> disk_;
  std::vector<consumer> consumers_;
  promised_rows promised_;
  std::unordered_map<std::string, std::map<std::size_t, event_id>> ids_;  // by numbering
  std::string followed_;                                                  // database
  std::size_t times_left_ = 0;                                            // of it
  bool on_the_way_ = false;                                               // from there
  std::unordered_map<std::string, left_database> left_;
  position begins_;
  std::vector<history_gap> gaps_;
  // On the disk, when it was last looked at; never less since.
  event_id durable_id_;
  position durable_mark_;
  bool tells_ = std::getenv("PULSE_SIMULATION_TRACE") != nullptr;
  std::uint64_t digest_ = 14695981039346656037ULL;
  std::string problem_;
};

}  // namespace pulse::simulation

// What ends with the process: the real parts between the replication connection and the streams.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "capture/ingestor.hpp"
#include "capture/intake.hpp"
#include "capture/streamed_transactions.hpp"
#include "log/readable_end.hpp"
#include "log/relation_file.hpp"
#include "log/segment_log.hpp"
#include "pgoutput/decoder.hpp"
#include "source/start_order.hpp"
#include "source/start_rules.hpp"
#include "source/visibility_gate.hpp"
#include "streams/hub.hpp"
#include "tests/simulation/oracle.hpp"
#include "tests/simulation/plants.hpp"
#include "tests/simulation/scripted_server.hpp"
#include "tests/simulation/simulated_state.hpp"
#include "tests/support/fault_storage.hpp"

namespace pulse::simulation {

// Thrown through the code at work where the process dies: nothing of it goes on.
struct process_died {
  std::string unexpectedly;  // why, when nobody has killed it
};

class simulated_process {
 public:
  struct surroundings {
    scripted_server* server = nullptr;
    oracle* judge = nullptr;
    control::state_store* store = nullptr;
    std::shared_ptr<log::testing::fault_disk> disk;
    std::shared_ptr<log::testing::fault_disk> spill_disk;
    log::segment_log_options log;
    plant bug = plant::none;
    bool goes_on = false;  // every gap counts as accepted (on_gap = "continue")
    simulated_state* state = nullptr;
    // Before each step of a start: the process may die here, or the step fail (false).
    std::function<bool()> step_goes_well;
    bool holds_unseen = false;  // also while nobody says which transactions are visible
    std::chrono::steady_clock::time_point now;
  };

  explicit simulated_process(surroundings with);

  // A replication connection, from the comparison of what is stored to START_REPLICATION.
  void connect_source();
  bool connected() const { return with_.server->streaming(); }
  // One message, or what holds messages up. False: there is none.
  bool take_message(std::mt19937_64& chance);
  void take_keepalive(bool wants_reply);
  void keep_house(std::chrono::steady_clock::time_point now);
  void time_passes(std::chrono::steady_clock::time_point now);

  // As capture/delivery_gate.cpp asks: a snapshot is taken, or, taken before, it arrives.
  void ask_for_snapshot();
  void lose_question() { asked_.reset(); }
  // Its events may be delivered only when it is visible: its id came in this life, and of the
  // database that is there.
  bool waits_for(std::uint32_t xid) const { return with_.holds_unseen && known_.contains(xid); }

  bool step_log();
  // The hub does what it has to do.
  void settle();
  streams::hub& streams() { return *streams_; }
  void accept_gaps();
  bool caught_up() const;
  // Where a stream without a name begins: at what the server has flushed, stored yet or not, or,
  // while there is no connection to it, at the log's end.
  position now() const;

 private:
  source::stored_history stored() const;
  void plan_and_begin();
  void take(const source::record_gap& step);
  void take(const source::wait_for_slot& step);
  void take(const source::note_slot& step);
  void take(const source::create_slot& step);
  void take(const source::keep_origin& step);
  void take(const source::move_mark& step);
  void take(const source::withdraw_gaps& step);
  void take(const source::stream& step);
  void follow_ids();
  void record(const history_gap& found);
  void use_gaps();
  source::server_identity identify() const;
  void must(const result<void>& outcome);

  surroundings with_;
  std::shared_ptr<bool> lies_ = std::make_shared<bool>(false);
  boost::asio::io_context context_;
  metrics figures_;
  log::readable_end deliverable_;
  type_catalog types_;
  std::unique_ptr<log::relation_store> relations_;
  std::unique_ptr<log::segment_log> real_log_;
  std::unique_ptr<planted_log> log_;
  std::unique_ptr<streams::hub> streams_;
  std::unique_ptr<capture::ingestor> ingest_;
  std::unique_ptr<index_positions> by_index_;
  std::unique_ptr<log::spill_area> spill_;
  std::unique_ptr<capture::streamed_transactions> streamed_;
  std::unique_ptr<deaf_to_partial_aborts> deaf_;
  std::unique_ptr<pgoutput::decoder> decoder_;
  std::unique_ptr<capture::intake> intake_;
  std::optional<source::start_order> order_;  // of the connection that is made
  timelines history_;                         // of the server, as positions number it
  std::uint32_t timeline_base_ = 0;           // by which they do
  bool knows_gap_ = false;
  std::chrono::steady_clock::time_point now_;
  source::visibility_gate gate_;
  std::optional<source::snapshot> asked_;
  std::string followed_;  // whose ids these are
  std::set<std::uint32_t> known_;
  position newest_told_;  // of the transactions that the gate knows, by their ids or not
};

}  // namespace pulse::simulation

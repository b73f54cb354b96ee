// One project's capture: a thread that follows the database and appends its commits to the event
// log.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/metrics.hpp"
#include "capture/delivery_gate.hpp"
#include "capture/end_finder.hpp"
#include "capture/heartbeat.hpp"
#include "capture/ingestor.hpp"
#include "capture/intake.hpp"
#include "capture/lag_clock.hpp"
#include "capture/slot_watch.hpp"
#include "capture/streamed_transactions.hpp"
#include "change/catalog.hpp"
#include "change/history_gap.hpp"
#include "change/log_origin.hpp"
#include "config/config.hpp"
#include "log/event_log.hpp"
#include "log/spill_area.hpp"
#include "pgoutput/decoder.hpp"
#include "server/registry.hpp"
#include "source/catalog_query.hpp"
#include "source/connection.hpp"
#include "source/published_watch.hpp"
#include "source/server_checks.hpp"
#include "source/setup.hpp"
#include "source/slot_creation.hpp"
#include "source/start_order.hpp"
#include "source/start_rules.hpp"
#include "source/unsendable.hpp"

namespace pulse::capture {

// Connects, sets up, and streams; after any failure tries again with backoff, as long as it lives.
// Knows no consumer: it confirms durable events, whoever has read them.
class capture {
 public:
  struct parts {
    config::project_config project;
    source::database_target target;
    log::event_log* log = nullptr;
    log::relation_store* relations = nullptr;
    log::spill_area* spill = nullptr;
    log::readable_end* deliverable = nullptr;  // to be moved; null: everything may be delivered
    metrics* figures = nullptr;
    log_origin whose;  // what the log holds
    source::slot_history slot = source::slot_history::none;
    log::retention_policy retention;
    std::shared_ptr<const catalog> last_catalog;        // as the last run knew it; null: none
    std::optional<source::published_memory> published;  // as the last run saw the publications
    std::vector<position> skipped;                      // changes that operators have skipped
    // On the capture thread; the listeners may only hand the news on. `kept` once the catalog is
    // stored, or has been refused; any thread.
    std::function<void(std::shared_ptr<const catalog>, std::function<void()> kept)> on_catalog;
    std::function<void()> on_deliverable;  // that has moved
    // Durable before `done`, which may be called on any thread.
    std::function<void(source::slot_history, std::function<void(result<void>)> done)> keep_slot;
    std::function<void(log_origin, std::function<void(result<void>)> done)> keep_origin;
    // Stores a small fact of the project; a failure is logged.
    std::function<void(std::string name, std::string value)> keep_fact;
    std::function<void(history_gap, std::function<void(result<void>)> done)> record_gap;
    // See gap_table::withdraw_beyond().
    std::function<void(position, std::function<void(result<void>)> done)> withdraw_gaps;
    // Retention is about to drop everything at or before the position: cursors advance first.
    // `done` may be called on any thread, with false if nothing may be dropped.
    std::function<void(const position& through, std::function<void(bool)> done)> make_way;
    // Setup has refused to publish the tables; capture tries again anyway.
    std::function<void(error)> on_setup_refused;
  };

  explicit capture(parts with);
  ~capture();
  capture(const capture&) = delete;
  capture& operator=(const capture&) = delete;

  void start();
  // Confirms the durable LSN, then ends. The second function waits for the end, and blocks for
  // seconds at most.
  void begin_stop();
  void stop();

  // Any thread.
  server::project_service::capture_status status() const;
  // Applies from now on. Any thread.
  void use_retention(log::retention_policy retention);
  // The log has moved: capture may continue if it waited for it. Any thread.
  void log_progress();

  // Asks the database for the end of its history, and for other facts. `done` on the capture
  // thread. Any thread.
  struct wanted {
    bool catalog = false;
    bool retention = false;
    bool heartbeat = false;     // one is to be written
    bool publications = false;  // they are to be looked at
    bool lists = false;         // they are to be compared with the tables
    // The table with this OID, and the one with its name, are read again. 0: none.
    std::uint32_t table_oid = 0;
  };
  struct present {
    position flushed;                      // every commit that has returned is before this
    std::shared_ptr<const catalog> known;  // when something of it was read
    std::optional<source::slot_retention> kept;
  };
  void ask(wanted what, std::function<void(result<present>)> done);

  // See project_service::find_end(). Any thread; `done` on the capture thread.
  void find_end(end_finder::taker done);
  // See captured_history::find_transaction(). Any thread; `done` on the capture thread.
  void find_transaction(std::uint64_t xid, end_finder::place_taker done);

  // Skips the change at this LSN, at which capture must be stopped: an undecodable one, or one that
  // PostgreSQL cannot send, of which the rest of the transaction is skipped. Records a gap before.
  // errc::conflict: capture is not stopped there. Any thread; `done` on the capture thread.
  void skip(lsn change, std::function<void(result<history_gap>)> done);

 private:
  struct session;
  struct question {
    wanted what;
    std::function<void(result<present>)> done;
  };

  boost::asio::awaitable<void> run();
  source::async_result<> follow();
  source::async_result<> connect(std::shared_ptr<session> one);
  source::async_result<> identify(std::shared_ptr<session> one);
  source::async_result<> make_ready(std::shared_ptr<session> one);
  source::async_result<> tell_of_kept_slot(std::shared_ptr<session> one);
  source::async_result<> open_stream(std::shared_ptr<session> one);
  source::async_result<> choose_start(std::shared_ptr<session> one);
  source::async_result<> compare(std::shared_ptr<session> one);
  source::stored_history stored() const;
  source::async_result<> take_step(std::shared_ptr<session> one, source::start_step step);
  source::async_result<> make_slot(std::shared_ptr<session> one, bool drop_first);
  void tell_of_open_transactions(const std::vector<source::open_transaction>& open);
  source::async_result<> wait_for_slot(std::int32_t active_pid);
  source::async_result<> move_mark(position to);
  source::async_result<> keep_slot(source::slot_history known);
  source::async_result<> keep_origin(log_origin whose);
  // Called with a gap before any event after it is appended. When this returns, the gap is durable
  // and streams know it.
  source::async_result<> record_gap(std::shared_ptr<session> one, history_gap found);
  using answer_taker = std::function<void(result<void>)>;
  source::async_result<> withdraw_gaps(position beyond);
  source::async_result<> wait_for(std::function<void(answer_taker)> ask);
  source::async_result<> stream(std::shared_ptr<session> one);
  source::async_result<> take_messages(std::shared_ptr<session> one);
  source::async_result<> clear_the_way(std::shared_ptr<session> one);
  source::async_result<> wait_until_visible(std::shared_ptr<session> one);
  source::async_result<> go_on_replaying();
  source::async_result<> wait_for_spill();
  void give_buffer_back(session& one);
  source::async_result<> wait_for_log();
  source::async_result<> confirm(std::shared_ptr<session> one);
  boost::asio::awaitable<void> keep_house(std::shared_ptr<session> one);
  boost::asio::awaitable<void> keep_watch();
  boost::asio::awaitable<void> answer_questions();
  source::async_result<> open_side();
  source::async_result<> answer(std::shared_ptr<std::deque<question>> batch);
  // Reads the whole catalog, which capture has from now on.
  source::async_result<std::shared_ptr<const catalog>> refresh_catalog(
      source::connection* database);
  // Reads only these tables and types of it.
  source::async_result<std::shared_ptr<const catalog>> refresh_part(source::connection* database,
                                                                    source::catalog_part part);
  source::async_result<std::shared_ptr<const catalog>> refresh_outdated(
      source::connection* database);
  source::async_result<> sleep(std::chrono::milliseconds time);
  source::async_result<std::shared_ptr<const catalog>> refresh_altered(
      source::connection* database);
  source::async_result<> wait_for_kept_catalogs();
  result<void> adopt(source::catalog_reading reading);
  source::async_result<source::published_look> look_at_publications(source::connection* database);
  source::async_result<> read_look(source::connection* database, source::published_look* look);
  source::async_result<> compare_publications(std::shared_ptr<session> one);
  source::async_result<> tell_what_is_unpublished(std::shared_ptr<session> one);
  source::async_result<> tell_of_unreadable(position through);
  source::async_result<> pass_missing_publication(std::shared_ptr<session> one);
  source::async_result<> watch_publications(source::connection* database);
  source::async_result<> watch_composites(source::connection* database);
  source::async_result<> see_publications(source::connection* database,
                                          source::published_look look);
  source::async_result<> tell_of_unsent(std::shared_ptr<session> one);
  source::async_result<> tell_of_new_partitions(source::connection* database);
  void note_vanished(const catalog& before, const catalog& now);
  source::async_result<> lose(source::publication_loss loss);
  source::async_result<std::vector<source::publication_loss>> losses_of(
      source::connection* database, std::vector<ingestor::unsent_table> unsent);
  source::async_result<> tell_of_loss(source::publication_loss loss,
                                      std::optional<position> through);
  source::async_result<> repair_publications(source::connection* database);
  void keep_publications();
  void begin_look_at_publications(std::chrono::steady_clock::time_point now);
  source::async_result<> keep_lists(source::connection* database);
  source::async_result<> continue_upgrade(source::connection* database);
  std::vector<std::string> streamed_by() const;
  source::published_by published_by_now() const;
  bool is_upgrading() const;
  void look_after_lists(std::chrono::steady_clock::time_point now);
  void note_inserts_only(const std::vector<std::string>& tables);
  void say_once(std::string& last, std::string_view what, const result<void>& outcome);
  void note_look(const result<void>& looked);
  void connect_again(std::string why);
  void make_gate();
  void start_decoding();
  void note_failure(const error& why);
  error note_ending(const std::shared_ptr<session>& one, error why);
  void note_crash();
  boost::asio::awaitable<void> stand_at_crash();
  void order_to_pass(lsn at, std::function<void(result<history_gap>)> done);
  void refuse_order(const error& why);
  source::async_result<> pass_obstacle(std::shared_ptr<session> one);
  source::async_result<lsn> find_way_past(std::shared_ptr<session> one);
  source::async_result<history_gap> leave_out(std::shared_ptr<session> one);
  source::async_result<std::vector<table_id>> find_tables_left_out(std::shared_ptr<session> one,
                                                                   lsn end, lsn change);
  void show_lag_seconds(std::chrono::steady_clock::time_point now);
  void measure_slot_lag(std::chrono::steady_clock::time_point now);
  void begin_heartbeat(lsn flushed);
  void begin_trim(std::chrono::steady_clock::time_point now);
  void trim(const position& through);
  source::async_result<> pause(std::chrono::milliseconds wait);
  std::string out_of_space_reason() const;
  void set_state(std::string state, std::string problem);
  void heard();
  bool was_silent_for(std::chrono::steady_clock::duration time) const;
  // Returns how long changes have been streaming; zero: they are not.
  std::chrono::steady_clock::duration streamed_for() const;

  parts with_;
  source::source_names names_;
  boost::asio::io_context context_{1};
  std::thread thread_;
  ingestor ingest_;
  streamed_transactions streamed_;
  pgoutput::decoder decoder_;
  intake intake_;
  std::optional<delivery_gate> gate_;  // nothing: everything may be delivered
  end_finder ends_;
  std::shared_ptr<const catalog> catalog_;
  std::map<std::uint32_t, table_name> vanished_;       // from the catalog, by OID; bounded
  std::vector<source::present_table> new_partitions_;  // that had changes of their own before
  // Parts that were read while whole catalogs are being read: the parts are newer.
  std::vector<source::catalog_part*> whole_readings_;
  std::uint64_t whole_readings_begun_ = 0;
  std::uint64_t newest_whole_reading_ = 0;       // the last of those begun that has been adopted
  lsn read_before_;                              // what was adopted last had committed before
  std::atomic<std::size_t> unkept_catalogs_{0};  // handed on, and not stored yet
  std::shared_ptr<session> session_;
  boost::asio::steady_timer pause_timer_;
  boost::asio::steady_timer log_timer_;
  boost::asio::steady_timer watch_timer_;
  std::atomic<bool> waits_for_log_{false};
  std::atomic<bool> waits_for_spill_{false};  // its disk is full
  bool stopping_ = false;
  std::stop_source opens_nothing_more_;
  std::chrono::steady_clock::time_point last_trim_{};
  bool trimming_ = false;
  bool trim_refused_ = false;  // the last time: the log could not be read, or cursors not saved
  // The change that ended the last connection, and that no other connection can decode either.
  struct undecoded {
    position at;
    table_id table = 0;  // 0: not known
    std::string problem;
  };
  std::optional<undecoded> stands_at_;
  source::obstacle_watch obstacles_;
  // The SQL connection beside a stream that ended without a message, until it is known whether the
  // server had crashed.
  struct ended_stream {
    std::unique_ptr<source::connection> database;
    lsn received;
    std::optional<lsn> commit;
    std::string problem;
    int looks = 0;
  };
  std::optional<ended_stream> ended_;
  struct skip_order {
    lsn at;
    std::function<void(result<history_gap>)> done;
  };
  std::optional<skip_order> order_;
  std::chrono::steady_clock::time_point last_lag_{};
  bool measuring_ = false;  // a database that does not answer is asked once

  source::published_watch published_;
  std::string published_database_;  // whose they are
  // Looks from before the last increase are not used: since then, a connection has started with its
  // own look, or something else was lost.
  std::uint64_t published_epoch_ = 0;
  std::chrono::steady_clock::time_point last_look_{};
  bool publications_unkept_ = false;  // their memory has changed since it was kept
  std::chrono::steady_clock::time_point place_kept_{};
  std::chrono::steady_clock::time_point last_repair_{};
  bool looking_ = false;
  std::string look_problem_;  // of the last look
  // The end of the last loss of a whole publication.
  struct publication_gone {
    position through;
    bool of_every_table = false;
  };
  std::optional<publication_gone> gone_;
  // The last stream has ended at a change from before the publication was made.
  bool misses_publication_ = false;

  std::unique_ptr<source::connection> side_;  // for questions: answer_questions() alone closes it
  std::string side_database_;                 // its identity
  std::deque<question> questions_;
  bool answering_ = false;

  // Of the publications; outlives connections.
  struct publication_state {
    source::setup_result made;          // by the last setup
    std::vector<std::string> streamed;  // what the stream names
    ddl_message noted;                  // what statements have touched that no look is for yet
    ddl_message altered;  // what the look is for, until all is done that follows from it
    std::chrono::steady_clock::time_point last_look{};
    bool looking = false;
    std::string problem;    // of the last look
    bool switched = false;  // from the old publication to those that replace it
    std::chrono::steady_clock::time_point last_identities{};
    // Where the new publications can be named, while that of earlier versions exists.
    source::publication_start start;
  };
  publication_state publications_;
  bool connects_again_ = false;  // with other publications, without waiting

  mutable std::mutex status_mutex_;
  server::project_service::capture_status status_;
  std::string warning_;       // of the slot, whatever else there is to say
  std::string inserts_only_;  // tables without a replica identity, for people
  std::chrono::steady_clock::time_point last_heard_{};
  std::chrono::steady_clock::time_point connected_at_{};

  prometheus::Counter& whole_catalogs_read_;
  prometheus::Counter& catalog_parts_read_;
  prometheus::Counter& catalog_rows_read_;
  prometheus::Counter& skipped_;
  prometheus::Gauge& connected_;
  prometheus::Counter& reconnects_;
  prometheus::Gauge& received_lsn_;
  prometheus::Gauge& covered_lsn_;
  prometheus::Gauge& slot_lag_;
  prometheus::Gauge& without_identity_;
  prometheus::Gauge& lag_seconds_;
  lag_clock lag_clock_;
  slot_watch watch_;
  heartbeat heartbeat_;
};

}  // namespace pulse::capture

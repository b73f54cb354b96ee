#include "capture/capture.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/backoff.hpp"
#include "base/logging.hpp"
#include "base/unexpected.hpp"
#include "capture/capture_session.hpp"
#include "source/catalog_query.hpp"
#include "source/replication.hpp"

namespace pulse::capture {

namespace asio = boost::asio;

namespace {

// The server is heard from every 30 s by default, half of wal_sender_timeout.
constexpr std::chrono::seconds silence_max{75};
constexpr std::chrono::milliseconds retry_first{200};
constexpr std::chrono::milliseconds retry_most{15'000};

bool needs_a_person(const error& problem) {
  switch (problem.code) {
    case errc::unavailable:
    case errc::cancelled:
    case errc::no_space:
      return false;
    default:
      return true;
  }
}

}  // namespace

capture::capture(parts with)
    : with_(std::move(with)),
      names_(source::names_for(with_.project.name, with_.project.publication)),
      ingest_(with_.project.name, *with_.log, *with_.relations, *with_.figures),
      streamed_(*with_.spill, *with_.figures, with_.project.name),
      decoder_(ingest_, &streamed_),
      intake_(*with_.log, ingest_, streamed_, decoder_),
      ends_(context_, {with_.project.name, with_.target, with_.figures, &ingest_.recent()}),
      pause_timer_(context_),
      log_timer_(context_),
      watch_timer_(context_),
      whole_catalogs_read_(
          with_.figures->counter(metric::catalog_reads, with_.project.name, "whole")),
      catalog_parts_read_(
          with_.figures->counter(metric::catalog_reads, with_.project.name, "part")),
      catalog_rows_read_(with_.figures->counter(metric::catalog_rows_read, with_.project.name)),
      skipped_(with_.figures->counter(metric::changes_skipped, with_.project.name)),
      connected_(with_.figures->gauge(metric::capture_connected, with_.project.name)),
      reconnects_(with_.figures->counter(metric::capture_connections, with_.project.name)),
      received_lsn_(with_.figures->gauge(metric::capture_received_lsn_bytes, with_.project.name)),
      covered_lsn_(with_.figures->gauge(metric::capture_confirmed_lsn_bytes, with_.project.name)),
      slot_lag_(with_.figures->gauge(metric::slot_lag_bytes, with_.project.name)),
      without_identity_(with_.figures->gauge(metric::tables_without_identity, with_.project.name)),
      lag_seconds_(with_.figures->gauge(metric::capture_lag_seconds, with_.project.name)),
      watch_(*with_.figures, with_.project.name),
      heartbeat_(*with_.figures, with_.project.name, with_.project.heartbeat_interval) {
  if (with_.published) {
    published_.restore(std::move(*with_.published));
    published_database_ = with_.whose.database;
  }
  status_.state = "starting";
  streamed_.replay_to(decoder_);
  if (with_.deliverable != nullptr) make_gate();
}

void capture::make_gate() {
  using without_answer = source::visibility_gate::without_answer;
  const bool strict = with_.project.delivers_visible == config::project_config::visibility::strict;
  gate_.emplace(context_,
                delivery_gate::parts{with_.project.name, with_.target,
                                     strict ? without_answer::hold : without_answer::go_on,
                                     with_.figures, with_.deliverable, with_.on_deliverable});
  ingest_.tell_of_transactions(
      [this](std::uint32_t xid, const position& through) { gate_->add(xid, through); });
}

capture::~capture() {
  stop();
}

void capture::start() {
  asio::co_spawn(context_, run(), end_process_on);
  asio::co_spawn(context_, keep_watch(), end_process_on);
  if (gate_) gate_->start(with_.log->bounds().last_at, with_.whose);
  ends_.start(with_.whose);
  thread_ = std::thread([this] { context_.run(); });
}

void capture::begin_stop() {
  if (!thread_.joinable()) return;
  asio::post(context_, [this] {
    if (std::exchange(stopping_, true)) return;
    opens_nothing_more_.request_stop();
    pause_timer_.cancel();
    log_timer_.cancel();
    watch_timer_.cancel();
    // Kept open: what is durable by now is still confirmed.
    if (session_ && session_->replication) session_->replication->interrupt();
    if (session_ && session_->database) session_->database->cancel();
    if (side_) side_->cancel();
    if (gate_) gate_->stop();
    ends_.stop();
  });
}

void capture::stop() {
  if (!thread_.joinable()) return;
  begin_stop();
  thread_.join();
}

server::project_service::capture_status capture::status() const {
  const std::scoped_lock lock(status_mutex_);
  auto now = status_;
  now.progressing = now.connected && std::chrono::steady_clock::now() - last_heard_ < silence_max;
  if (with_.log->bounds().out_of_space || waits_for_spill_) {
    now.progressing = false;
    now.problem = out_of_space_reason();
  }
  for (const auto& more : {warning_, inserts_only_}) {
    if (!more.empty()) now.problem += (now.problem.empty() ? "" : "; ") + more;
  }
  return now;
}

std::string capture::out_of_space_reason() const {
  const auto& project = with_.project;
  const bool quota =
      !waits_for_spill_ && project.storage_max &&
      with_.log->bounds().stored_bytes + project.segment_bytes > *project.storage_max;
  return fmt::format("{}: nothing is confirmed to PostgreSQL until there is room",
                     quota ? "the log has reached the project's storage_max" : "the disk is full");
}

void capture::set_state(std::string state, std::string problem) {
  const std::scoped_lock lock(status_mutex_);
  const bool connected = state == "streaming";
  if (connected && !status_.connected) connected_at_ = std::chrono::steady_clock::now();
  status_.connected = connected;
  connected_.Set(status_.connected ? 1 : 0);
  status_.state = std::move(state);
  status_.problem = std::move(problem);
}

std::chrono::steady_clock::duration capture::streamed_for() const {
  const std::scoped_lock lock(status_mutex_);
  if (!status_.connected) return {};
  return std::chrono::steady_clock::now() - connected_at_;
}

void capture::heard() {
  const std::scoped_lock lock(status_mutex_);
  last_heard_ = std::chrono::steady_clock::now();
}

bool capture::was_silent_for(std::chrono::steady_clock::duration time) const {
  const std::scoped_lock lock(status_mutex_);
  return std::chrono::steady_clock::now() - last_heard_ >= time;
}

source::async_result<> capture::pause(std::chrono::milliseconds wait) {
  if (stopping_) co_return error{errc::cancelled, "stopping", {}};
  pause_timer_.expires_after(wait);
  boost::system::error_code cancelled;
  co_await pause_timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  if (stopping_) co_return error{errc::cancelled, "stopping", {}};
  co_return result<void>();
}

asio::awaitable<void> capture::run() {
  backoff wait(retry_first, retry_most, std::hash<std::string>{}(with_.project.name));
  std::string last_problem;
  while (!stopping_) {
    co_await stand_at_crash();
    const bool was_ordered = order_.has_value();
    const auto outcome = co_await follow();
    session_.reset();
    waits_for_spill_ = false;
    if (stopping_) break;
    if (!outcome && was_ordered) refuse_order(outcome.error());
    if (std::exchange(connects_again_, false)) continue;
    const auto problem = outcome ? std::string("replication has ended") : outcome.error().message();
    const bool person = !outcome && !misses_publication_ && needs_a_person(outcome.error());
    wait.worked_for(streamed_for());
    set_state(person ? "stopped" : "reconnecting", problem);
    const auto pause_ms = person ? retry_most : wait.next();
    if (problem != last_problem) {
      log_event(
          person ? log_level::error : log_level::warning, "capture",
          person ? "capture stopped: it needs your attention" : "capture was interrupted",
          {{"project", with_.project.name}, {"reason", problem}, {"retry_ms", pause_ms.count()}});
    }
    last_problem = problem;
    if (!co_await pause(pause_ms)) break;
    note_crash();
  }
  refuse_order({errc::cancelled, "stopping", {}});
  set_state("stopped", "");
}

source::async_result<> capture::connect(std::shared_ptr<session> one) {
  set_state("connecting", "");
  auto opened = co_await source::connection::open(with_.target, source::connection_kind::sql,
                                                  "pulse " + with_.project.name, connect_timeout,
                                                  opens_nothing_more_.get_token());
  if (!opened) co_return opened.error();
  one->database = std::move(opened).value();
  const auto plain = source::names_for(with_.project.name, with_.project.publication);
  auto names = co_await source::names_in(one->database.get(), plain);
  if (!names) co_return names.error();
  names_ = std::move(names).value();
  if (names_.slot != plain.slot) {
    log_info("setup", "another database of the cluster has a slot with this project's name",
             {{"project", with_.project.name},
              {"anothers", plain.slot},
              {"slot", names_.slot},
              {"next",
               "if nothing reads that slot, run `pulse teardown --yes` with that database: until "
               "then, PostgreSQL keeps all WAL for it"}});
  }
  const auto checks =
      co_await source::check_server(one->database.get(), names_, source::check_scope::capture);
  if (!checks) co_return checks.error();
  for (const auto& check : *checks) {
    if (check.level == source::severity::failure) {
      co_return error{errc::invalid_argument, check.what + ": " + check.why, check.sql};
    }
    if (check.level == source::severity::warning) {
      log_warning("setup", check.what,
                  {{"project", with_.project.name}, {"why", check.why}, {"sql", check.sql}});
    }
  }
  co_return result<void>();
}

// Before anything is changed or believed.
source::async_result<> capture::identify(std::shared_ptr<session> one) {
  auto opened = co_await source::connection::open(
      with_.target, source::connection_kind::replication, "pulse " + with_.project.name,
      connect_timeout, opens_nothing_more_.get_token());
  if (!opened) co_return opened.error();
  one->replication = std::move(opened).value();
  reconnects_.Increment();
  auto server = co_await source::identify_server(one->replication.get());
  if (!server) co_return server.error();
  one->server = std::move(server).value();
  const auto beside = co_await source::read_database(one->database.get());
  if (!beside) co_return beside.error();
  if (beside->identity != source::identity_of(one->server)) {
    co_return error{errc::unavailable,
                    "two connections to the database URL have reached different databases",
                    "correct the hosts in the URL: they must be servers of one cluster"};
  }
  if (!with_.project.goes_on_in_another_database) {
    if (auto same = source::check_same_database(with_.whose, one->server); !same)
      co_return same.error();
  }
  if (!with_.project.event_persistence) co_return result<void>();
  const auto slot = co_await source::read_slot(one->database.get(), names_.slot);
  if (!slot) co_return slot.error();
  co_return source::check_own_slot(*slot, one->server);
}

// Publication and event trigger, and what the database holds.
source::async_result<> capture::make_ready(std::shared_ptr<session> one) {
  const auto prepared = co_await source::set_up(one->database.get(), names_, with_.project.fix);
  if (!prepared) {
    if (prepared.error().code == errc::conflict) with_.on_setup_refused(prepared.error());
    // What is not sent is told also when there is nothing to stream by.
    if (auto told = co_await tell_what_is_unpublished(one); !told) co_return told.error();
    co_return prepared.error();
  }
  publications_.made = *prepared;
  ingest_.use_ddl_token(prepared->ddl_token);
  const bool is_told = prepared->has_triggers &&
                       one->database->server_version() >= source::messages_server_version_min;
  ingest_.rely_on_ddl_messages(is_told ? std::optional(prepared->triggers_since) : std::nullopt);
  publications_.last_look = {};
  note_inserts_only(prepared->inserts_only);
  if (!prepared->own_publication) {
    publications_.streamed = source::publications_to_stream(
        prepared->upkeep.names, prepared->there, is_upgrading(), one->database->server_version());
  }
  for (const auto& done : prepared->report) {
    log_event(done.level == source::severity::ok ? log_level::info : log_level::warning, "setup",
              done.what, {{"project", with_.project.name}, {"why", done.why}, {"sql", done.sql}});
  }
  if (const auto read = co_await refresh_catalog(one->database.get()); !read)
    co_return read.error();
  co_return result<void>();
}

// One connection's life.
source::async_result<> capture::follow() {
  session_ = std::make_shared<session>();
  auto one = session_;
  if (auto connected = co_await connect(one); !connected) co_return connected.error();
  if (auto identified = co_await identify(one); !identified) co_return identified.error();
  if (auto ready = co_await make_ready(one); !ready) co_return ready.error();
  if (auto opened = co_await open_stream(one); !opened) co_return note_ending(one, opened.error());
  asio::co_spawn(context_, keep_house(one), end_process_on);
  const auto ended = co_await stream(one);
  one->over = true;
  if (!ended && !connects_again_) note_failure(ended.error());
  misses_publication_ = !ended && source::is_missing_publication(ended.error());
  if (one->house_timer) one->house_timer->cancel();
  ingest_.publish_figures();
  streamed_.publish_figures();
  if (stopping_) {
    // What is durable by now is confirmed, so that the server keeps no more than it must.
    co_await confirm(one);
  }
  if (!ended && !connects_again_) co_return note_ending(one, ended.error());
  co_return result<void>();
}

}  // namespace pulse::capture

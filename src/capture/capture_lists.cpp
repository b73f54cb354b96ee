// Keeps the publications right while changes stream: beside the event triggers, or without them.
#include <algorithm>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "base/first_names.hpp"
#include "base/logging.hpp"
#include "capture/capture_session.hpp"
#include "source/replication.hpp"

namespace pulse::capture {

namespace {

// Event triggers and their messages tell what has changed: this is for what they were kept from.
constexpr std::chrono::seconds look_interval_with_triggers{30};
constexpr std::chrono::seconds look_interval_without{1};
// What is told of tables without a replica identity may be so old, where nothing else is noticed.
constexpr std::chrono::seconds identities_interval{10};
// A walsender of PostgreSQL 12 and 13 may know nothing of a table that was listed while somebody
// was writing into it.
constexpr int lists_grow_while_streaming_version_min = 140000;
constexpr std::size_t tables_named_max = 20;

}  // namespace

// While a publication of earlier versions is there, it is what is streamed by, until those that
// replace it can be named. A temporary slot is younger than all of them.
bool capture::is_upgrading() const {
  const auto& start = publications_.start;
  return publications_.made.has_old && with_.project.event_persistence &&
         !(start.all_have_ended && with_.log->bounds().covered_through >= start.from);
}

std::vector<std::string> capture::streamed_by() const {
  if (names_.own_publication) return {names_.publication};
  return publications_.streamed;
}

source::published_by capture::published_by_now() const {
  if (names_.own_publication) return {names_.publication, true, {}};
  return {publications_.made.upkeep.names.all, false, publications_.streamed};
}

void capture::note_inserts_only(const std::vector<std::string>& tables) {
  std::string problem;
  if (!tables.empty()) {
    problem = fmt::format(
        "{} table(s) have no replica identity and are captured as INSERTs and TRUNCATEs only: {} "
        "(`pulse doctor` prints the SQL that fixes them)",
        tables.size(), first_names(tables, tables_named_max, std::identity()));
  }
  without_identity_.Set(static_cast<double>(tables.size()));
  const std::scoped_lock lock(status_mutex_);
  inserts_only_ = std::move(problem);
}

// Ends the stream; the next one begins at the durable mark at once.
void capture::connect_again(std::string why) {
  if (!session_ || !session_->replication || std::exchange(connects_again_, true)) return;
  log_info("capture", "connecting again", {{"project", with_.project.name}, {"reason", why}});
  session_->replication->interrupt();
}

void capture::look_after_lists(std::chrono::steady_clock::time_point now) {
  auto& state = publications_;
  if (!session_ || !session_->streams || state.made.own_publication || state.looking) return;
  auto& noted = state.noted;
  noted.add(ingest_.take_ddl());
  const bool often = !ingest_.relies_on_ddl_messages() || state.made.has_old || !noted.empty();
  if (now - state.last_look < (often ? look_interval_without : look_interval_with_triggers) &&
      noted.unsent.empty()) {
    return;
  }
  state.last_look = now;
  state.looking = true;
  state.altered.add(std::exchange(noted, {}));
  wanted what;
  what.lists = true;
  ask(what, [this](const auto& /*answer*/) { publications_.looking = false; });
}

// Not every second.
void capture::say_once(std::string& last, std::string_view what, const result<void>& outcome) {
  const std::string problem = outcome ? "" : outcome.error().message();
  if (std::exchange(last, problem) == problem || outcome || stopping_) return;
  log_warning("capture", what, {{"project", with_.project.name}, {"reason", problem}});
}

source::async_result<std::shared_ptr<const catalog>> capture::refresh_altered(
    source::connection* database) {
  const auto& altered = publications_.altered;
  if (altered.every_table) co_return co_await refresh_catalog(database);
  source::catalog_part part;
  part.tables.assign(altered.tables.begin(), altered.tables.end());
  co_return co_await refresh_part(database, std::move(part));
}

source::async_result<> capture::keep_lists(source::connection* database) {
  auto& state = publications_;
  const auto& made = state.made;
  if (made.own_publication || !made.changeable) co_return result<void>();
  const bool touched = !state.altered.empty();
  if (touched && catalog_) {
    // A table may be a partition now.
    if (auto read = co_await refresh_altered(database); !read) co_return read.error();
  }
  const auto placed = co_await source::reconcile(database, made.upkeep);
  if (!placed) co_return placed.error();
  const auto now = std::chrono::steady_clock::now();
  if (!placed->done.empty() || touched || now - state.last_identities >= identities_interval) {
    state.last_identities = now;
    const auto inserts_only = co_await source::find_inserts_only(database, made.upkeep);
    if (!inserts_only) co_return inserts_only.error();
    note_inserts_only(*inserts_only);
  }
  // Not before: what has failed is done again.
  state.altered = {};
  if (!placed->done.empty()) {
    log_info("capture", "published tables changed",
             {{"project", with_.project.name}, {"tables", source::misplaced_names(placed->done)}});
    source::catalog_part part;
    for (const auto& table : placed->done) part.tables.push_back(table.oid);
    if (auto read = co_await refresh_part(database, part); !read) co_return read.error();
    const bool grew = std::ranges::any_of(placed->done, [](const auto& table) {
      return table.what != source::misplaced_table::need::no_rows;
    });
    if (grew && database->server_version() < lists_grow_while_streaming_version_min)
      connect_again("tables were published");
  }
  if (made.has_old) co_return co_await continue_upgrade(database);
  co_return result<void>();
}

// From the publication of earlier versions to those that replace it: once these can be named, and
// then, once the slot has passed the place from which on they can, without the old one.
source::async_result<> capture::continue_upgrade(source::connection* database) {
  auto& state = publications_;
  const auto slot = co_await source::read_slot(database, names_.slot);
  if (!slot) co_return slot.error();
  if (with_.project.event_persistence) {
    if (!state.start.all_have_ended) {
      auto start = co_await source::find_publication_start(database, state.start.open_before);
      if (!start) co_return start.error();
      state.start = std::move(start).value();
      if (!state.start.all_have_ended) co_return result<void>();
      // Moves an idle database past the place.
      if (auto written = co_await source::write_heartbeat(database); !written)
        co_return written.error();
    }
    if (is_upgrading()) co_return result<void>();
    const auto& old = state.made.upkeep.names.old;
    if (std::ranges::find(state.streamed, old) != state.streamed.end()) {
      state.switched = true;
      connect_again("the publications that replace " + old + " can be named now");
      co_return result<void>();
    }
  }
  // One that waits for event persistence to be switched on again streams by the old one at first.
  const bool passed =
      !*slot || (with_.project.event_persistence && (*slot)->confirmed_flush >= state.start.from);
  if (!passed) co_return result<void>();
  const auto dropped = co_await source::drop_old(database, names_);
  if (!dropped) co_return dropped.error();
  for (const auto& one : *dropped) log_info("setup", one.what, {{"project", with_.project.name}});
  state.made.has_old = false;
  co_return result<void>();
}

}  // namespace pulse::capture

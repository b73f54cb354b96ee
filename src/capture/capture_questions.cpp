// What streams that open want to know of the database, asked beside the stream of changes.
#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "base/unexpected.hpp"
#include "capture/capture.hpp"
#include "source/catalog_query.hpp"
#include "source/replication.hpp"

namespace pulse::capture {

namespace asio = boost::asio;

namespace {

error another_database() {
  return {errc::unavailable, "capture does not follow this database yet", "try again"};
}

}  // namespace

// What another database says would be taken for what this one says.
source::async_result<> capture::open_side() {
  auto opened = co_await source::connection::open(
      with_.target, source::connection_kind::sql, "pulse " + with_.project.name,
      std::chrono::seconds(3), opens_nothing_more_.get_token());
  if (!opened) co_return opened.error();
  // From here on stop() can end what it waits for; whatever fails below closes it.
  side_ = std::move(opened).value();
  const auto found = co_await source::read_database(side_.get());
  if (!found) co_return found.error();
  if (!source::is_same_database(with_.whose.database, found->identity))
    co_return another_database();
  side_database_ = with_.whose.database;
  co_return result<void>();
}

void capture::ask(wanted what, std::function<void(result<present>)> done) {
  asio::post(context_, [this, what, done = std::move(done)]() mutable {
    questions_.push_back({what, std::move(done)});
    if (std::exchange(answering_, true)) return;
    asio::co_spawn(context_, answer_questions(), end_process_on);
  });
}

void capture::find_end(end_finder::taker done) {
  asio::post(context_, [this, done = std::move(done)]() mutable { ends_.find(std::move(done)); });
}

void capture::find_transaction(std::uint64_t xid, end_finder::place_taker done) {
  asio::post(context_, [this, xid, done = std::move(done)]() mutable {
    ends_.find_transaction(xid, std::move(done));
  });
}

asio::awaitable<void> capture::answer_questions() {
  while (!questions_.empty()) {
    // All that have come by now are answered by one look at the database.
    const auto batch = std::make_shared<std::deque<question>>(std::exchange(questions_, {}));
    const auto answered = co_await answer(batch);
    if (answered) continue;
    side_.reset();
    for (const auto& one : *batch) one.done(answered.error());
  }
  answering_ = false;
}

source::async_result<> capture::answer(std::shared_ptr<std::deque<question>> batch) {
  if (stopping_) co_return error{errc::cancelled, "stopping", {}};
  if (side_ && side_database_ != with_.whose.database) side_.reset();
  if (!side_) {
    if (auto opened = co_await open_side(); !opened) co_return opened.error();
  }
  present found;
  // On the timeline that this server writes now: what is stored may still be of one that it has
  // left, and what capture is connected to may be another server.
  const auto base = with_.whose.timeline_base;
  const auto flushed = co_await source::read_flush_place(side_.get());
  if (!flushed) co_return flushed.error();
  if (base != with_.whose.timeline_base) co_return another_database();
  found.flushed = *flushed;
  found.flushed.timeline += base;
  const auto anybody = [&](bool wanted::* one) {
    return std::ranges::any_of(*batch, [&](const question& asked) { return asked.what.*one; });
  };
  if (anybody(&wanted::retention)) {
    const auto kept = co_await source::read_slot_retention(side_.get(), names_.slot);
    if (!kept) co_return kept.error();
    found.kept = *kept;
  }
  const bool refresh = anybody(&wanted::catalog);
  // Without event triggers a table that was made a moment ago is not published yet.
  const bool finds_tables = refresh && !publications_.made.has_triggers;
  if (anybody(&wanted::lists) || finds_tables) {
    const auto kept = co_await keep_lists(side_.get());
    say_once(publications_.problem, "publications not compared with the tables: trying again",
             kept);
  }
  if (anybody(&wanted::heartbeat)) {
    const auto written = co_await source::write_heartbeat(side_.get());
    heartbeat_.wrote(written);
  }
  if (anybody(&wanted::publications)) {
    const auto looked = co_await watch_publications(side_.get());
    note_look(looked);
    // Whoever asks something else is answered, unless nobody can be.
    if (!looked && looked.error().code == errc::unavailable) co_return looked.error();
  }
  source::catalog_part part;
  for (const auto& one : *batch) {
    if (one.what.table_oid != 0) part.tables.push_back(one.what.table_oid);
  }
  if (refresh) {
    auto read = co_await refresh_catalog(side_.get());
    if (!read) co_return read.error();
    found.known = std::move(read).value();
  } else if (!part.empty()) {
    auto read = co_await refresh_part(side_.get(), part);
    if (!read) co_return read.error();
    found.known = std::move(read).value();
  }
  for (const auto& one : *batch) one.done(found);
  batch->clear();
  co_return result<void>();
}

}  // namespace pulse::capture

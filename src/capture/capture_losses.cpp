// What is known to be missing from a certain place on, beside what two looks at the publications
// tell.
#include <algorithm>
#include <utility>

#include "capture/capture_session.hpp"
#include "source/relations.hpp"
#include "source/replication.hpp"

namespace pulse::capture {

namespace {

constexpr source::published_actions of_lists{false, true, true, false};
constexpr source::published_actions of_names{true, false, false, true};

// UPDATEs and DELETEs of others are not sent at all.
bool has_list(const catalog_table& table) {
  return !table.partitioned && source::has_identity(table);
}

source::publication_loss loss_of(source::present_table table, const position& after,
                                 const source::published_actions& actions, std::string reason) {
  source::publication_loss loss;
  loss.what.tables.push_back(std::move(table));
  loss.what.actions = actions;
  loss.what.reason = std::move(reason);
  loss.after = after;
  return loss;
}

}  // namespace

// Remembered before it is recorded: whoever starts after a kill finds its end.
source::async_result<> capture::lose(source::publication_loss loss) {
  const auto open = published_.lose(std::move(loss));
  // A look that is under way has not asked for its tables.
  ++published_epoch_;
  keep_publications();
  if (auto told = co_await tell_of_loss(open, std::nullopt); !told) co_return told.error();
  published_.told(open);
  co_return result<void>();
}

// Tables that the catalog had are known by it, also those that are gone or not logged any more; of
// the others it is asked once more.
source::async_result<std::vector<source::publication_loss>> capture::losses_of(
    source::connection* database, std::vector<ingestor::unsent_table> unsent) {
  source::catalog_part part;
  for (const auto& one : unsent) part.tables.push_back(one.oid);
  const auto now = co_await refresh_part(database, part);
  if (!now) co_return now.error();
  source::present_tables asked;
  for (const auto& one : unsent) asked.push_back({one.oid, {}});
  const auto publications = streamed_by();
  const auto found = co_await source::read_present_tables(database, asked, publications);
  if (!found) co_return found.error();
  std::vector<source::publication_loss> losses;
  for (const auto& [oid, after] : unsent) {
    const auto is_it = [wanted_oid = oid](const auto& table) { return table.oid == wanted_oid; };
    const auto known = std::ranges::find_if((*now)->tables, is_it);
    if (known != (*now)->tables.end()) {
      losses.push_back(loss_of({oid, known->name}, after, has_list(*known) ? of_lists : of_names,
                               "changes of the table " + to_string(known->name) +
                                   " were not sent: transactions in progress locked every "
                                   "publication that could list it, or it was unlogged"));
      continue;
    }
    const auto there = std::ranges::find_if(*found, is_it);
    // By now: what this has read has taken it out of the catalog.
    const auto last = vanished_.find(oid);
    const bool exists = there != found->end();
    if (last != vanished_.end()) {
      losses.push_back(loss_of({oid, last->second}, after, exists ? of_names : of_lists,
                               "the table " + to_string(last->second) +
                                   (exists ? " is unlogged: PostgreSQL does not send its changes"
                                           : " could not be listed before it was dropped")));
    } else if (!exists) {
      // Nobody knows what it was called.
      source::publication_loss any;
      any.what.of_every_table = true;
      any.what.reason = "a table was dropped before all its changes were sent";
      any.after = after;
      losses.push_back(std::move(any));
    }
    // Else it has never been logged.
  }
  co_return losses;
}

source::async_result<> capture::tell_of_unsent(std::shared_ptr<session> one) {
  auto unsent = ingest_.take_unsent();
  if (!with_.project.event_persistence || !published_.knows()) co_return result<void>();
  const auto losses = co_await losses_of(one->database.get(), std::move(unsent));
  if (!losses) co_return losses.error();
  for (const auto& loss : *losses) {
    if (!loss.what.of_every_table) {
      if (auto told = co_await lose(loss); !told) co_return told.error();
      continue;
    }
    const auto look = co_await look_at_publications(one->database.get());
    if (!look) co_return look.error();
    if (auto told = co_await tell_of_loss(loss, look->after); !told) co_return told.error();
  }
  co_return result<void>();
}

// Every change that comes under the table's own name was committed before this is noticed.
source::async_result<> capture::tell_of_new_partitions(source::connection* database) {
  const auto tables = std::exchange(new_partitions_, {});
  if (tables.empty() || !with_.project.event_persistence || !published_.knows())
    co_return result<void>();
  const auto base = with_.whose.timeline_base;
  const auto flushed = co_await source::read_flush_place(database);
  if (!flushed) co_return flushed.error();
  auto after = *flushed;
  after.timeline += base;
  for (const auto& table : tables) {
    auto loss = loss_of(table, after, of_names,
                        "the table " + to_string(table.name) +
                            " has become a partition: its changes come as those of the "
                            "partitioned table");
    loss.what.as_partition = true;
    if (auto told = co_await lose(std::move(loss)); !told) co_return told.error();
  }
  co_return result<void>();
}

}  // namespace pulse::capture

// What the publications send is looked at beside the stream of changes: what others alter or drop
// is put right where it can be, and what was perhaps not sent meanwhile is a gap.
#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "base/logging.hpp"
#include "capture/capture_session.hpp"
#include "control/published_json.hpp"
#include "source/ddl_trigger.hpp"
#include "source/one_snapshot.hpp"
#include "source/replication.hpp"
#include "source/setup.hpp"

namespace pulse::capture {

namespace {

constexpr std::chrono::seconds publications_look_interval{1};
// Moves on with every look; after a kill a loss is told to have begun so much earlier at most.
constexpr std::chrono::seconds keep_place_interval{10};
// What could not be put right is tried again.
constexpr std::chrono::seconds repair_interval{5};

}  // namespace

source::async_result<source::published_look> capture::look_at_publications(
    source::connection* database) {
  source::published_look look;
  const auto base = with_.whose.timeline_base;
  const auto before = co_await source::read_flush_place(database);
  if (!before) co_return before.error();
  look.before = *before;
  look.before.timeline += base;
  // One snapshot for all: a table that takes another's name between two would seem never to have
  // been listed.
  const std::function<source::async_result<>()> read = [&] { return read_look(database, &look); };
  if (auto outcome = co_await source::in_one_snapshot(database, read); !outcome)
    co_return outcome.error();
  co_return look;
}

source::async_result<> capture::read_look(source::connection* database,
                                          source::published_look* look) {
  // Named first: g++ 12 takes no braced list in a co_await expression.
  const auto publications = streamed_by();
  std::vector<std::string> triggers;
  if (!names_.own_publication) triggers = source::ddl_triggers_of(publications_.made.upkeep.names);
  auto state = co_await source::read_published_state(database, publications, triggers);
  if (!state) co_return state.error();
  look->state = std::move(*state);
  look->own = names_.own_publication;
  if (published_.knows()) look->concerned = published_.concerned(*look);
  if (published_.knows() && published_.concerns_all(*look)) {
    auto found = co_await source::read_all_tables(database, publications);
    if (!found) co_return found.error();
    look->tables = std::move(*found);
    look->has_all = true;
  } else if (!look->concerned.empty()) {
    auto found = co_await source::read_present_tables(database, look->concerned, publications);
    if (!found) co_return found.error();
    look->tables = std::move(*found);
  }
  const auto running = co_await source::read_running(database);
  if (!running) co_return running.error();
  look->xmin = running->xmin;
  look->xmax = running->xmax;
  look->after = look->before;
  look->after.commit = running->written;
  co_return result<void>();
}

// Before the stream begins. What is missing because the slot was made anew is a gap already.
source::async_result<> capture::compare_publications(std::shared_ptr<session> one) {
  auto look = co_await look_at_publications(one->database.get());
  if (!look) co_return look.error();
  ++published_epoch_;
  // From the publication of earlier versions to those that replace it nothing is lost.
  const bool switched = std::exchange(publications_.switched, false);
  const bool same = published_.knows() && published_database_ == with_.whose.database && !switched;
  if (!same || one->slot_made) {
    published_.begin(std::move(*look));
    published_database_ = with_.whose.database;
    keep_publications();
    co_return result<void>();
  }
  co_return co_await see_publications(one->database.get(), std::move(*look));
}

// Where setup has failed: a publication of the user's own that he has dropped, say.
source::async_result<> capture::tell_what_is_unpublished(std::shared_ptr<session> one) {
  if (!with_.project.event_persistence || !published_.knows()) co_return result<void>();
  if (published_database_ != with_.whose.database) co_return result<void>();
  // Which of Pulse's own are streamed by is known once setup has succeeded.
  if (!names_.own_publication && publications_.streamed.empty()) co_return result<void>();
  co_return co_await compare_publications(one);
}

// Up to this place PostgreSQL sends nothing of any table.
source::async_result<> capture::tell_of_unreadable(position through) {
  source::publication_loss all;
  all.what.of_every_table = true;
  all.what.reason =
      "a publication was created later: PostgreSQL cannot send changes of any table from before "
      "that";
  // There is one gap at a place, and what is open there ends later, or never.
  all.after = published_.free_place(with_.log->bounds().mark());
  // First without its end: so it is widened where one is known with fewer tables.
  if (auto told = co_await tell_of_loss(all, std::nullopt); !told) co_return told.error();
  co_return co_await tell_of_loss(all, through);
}

// PostgreSQL 12 to 17 cannot read what was written before the publication was made, neither now nor
// later: the last stream has ended at such a change. Once every transaction has ended that may have
// such changes, all before is a gap, and the stream begins behind it.
source::async_result<> capture::pass_missing_publication(std::shared_ptr<session> one) {
  if (!std::exchange(misses_publication_, false)) co_return result<void>();
  set_state("waiting for transactions that began before the publication was created", "");
  auto gone = std::exchange(gone_, std::nullopt);
  // Of a loss that cost the stream nothing.
  if (gone && gone->through <= with_.log->bounds().mark()) gone.reset();
  // Not noticed: from before this was looked at.
  const bool told = gone || published_.loses();
  std::optional<position> end;
  if (gone) end = gone->through;
  std::optional<std::uint64_t> over_before;
  while (!end) {
    auto look = co_await look_at_publications(one->database.get());
    if (!look) co_return look.error();
    const auto [after, xmin, xmax] = std::tuple(look->after, look->xmin, look->xmax);
    if (auto seen = co_await see_publications(one->database.get(), std::move(*look)); !seen)
      co_return seen.error();
    gone = std::exchange(gone_, std::nullopt);
    // What had not begun by the first look finds the publications. Whether all is sent again that
    // was lost is another question: a table may have left them for good.
    if (!over_before) over_before = xmax;
    if (gone) {
      end = gone->through;
    } else if (xmin >= *over_before) {
      end = after;
    } else if (auto waited = co_await pause(publications_look_interval); !waited) {
      co_return waited.error();
    }
  }
  // One's own publication is all there is; of several, a loss may be of one's tables alone.
  const bool covered = (told && names_.own_publication) || (gone && gone->of_every_table) ||
                       published_.loses_every_table_to_a_drop();
  if (!covered) {
    if (auto recorded = co_await tell_of_unreadable(*end); !recorded) co_return recorded.error();
  }
  // The place may be written and not yet flushed; with a commit that is, all before it is flushed.
  // A mark that the server has not come to by the next look is one of a database that was set back.
  if (auto written = co_await source::write_heartbeat(one->database.get()); !written)
    co_return written.error();
  if (auto moved = co_await source::advance_slot(one->database.get(), names_.slot, end->commit);
      !moved)
    co_return moved.error();
  if (auto moved = co_await move_mark(*end); !moved) co_return moved.error();
  // Since it was identified, the server has gone on: the mark is compared with where it is now.
  auto server = co_await source::identify_server(one->replication.get());
  if (!server) co_return server.error();
  one->server = std::move(server).value();
  co_return co_await choose_start(one);
}

// Now and then while it streams; on the connection for questions.
source::async_result<> capture::watch_publications(source::connection* database) {
  const auto epoch = published_epoch_;
  auto look = co_await look_at_publications(database);
  if (!look) co_return look.error();
  // A connection that has begun meanwhile has looked later.
  if (epoch != published_epoch_ || !published_.knows()) co_return result<void>();
  if (auto seen = co_await see_publications(database, std::move(*look)); !seen)
    co_return seen.error();
  co_return co_await watch_composites(database);
}

// Without the event triggers' messages nothing in the stream tells that a composite type was
// altered. What is asked is what columns consist of, and no more.
source::async_result<> capture::watch_composites(source::connection* database) {
  if (!catalog_ || ingest_.relies_on_ddl_messages()) co_return result<void>();
  source::catalog_part part;
  for (const auto& [oid, type] : catalog_->types.entries()) {
    if (type.kind == 'c' && !type.attributes.empty()) part.types.push_back(oid);
  }
  if (part.types.empty()) co_return result<void>();
  const auto known = co_await refresh_part(database, std::move(part));
  if (!known) co_return known.error();
  co_return result<void>();
}

source::async_result<> capture::see_publications(source::connection* database,
                                                 source::published_look look) {
  source::catalog_part part;
  for (const auto& table : look.concerned) part.tables.push_back(table.oid);
  for (const auto& table : look.tables) part.tables.push_back(table.oid);
  const bool altered = published_.altered(look);
  const auto found = published_.see(look, with_.log->bounds().mark());
  // Also where something fails before they are kept.
  publications_unkept_ = publications_unkept_ || found.memory_changed || !found.ended.empty();
  // The catalog says what streams are refused for, and which table has which number.
  if (altered || (names_.own_publication && found.memory_changed)) {
    const auto known = co_await refresh_catalog(database);
    if (!known) co_return known.error();
  } else if (!found.untold.empty() || !found.ended.empty() ||
             (found.memory_changed && !part.empty())) {
    // A table that has become a partition is not unsent, and comes under another name.
    const auto known = co_await refresh_part(database, part);
    if (!known) co_return known.error();
  }
  for (const auto& loss : found.untold) {
    if (auto told = co_await tell_of_loss(loss, std::nullopt); !told) co_return told.error();
    published_.told(loss);
    last_repair_ = {};
  }
  for (const auto& end : found.ended) {
    if (end.rest) {
      // Remembered before it is recorded, as in lose().
      const auto rest = published_.go_on(end);
      keep_publications();
      if (auto told = co_await tell_of_loss(rest, std::nullopt); !told) co_return told.error();
      published_.told(rest);
    }
    if (auto told = co_await tell_of_loss(end.loss, end.through); !told) co_return told.error();
    published_.ended(end.loss);
    if (end.loss.what.publication_gone) {
      const bool same = gone_ && gone_->through == end.through;
      gone_ = {end.through, end.loss.what.of_every_table || (same && gone_->of_every_table)};
    }
    log_info("capture", "publication complete again: PostgreSQL sends all changes",
             {{"project", with_.project.name}, {"through", to_string(end.through)}});
  }
  const auto now = std::chrono::steady_clock::now();
  if (publications_unkept_) {
    keep_publications();
  } else if (now - place_kept_ >= keep_place_interval) {
    place_kept_ = now;
    with_.keep_fact("publications_at", control::place_to_json(published_.memory().at));
  }
  if (published_.loses() && !names_.own_publication && now - last_repair_ >= repair_interval) {
    last_repair_ = now;
    co_return co_await repair_publications(database);
  }
  co_return result<void>();
}

// First without its end, whatever that will be: what is delivered from then on is before it.
source::async_result<> capture::tell_of_loss(source::publication_loss loss,
                                             std::optional<position> through) {
  history_gap gap;
  gap.kind = gap_kind::unpublished;
  gap.after = loss.after;
  gap.through = through;
  gap.reason = loss.what.reason;
  const auto add = [&](std::uint32_t oid, const table_name& name) -> result<void> {
    const auto number = with_.relations->table(oid, name);
    if (!number) return number.error();
    if (std::ranges::find(gap.tables, *number) == gap.tables.end()) gap.tables.push_back(*number);
    return {};
  };
  for (const auto& table : loss.what.tables) {
    if (auto added = add(table.oid, table.name); !added) co_return added.error();
    // Whoever reads a partition's changes as those of its root misses them too.
    const auto* known = catalog_ ? catalog_->find(table.name) : nullptr;
    const auto* root =
        known == nullptr || loss.what.as_partition ? nullptr : catalog_->find(known->root);
    if (root == nullptr) continue;
    if (auto added = add(root->oid, root->name); !added) co_return added.error();
  }
  const auto ask = [this, gap](answer_taker done) { with_.record_gap(gap, std::move(done)); };
  co_return co_await wait_for(ask);
}

source::async_result<> capture::repair_publications(source::connection* database) {
  const auto repaired = co_await source::set_up(database, names_, with_.project.fix);
  if (!repaired) {
    log_warning("setup", "publication not corrected yet: trying again",
                {{"project", with_.project.name}, {"reason", repaired.error().message()}});
    co_return result<void>();
  }
  bool repaired_any = false;
  for (const auto& done : repaired->report) {
    if (done.level != source::severity::ok) continue;  // said when it connected
    log_info("setup", done.what, {{"project", with_.project.name}});
    repaired_any = true;
  }
  if (!repaired_any) co_return result<void>();
  const auto known = co_await refresh_catalog(database);
  if (!known) co_return known.error();
  co_return result<void>();
}

// While nobody can look, what others alter is found late.
void capture::note_look(const result<void>& looked) {
  say_once(look_problem_, "publications not compared: trying again", looked);
}

void capture::keep_publications() {
  publications_unkept_ = false;
  place_kept_ = std::chrono::steady_clock::now();
  with_.keep_fact("publications", control::to_json(published_.memory()));
}

void capture::begin_look_at_publications(std::chrono::steady_clock::time_point now) {
  if (!with_.project.event_persistence || looking_ || now - last_look_ < publications_look_interval)
    return;
  looking_ = true;
  last_look_ = now;
  wanted what;
  what.publications = true;
  ask(what, [this](const result<present>& answer) {
    looking_ = false;
    if (!answer) note_look(answer.error());
  });
}

}  // namespace pulse::capture

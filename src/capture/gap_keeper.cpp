#include "capture/gap_keeper.hpp"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

#include "base/logging.hpp"

namespace pulse::capture {
namespace {

// Where each of the cursors stands that were to be taken back.
using taken = std::vector<result<position>>;

struct outcome {
  taken lost;
  control::stored_gap gap;
  std::vector<control::stored_gap> all;
  bool bars_somebody = true;  // there are named streams, open or not
};

// Cursors of a log that is lost may lie behind all that the server writes from now on, when it was
// set back: such a stream would get nothing and be told nothing. Before the gap it is refused.
result<std::vector<streams::cursor_key>> cursors_behind(control::state_store& store,
                                                        const std::string& project,
                                                        const position& end) {
  const auto cursors = store.cursors(project);
  if (!cursors) return cursors.error();
  std::vector<streams::cursor_key> behind;
  for (const auto& one : *cursors) {
    if (one.at > end) behind.push_back({one.table, one.name});
  }
  return behind;
}

// Before the gap is recorded whole: a crash in between finds both again.
result<taken> take_back(control::state_store& store, const std::string& project,
                        const std::vector<streams::cursor_key>& lost, const position& to) {
  taken all;
  for (const auto& key : lost) {
    const auto from = store.seek_cursor(project, key.table, key.name, to);
    const bool deleted = !from && from.error().code == errc::not_found;
    if (!from && !deleted) return from.error();
    all.push_back(deleted ? result<position>(from.error()) : result<position>(to));
    if (deleted) continue;
    log_warning("streams", "cursor of the lost event log moved to before the gap",
                {{"project", project},
                 {"table", to_string(key.table)},
                 {"stream", key.name},
                 {"from", to_string(*from)}});
  }
  return all;
}

std::string next_step(const control::stored_gap& gap, bool bars_somebody) {
  if (gap.accepted_at) return "streams continue after it (on_gap = \"continue\")";
  const auto accept = "`pulse gaps accept " + std::to_string(gap.id) + "`";
  return bars_somebody
             ? "it blocks named streams until " + accept
             : "it blocks no stream, and new ones start after it. When you have read this, run " +
                   accept;
}

void log_found(const std::string& project, const control::stored_gap& gap, bool bars_somebody) {
  const auto& what = gap.what;
  // Where nobody has read anything yet, as at the first start beside an old slot, nobody misses it.
  const bool is_calm = traits_of(what.kind).loses_log && !bars_somebody;
  log_event(is_calm ? log_level::warning : log_level::error, "capture",
            is_calm ? "a gap: earlier events are not in this data directory"
                    : "a gap: some committed changes cannot be delivered",
            {{"project", project},
             {"gap", gap.id},
             {"kind", to_string(what.kind)},
             {"after", to_string(what.after)},
             {"through", what.through ? to_string(*what.through) : "not known yet"},
             {"vanished_events", what.vanished ? what.vanished->count : 0},
             {"vanished_first", what.vanished ? to_string(what.vanished->first) : ""},
             {"vanished_last", what.vanished ? to_string(what.vanished->last) : ""},
             {"reason", what.reason},
             {"next", next_step(gap, bars_somebody)}});
}

}  // namespace

gap_keeper::gap_keeper(parts with, gaps known)
    : with_(std::move(with)), open_(with_.figures->gauge(metric::gaps_open, with_.project)) {
  use(std::move(known));
}

void gap_keeper::use(gaps now) {
  gaps_ = std::move(now);
  with_.streams->use_gaps(gaps_);
  open_.Set(static_cast<double>(open()));
}

std::size_t gap_keeper::open() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(gaps_, [](const auto& gap) { return !gap.accepted_at; }));
}

void gap_keeper::record(const history_gap& found, recorded done) {
  if (!traits_of(found.kind).loses_log || !found.through) return keep(found, {}, std::move(done));
  with_.control->run(
      with_.delivery,
      [project = with_.project, end = *found.through](control::state_store& store) {
        return cursors_behind(store, project, end);
      },
      [weak = weak_from_this(), found,
       done = std::move(done)](const result<std::vector<streams::cursor_key>>& lost) {
        const auto self = weak.lock();
        if (!self) return;
        if (!lost) return done(lost.error());
        self->keep(found, *lost, done);
      });
}

void gap_keeper::keep(const history_gap& found, std::vector<streams::cursor_key> lost,
                      recorded done) {
  std::vector<streams::hub::moved> moved;
  moved.reserve(lost.size());
  for (const auto& key : lost) moved.push_back(with_.streams->move(key, "the event log is lost"));
  with_.control->run(
      with_.delivery,
      [project = with_.project, found, lost = std::move(lost),
       by = std::string(with_.goes_on ? "on_gap" : "")](
          control::state_store& store) -> result<outcome> {
        auto taken_back = take_back(store, project, lost, found.after);
        if (!taken_back) return taken_back.error();
        auto table = store.gaps();
        auto gap = table.record(project, found, by);
        if (!gap) return gap.error();
        auto all = table.of(project);
        if (!all) return all.error();
        const auto cursors = store.cursors(project);
        if (!cursors) return cursors.error();
        return outcome{std::move(*taken_back), std::move(*gap), std::move(*all), !cursors->empty()};
      },
      [weak = weak_from_this(), moved = std::move(moved),
       done = std::move(done)](result<outcome> made) {
        const auto self = weak.lock();
        if (!self) return;
        if (!made) {
          for (const auto& tell : moved) tell(made.error());
          return done(made.error());
        }
        const auto known = std::ranges::find(self->gaps_, made->gap.id, &control::stored_gap::id);
        if (known == self->gaps_.end()) {
          self->with_.figures
              ->counter(metric::gaps, self->with_.project,
                        std::string(to_string(made->gap.what.kind)))
              .Increment();
        }
        if (known == self->gaps_.end() || known->what != made->gap.what)
          log_found(self->with_.project, made->gap, made->bars_somebody);
        self->use(std::move(made->all));
        for (std::size_t i = 0; i < moved.size(); ++i) moved[i](made->lost[i]);
        done(std::move(made->gap));
      });
}

void gap_keeper::withdraw_beyond(const position& start, std::function<void(result<void>)> done) {
  with_.control->run(
      with_.delivery,
      [project = with_.project, start](control::state_store& store) -> result<std::optional<gaps>> {
        auto table = store.gaps();
        const auto any = table.withdraw_beyond(project, start);
        if (!any) return any.error();
        if (!*any) return std::optional<gaps>();
        auto all = table.of(project);
        if (!all) return all.error();
        return std::optional(std::move(*all));
      },
      [weak = weak_from_this(), start, done = std::move(done)](result<std::optional<gaps>> all) {
        const auto self = weak.lock();
        if (!self) return;
        if (!all) return done(all.error());
        if (*all) {
          log_warning("capture", "gap shortened: capture resumed before its recorded end",
                      {{"project", self->with_.project}, {"from", to_string(start)}});
          self->use(std::move(**all));
        }
        done({});
      });
}

void gap_keeper::accept(std::uint64_t id, const std::string& by, recorded done) {
  with_.control->run(
      with_.delivery,
      [project = with_.project, id, by](control::state_store& store) -> result<gaps> {
        auto table = store.gaps();
        if (auto accepted = table.accept(project, id, by); !accepted) return accepted.error();
        return table.of(project);
      },
      [weak = weak_from_this(), id, done = std::move(done)](result<gaps> all) {
        if (!all) return done(all.error());
        const auto found = std::ranges::find(*all, id, &control::stored_gap::id);
        assert(found != all->end());
        auto gap = *found;
        // Accepted, whether or not the project is still there to take notice.
        if (const auto self = weak.lock()) {
          self->use(std::move(*all));
          log_info("capture", "gap accepted: streams continue after it",
                   {{"project", self->with_.project}, {"gap", id}, {"by", gap.accepted_by}});
        }
        done(std::move(gap));
      });
}

}  // namespace pulse::capture

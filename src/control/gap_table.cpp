#include "control/gap_table.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "control/position_columns.hpp"

namespace pulse::control {
namespace {

constexpr const char* columns =
    "SELECT id, kind, reason, after_timeline, after_commit_lsn, after_change_lsn, after_ordinal, "
    "through_timeline, through_commit_lsn, through_change_lsn, through_ordinal, vanished_first, "
    "vanished_last, vanished_count, found_at_us, accepted_at_us, accepted_by, tables FROM gaps ";

// "4,7": the tables' numbers.
std::string numbers_text(const std::vector<table_id>& tables) {
  return fmt::format("{}", fmt::join(tables, ","));
}

std::vector<table_id> parse_numbers(std::string_view text) {
  std::vector<table_id> all;
  const auto* at = text.data();
  const auto* const end = at + text.size();
  while (at < end) {
    const auto [behind, failure] = std::from_chars(at, end, all.emplace_back());
    if (failure != std::errc()) return {};
    at = behind + 1;
  }
  return all;
}

// Of gaps at one place. None named: every table.
std::vector<table_id> tables_of_both(const history_gap& one, const history_gap& other) {
  if (one.tables.empty() || other.tables.empty()) return {};
  auto both = one.tables;
  for (const auto table : other.tables) {
    if (std::ranges::find(both, table) == both.end()) both.push_back(table);
  }
  return both;
}

// Whether the gap that was found has more in it than the one that is known at its place.
bool is_more(const history_gap& known, const history_gap& found) {
  return known.through || tables_of_both(known, found) != known.tables;
}

result<stored_gap> read(const statement& row) {
  stored_gap gap;
  gap.id = static_cast<std::uint64_t>(row.number(0));
  const auto kind = parse_gap_kind(row.text(1));
  if (!kind) {
    return error{errc::corrupt,
                 fmt::format("the state database has a gap of the unknown kind {}", row.text(1)),
                 "use the program that wrote it, or a newer one"};
  }
  gap.what.kind = *kind;
  gap.what.reason = row.text(2);
  gap.what.after = read_position(row, 3);
  if (!row.is_null(7)) gap.what.through = read_position(row, 7);
  if (!row.is_null(11)) {
    gap.what.vanished = vanished_events{parse_event_id(row.text(11)).value_or(event_id{}),
                                        parse_event_id(row.text(12)).value_or(event_id{}),
                                        static_cast<std::uint64_t>(row.number(13))};
  }
  gap.found_at = row.time(14);
  if (!row.is_null(15)) gap.accepted_at = row.time(15);
  gap.accepted_by = row.text(16);
  gap.what.tables = parse_numbers(row.text(17));
  return gap;
}

result<std::vector<stored_gap>> read_all(statement& select) {
  std::vector<stored_gap> all;
  for (;;) {
    const auto row = select.step();
    if (!row) return row.error();
    if (!*row) return all;
    auto gap = read(select);
    if (!gap) return gap.error();
    all.push_back(std::move(*gap));
  }
}

}  // namespace

result<std::vector<stored_gap>> gap_table::of(std::string_view project) {
  auto select = database_->prepare(
      std::string(columns) +
      "WHERE project = ? ORDER BY after_timeline, after_commit_lsn, after_change_lsn, "
      "after_ordinal");
  if (!select) return select.error();
  return read_all(select->bind(project));
}

result<stored_gap> gap_table::record(std::string_view project, const history_gap& found,
                                     std::string_view accepted_by) {
  const auto same_place = [&]() -> result<std::optional<stored_gap>> {
    const auto all = of(project);
    if (!all) return all.error();
    const auto at =
        std::ranges::find(*all, found.after, [](const stored_gap& one) { return one.what.after; });
    return at == all->end() ? std::nullopt : std::optional(*at);
  };
  const auto known = same_place();
  if (!known) return known.error();
  if (!*known) {
    if (auto inserted = insert(project, found); !inserted) return inserted.error();
  } else if (found.through && (*known)->what.through != found.through) {
    if (auto completed = complete(**known, found); !completed) return completed.error();
  } else if (found.goes_on() && is_more((*known)->what, found)) {
    // What began to be missing at the very place of another gap: one gap of both, without an end
    // yet.
    auto both = (*known)->what;
    both.tables = tables_of_both(both, found);
    both.through.reset();
    both.reason += "; " + found.reason;
    if (auto widened = update((*known)->id, both, true); !widened) return widened.error();
  }
  auto now = same_place();
  if (!now) return now.error();
  if (!accepted_by.empty() && !(*now)->accepted_at) {
    if (auto accepted = accept(project, (*now)->id, accepted_by); !accepted)
      return accepted.error();
    now = same_place();
    if (!now) return now.error();
  }
  return **now;
}

result<void> gap_table::insert(std::string_view project, const history_gap& found) {
  auto insert = database_->prepare(
      "INSERT INTO gaps (after_timeline, after_commit_lsn, after_change_lsn, after_ordinal, "
      "project, kind, reason, found_at_us, vanished_first, vanished_last, vanished_count, "
      "tables, through_timeline, through_commit_lsn, through_change_lsn, through_ordinal) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), nullif(?, ''), ?, ?, ?, ?, ?, ?)");
  if (!insert) return insert.error();
  bind_position(*insert, found.after);
  const auto& vanished = found.vanished;
  insert->bind(project)
      .bind(to_string(found.kind))
      .bind(found.reason)
      .bind(std::int64_t{now_.time_since_epoch().count()})
      .bind(vanished ? to_string(vanished->first) : std::string())
      .bind(vanished ? to_string(vanished->last) : std::string())
      .bind(vanished ? std::optional(static_cast<std::int64_t>(vanished->count)) : std::nullopt)
      .bind(numbers_text(found.tables));
  if (found.through) {
    bind_position(*insert, *found.through);
  } else {
    for (int column = 0; column < 4; ++column) insert->bind(std::optional<std::int64_t>());
  }
  return insert->run();
}

result<void> gap_table::complete(const stored_gap& known, const history_gap& found) {
  // Nothing was missing but what comes next, and now that is of another history altogether.
  auto told = traits_of(found.kind).leaves_history ? found : known.what;
  told.through = found.through;
  if (!told.vanished) told.vanished = known.what.vanished;
  told.tables = tables_of_both(known.what, found);
  return update(known.id, told, known.what.through.has_value());
}

result<void> gap_table::update(std::uint64_t id, const history_gap& what, bool accepted_anew) {
  auto update = database_->prepare(
      "UPDATE gaps SET through_timeline = ?, through_commit_lsn = ?, through_change_lsn = ?, "
      "through_ordinal = ?, accepted_at_us = CASE WHEN ? THEN NULL ELSE accepted_at_us END, "
      "tables = ?, kind = ?, reason = ?, "
      "vanished_first = nullif(?, ''), vanished_last = nullif(?, ''), vanished_count = ? "
      "WHERE id = ?");
  if (!update) return update.error();
  if (what.through) {
    bind_position(*update, *what.through);
  } else {
    for (int column = 0; column < 4; ++column) update->bind(std::optional<std::int64_t>());
  }
  const auto& vanished = what.vanished;
  return update->bind(std::int64_t{accepted_anew ? 1 : 0})
      .bind(numbers_text(what.tables))
      .bind(to_string(what.kind))
      .bind(what.reason)
      .bind(vanished ? to_string(vanished->first) : std::string())
      .bind(vanished ? to_string(vanished->last) : std::string())
      .bind(vanished ? std::optional(static_cast<std::int64_t>(vanished->count)) : std::nullopt)
      .bind(static_cast<std::int64_t>(id))
      .run();
}

result<bool> gap_table::withdraw_beyond(std::string_view project, const position& start) {
  const auto all = of(project);
  if (!all) return all.error();
  bool any = false;
  for (const auto& gap : *all) {
    // Of a transaction that was cut short more may be stored than capture goes on from.
    const auto end = std::max(start, gap.what.after);
    const auto& kind = traits_of(gap.what.kind);
    if (kind.ends != gap_end::where_capture_goes_on ||
        (gap.what.through && *gap.what.through <= end)) {
      continue;
    }
    auto what = gap.what;
    what.through = end;
    what.vanished.reset();
    // What has been captured since it began did happen.
    if (kind.never_happened) what.kind = gap_kind::slot_missing;
    what.reason += "; abandoned, because capture resumed elsewhere";
    if (auto ended = update(gap.id, what, false); !ended) return ended.error();
    if (what.through == what.after && !gap.accepted_at) {
      if (auto accepted = accept(project, gap.id, "nothing is missing"); !accepted)
        return accepted.error();
    }
    any = true;
  }
  return any;
}

result<void> gap_table::accept(std::string_view project, std::uint64_t id, std::string_view by) {
  auto update = database_->prepare(
      "UPDATE gaps SET accepted_by = CASE WHEN accepted_at_us IS NULL THEN ? ELSE accepted_by END, "
      "accepted_at_us = coalesce(accepted_at_us, ?) WHERE project = ? AND id = ?");
  if (!update) return update.error();
  if (auto done = update->bind(by)
                      .bind(std::int64_t{now_.time_since_epoch().count()})
                      .bind(project)
                      .bind(static_cast<std::int64_t>(id))
                      .run();
      !done) {
    return done;
  }
  if (database_->changes() != 0) return {};
  return error{errc::not_found, fmt::format("no gap {} in project {}", id, project),
               "list them with `pulse gaps list`"};
}

}  // namespace pulse::control

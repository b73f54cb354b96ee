#include "streams/known_gaps.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "streams/event_search.hpp"

namespace pulse::streams {
namespace {

// Table 0: any.
bool concerns(const control::stored_gap& gap, table_id table) {
  const auto& tables = gap.what.tables;
  return table == 0 || tables.empty() || std::ranges::find(tables, table) != tables.end();
}

}  // namespace

std::string bounds_of(const history_gap& gap) {
  return gap.through ? fmt::format("between {} and {}", to_string(gap.after.commit),
                                   to_string(gap.through->commit))
                     : fmt::format("after {}", to_string(gap.after.commit));
}

const control::stored_gap* known_gaps::bar_behind(const position& place, table_id table) const {
  const auto found = std::ranges::find_if(gaps_, [&](const auto& gap) {
    return !gap.accepted_at && (!gap.what.through || place < *gap.what.through) &&
           concerns(gap, table);
  });
  return found == gaps_.end() ? nullptr : &*found;
}

const control::stored_gap* known_gaps::bar_behind(const position& place,
                                                  const std::vector<table_id>& tables,
                                                  const std::vector<std::uint64_t>& passed) const {
  const auto found = std::ranges::find_if(gaps_, [&](const auto& gap) {
    const bool is_passed = std::ranges::find(passed, gap.id) != passed.end() &&
                           (gap.what.through || gap.what.goes_on());
    return !gap.accepted_at && !is_passed && (!gap.what.through || place < *gap.what.through) &&
           std::ranges::any_of(tables, [&](table_id table) { return concerns(gap, table); });
  });
  return found == gaps_.end() ? nullptr : &*found;
}

const control::stored_gap* known_gaps::bar_between(const position& place, const position& next,
                                                   table_id table) const {
  const auto* gap = bar_behind(place, table);
  return gap != nullptr && next > gap->what.after ? gap : nullptr;
}

bool known_gaps::never_happened(const position& at) const {
  return std::ranges::any_of(gaps_, [&](const auto& gap) {
    return traits_of(gap.what.kind).never_happened && at > gap.what.after &&
           (!gap.what.through || at <= *gap.what.through);
  });
}

result<void> known_gaps::check_not_reached(const position& cursor, table_id table,
                                           const log::event_log& log) const {
  const auto* gap = bar_behind(cursor, table);
  if (gap == nullptr) return {};
  // What retention has dropped before the gap does not come any more.
  const auto from = std::max(cursor, log.bounds().dropped_through);
  if (from < gap->what.after) {
    // What cannot be read is said where it is read; and where it takes more than one turn to know,
    // the stream finds out by itself: it ends at the gap.
    auto bytes = searched_bytes_a_turn;
    const auto found = event_search(log).look({from, gap->what.after, table}, bytes);
    if (!found || found->value_or(true)) return {};
  }
  return error{
      errc::gap,
      fmt::format("gap {} blocks this stream: events {} cannot be delivered ({})", gap->id,
                  bounds_of(gap->what), gap->what.reason),
      fmt::format("reload the consumer's data from the table, then run `pulse gaps accept {}`",
                  gap->id)};
}

result<position> known_gaps::start_behind(const position& start, const position& mark,
                                          table_id table) const {
  auto from = start;
  for (const auto& gap : gaps_) {
    if (!concerns(gap, table)) continue;
    // Somebody has said that streams go on although it goes on too.
    if (gap.what.goes_on() && gap.accepted_at) continue;
    // Capture may still go another way, whose positions are lower.
    const bool is_over =
        gap.what.through && (traits_of(gap.what.kind).ends != gap_end::where_capture_goes_on ||
                             *gap.what.through <= mark);
    if (is_over) {
      from = std::max(from, *gap.what.through);
    } else {
      return error{errc::unavailable,
                   fmt::format("gap {} has no end yet, so the start of a new stream is unknown: {}",
                               gap.id, gap.what.reason),
                   "connect again when the gap has an end; see `pulse gaps list`"};
    }
  }
  return from;
}

}  // namespace pulse::streams

// The kinds of gaps, and what sets them apart.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include <boost/describe/enum.hpp>

namespace pulse {

// What each is stands in its row of the table in gap_kind.cpp, which does not compile with one
// missing.
BOOST_DEFINE_ENUM_CLASS(gap_kind, slot_missing, slot_lost, slot_ahead, log_lost, forked, set_back,
                        another_database, skipped, damaged, unpublished)

enum class gap_end {
  // A connection's stream began with it: it ends where capture goes on, and the end is known when
  // the server has said where that is.
  where_capture_goes_on,
  // Within what capture has passed, or is about to pass: known when the gap is found.
  known,
  // The same, but what is missing may go on being missing: known when it comes again.
  when_sent_again,
};

// What there is to know of a kind. Of whatever kind it is, a gap bars named streams from passing it
// until somebody accepts it.
struct gap_traits {
  gap_kind kind = {};
  std::string_view name;     // as lists, metrics and the state store have it
  std::string_view meaning;  // a clause for people, with which the documents begin theirs
  gap_end ends = gap_end::known;
  // What is behind it does not come after what is before it: it is of another history.
  bool leaves_history = false;
  // Stored events within it never happened, and are delivered to nobody, accepted or not.
  bool never_happened = false;
  // What was stored before it is not here: cursors may lie behind its end, and are taken back.
  bool loses_log = false;
  // The log finds it by itself where it reads, and passes it once it has been told of it.
  bool is_found_in_log = false;
  // Capture passes over what stands at its end whenever that is sent again.
  bool skips_its_end = false;
};

// All kinds, in the enumeration's order.
std::span<const gap_traits> all_gap_kinds() noexcept;

const gap_traits& traits_of(gap_kind kind) noexcept;
std::string_view to_string(gap_kind kind) noexcept;
std::optional<gap_kind> parse_gap_kind(std::string_view name) noexcept;

}  // namespace pulse

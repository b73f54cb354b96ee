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
  // Found where a connection's stream starts: it ends where capture resumes, which is known when
  // PostgreSQL has returned that position.
  where_capture_goes_on,
  // Within what capture has passed, or is about to pass: known when the gap is found.
  known,
  // The same, but changes may stay missing for longer: known when PostgreSQL sends them again.
  when_sent_again,
};

// The properties of a kind. Until somebody accepts it, a gap of any kind blocks named streams from
// passing it.
struct gap_traits {
  gap_kind kind = {};
  std::string_view name;     // as lists, metrics and the state store have it
  std::string_view meaning;  // a clause for people, with which the documents begin theirs
  gap_end ends = gap_end::known;
  // Events after it belong to another history than events before it.
  bool leaves_history = false;
  // Stored events within it are orphaned, and never delivered, accepted or not.
  bool never_happened = false;
  // Events stored before it are lost: cursors may be after its end, and move back.
  bool loses_log = false;
  // The log finds it when it reads, and skips it once it has been told of it.
  bool is_found_in_log = false;
  // Capture skips the change at its end whenever PostgreSQL sends it again.
  bool skips_its_end = false;
};

// All kinds, in the enumeration's order.
std::span<const gap_traits> all_gap_kinds() noexcept;

const gap_traits& traits_of(gap_kind kind) noexcept;
std::string_view to_string(gap_kind kind) noexcept;
std::optional<gap_kind> parse_gap_kind(std::string_view name) noexcept;

}  // namespace pulse

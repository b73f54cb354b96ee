#include "change/gap_kind.hpp"

#include <algorithm>
#include <array>

#include <boost/describe/enumerators.hpp>
#include <boost/mp11/list.hpp>

namespace pulse {
namespace {

constexpr std::array rows{
    gap_traits{.kind = gap_kind::slot_missing,
               .name = "slot_missing",
               .meaning = "the slot is gone",
               .ends = gap_end::where_capture_goes_on},
    gap_traits{.kind = gap_kind::slot_lost,
               .name = "slot_lost",
               .meaning = "PostgreSQL has dropped the WAL that the slot needed",
               .ends = gap_end::where_capture_goes_on},
    gap_traits{.kind = gap_kind::slot_ahead,
               .name = "slot_ahead",
               .meaning = "the slot starts after the end of the event log",
               .ends = gap_end::where_capture_goes_on},
    gap_traits{.kind = gap_kind::log_lost,
               .name = "log_lost",
               .meaning = "the event log is gone, and the slot or the log existed before",
               .ends = gap_end::where_capture_goes_on,
               .loses_log = true},
    gap_traits{.kind = gap_kind::forked,
               .name = "forked",
               .meaning = "the history that PostgreSQL follows has left the stored one",
               .ends = gap_end::where_capture_goes_on,
               .leaves_history = true,
               .never_happened = true},
    gap_traits{.kind = gap_kind::set_back,
               .name = "set_back",
               .meaning = "PostgreSQL writes stored LSNs again on the same timeline",
               .ends = gap_end::where_capture_goes_on,
               .leaves_history = true},
    gap_traits{.kind = gap_kind::another_database,
               .name = "another_database",
               .meaning = "another database is at the URL",
               .ends = gap_end::where_capture_goes_on,
               .leaves_history = true},
    gap_traits{.kind = gap_kind::skipped,
               .name = "skipped",
               .meaning = "an operator has skipped a change",
               .skips_its_end = true},
    gap_traits{.kind = gap_kind::damaged,
               .name = "damaged",
               .meaning = "stored events cannot be read",
               .is_found_in_log = true},
    gap_traits{.kind = gap_kind::unpublished,
               .name = "unpublished",
               .meaning = "PostgreSQL did not send all changes of a published table",
               .ends = gap_end::when_sent_again},
};

constexpr bool has_a_row_for_each_kind() {
  if (rows.size() != boost::mp11::mp_size<boost::describe::describe_enumerators<gap_kind>>::value)
    return false;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows.at(i).kind != gap_kind{static_cast<int>(i)} || rows.at(i).name.empty()) return false;
  }
  return true;
}
static_assert(has_a_row_for_each_kind(), "each gap_kind has one row, in the enumeration's order");

}  // namespace

std::span<const gap_traits> all_gap_kinds() noexcept {
  return rows;
}

const gap_traits& traits_of(gap_kind kind) noexcept {
  return rows[static_cast<std::size_t>(kind)];
}

std::string_view to_string(gap_kind kind) noexcept {
  return traits_of(kind).name;
}

std::optional<gap_kind> parse_gap_kind(std::string_view name) noexcept {
  const auto* found = std::ranges::find(rows, name, &gap_traits::name);
  return found == rows.end() ? std::nullopt : std::optional(found->kind);
}

}  // namespace pulse

#include "filters/filter_row.hpp"

namespace pulse::filters {

filter_row filter_row::of(const event_view& event, row_side side) {
  const part after{event.after, false};
  const part before{event.before, event.before_kind != old_row_kind::full};
  if (side == row_side::new_row) return {after, before};
  const bool key_unchanged =
      event.action == change_action::update && event.before_kind == old_row_kind::none;
  return key_unchanged ? filter_row({event.after, true}, {}) : filter_row(before, {});
}

std::optional<column_value> filter_row::value(const part& of, std::size_t column,
                                              bool in_identity) {
  if (column >= of.row.column_count() || (of.identity_only && !in_identity)) return std::nullopt;
  auto at = of.row.begin();
  for (std::size_t i = 0; i < column; ++i) ++at;
  const auto found = *at;
  if (found.state == column_state::unchanged_toast) return std::nullopt;
  return found;
}

std::optional<column_value> filter_row::at(std::size_t column, bool in_identity) const {
  if (const auto found = value(first_, column, in_identity)) return found;
  return value(fallback_, column, in_identity);
}

}  // namespace pulse::filters

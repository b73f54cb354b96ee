// The values that an event brings for a filter to look at.
#pragma once

#include <cstddef>
#include <optional>

#include "change/event.hpp"
#include "change/tuple.hpp"

namespace pulse::filters {

// A create has the new row, a delete the old one, an update both.
enum class row_side { new_row, old_row };

// One row of an event, with what another row of it says where a value was not sent. A view.
class filter_row {
 public:
  // PostgreSQL sends no old row with an update that leaves the replica identity as it was (manual,
  // section 55.9): the identity's old values are the new ones then. A large value that an update
  // did not touch is not in the new row, but is in the old one when that is there.
  static filter_row of(const event_view& event, row_side side);

  // Nothing: the event does not have it. `in_identity`: the column is part of the replica identity.
  std::optional<column_value> at(std::size_t column, bool in_identity) const;

 private:
  struct part {
    tuple_view row;
    bool identity_only = false;
  };
  filter_row(part first, part fallback) : first_(first), fallback_(fallback) {}
  static std::optional<column_value> value(const part& of, std::size_t column, bool in_identity);

  part first_;
  part fallback_;
};

}  // namespace pulse::filters

// A position as four columns of a table: timeline, commit LSN, change LSN, ordinal.
#pragma once

#include <cstdint>

#include "change/position.hpp"
#include "control/sqlite.hpp"

namespace pulse::control {

inline position read_position(const statement& row, int first) {
  return {static_cast<std::uint32_t>(row.number(first)),
          lsn{static_cast<std::uint64_t>(row.number(first + 1))},
          lsn{static_cast<std::uint64_t>(row.number(first + 2))},
          static_cast<std::uint32_t>(row.number(first + 3))};
}

inline void bind_position(statement& to, const position& at) {
  to.bind(std::int64_t{at.timeline})
      .bind(static_cast<std::int64_t>(at.commit.value))
      .bind(static_cast<std::int64_t>(at.change.value))
      .bind(std::int64_t{at.ordinal});
}

}  // namespace pulse::control

// Where a change is in the database's history: used to recognise duplicates and to compare cursors.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "change/lsn.hpp"

namespace pulse {

// A function of the WAL alone, whoever reads it and however often: the transaction's commit, the
// change's own WAL record in it, and the row's number within that record (one COPY record holds
// many rows; one TRUNCATE record many tables, whose OIDs are their numbers in it: which of them are
// published does not matter then). Ordered as PostgreSQL delivers: by timeline, commit, change,
// row. `commit` is the LSN of the commit record (pgoutput's "final LSN").
struct position {
  std::uint32_t timeline = 0;
  lsn commit;
  lsn change;
  std::uint32_t ordinal = 0;

  auto operator<=>(const position&) const = default;
};

// The greatest position before `at`, which is not zero.
position just_before(const position& at);

// "timeline:commit:change:ordinal", for people and logs.
std::string to_string(const position& at);

}  // namespace pulse

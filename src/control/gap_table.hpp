// The gaps of all projects, in the state database.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "control/sqlite.hpp"
#include "control/stored_gap.hpp"

namespace pulse::control {

// Looks at a database that outlives it. What returns without an error is durable.
class gap_table {
 public:
  gap_table(const sqlite_database& database, unix_time_us now) : database_(&database), now_(now) {}

  // A gap is known by where it begins: finding one again, after a crash or with its end known now,
  // completes the record and keeps its id, kind and date. One that was accepted and has grown
  // must be accepted again. `accepted_by` not empty: it counts as accepted.
  result<stored_gap> record(std::string_view project, const history_gap& found,
                            std::string_view accepted_by);
  // Capture resumes here: a gap that reaches beyond was recorded for an abandoned start attempt,
  // for example because capture returned to the old server before anything of the new one was
  // stored. It ends here, or at its start; then nothing is missing in it, and it counts as
  // accepted. Returns whether there was any.
  result<bool> withdraw_beyond(std::string_view project, const position& start);
  // Oldest place first.
  result<std::vector<stored_gap>> of(std::string_view project);
  // Accepting an accepted gap changes nothing. errc::not_found: the project has no such gap.
  result<void> accept(std::string_view project, std::uint64_t id, std::string_view by);

 private:
  result<void> insert(std::string_view project, const history_gap& found);
  result<void> complete(const stored_gap& known, const history_gap& found);
  result<void> update(std::uint64_t id, const history_gap& what, bool accepted_anew);

  const sqlite_database* database_;
  unix_time_us now_;
};

}  // namespace pulse::control

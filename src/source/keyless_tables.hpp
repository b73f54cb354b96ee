// Tables without a replica identity that can be used: found, and fixed.
#pragma once

#include <string>
#include <vector>

#include "source/connection.hpp"

namespace pulse::source {

// A table without a usable replica identity. PostgreSQL cannot publish its UPDATEs and DELETEs:
// Pulse's own publications leave them out, and under a publication that has them they fail.
struct keyless_table {
  std::string schema;
  std::string name;
  bool owned = false;    // by the connected role, directly or by membership
  bool nothing = false;  // REPLICA IDENTITY NOTHING: somebody wants it so
  std::string identity;  // what would complete it, as ALTER TABLE has it; empty: nothing but a key
  std::string mend() const;  // ALTER TABLE … REPLICA IDENTITY …; empty without identity
  // Why it cannot be completed by an identity alone, for people.
  std::string needs_key() const;
};
// All of them, or only those in an existing publication.
async_result<std::vector<keyless_table>> find_keyless_tables(connection* database,
                                                             std::string in_publication);

// Whether the first publishing may begin, with these tables captured as INSERTs and TRUNCATEs only.
// errc::conflict, with the SQL that completes them: the user decides, by running it, or by `fix`.
// REPLICA IDENTITY NOTHING has been decided.
result<void> can_be_published(const std::vector<keyless_table>& tables, bool fix);

// Gives them the identity that they can have, one table in a transaction, waiting for each lock
// 200 ms at most, several times. Those that have it then; the others have been held by somebody.
async_result<std::vector<keyless_table>> give_identities(connection* database,
                                                         std::vector<keyless_table> tables);

}  // namespace pulse::source

// Tables without a usable replica identity: how Pulse finds and fixes them.
#pragma once

#include <string>
#include <vector>

#include "source/connection.hpp"

namespace pulse::source {

// A table without a usable replica identity. PostgreSQL cannot publish its UPDATEs and DELETEs.
// Pulse's own publications omit them; under a publication that includes them, they fail.
struct keyless_table {
  std::string schema;
  std::string name;
  bool owned = false;    // by the connected role, directly or by membership
  bool nothing = false;  // REPLICA IDENTITY NOTHING: somebody wants it so
  std::string identity;  // what would complete it, as ALTER TABLE has it; empty: nothing but a key
  std::string mend() const;  // ALTER TABLE … REPLICA IDENTITY …; empty without identity
  // Returns, for people, why an identity alone is not enough.
  std::string needs_key() const;
};
// Returns all of them, or only those in an existing publication.
async_result<std::vector<keyless_table>> find_keyless_tables(connection* database,
                                                             std::string in_publication);

// Returns whether the first publishing may begin, with these tables captured as INSERTs and
// TRUNCATEs only. errc::conflict, with the SQL that fixes them: the user decides, by running it or
// by `fix`. For REPLICA IDENTITY NOTHING the user has decided.
result<void> can_be_published(const std::vector<keyless_table>& tables, bool fix);

// Gives the tables the best identity that they can have, one table in a transaction, waiting 200 ms
// at most for each lock, several times. Returns the tables that succeeded; other sessions held
// locks on the rest.
async_result<std::vector<keyless_table>> give_identities(connection* database,
                                                         std::vector<keyless_table> tables);

}  // namespace pulse::source

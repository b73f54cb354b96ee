// Tables without a replica identity that can be used: found, mended, and watched for.
#pragma once

#include <string>
#include <vector>

#include "source/server_checks.hpp"

namespace pulse::source {

// A table whose UPDATEs and DELETEs fail as soon as it is published: it has no replica identity
// that can be used. With virtual generated columns FULL is none (PostgreSQL 18: such columns are
// not published, and an identity must not contain what is not; manual, "Generated Column
// Replication").
struct keyless_table {
  std::string schema;
  std::string name;
  bool owned = false;        // by the connected role, directly or by membership
  std::string identity;      // what would mend it, as ALTER TABLE has it; empty: nothing but a key
  std::string mend() const;  // ALTER TABLE … REPLICA IDENTITY …;
  // What is wrong with it and cannot be mended here, for people.
  std::string needs_key() const;
};
// All of them, or only those in an existing publication.
async_result<std::vector<keyless_table>> find_keyless_tables(connection* database,
                                                             std::string in_publication);

// Whether they may be published, given an identity in the same transaction where `fix` is set.
// errc::conflict with the SQL that mends them, or with what only their owner can do.
result<void> can_be_published(const std::vector<keyless_table>& tables, bool fix);

// The event trigger that gives tables made later an identity, in their own transaction. Only a
// superuser can make it. Nothing of it may belong to somebody else (ownership.hpp).
inline constexpr const char* keyless_trigger_name = "pulse_identify_keyless_tables";
inline constexpr const char* keyless_function_name = "identify_keyless_tables";
async_result<> install_keyless_trigger(connection* database);

// Takes it away again, with its function, and with the schema when that is Pulse's and nothing else
// is in it. One line for each thing that is dropped or left.
async_result<std::vector<finding>> remove_keyless_trigger(connection* database);

}  // namespace pulse::source

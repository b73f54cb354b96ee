// Publications and event triggers: made so that no statement of an application fails, waits or has
// another outcome because of them (docs/decisions/0009-what-is-published.md).
#pragma once

#include <string>
#include <vector>

#include "change/lsn.hpp"
#include "source/connection.hpp"
#include "source/publications.hpp"
#include "source/reconcile.hpp"
#include "source/server_checks.hpp"

namespace pulse::source {

struct setup_result {
  std::vector<finding> report;  // what setup did and what it could not do, one line each
  // The user's own publication; the following members then have no meaning.
  bool own_publication = false;
  publication_upkeep upkeep;
  std::vector<publication_row> there;
  // The connected role may change the publications; otherwise a superuser has created them.
  bool changeable = false;
  bool has_triggers = false;
  lsn triggers_since;     // from there on in the WAL they have written their messages
  std::string ddl_token;  // secret: of the triggers' messages
  // The publication of earlier versions exists.
  bool has_old = false;
  // Tables that are captured as INSERTs and TRUNCATEs only, and the SQL that fixes them.
  std::vector<std::string> inserts_only;
};

// Creates the publications, unless the user has an own one, and lists every table: all tables as
// superuser, else those of the role (the report names the others). As superuser, also installs the
// event triggers that list new tables in their own transaction. Before the first publishing,
// refuses tables without a usable replica identity: errc::conflict with the SQL that fixes them.
// With `fix`, gives them REPLICA IDENTITY FULL.
async_result<setup_result> set_up(connection* database, source_names names, bool fix);

// Returns the tables that the role may publish and that are captured as INSERTs and TRUNCATEs only,
// without those with REPLICA IDENTITY NOTHING.
async_result<std::vector<std::string>> find_inserts_only(connection* database,
                                                         publication_upkeep kept);

// From which WAL position on a publication can be named that was created after the slot. All
// earlier transactions must have ended, because PostgreSQL decodes each with the catalog at its
// beginning. Ask again until `all_have_ended`, with the first `open_before`.
struct publication_start {
  std::string open_before;  // empty at first
  bool all_have_ended = false;
  lsn from;  // once they have
};
async_result<publication_start> find_publication_start(connection* database,
                                                       std::string open_before);

// Drops the publication of earlier versions, and its event trigger, when nothing streams from it
// any more.
async_result<std::vector<finding>> drop_old(connection* database, source_names names);

}  // namespace pulse::source

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
  // The user's own publication: what follows has no meaning.
  bool own_publication = false;
  publication_upkeep upkeep;
  std::vector<publication_row> there;
  // The publications may be changed by the connected role; else a superuser has made them.
  bool changeable = false;
  bool has_triggers = false;
  lsn triggers_since;     // from there on in the WAL they have written their messages
  std::string ddl_token;  // secret: of the triggers' messages
  // That of earlier versions is there.
  bool has_old = false;
  // Tables that are captured as INSERTs and TRUNCATEs only, and the SQL that completes them.
  std::vector<std::string> inserts_only;
};

// Makes the publications, unless the user has one of his own, and puts every table where it
// belongs: all tables as superuser, else those that the role owns (the report names those left
// out). As superuser also installs the event triggers that do the same for tables made later, in
// their own transaction. Before anything is published for the first time, tables without a usable
// replica identity are refused: errc::conflict with the SQL that completes them. With `fix` they
// are given REPLICA IDENTITY FULL.
async_result<setup_result> set_up(connection* database, source_names names, bool fix);

// Tables that the role may publish and that are captured as INSERTs and TRUNCATEs only, against
// the wish of nobody who has set REPLICA IDENTITY NOTHING.
async_result<std::vector<std::string>> find_inserts_only(connection* database,
                                                         publication_upkeep kept);

// From which place of the WAL on a publication that has been made while a slot was there can be
// named: all transactions that began before must have ended, since PostgreSQL decodes each with
// the catalog as it was when it began. Asked again until `all_have_ended`, with what `open_before`
// was the first time.
struct publication_start {
  std::string open_before;  // empty at first
  bool all_have_ended = false;
  lsn from;  // once they have
};
async_result<publication_start> find_publication_start(connection* database,
                                                       std::string open_before);

// Drops the publication of earlier versions, and its event trigger, once nothing streams by it any
// more.
async_result<std::vector<finding>> drop_old(connection* database, source_names names);

}  // namespace pulse::source

// The event triggers that keep the lists of published tables right, in the transaction of the
// statement that makes or alters a table, and write a ddl_message into it.
#pragma once

#include <string>
#include <vector>

#include "change/lsn.hpp"
#include "source/connection.hpp"
#include "source/publications.hpp"
#include "source/server_checks.hpp"

namespace pulse::source {

// Installs the triggers, or brings an older version of them up to date. Needs a superuser. Changes
// nothing when they are there as they should be. Whatever bears their names must
// be Pulse's: see refuse_what_others_own().
struct ddl_triggers {
  // Their messages begin with it and nobody else can read it: see change/ddl_message.hpp. One that
  // others can read is made anew.
  std::string token;
  // From there on in the WAL they have been as they are: before it there may be no messages, or
  // others.
  lsn since;
};
async_result<ddl_triggers> install_ddl_triggers(connection* database, source_names names);

// The schema of their functions, and the event triggers, that of earlier versions included.
std::string ddl_schema_of(const publication_names& ours);
std::vector<std::string> ddl_triggers_of(const publication_names& ours);

// Drops triggers and functions, and the schema unless others have put something into it; what does
// not exist is no error. Tells what was dropped or left.
async_result<> drop_ddl_triggers(connection* database, publication_names ours,
                                 std::vector<finding>* report);

// The trigger and schema of earlier versions, which all projects of a database shared. Kept as long
// as another project's old publication needs them, and the schema when others have put something
// into it.
async_result<> drop_old_trigger(connection* database, publication_names ours,
                                std::vector<finding>* report);

}  // namespace pulse::source

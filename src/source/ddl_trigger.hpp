// The event triggers that keep the lists of published tables complete, in the transaction of the
// statement that creates or alters a table, and that write a ddl_message into it.
#pragma once

#include <string>
#include <vector>

#include "change/lsn.hpp"
#include "source/connection.hpp"
#include "source/publications.hpp"
#include "source/server_checks.hpp"

namespace pulse::source {

// Installs the triggers, or upgrades those of earlier versions. Needs a superuser. Changes nothing
// if they are up to date. Whatever has their names must belong to Pulse: see
// refuse_what_others_own().
struct ddl_triggers {
  // The token at the start of their messages, which only Pulse's role can read: see
  // change/ddl_message.hpp. A token that others can read is replaced.
  std::string token;
  // The triggers are unchanged since this LSN; before it there may be no messages, or other ones.
  lsn since;
};
async_result<ddl_triggers> install_ddl_triggers(connection* database, source_names names);

// The schema of their functions, and the event triggers, those of earlier versions included.
std::string ddl_schema_of(const publication_names& ours);
std::vector<std::string> ddl_triggers_of(const publication_names& ours);

// Drops triggers and functions, and the schema unless other roles have put objects into it. Missing
// objects are no error. Reports dropped and kept objects.
async_result<> drop_ddl_triggers(connection* database, publication_names ours,
                                 std::vector<finding>* report);

// Drops the trigger and the schema of earlier versions, which all projects of a database shared.
// Keeps them while another project's old publication needs them, and the schema if other roles have
// put objects into it.
async_result<> drop_old_trigger(connection* database, publication_names ours,
                                std::vector<finding>* report);

}  // namespace pulse::source

// Checks that the objects with Pulse's names in a database belong to Pulse, so that Pulse never
// runs, adopts or extends objects of other roles.
#pragma once

#include <vector>

#include "source/server_checks.hpp"

namespace pulse::source {

// Returns one failure for each object with a name of this project that belongs neither to the
// connected role nor to a superuser: schema, function, event trigger, publication. Also returns one
// for each table that a publication of earlier versions publishes only in part (row filter, column
// list); reconcile() corrects later ones. Empty: no problem. Ignores a publication of the user's
// own (source_names::own_publication). Reads catalogs only, and locks nothing.
async_result<std::vector<finding>> check_ownership(connection* database, source_names names);

// As superuser: drops each of Pulse's event triggers that runs a function of a role that is no
// superuser; every superuser's DDL would run it. Returns whether there was one.
async_result<bool> disarm_foreign_trigger(connection* database, source_names names);

// errc::unauthorized, with the first such object and the names of all others.
async_result<> refuse_what_others_own(connection* database, source_names names);

}  // namespace pulse::source

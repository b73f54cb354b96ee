// Whether what bears Pulse's names in a database is Pulse's: nothing that somebody else has made
// there is run, adopted or built upon.
#pragma once

#include <vector>

#include "source/server_checks.hpp"

namespace pulse::source {

// One failure for each schema, function, event trigger and publication that bears a name of this
// project's and belongs neither to the connected role nor to a superuser, and for each table that a
// publication of earlier versions' name publishes only in part (row filter, list of columns; of
// later ones reconcile() puts that right). Empty: all is well. A publication of the user's own
// (source_names::own_publication) is not looked at. Reads catalogs only, and locks nothing.
async_result<std::vector<finding>> check_ownership(connection* database, source_names names);

// As superuser: drops each of Pulse's event triggers that runs a function of somebody who is none,
// which every superuser's DDL would run. Whether there was one.
async_result<bool> disarm_foreign_trigger(connection* database, source_names names);

// errc::unauthorized with the first of them and all others' names.
async_result<> refuse_what_others_own(connection* database, source_names names);

}  // namespace pulse::source

// The SQL of the functions behind Pulse's event triggers.
#pragma once

#include <string>

#include "source/publications.hpp"

namespace pulse::source {

// CREATE OR REPLACE for each of them, in the schema of these publications. What each of them does
// stands in a comment before it.
std::string ddl_functions_sql(const publication_names& ours, int server_version);

}  // namespace pulse::source

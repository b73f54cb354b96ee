// The SQL of the functions behind Pulse's event triggers.
#pragma once

#include <string>

#include "source/publications.hpp"

namespace pulse::source {

// Returns CREATE OR REPLACE for each function, in the schema of these publications. A comment
// before each function describes it.
std::string ddl_functions_sql(const publication_names& ours, int server_version);

}  // namespace pulse::source

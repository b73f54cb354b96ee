// The settings that every connection to PostgreSQL fixes for itself, so that no code of other roles
// runs with Pulse's rights, and equal values have equal texts.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"

namespace pulse::source {

enum class session_use {
  questions,
  changes,  // the stream of changes, which has rows' values
};

// Returns libpq's parameter `options`. It overrides postgresql.conf, the database and the role
// (manual, section 20.1), and the URL's own options if it follows them.
std::string session_options(session_use use);

// Returns the query to run right after connecting, because poolers and proxies drop `options`: one
// row with the present values, and the server's version after them. Safe with any search path: it
// has no operator, each function is named with its schema, and its arguments match only one
// function.
std::string session_settings_query(session_use use);

// errc::invalid_argument if a setting has another value: send nothing else on such a connection.
// errc::unsupported: the server is PGlite. `present`: the row of session_settings_query().
result<void> check_session_settings(session_use use, const std::vector<std::string>& present);

// The error for PGlite.
error refuse_pglite();

// Removes variables from the environment that libpq would send after the options and that would
// override them (manual, section 34.15). Call it before any other thread runs.
void forget_session_variables();

}  // namespace pulse::source

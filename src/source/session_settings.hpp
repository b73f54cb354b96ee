// The settings that every connection to PostgreSQL fixes for itself: no code of others runs with
// Pulse's rights, and the same value always has the same text.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"

namespace pulse::source {

enum class session_use {
  questions,
  changes,  // the stream of changes, which has rows' values
};

// For libpq's parameter `options`: wins over what postgresql.conf, the database and the role set
// (manual, section 20.1), and over the URL's own options when it stands behind them.
std::string session_options(session_use use);

// The question to ask right after connecting, since poolers and proxies drop `options`: one row
// that has the present values, and the server's version behind them. Safe to run with anybody's
// search path: it has no operator, each function is named with its schema, and its arguments leave
// no choice between several.
std::string session_settings_query(session_use use);

// errc::invalid_argument when a setting has another value: nothing else may be asked on such a
// connection. errc::unsupported: the server is PGlite. `present` is the row that
// session_settings_query() gives.
result<void> check_session_settings(session_use use, const std::vector<std::string>& present);

// What whoever gives PGlite as the database is told.
error refuse_pglite();

// Takes variables out of the environment that libpq would send behind the options and that would
// win over them (manual, section 34.15). Before any other thread runs.
void forget_session_variables();

}  // namespace pulse::source

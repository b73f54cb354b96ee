// Connection strings: libpq's URIs and keyword strings, and Prisma's URLs.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace pulse::source {

// How to reach one database. Contains the password, so never log it: see display().
struct database_target {
  std::map<std::string, std::string> parameters;  // libpq's keywords
  std::string schema;                             // Prisma's ?schema=, or empty
  std::vector<std::string> ignored;  // parameters that mean nothing here, to be said at start-up

  // "user@host:port/database", without the password.
  std::string display() const;
};

// Reads postgres:// and postgresql:// URIs and "key=value" strings.
// - Prisma's parameters are used (schema, connect_timeout, sslmode, sslaccept, sslcert) or ignored
//   and named; sslcert beside sslkey is the client's own certificate, as in libpq.
// - An unknown parameter is refused if it concerns security (require_auth) or resembles one of
//   libpq's (sslmod); otherwise it is ignored and named.
// - Poolers (pgbouncer=true, Neon's and Supabase's pooled hosts) and prisma:// URLs are refused,
//   with the way to the direct URL.
// errc::invalid_argument; errc::unsupported: the database that `prisma dev` starts. No error
// contains a password.
result<database_target> parse_database_url(std::string_view url);

}  // namespace pulse::source

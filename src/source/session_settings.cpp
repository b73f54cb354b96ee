#include "source/session_settings.hpp"

#include <array>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

namespace pulse::source {
namespace {

struct fixed_setting {
  std::string_view name;
  std::string_view given;  // as an option, where a space needs a backslash
  std::string_view shown;  // as PostgreSQL shows it
};

// libpq gives client_encoding by itself: it is asked for, and not among the options.
constexpr fixed_setting session_encoding{"client_encoding", "UTF8", "UTF8"};

// PGlite is PostgreSQL compiled to WebAssembly: its version() names the compiler.
constexpr std::string_view compiler_of_pglite = "emscripten";

constexpr std::array session_fixed{
    // Operators, functions, types and tables are PostgreSQL's own: what others make in schemas that
    // they may write to is never found (CVE-2018-1058).
    fixed_setting{"search_path", "pg_catalog", "pg_catalog"},
    // ALTER ROLE … SET role makes another role of the one that the URL names.
    fixed_setting{"role", "none", "none"},
    // The text of values.
    fixed_setting{"DateStyle", "ISO,MDY", "ISO, MDY"},
    fixed_setting{"TimeZone", "UTC", "UTC"},
    fixed_setting{"IntervalStyle", "iso_8601", "iso_8601"},
    fixed_setting{"bytea_output", "hex", "hex"},
    fixed_setting{"extra_float_digits", "3", "3"},
    // The text of names, and of literals.
    fixed_setting{"quote_all_identifiers", "off", "off"},
    fixed_setting{"standard_conforming_strings", "on", "on"},
    // Setup writes, and nothing of what is asked may end early or wait differently.
    fixed_setting{"default_transaction_read_only", "off", "off"},
    fixed_setting{"default_transaction_isolation", "read\\ committed", "read committed"},
    fixed_setting{"statement_timeout", "0", "0"},
    fixed_setting{"lock_timeout", "0", "0"},
    fixed_setting{"idle_in_transaction_session_timeout", "0", "0"},
};

// The text of amounts: without a currency's grouping and signs, which differ by locale. How many
// decimals they have is the database's own setting's to say, which questions are asked under
// (type_catalog.hpp).
constexpr fixed_setting amounts_fixed{"lc_monetary", "C", "C"};

std::vector<fixed_setting> fixed_of(session_use use) {
  std::vector<fixed_setting> all(session_fixed.begin(), session_fixed.end());
  if (use == session_use::changes) all.push_back(amounts_fixed);
  return all;
}

error setting_differs(const fixed_setting& one, std::string_view present) {
  return {errc::invalid_argument,
          fmt::format("session setting {} is '{}' instead of '{}': a pooler or proxy has dropped "
                      "Pulse's setting",
                      one.name, present, one.shown),
          "connect to PostgreSQL directly (the URL that Prisma calls `directUrl`), or let the "
          "pooler or proxy pass the startup parameter `options`"};
}

}  // namespace

error refuse_pglite() {
  return {errc::unsupported,
          "the database is PGlite, which `prisma dev` starts: it has no logical replication, so "
          "its changes cannot be captured",
          "use a PostgreSQL server with wal_level = logical, or run `pulse dev --throwaway` and "
          "give Prisma the DATABASE_URL that it prints"};
}

std::string session_options(session_use use) {
  std::string options;
  for (const auto& one : fixed_of(use))
    options += fmt::format("{}-c {}={}", options.empty() ? "" : " ", one.name, one.given);
  return options;
}

std::string session_settings_query(session_use use) {
  std::string query = fmt::format("SELECT pg_catalog.current_setting('{}')", session_encoding.name);
  for (const auto& one : fixed_of(use))
    query += fmt::format(", pg_catalog.current_setting('{}')", one.name);
  return query + ", pg_catalog.version()";
}

result<void> check_session_settings(session_use use, const std::vector<std::string>& present) {
  const auto fixed = fixed_of(use);
  if (present.size() != fixed.size() + 2) {
    return error{errc::protocol, "PostgreSQL did not return the session's settings",
                 "connect to PostgreSQL directly, without a pooler or proxy"};
  }
  // It drops the settings too, but no proxy is to blame.
  if (present.back().find(compiler_of_pglite) != std::string::npos) return refuse_pglite();
  if (present[0] != session_encoding.shown) return setting_differs(session_encoding, present[0]);
  for (std::size_t i = 0; i < fixed.size(); ++i) {
    if (present[i + 1] != fixed[i].shown) return setting_differs(fixed[i], present[i + 1]);
  }
  return {};
}

void forget_session_variables() {
  for (const char* name : {"PGDATESTYLE", "PGTZ", "PGGEQO"}) ::unsetenv(name);
}

}  // namespace pulse::source

#include "source/encoding_checks.hpp"

#include <fmt/format.h>

#include "base/utf8.hpp"

namespace pulse::source {
namespace {

constexpr std::size_t odd_names_max = 20;

// Every name with a byte above 127, which `escape` writes as a backslash and three digits, by what
// it is of. As hexadecimal digits: what is not UTF-8 could not be sent.
constexpr const char* names_sql = R"(
  SELECT what, of_oid, pg_catalog.encode(bytes, 'hex') FROM (
    SELECT 'schema', n.oid, pg_catalog.convert_to(n.nspname, 'SQL_ASCII') FROM pg_catalog.pg_namespace n
    UNION ALL
    SELECT 'table', c.oid, pg_catalog.convert_to(c.relname, 'SQL_ASCII') FROM pg_catalog.pg_class c
    WHERE c.relkind IN ('r', 'p')
    UNION ALL
    SELECT 'column of the table', a.attrelid, pg_catalog.convert_to(a.attname, 'SQL_ASCII')
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT 'label of the enum', e.enumtypid, pg_catalog.convert_to(e.enumlabel, 'SQL_ASCII')
    FROM pg_catalog.pg_enum e) AS names (what, of_oid, bytes)
  WHERE pg_catalog.strpos(pg_catalog.encode(bytes, 'escape'), pg_catalog.chr(92)) <> 0
  ORDER BY of_oid, bytes)";

std::string from_hex(std::string_view digits) {
  const auto value = [](char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(value(digits[i]) * 16 + value(digits[i + 1]));
  return bytes;
}

finding odd_name(const query_rows& names, std::size_t row, const std::string& text) {
  const auto what = names.value(0, row);
  const auto oid = names.value(1, row);
  const auto of = what == "schema" || what == "table"
                      ? fmt::format("{} {} (OID {})", what, text, oid)
                      : fmt::format("{} with the OID {}: {}", what, oid, text);
  return {severity::warning,
          "name is not valid UTF-8: " + of,
          "PostgreSQL cannot send a change with this name, and capture would stop there until "
          "`pulse gaps skip`; rename it, in the encoding of the name",
          {}};
}

async_result<> check_names(connection* database, std::vector<finding>* findings) {
  const auto names = co_await database->query(names_sql);
  if (!names) co_return wrap("looking for names that are not UTF-8", names.error());
  std::size_t odd = 0;
  for (std::size_t row = 0; row < names->size(); ++row) {
    const auto bytes = from_hex(names->value(2, row));
    const auto text = to_valid_utf8(bytes);
    if (text != bytes && ++odd <= odd_names_max) findings->push_back(odd_name(*names, row, text));
  }
  if (odd > odd_names_max) {
    findings->push_back({severity::warning,
                         fmt::format("{} more names are not valid UTF-8", odd - odd_names_max),
                         "the same holds for them",
                         {}});
  }
  co_return result<void>();
}

}  // namespace

async_result<> check_encoding(connection* database, std::vector<finding>* findings) {
  const auto found = co_await database->query(
      "SELECT pg_catalog.pg_encoding_to_char(d.encoding) FROM pg_catalog.pg_database d "
      "WHERE d.datname = pg_catalog.current_database()");
  if (!found) co_return found.error();
  const auto encoding = found->value(0);
  // Each byte of LATIN1 is the Unicode character of the same number.
  if (encoding == "UTF8" || encoding == "LATIN1") {
    findings->push_back({severity::ok, "the database's encoding is " + encoding, {}, {}});
    co_return result<void>();
  }
  const bool any_bytes = encoding == "SQL_ASCII";
  findings->push_back(
      {severity::warning,
       "the database's encoding is " + encoding,
       any_bytes ? "PostgreSQL does not check text there. It cannot send a value that is not valid "
                   "UTF-8: capture would stop at it until `pulse gaps skip`; dump the database and "
                   "restore it with the "
                   "encoding UTF8"
                 : "PostgreSQL cannot send a character that has no equivalent in UTF-8: capture "
                   "would stop at it until `pulse gaps skip`",
       {}});
  if (any_bytes) co_return co_await check_names(database, findings);
  co_return result<void>();
}

}  // namespace pulse::source

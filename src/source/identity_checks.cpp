#include "source/identity_checks.hpp"

#include <fmt/format.h>

namespace pulse::source {
namespace {

constexpr int published_by_root_version_min = 130000;
constexpr int column_lists_version_min = 150000;

// Virtual generated columns rule FULL out (keyless_tables.hpp).
constexpr const char* partitions_sql = R"(
  SELECT format('%I.%I', n.nspname, root.relname), count(*),
         string_agg(format('ALTER TABLE %I.%I REPLICA IDENTITY FULL;', ln.nspname, leaf.relname), ' '
                    ORDER BY ln.nspname, leaf.relname)
  FROM pg_class root JOIN pg_namespace n ON n.oid = root.relnamespace
  CROSS JOIN LATERAL pg_partition_tree(root.oid) tree
  JOIN pg_class leaf ON leaf.oid = tree.relid JOIN pg_namespace ln ON ln.oid = leaf.relnamespace
  WHERE root.relkind = 'p' AND NOT root.relispartition AND root.relreplident = 'f' AND root.relpersistence = 'p'
    AND n.nspname !~ '^pg_' AND tree.isleaf AND leaf.relkind = 'r' AND leaf.relreplident <> 'f'
    AND NOT EXISTS (SELECT 1 FROM pg_attribute a
                    WHERE a.attrelid = leaf.oid AND a.attgenerated = 'v' AND NOT a.attisdropped)
    AND ($1 = '' OR EXISTS (SELECT 1 FROM pg_publication_tables p
                            WHERE p.pubname = $1 AND p.schemaname = n.nspname AND p.tablename = root.relname))
  GROUP BY 1 ORDER BY 1)";

// FULL needs every column, and the server takes no list of columns for it, even a complete one.
// Before 18 nobody asks whether generated columns are sent.
constexpr const char* unsent_sql = R"(
  SELECT format('%I.%I', n.nspname, c.relname), listed.there,
         string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE a.attgenerated = ''),
         string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE a.attgenerated <> ''),
         c.relreplident = 'f'
  FROM pg_publication p JOIN pg_publication_tables t ON t.pubname = p.pubname
  JOIN pg_namespace n ON n.nspname = t.schemaname
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
  CROSS JOIN LATERAL (SELECT EXISTS (SELECT 1 FROM pg_publication_rel r
                                     WHERE r.prpubid = p.oid AND r.prrelid = c.oid AND r.prattrs IS NOT NULL)
                             AS there) listed
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE p.pubname = $1 AND (p.pubupdate OR p.pubdelete)
    AND (a.attgenerated = '' OR (a.attgenerated = 's' AND current_setting('server_version_num')::int >= 180000))
    AND (NOT a.attname = ANY (t.attnames) OR (listed.there AND c.relreplident = 'f'))
    AND (c.relreplident = 'f'
         OR EXISTS (SELECT 1 FROM pg_index i
                    WHERE i.indrelid = c.oid AND a.attnum = ANY (i.indkey)
                      AND ((c.relreplident = 'd' AND i.indisprimary) OR (c.relreplident = 'i' AND i.indisreplident))))
  GROUP BY 1, 2, 5 ORDER BY 1)";

finding unsent_identity(const query_rows::row& row, const source_names& names) {
  const bool listed = row[1] == "t";
  const bool full = row[4] == "t";
  const auto columns = row[2].value_or("");
  const auto generated = row[3].value_or("");
  finding one{severity::failure,
              fmt::format("publication {} does not send the replica identity of table {}",
                          names.publication, row[0].value_or("")),
              "PostgreSQL refuses every UPDATE and DELETE on it; ",
              {}};
  if (listed && full) {
    one.why +=
        "REPLICA IDENTITY FULL takes no list of columns: publish the table without one, or give it "
        "an identity of fewer columns";
  } else if (listed) {
    one.why += "the list of its columns lacks " + (columns.empty() ? generated : columns);
  } else {
    one.why += "the publication sends no generated columns, and the identity has " + generated;
    one.sql = fmt::format("ALTER PUBLICATION {} SET (publish_generated_columns = stored);",
                          quote_identifier(names.publication));
  }
  return one;
}

}  // namespace

async_result<> check_identities(connection* database, source_names names,
                                std::vector<finding>* findings) {
  if (database->server_version() >= published_by_root_version_min) {
    const std::string publication = names.own_publication ? names.publication : "";
    const auto found = co_await database->query(partitions_sql, with(publication));
    if (!found) co_return found.error();
    for (const auto& row : found->rows()) {
      findings->push_back(
          {severity::warning,
           fmt::format("table {} has REPLICA IDENTITY FULL, and {} of its partitions have not",
                       row[0].value_or(""), row[1].value_or("")),
           "the old rows of their UPDATEs and DELETEs have the key alone: setting it on the table "
           "does "
           "not reach its partitions",
           row[2].value_or("")});
    }
  }
  if (names.own_publication && database->server_version() >= column_lists_version_min) {
    const auto found = co_await database->query(unsent_sql, with(names.publication));
    if (!found) co_return found.error();
    for (const auto& row : found->rows()) findings->push_back(unsent_identity(row, names));
  }
  co_return result<void>();
}

}  // namespace pulse::source

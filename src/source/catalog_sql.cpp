#include "source/catalog_sql.hpp"

#include <fmt/format.h>

namespace pulse::source {
namespace {

constexpr int detached_by_own_name_version_min = 150000;

// What a query of a part has in addition.
constexpr const char* part_of_tables = " AND c.oid = ANY ($2::pg_catalog.oid[])";
constexpr const char* part_of_columns = " AND c.oid = ANY ($1::pg_catalog.oid[])";
constexpr const char* part_of_types = " AND t.oid = ANY ($1::pg_catalog.oid[])";
constexpr const char* part_of_labels = " WHERE enumtypid = ANY ($1::pg_catalog.oid[])";

// pg_publication_tables lists what a publication sends; a partitioned table stands for its
// partitions there when it is published by its root. Made once: it is computed, not stored.
constexpr const char* tables_of_own_sql = R"(
  WITH sent AS MATERIALIZED (
    SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = $1)
  SELECT c.oid, n.nspname, c.relname, c.relreplident, sent.tablename IS NOT NULL,
         rn.nspname, r.relname, c.relkind = 'p'
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN sent ON sent.schemaname = n.nspname AND sent.tablename = c.relname
  LEFT JOIN pg_class r ON c.relispartition AND r.oid = pg_partition_root(c.oid)
  LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'{part})";

// From PostgreSQL 15 on a publication may have a list of columns, and from 18 on send generated
// ones. As JSON, a row can be asked for a column that it may not have.
constexpr const char* columns_of_own_sql = R"(
  WITH sent AS MATERIALIZED (
    SELECT schemaname, tablename, to_jsonb(t)->'attnames' AS columns
    FROM pg_publication_tables t WHERE pubname = $1)
  SELECT a.attrelid, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attgenerated <> '',
         array_position(i.indkey::int2[], a.attnum), a.attcollation,
         a.attnum = ANY (r.indkey::int2[]),
         (a.attgenerated = '' OR current_setting('server_version_num')::int >= 180000)
           AND COALESCE(sent.columns ? a.attname::text, a.attgenerated = '')
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
  LEFT JOIN pg_index r ON r.indrelid = c.oid AND r.indisreplident
  LEFT JOIN sent ON sent.schemaname = n.nspname AND sent.tablename = c.relname
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND a.attnum > 0 AND NOT a.attisdropped
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'{part}
  ORDER BY a.attrelid, a.attnum)";

// Of Pulse's publications, from what is stored: pg_publication_tables opens every table, and fails
// (PostgreSQL 17 and 18) or waits when one is being dropped or altered. A partition's rows come
// under the root of its that is listed to be published by; while it is being detached under its own
// name, from PostgreSQL 15 on.
std::string tables_of_ours_sql(int server_version, bool part) {
  return fmt::format(
      R"(
  WITH pubs AS (
    SELECT p.oid, p.puballtables,
           COALESCE((pg_catalog.to_jsonb(p)->>'pubviaroot')::pg_catalog.bool, false) AS by_root
    FROM pg_catalog.pg_publication p WHERE p.pubname = ANY ($1::pg_catalog.text[])),
  whole AS (
    SELECT COALESCE(pg_catalog.bool_or(puballtables), false) AS every,
           COALESCE(pg_catalog.bool_or(puballtables AND by_root), false) AS by_root FROM pubs),
  listed AS MATERIALIZED (
    SELECT r.prrelid AS oid, pg_catalog.bool_or(p.by_root) AS by_root
    FROM pg_catalog.pg_publication_rel r JOIN pubs p ON p.oid = r.prpubid {listed}
    GROUP BY r.prrelid),
  above AS MATERIALIZED (
    SELECT c.oid, pg_catalog.bool_or(l.by_root) AS by_root
    FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.pg_partition_ancestors(c.oid) a
    JOIN listed l ON l.oid = a.relid
    WHERE c.relispartition AND a.relid <> c.oid{part} GROUP BY c.oid)
  SELECT c.oid, n.nspname, c.relname, c.relreplident,
         NOT (c.relispartition AND {whole} AND (whole.by_root OR COALESCE(above.by_root, false)))
         AND CASE c.relkind WHEN 'p' THEN whole.by_root OR COALESCE(listed.by_root, false)
             ELSE whole.every OR listed.oid IS NOT NULL OR above.oid IS NOT NULL END,
         rn.nspname, r.relname, c.relkind = 'p'
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace CROSS JOIN whole
  LEFT JOIN listed ON listed.oid = c.oid
  LEFT JOIN above ON above.oid = c.oid
  LEFT JOIN pg_catalog.pg_class r ON c.relispartition AND r.oid = pg_catalog.pg_partition_root(c.oid)
  LEFT JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'{part})",
      fmt::arg("part", part ? part_of_tables : ""),
      fmt::arg("listed", part ? "WHERE r.prrelid = ANY ($3::pg_catalog.oid[])" : ""),
      fmt::arg("whole", server_version >= detached_by_own_name_version_min
                            ? "NOT EXISTS (SELECT 1 FROM pg_catalog.pg_inherits i "
                              "WHERE i.inhrelid = c.oid AND i.inhdetachpending)"
                            : "true"));
}

// Stored generated columns are sent from PostgreSQL 18 on.
constexpr const char* columns_sql = R"(
  SELECT a.attrelid, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attgenerated <> '',
         pg_catalog.array_position(i.indkey::pg_catalog.int2[], a.attnum), a.attcollation,
         a.attnum = ANY (r.indkey::pg_catalog.int2[]),
         a.attgenerated = ''
           OR a.attgenerated = 's' AND pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 180000
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisprimary
  LEFT JOIN pg_catalog.pg_index r ON r.indrelid = c.oid AND r.indisreplident
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND a.attnum > 0 AND NOT a.attisdropped
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'{part}
  ORDER BY a.attrelid, a.attnum)";

// A true array has no array type of its own; int2vector and oidvector have. Only a range has a row
// in pg_range; before PostgreSQL 14 that has no multirange. The decimals of money (790), where the
// database's lc_monetary has not two, stand for a modifier that the type does not have.
constexpr const char* types_sql = R"(
  SELECT t.oid, n.nspname, t.typname, t.typtype,
         CASE WHEN t.typlen = -1 AND t.typelem <> 0 AND t.typcategory = 'A' AND t.typarray = 0
              THEN t.typelem ELSE 0 END,
         t.typbasetype,
         CASE t.oid WHEN 790
              THEN COALESCE(NULLIF(scale(0::int4::money::numeric), 2), -1) ELSE t.typtypmod END,
         t.typdelim, r.rngsubtype
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_range r
    ON t.oid IN (r.rngtypid, (to_jsonb(r) ->> 'rngmultitypid')::oid)
  WHERE t.typtype <> 'p'{part})";

constexpr const char* labels_sql = R"(
  SELECT enumtypid, enumlabel FROM pg_enum{part} ORDER BY enumtypid, enumsortorder)";

// The columns that hold locales have had other names from one version to the next: as JSON, a row
// can be asked for a column that it may not have. Before 15 ICU's locale was in collcollate.
constexpr const char* collations_sql = R"(
  SELECT c.oid, c.collname, c.collprovider, c.collisdeterministic, c.collcollate, c.collctype,
         COALESCE(to_jsonb(c)->>'colllocale', to_jsonb(c)->>'colliculocale', c.collcollate),
         to_jsonb(c)->>'collicurules', c.collversion
  FROM pg_collation c
  WHERE {part}
    AND c.collprovider <> 'd'
  UNION ALL
  SELECT 100, datname, COALESCE(to_jsonb(d)->>'datlocprovider', 'c')::"char", true, datcollate,
         datctype, COALESCE(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale'),
         to_jsonb(d)->>'daticurules', to_jsonb(d)->>'datcollversion'
  FROM pg_database d WHERE d.datname = current_database())";

// Every table has a composite type: those that no column has are left out.
constexpr const char* attributes_sql = R"(
  WITH held AS (SELECT DISTINCT atttypid AS oid FROM pg_attribute WHERE attnum > 0),
       inner_types AS (SELECT oid FROM held
                       UNION SELECT t.typelem FROM pg_type t JOIN held ON held.oid = t.oid
                       UNION SELECT t.typbasetype FROM pg_type t
                       UNION SELECT r.rngsubtype FROM pg_range r)
  SELECT t.oid, a.attname, a.atttypid, a.atttypmod
  FROM pg_type t
  JOIN pg_class c ON c.oid = t.typrelid
  JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped
    AND (c.relkind = 'c' OR t.oid IN (SELECT oid FROM inner_types))
  ORDER BY t.oid, a.attnum)";

constexpr const char* attributes_of_part_sql = R"(
  SELECT t.oid, a.attname, a.atttypid, a.atttypmod
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid
  WHERE t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped AND t.oid = ANY ($1::pg_catalog.oid[])
  ORDER BY t.oid, a.attnum)";

std::string filled(const char* sql, const char* part) {
  return fmt::format(fmt::runtime(sql), fmt::arg("part", part));
}

}  // namespace

catalog_sql whole_catalog_sql(bool own, int server_version) {
  catalog_sql sql;
  sql.tables = own ? filled(tables_of_own_sql, "") : tables_of_ours_sql(server_version, false);
  sql.columns = filled(own ? columns_of_own_sql : columns_sql, "");
  sql.types = filled(types_sql, "");
  sql.labels = filled(labels_sql, "");
  sql.attributes = attributes_sql;
  sql.collations = filled(
      collations_sql,
      "c.oid IN (SELECT attcollation FROM pg_attribute WHERE attcollation <> 0 AND attnum > 0)");
  return sql;
}

catalog_sql part_of_catalog_sql(bool own, int server_version) {
  catalog_sql sql;
  sql.tables =
      own ? filled(tables_of_own_sql, part_of_tables) : tables_of_ours_sql(server_version, true);
  sql.columns =
      filled(own ? columns_of_own_sql : columns_sql, own ? part_of_tables : part_of_columns);
  sql.types = filled(types_sql, part_of_types);
  sql.labels = filled(labels_sql, part_of_labels);
  sql.attributes = attributes_of_part_sql;
  sql.collations = filled(collations_sql, "c.oid = ANY ($1::pg_catalog.oid[])");
  return sql;
}

std::string family_sql() {
  return R"(
  WITH RECURSIVE below (oid) AS (
    SELECT pg_catalog.unnest($2::pg_catalog.oid[])
    UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN below b ON i.inhparent = b.oid),
  wanted (oid) AS (SELECT pg_catalog.unnest($1::pg_catalog.oid[]) UNION SELECT b.oid FROM below b)
  SELECT w.oid, false FROM wanted w
  UNION
  SELECT a.relid::pg_catalog.oid, true
  FROM wanted w CROSS JOIN LATERAL pg_catalog.pg_partition_ancestors(w.oid) a)";
}

std::string named_so_sql() {
  return R"(
  SELECT c.oid FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[]))
    AS known (s, t)
  JOIN pg_catalog.pg_namespace n ON n.nspname = known.s::pg_catalog.name
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = known.t::pg_catalog.name
  WHERE c.relkind IN ('r', 'p'))";
}

std::string held_types_sql() {
  return R"(
  WITH RECURSIVE held (oid) AS (
    SELECT pg_catalog.unnest($1::pg_catalog.oid[])
    UNION
    SELECT inside.oid FROM held h JOIN pg_catalog.pg_type t ON t.oid = h.oid CROSS JOIN LATERAL (
      SELECT t.typelem UNION ALL SELECT t.typbasetype
      UNION ALL
      SELECT r.rngsubtype FROM pg_catalog.pg_range r
      WHERE t.oid IN (r.rngtypid, (pg_catalog.to_jsonb(r) ->> 'rngmultitypid')::pg_catalog.oid)
      UNION ALL
      SELECT a.atttypid FROM pg_catalog.pg_attribute a
      WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
      inside (oid)
    WHERE inside.oid <> 0)
  SELECT oid FROM held)";
}

}  // namespace pulse::source

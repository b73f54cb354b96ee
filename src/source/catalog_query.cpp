#include "source/catalog_query.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "source/numbers.hpp"
#include "source/publications.hpp"

namespace pulse::source {
namespace {

constexpr int detached_by_own_name_version_min = 150000;
// A table that is dropped at the wrong moment fails the reading of a publication's tables.
constexpr int read_tries_max = 5;

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
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_')";

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
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  ORDER BY a.attrelid, a.attnum)";

// Of Pulse's publications, from what is stored: pg_publication_tables opens every table, and fails
// (PostgreSQL 17 and 18) or waits when one is being dropped or altered. A partition's rows come
// under the root of its that is listed to be published by; while it is being detached under its own
// name, from PostgreSQL 15 on.
std::string tables_of_ours_sql(int server_version) {
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
    FROM pg_catalog.pg_publication_rel r JOIN pubs p ON p.oid = r.prpubid GROUP BY r.prrelid),
  above AS MATERIALIZED (
    SELECT c.oid, pg_catalog.bool_or(l.by_root) AS by_root
    FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.pg_partition_ancestors(c.oid) a
    JOIN listed l ON l.oid = a.relid
    WHERE c.relispartition AND a.relid <> c.oid GROUP BY c.oid)
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
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_')",
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
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  ORDER BY a.attrelid, a.attnum)";

// A true array has no array type of its own; int2vector and oidvector have. Only a range has a row
// in pg_range; before PostgreSQL 14 that has no multirange.
constexpr const char* types_sql = R"(
  SELECT t.oid, n.nspname, t.typname, t.typtype,
         CASE WHEN t.typlen = -1 AND t.typelem <> 0 AND t.typcategory = 'A' AND t.typarray = 0
              THEN t.typelem ELSE 0 END,
         t.typbasetype, t.typtypmod, t.typdelim, r.rngsubtype
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_range r
    ON t.oid IN (r.rngtypid, (to_jsonb(r) ->> 'rngmultitypid')::oid)
  WHERE t.typtype <> 'p')";

// hashtext() is PostgreSQL's own, of one version like another only by habit: one server is asked
// twice.
constexpr const char* labels_digest_sql = R"(
  SELECT count(*) || '-' || COALESCE(sum(hashtext(enumlabel::text)::bigint + enumtypid::bigint), 0) FROM pg_enum)";

constexpr const char* labels_sql = R"(
  SELECT enumtypid, enumlabel FROM pg_enum ORDER BY enumtypid, enumsortorder)";

// The columns that hold locales have had other names from one version to the next: as JSON, a row
// can be asked for a column that it may not have. Before 15 ICU's locale was in collcollate.
constexpr const char* collations_sql = R"(
  SELECT c.oid, c.collname, c.collprovider, c.collisdeterministic, c.collcollate, c.collctype,
         COALESCE(to_jsonb(c)->>'colllocale', to_jsonb(c)->>'colliculocale', c.collcollate),
         to_jsonb(c)->>'collicurules', c.collversion
  FROM pg_collation c
  WHERE c.oid IN (SELECT attcollation FROM pg_attribute WHERE attcollation <> 0 AND attnum > 0)
    AND c.collprovider <> 'd'
  UNION ALL
  SELECT 100, datname, COALESCE(to_jsonb(d)->>'datlocprovider', 'c')::"char", true, datcollate,
         datctype, COALESCE(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale'),
         to_jsonb(d)->>'daticurules', to_jsonb(d)->>'datcollversion'
  FROM pg_database d WHERE d.datname = current_database())";

constexpr const char* database_sql = R"(
  SELECT pg_encoding_to_char(d.encoding), s.system_identifier || '/' || d.oid
  FROM pg_database d, pg_control_system() s WHERE d.datname = current_database())";

constexpr const char* publication_sql = R"(
  SELECT pubinsert, pubupdate, pubdelete, pubtruncate FROM pg_publication WHERE pubname = $1)";

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

bool is_true(const std::optional<std::string>& text) {
  return text == "t";
}

char letter(const std::optional<std::string>& text) {
  return text && !text->empty() ? text->front() : '\0';
}

void add_columns(const query_rows& columns, std::map<std::uint32_t, catalog_table>& tables) {
  std::map<std::uint32_t, std::map<int, std::string>> keys;
  for (const auto& row : columns.rows()) {
    const auto found = tables.find(number_in<std::uint32_t>(row[0]));
    if (found == tables.end()) continue;
    catalog_column one;
    one.name = row[1].value_or("");
    one.type_oid = number_in<std::uint32_t>(row[2]);
    one.type_modifier = number_in<std::int32_t>(row[3]);
    one.not_null = is_true(row[4]);
    one.generated = is_true(row[5]);
    one.collation_oid = number_in<std::uint32_t>(row[7]);
    one.in_replica_index = is_true(row[8]);
    one.replicated = is_true(row[9]);
    if (row[6]) keys[found->first][number_in<int>(row[6])] = one.name;
    found->second.columns.push_back(std::move(one));
  }
  for (const auto& [oid, columns_by_place] : keys) {
    for (const auto& [place, name] : columns_by_place) tables[oid].primary_key.push_back(name);
  }
}

std::map<std::uint32_t, collation> collations_of(const query_rows& read) {
  std::map<std::uint32_t, collation> collations;
  for (const auto& row : read.rows()) {
    collation one;
    one.oid = number_in<std::uint32_t>(row[0]);
    one.provider = static_cast<collation_provider>(letter(row[2]));
    const bool libc = one.provider == collation_provider::libc;
    one.collate = (libc ? row[4] : row[6]).value_or("");
    one.ctype = (libc ? row[5] : row[6]).value_or("");
    one.name = one.oid == default_collation_oid ? one.collate : row[1].value_or("");
    one.deterministic = is_true(row[3]);
    one.rules = row[7].value_or("");
    one.version = row[8].value_or("");
    collations.emplace(one.oid, std::move(one));
  }
  return collations;
}

std::vector<type_entry> types_of(const query_rows& types, const query_rows& labels,
                                 const query_rows& attributes) {
  std::map<std::uint32_t, std::vector<std::string>> labels_of;
  for (const auto& row : labels.rows())
    labels_of[number_in<std::uint32_t>(row[0])].push_back(row[1].value_or(""));
  std::map<std::uint32_t, std::vector<type_attribute>> attributes_of;
  for (const auto& row : attributes.rows()) {
    attributes_of[number_in<std::uint32_t>(row[0])].push_back(
        {row[1].value_or(""), number_in<std::uint32_t>(row[2]), number_in<std::int32_t>(row[3])});
  }
  std::vector<type_entry> made;
  for (const auto& row : types.rows()) {
    type_entry one;
    one.oid = number_in<std::uint32_t>(row[0]);
    one.schema = row[1].value_or("");
    one.name = row[2].value_or("");
    one.kind = letter(row[3]);
    one.element_oid = number_in<std::uint32_t>(row[4]);
    one.base_oid = number_in<std::uint32_t>(row[5]);
    one.base_modifier = number_in<std::int32_t>(row[6]);
    one.delimiter = row[7] && !row[7]->empty() ? row[7]->front() : ',';
    one.range_subtype_oid = number_in<std::uint32_t>(row[8]);
    if (const auto found = labels_of.find(one.oid); found != labels_of.end())
      one.labels = std::move(found->second);
    if (const auto found = attributes_of.find(one.oid); found != attributes_of.end())
      one.attributes = std::move(found->second);
    made.push_back(std::move(one));
  }
  return made;
}

publication_facts facts_of(const std::string& name, const query_rows& read) {
  publication_facts facts;
  facts.name = name;
  if (read.empty()) return facts;
  const auto& row = read.rows().front();
  facts.inserts = is_true(row[0]);
  facts.updates = is_true(row[1]);
  facts.deletes = is_true(row[2]);
  facts.truncates = is_true(row[3]);
  return facts;
}

async_result<std::shared_ptr<const catalog>> read_once(connection* database, published_by scope) {
  if (auto begun = co_await database->query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
      !begun) {
    co_return begun.error();
  }
  // Named first: g++ 12 destroys the temporary of a conditional in a co_await expression twice.
  const bool own = scope.own;
  const std::string which = own ? scope.name : text_array(scope.streamed);
  const std::string tables_text =
      own ? tables_of_own_sql : tables_of_ours_sql(database->server_version());
  const std::string columns_text = own ? columns_of_own_sql : columns_sql;
  const auto tables = co_await database->query(tables_text, with(which));
  if (!tables) co_return wrap("reading the tables", tables.error());
  query_parameters columns_of;
  if (own) columns_of = with(which);
  const auto columns = co_await database->query(columns_text, columns_of);
  if (!columns) co_return wrap("reading the columns", columns.error());
  const auto types = co_await database->query(types_sql);
  if (!types) co_return wrap("reading the types", types.error());
  const auto labels = co_await database->query(labels_sql);
  if (!labels) co_return wrap("reading the labels of enums", labels.error());
  const auto digest = co_await database->query(labels_digest_sql);
  if (!digest) co_return wrap("reading the labels of enums", digest.error());
  const auto collations = co_await database->query(collations_sql);
  if (!collations) co_return wrap("reading the collations", collations.error());
  const auto itself = co_await read_database(database);
  if (!itself) co_return itself.error();
  const auto sends = co_await database->query(publication_sql, with(scope.name));
  if (!sends) co_return wrap("reading the publication", sends.error());
  const auto attributes = co_await database->query(attributes_sql);
  if (!attributes) co_return wrap("reading the composite types", attributes.error());
  if (auto ended = co_await database->query("COMMIT"); !ended) co_return ended.error();

  std::map<std::uint32_t, catalog_table> by_oid;
  for (const auto& row : tables->rows()) {
    catalog_table one;
    one.oid = number_in<std::uint32_t>(row[0]);
    one.name = {row[1].value_or(""), row[2].value_or("")};
    one.identity = static_cast<replica_identity>(letter(row[3]));
    one.published = is_true(row[4]);
    one.root = {row[5].value_or(""), row[6].value_or("")};
    one.partitioned = is_true(row[7]);
    by_oid.emplace(one.oid, std::move(one));
  }
  add_columns(*columns, by_oid);
  auto made = std::make_shared<catalog>();
  for (auto& [oid, table] : by_oid) made->tables.push_back(std::move(table));
  std::ranges::sort(made->tables, {}, &catalog_table::name);
  made->collations = collations_of(*collations);
  made->encoding = itself->encoding;
  made->database = itself->identity;
  made->publication.name = scope.name;
  if (own) made->publication = facts_of(scope.name, *sends);
  made->labels_digest = digest->value(0);
  for (auto& type : types_of(*types, *labels, *attributes)) made->types.put(std::move(type));
  co_return std::shared_ptr<const catalog>(std::move(made));
}

}  // namespace

async_result<std::shared_ptr<const catalog>> read_catalog(connection* database,
                                                          published_by scope) {
  for (int tries = 1;; ++tries) {
    auto read = co_await read_once(database, scope);
    if (read) co_return read;
    // The transaction has ended with the connection, or ends here.
    const auto ended = co_await database->query("ROLLBACK");
    const bool gone = read.error().what.find("could not open relation") != std::string::npos;
    if (!ended || !gone || tries == read_tries_max) co_return read.error();
  }
}

async_result<database_facts> read_database(connection* database) {
  const auto found = co_await database->query(database_sql);
  if (!found) co_return wrap("reading the database's encoding and identity", found.error());
  co_return database_facts{found->value(0), found->value(1)};
}

async_result<bool> is_outdated(connection* database, std::vector<named_table> tables,
                               std::string labels_digest) {
  if (tables.empty()) co_return false;
  // Asked by OID, compared here: names need no quoting then.
  std::string oids = "{";
  for (const auto& table : tables)
    oids += (oids.size() == 1 ? "" : ",") + std::to_string(table.oid);
  oids += '}';
  const std::string sql = fmt::format(R"(
    SELECT c.oid, n.nspname, c.relname, ({}) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = ANY ($1::oid[]))",
                                      labels_digest_sql);
  const auto found = co_await database->query(sql, with(oids));
  if (!found) co_return wrap("looking for renamed tables and labels", found.error());
  if (!labels_digest.empty() && !found->empty() && found->value(3) != labels_digest) co_return true;
  std::map<std::uint32_t, table_name> names;
  for (const auto& row : found->rows()) {
    names.emplace(number_in<std::uint32_t>(row[0]),
                  table_name{row[1].value_or(""), row[2].value_or("")});
  }
  co_return std::ranges::any_of(tables, [&](const auto& table) {
    const auto now = names.find(table.oid);
    return now == names.end() || now->second != table.name;
  });
}

}  // namespace pulse::source

#include "source/catalog_query.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>

namespace pulse::source {
namespace {

// pg_publication_tables lists what a publication sends; a partitioned table stands for its
// partitions there when it is published by its root.
constexpr const char* tables_sql = R"(
  SELECT c.oid, n.nspname, c.relname, c.relreplident,
         EXISTS (SELECT 1 FROM pg_publication_tables p
                 WHERE p.pubname = $1 AND p.schemaname = n.nspname AND p.tablename = c.relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_')";

constexpr const char* columns_sql = R"(
  SELECT a.attrelid, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attgenerated <> '',
         array_position(i.indkey::int2[], a.attnum)
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND a.attnum > 0 AND NOT a.attisdropped
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  ORDER BY a.attrelid, a.attnum)";

// A true array has array subscripting; before PostgreSQL 14 the sign of one is its length and its
// element.
constexpr const char* types_sql = R"(
  SELECT t.oid, n.nspname, t.typname, t.typtype,
         CASE WHEN t.typlen = -1 AND t.typelem <> 0 AND t.typcategory = 'A' THEN t.typelem ELSE 0 END,
         t.typbasetype, t.typtypmod, t.typdelim
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE t.typtype <> 'p')";

template <class Number>
Number number(const std::optional<std::string>& text) {
  Number value{};
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

bool is_true(const std::optional<std::string>& text) {
  return text == "t";
}

char letter(const std::optional<std::string>& text) {
  return text && !text->empty() ? text->front() : '\0';
}

void add_columns(const query_rows& columns, std::map<std::uint32_t, catalog_table>& tables) {
  std::map<std::uint32_t, std::map<int, std::string>> keys;
  for (const auto& row : columns.rows()) {
    const auto found = tables.find(number<std::uint32_t>(row[0]));
    if (found == tables.end()) continue;
    catalog_column one;
    one.name = row[1].value_or("");
    one.type_oid = number<std::uint32_t>(row[2]);
    one.type_modifier = number<std::int32_t>(row[3]);
    one.not_null = is_true(row[4]);
    one.generated = is_true(row[5]);
    if (row[6]) keys[found->first][number<int>(row[6])] = one.name;
    found->second.columns.push_back(std::move(one));
  }
  for (const auto& [oid, columns_by_place] : keys) {
    for (const auto& [place, name] : columns_by_place) tables[oid].primary_key.push_back(name);
  }
}

}  // namespace

async_result<std::shared_ptr<const catalog>> read_catalog(connection* database,
                                                          std::string publication) {
  if (auto begun = co_await database->query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
      !begun) {
    co_return begun.error();
  }
  const auto tables = co_await database->query(tables_sql, with(publication));
  if (!tables) co_return wrap("reading the tables", tables.error());
  const auto columns = co_await database->query(columns_sql);
  if (!columns) co_return wrap("reading the columns", columns.error());
  const auto types = co_await database->query(types_sql);
  if (!types) co_return wrap("reading the types", types.error());
  if (auto ended = co_await database->query("COMMIT"); !ended) co_return ended.error();

  std::map<std::uint32_t, catalog_table> by_oid;
  for (const auto& row : tables->rows()) {
    catalog_table one;
    one.oid = number<std::uint32_t>(row[0]);
    one.name = {row[1].value_or(""), row[2].value_or("")};
    one.identity = static_cast<replica_identity>(letter(row[3]));
    one.published = is_true(row[4]);
    by_oid.emplace(one.oid, std::move(one));
  }
  add_columns(*columns, by_oid);
  auto made = std::make_shared<catalog>();
  for (auto& [oid, table] : by_oid) made->tables.push_back(std::move(table));
  std::ranges::sort(made->tables, {}, &catalog_table::name);
  for (const auto& row : types->rows()) {
    type_entry one;
    one.oid = number<std::uint32_t>(row[0]);
    one.schema = row[1].value_or("");
    one.name = row[2].value_or("");
    one.kind = letter(row[3]);
    one.element_oid = number<std::uint32_t>(row[4]);
    one.base_oid = number<std::uint32_t>(row[5]);
    one.base_modifier = number<std::int32_t>(row[6]);
    one.delimiter = row[7] && !row[7]->empty() ? row[7]->front() : ',';
    made->types.put(std::move(one));
  }
  co_return std::shared_ptr<const catalog>(std::move(made));
}

}  // namespace pulse::source

#include "source/catalog_query.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "source/catalog_rows.hpp"
#include "source/catalog_sql.hpp"
#include "source/one_snapshot.hpp"
#include "source/publications.hpp"
#include "source/replication.hpp"

namespace pulse::source {
namespace {

// A table that is dropped at the wrong moment fails the reading of a publication's tables.
constexpr int read_tries_max = 5;

constexpr const char* database_sql = R"(
  SELECT pg_encoding_to_char(d.encoding), s.system_identifier || '/' || d.oid
  FROM pg_database d, pg_control_system() s WHERE d.datname = current_database())";

constexpr const char* publication_sql = R"(
  SELECT pubinsert, pubupdate, pubdelete, pubtruncate FROM pg_publication WHERE pubname = $1)";

// Named before they are awaited: g++ 12 destroys the temporary of a conditional in a co_await
// expression twice.
async_result<> read_once(connection* database, published_by scope, catalog_reading* reading) {
  const bool own = scope.own;
  const std::string which = own ? scope.name : text_array(scope.streamed);
  const auto sql = whole_catalog_sql(own, database->server_version());
  const auto tables = co_await database->query(sql.tables, with(which));
  if (!tables) co_return wrap("reading the tables", tables.error());
  query_parameters columns_of;
  if (own) columns_of = with(which);
  const auto columns = co_await database->query(sql.columns, columns_of);
  if (!columns) co_return wrap("reading the columns", columns.error());
  const auto types = co_await database->query(sql.types);
  if (!types) co_return wrap("reading the types", types.error());
  const auto labels = co_await database->query(sql.labels);
  if (!labels) co_return wrap("reading the labels of enums", labels.error());
  const auto collations = co_await database->query(sql.collations);
  if (!collations) co_return wrap("reading the collations", collations.error());
  const auto itself = co_await read_database(database);
  if (!itself) co_return itself.error();
  auto sends = co_await read_publication_facts(database, scope.name);
  if (!sends) co_return sends.error();
  const auto attributes = co_await database->query(sql.attributes);
  if (!attributes) co_return wrap("reading the composite types", attributes.error());
  const auto before = co_await read_written_place(database);
  if (!before) co_return before.error();

  auto made = std::make_shared<catalog>();
  made->tables = tables_in(*tables, *columns);
  made->collations = collations_in(*collations);
  made->encoding = itself->encoding;
  made->database = itself->identity;
  made->publication.name = scope.name;
  if (own) made->publication = std::move(*sends);
  for (auto& type : types_in(*types, *labels, *attributes)) made->types.put(std::move(type));
  reading->known = std::move(made);
  reading->before = *before;
  reading->rows = tables->rows().size() + columns->rows().size() + types->rows().size() +
                  labels->rows().size() + collations->rows().size() + attributes->rows().size();
  co_return result<void>();
}

}  // namespace

async_result<catalog_reading> read_catalog(connection* database, published_by scope) {
  catalog_reading reading;
  const std::function<async_result<>()> once = [&] { return read_once(database, scope, &reading); };
  for (int tries = 1;; ++tries) {
    const auto read = co_await in_one_snapshot(database, once);
    if (read) co_return reading;
    const bool gone = read.error().what.find("could not open relation") != std::string::npos;
    if (!gone || tries == read_tries_max) co_return read.error();
  }
}

async_result<database_facts> read_database(connection* database) {
  const auto found = co_await database->query(database_sql);
  if (!found) co_return wrap("reading the database's encoding and identity", found.error());
  co_return database_facts{found->value(0), found->value(1)};
}

async_result<publication_facts> read_publication_facts(connection* database, std::string name) {
  const auto read = co_await database->query(publication_sql, with(name));
  if (!read) co_return wrap("reading the publication", read.error());
  publication_facts facts;
  facts.name = name;
  if (read->empty()) co_return facts;
  const auto& row = read->rows().front();
  facts.inserts = row[0] == "t";
  facts.updates = row[1] == "t";
  facts.deletes = row[2] == "t";
  facts.truncates = row[3] == "t";
  co_return facts;
}

}  // namespace pulse::source

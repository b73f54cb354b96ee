#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "source/catalog_query.hpp"
#include "source/catalog_rows.hpp"
#include "source/catalog_sql.hpp"
#include "source/numbers.hpp"
#include "source/one_snapshot.hpp"
#include "source/publications.hpp"
#include "source/replication.hpp"

namespace pulse::source {
namespace {

// OIDs below are PostgreSQL's own, in every database, and never change.
constexpr std::uint32_t first_user_oid = 16384;

using oid_set = std::set<std::uint32_t>;

template <class Oids>
std::string oid_array(const Oids& oids) {
  std::string array = "{";
  for (const auto oid : oids) {
    if (array.size() != 1) array += ',';
    array += std::to_string(oid);
  }
  return array + '}';
}

// Grows until nothing more hangs on it.
struct part_reading {
  connection* database = nullptr;
  published_by scope;
  std::shared_ptr<const catalog> known;
  oid_set known_tables;
  catalog_sql sql;
  oid_set tables;
  oid_set moved;  // of the tables, those whose partitions come in another way than before
  oid_set types;
  std::vector<catalog_table> found;  // sorted by name
  std::vector<type_entry> found_types;
  std::map<std::uint32_t, collation> collations;
  publication_facts publication;
  std::uint64_t rows = 0;
  lsn before;
};

async_result<std::string> find_family(part_reading* part) {
  const auto found = co_await part->database->query(
      family_sql(), with(oid_array(part->tables), oid_array(part->moved)));
  if (!found) co_return wrap("reading the partitions of tables", found.error());
  oid_set with_ancestors;
  for (const auto& row : found->rows()) {
    const auto oid = number_in<std::uint32_t>(row[0]);
    with_ancestors.insert(oid);
    const bool is_above = row[1] == "t";
    if (!is_above || !part->known_tables.contains(oid)) part->tables.insert(oid);
  }
  co_return oid_array(with_ancestors);
}

async_result<> read_tables_of(part_reading* part, std::string with_ancestors) {
  auto* database = part->database;
  const bool own = part->scope.own;
  const auto oids = oid_array(part->tables);
  query_parameters tables_of = with(part->scope.name, oids);
  query_parameters columns_of = with(part->scope.name, oids);
  if (!own) {
    tables_of = with(text_array(part->scope.streamed), oids, with_ancestors);
    columns_of = with(oids);
  }
  const auto tables = co_await database->query(part->sql.tables, tables_of);
  if (!tables) co_return wrap("reading altered tables", tables.error());
  const auto columns = co_await database->query(part->sql.columns, columns_of);
  if (!columns) co_return wrap("reading the columns of altered tables", columns.error());
  part->rows += tables->rows().size() + columns->rows().size();
  part->found = tables_in(*tables, *columns);
  co_return result<void>();
}

// A table may have thousands of partitions: they are read only when they hang on something else.
void note_moved(part_reading* part) {
  std::map<std::uint32_t, const catalog_table*> now;
  for (const auto& table : part->found) {
    if (table.partitioned) now.emplace(table.oid, &table);
  }
  for (const auto& before : part->known->tables) {
    if (!before.partitioned || !part->tables.contains(before.oid)) continue;
    const auto found = now.find(before.oid);
    const bool stays = found != now.end() && found->second->name == before.name &&
                       found->second->root == before.root &&
                       found->second->published == before.published;
    if (!stays) part->moved.insert(before.oid);
    if (found != now.end()) now.erase(found);
  }
  for (const auto& [oid, table] : now) part->moved.insert(oid);
}

// Tables that have, or had, a name of the part's tables, or were partitions of what had it.
async_result<oid_set> find_namesakes(part_reading* part) {
  oid_set others;
  for (const auto& table : part->found) {
    const auto* before = part->known->find(table.name);
    if (before != nullptr) others.insert(before->oid);
  }
  std::vector<std::string> schemas;
  std::vector<std::string> names;
  std::set<table_name> left;
  for (const auto& table : part->known->tables) {
    if (!part->tables.contains(table.oid)) continue;
    if (std::ranges::binary_search(part->found, table.name, {}, &catalog_table::name)) continue;
    schemas.push_back(table.name.schema);
    names.push_back(table.name.name);
    left.insert(table.name);
  }
  if (!names.empty()) {
    for (const auto& table : part->known->tables) {
      if (left.contains(table.root)) others.insert(table.oid);
    }
    const auto now = co_await part->database->query(named_so_sql(),
                                                    with(text_array(schemas), text_array(names)));
    if (!now) co_return wrap("reading which tables have the names of altered ones", now.error());
    for (const auto& row : now->rows()) others.insert(number_in<std::uint32_t>(row[0]));
  }
  co_return others;
}

void add_types_of(const catalog_table& table, oid_set& types) {
  for (const auto& column : table.columns) types.insert(column.type_oid);
}

async_result<> read_types_of(part_reading* part) {
  auto& types = part->types;
  for (const auto& table : part->found) add_types_of(table, types);
  // Those that the tables had may be gone with them.
  for (const auto& table : part->known->tables) {
    if (part->tables.contains(table.oid)) add_types_of(table, types);
  }
  types.erase(types.begin(), types.lower_bound(first_user_oid));
  if (types.empty()) co_return result<void>();
  auto* database = part->database;
  const auto held = co_await database->query(held_types_sql(), with(oid_array(types)));
  if (!held) co_return wrap("reading the parts of types", held.error());
  for (const auto& row : held->rows()) {
    const auto oid = number_in<std::uint32_t>(row[0]);
    if (oid >= first_user_oid) types.insert(oid);
  }
  const auto oids = oid_array(types);
  const auto read = co_await database->query(part->sql.types, with(oids));
  if (!read) co_return wrap("reading the types of altered tables", read.error());
  const auto labels = co_await database->query(part->sql.labels, with(oids));
  if (!labels) co_return wrap("reading the labels of enums", labels.error());
  const auto attributes = co_await database->query(part->sql.attributes, with(oids));
  if (!attributes) co_return wrap("reading composite types", attributes.error());
  part->rows += read->rows().size() + labels->rows().size() + attributes->rows().size();
  part->found_types = types_in(*read, *labels, *attributes);
  for (auto& type : part->found_types) {
    const auto* known = part->known->types.find(type.oid);
    if (known != nullptr && known->attributes == type.attributes) type.since = known->since;
  }
  co_return result<void>();
}

async_result<> read_rules_of(part_reading* part) {
  oid_set used;
  for (const auto& table : part->found) {
    for (const auto& column : table.columns) used.insert(column.collation_oid);
  }
  const auto read = co_await part->database->query(part->sql.collations, with(oid_array(used)));
  if (!read) co_return wrap("reading the collations of altered tables", read.error());
  part->rows += read->rows().size();
  part->collations = collations_in(*read);
  part->publication = part->known->publication;
  if (!part->scope.own) co_return result<void>();
  auto sends = co_await read_publication_facts(part->database, part->scope.name);
  if (!sends) co_return sends.error();
  part->publication = std::move(*sends);
  co_return result<void>();
}

async_result<> read_part(part_reading* part) {
  for (bool grows = true; grows;) {
    const auto family = co_await find_family(part);
    if (!family) co_return family.error();
    if (auto read = co_await read_tables_of(part, *family); !read) co_return read.error();
    auto others = co_await find_namesakes(part);
    if (!others) co_return others.error();
    const auto before = part->tables.size() + part->moved.size();
    part->tables.merge(*others);
    note_moved(part);
    grows = part->tables.size() + part->moved.size() != before;
  }
  if (auto read = co_await read_types_of(part); !read) co_return read.error();
  const auto before = co_await read_written_place(part->database);
  if (!before) co_return before.error();
  part->before = *before;
  co_return co_await read_rules_of(part);
}

bool is_as_known(const part_reading& part) {
  const auto& known = *part.known;
  std::vector<const catalog_table*> before;
  for (const auto& table : known.tables) {
    if (part.tables.contains(table.oid)) before.push_back(&table);
  }
  const bool same_tables =
      std::ranges::equal(before, part.found, [](const auto* a, const auto& b) { return *a == b; });
  const auto known_types = std::ranges::count_if(
      part.types, [&](std::uint32_t oid) { return known.types.find(oid) != nullptr; });
  const bool same_types = std::cmp_equal(known_types, part.found_types.size()) &&
                          std::ranges::all_of(part.found_types, [&](const type_entry& type) {
                            const auto* one = known.types.find(type.oid);
                            return one != nullptr && *one == type;
                          });
  const bool same_rules = std::ranges::all_of(part.collations, [&](const auto& rules) {
    const auto found = known.collations.find(rules.first);
    return found != known.collations.end() && found->second == rules.second;
  });
  return same_tables && same_types && same_rules && known.publication == part.publication;
}

std::shared_ptr<const catalog> merged(part_reading part) {
  auto made = std::make_shared<catalog>(*part.known);
  std::vector<catalog_table> stay;
  stay.reserve(made->tables.size() + part.found.size());
  std::erase_if(made->tables,
                [&](const catalog_table& table) { return part.tables.contains(table.oid); });
  std::merge(std::make_move_iterator(made->tables.begin()),
             std::make_move_iterator(made->tables.end()),
             std::make_move_iterator(part.found.begin()), std::make_move_iterator(part.found.end()),
             std::back_inserter(stay),
             [](const catalog_table& a, const catalog_table& b) { return a.name < b.name; });
  made->tables = std::move(stay);
  for (const auto oid : part.types) made->types.remove(oid);
  for (auto& type : part.found_types) made->types.put(std::move(type));
  for (auto& [oid, rules] : part.collations) made->collations.insert_or_assign(oid, rules);
  made->publication = std::move(part.publication);
  return made;
}

}  // namespace

void catalog_part::add(const catalog_part& more) {
  tables.insert(tables.end(), more.tables.begin(), more.tables.end());
  types.insert(types.end(), more.types.begin(), more.types.end());
}

async_result<catalog_reading> read_changed(connection* database, published_by scope,
                                           std::shared_ptr<const catalog> known,
                                           catalog_part wanted) {
  const auto part = std::make_shared<part_reading>();
  part->database = database;
  part->scope = std::move(scope);
  part->known = std::move(known);
  for (const auto& table : part->known->tables) part->known_tables.insert(table.oid);
  part->sql = part_of_catalog_sql(part->scope.own, database->server_version());
  part->tables.insert(wanted.tables.begin(), wanted.tables.end());
  part->types.insert(wanted.types.begin(), wanted.types.end());
  const std::function<async_result<>()> all = [&] { return read_part(part.get()); };
  if (auto read = co_await in_one_snapshot(database, all); !read) co_return read.error();
  catalog_reading reading;
  reading.rows = part->rows;
  reading.before = part->before;
  const bool same = is_as_known(*part);
  reading.known = part->known;
  if (!same) reading.known = merged(std::move(*part));
  co_return reading;
}

}  // namespace pulse::source

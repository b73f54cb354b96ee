#include "source/catalog_rows.hpp"

#include <algorithm>

#include "source/numbers.hpp"

namespace pulse::source {
namespace {

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

}  // namespace

std::vector<catalog_table> tables_in(const query_rows& tables, const query_rows& columns) {
  std::map<std::uint32_t, catalog_table> by_oid;
  for (const auto& row : tables.rows()) {
    catalog_table one;
    one.oid = number_in<std::uint32_t>(row[0]);
    one.name = {row[1].value_or(""), row[2].value_or("")};
    one.identity = static_cast<replica_identity>(letter(row[3]));
    one.published = is_true(row[4]);
    one.root = {row[5].value_or(""), row[6].value_or("")};
    one.partitioned = is_true(row[7]);
    by_oid.emplace(one.oid, std::move(one));
  }
  add_columns(columns, by_oid);
  std::vector<catalog_table> made;
  made.reserve(by_oid.size());
  for (auto& [oid, table] : by_oid) made.push_back(std::move(table));
  std::ranges::sort(made, {}, &catalog_table::name);
  return made;
}

std::map<std::uint32_t, collation> collations_in(const query_rows& read) {
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

std::vector<type_entry> types_in(const query_rows& types, const query_rows& labels,
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

}  // namespace pulse::source

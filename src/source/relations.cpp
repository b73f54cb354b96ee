#include "source/relations.hpp"

#include <algorithm>

namespace pulse::source {
namespace {

column_type text_of_no_kind(std::uint32_t oid, std::int32_t modifier) {
  column_type type;
  type.oid = oid;
  type.modifier = modifier;
  type.name = "oid " + std::to_string(oid);
  return type;
}

bool in_identity(const catalog_table& table, const catalog_column& column) {
  switch (table.identity) {
    case replica_identity::full:
      return true;
    case replica_identity::nothing:
      return false;
    case replica_identity::index:
      return column.in_replica_index;
    case replica_identity::primary_key:
      return std::ranges::find(table.primary_key, column.name) != table.primary_key.end();
  }
  return false;
}

relation without_columns(const relation_definition& definition) {
  relation made;
  made.oid = definition.oid;
  made.table = definition.table;
  made.identity = definition.identity;
  return made;
}

}  // namespace

std::optional<relation> resolve(const relation_definition& definition, const type_catalog& types) {
  auto resolved = without_columns(definition);
  auto parts_left = table_type_parts_max;
  for (const auto& described : definition.columns) {
    auto type = types.resolve(described.type_oid, described.type_modifier, parts_left);
    if (!type) return std::nullopt;
    resolved.columns.push_back({described.name, std::move(*type), described.in_identity});
  }
  return resolved;
}

relation resolve_as_text(const relation_definition& definition, const type_catalog& types) {
  auto resolved = without_columns(definition);
  auto parts_left = table_type_parts_max;
  for (const auto& described : definition.columns) {
    auto type = types.resolve(described.type_oid, described.type_modifier, parts_left);
    resolved.columns.push_back(
        {described.name,
         type ? std::move(*type) : text_of_no_kind(described.type_oid, described.type_modifier),
         described.in_identity});
  }
  return resolved;
}

relation relation_from_catalog(const catalog_table& table, const type_catalog& types) {
  relation made;
  made.oid = table.oid;
  made.table = table.name;
  made.identity = table.identity;
  auto parts_left = table_type_parts_max;
  for (const auto& known : table.columns) {
    if (!known.replicated) continue;
    auto type = types.resolve(known.type_oid, known.type_modifier, parts_left);
    made.columns.push_back(
        {known.name, type ? std::move(*type) : text_of_no_kind(known.type_oid, known.type_modifier),
         in_identity(table, known)});
  }
  return made;
}

bool has_identity(const catalog_table& table) {
  return std::ranges::any_of(table.columns,
                             [&](const auto& column) { return in_identity(table, column); });
}

table_facts facts_from_catalog(const catalog_table& table, const catalog& known) {
  table_facts facts;
  const auto collation_of = [&](std::uint32_t oid) -> std::optional<collation> {
    const auto found = known.collations.find(oid);
    return found == known.collations.end() ? std::nullopt : std::optional(found->second);
  };
  facts.database = collation_of(default_collation_oid);
  facts.encoding = known.encoding;
  for (const auto& column : table.columns) {
    auto& one = facts.columns[column.name];
    if (column.collation_oid != 0) one.collated_by = collation_of(column.collation_oid);
    one.type_oid = column.type_oid;
    if (const auto* base = known.types.base_of(column.type_oid)) {
      one.base_type = base->name;
      one.labels = base->labels;
    }
    one.generated = column.generated && !column.replicated;
  }
  return facts;
}

}  // namespace pulse::source

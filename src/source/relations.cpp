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
  for (const auto& described : definition.columns) {
    auto type = types.resolve(described.type_oid, described.type_modifier);
    if (!type) return std::nullopt;
    resolved.columns.push_back({described.name, std::move(*type), described.in_identity});
  }
  return resolved;
}

relation resolve_as_text(const relation_definition& definition, const type_catalog& types) {
  auto resolved = without_columns(definition);
  for (const auto& described : definition.columns) {
    auto type = types.resolve(described.type_oid, described.type_modifier);
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
  for (const auto& known : table.columns) {
    if (known.generated) continue;
    auto type = types.resolve(known.type_oid, known.type_modifier);
    const bool in_key = std::ranges::find(table.primary_key, known.name) != table.primary_key.end();
    made.columns.push_back(
        {known.name, type ? std::move(*type) : text_of_no_kind(known.type_oid, known.type_modifier),
         in_key || table.identity == replica_identity::full});
  }
  return made;
}

}  // namespace pulse::source

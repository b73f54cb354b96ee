#include "streams/table_resolver.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pulse::streams {
namespace {

std::string folded(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c == '_') continue;
    text += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return text;
}

error not_found(const catalog& known, const model& wanted, const std::string& looked_for) {
  error missing{
      errc::not_found,
      fmt::format("the database has no table {} for the model {}", looked_for, wanted.name),
      "check the model's @@map and @@schema, or make the table"};
  for (const auto& table : known.tables) {
    if (folded(table.name.name) == folded(wanted.table)) {
      missing.next =
          fmt::format("there is a table {}: map the model to it with @@map", to_string(table.name));
      break;
    }
  }
  return missing;
}

}  // namespace

bool has_columns_of(const catalog_table& table, const model& wanted) {
  return std::ranges::all_of(wanted.fields, [&](const auto& field) {
    return std::ranges::find(table.columns, field.column, &catalog_column::name) !=
           table.columns.end();
  });
}

result<const catalog_table*> resolve_table(const catalog& known, const model& wanted,
                                           const std::string& default_schema) {
  if (!wanted.schema.empty()) {
    if (const auto* table = known.find({wanted.schema, wanted.table})) return table;
    return not_found(known, wanted, wanted.schema + "." + wanted.table);
  }
  auto candidates = known.find_in_any_schema(wanted.table);
  if (candidates.empty()) return not_found(known, wanted, wanted.table);
  // What lacks a column cannot be meant, unless nothing can: then its missing column is what to
  // say.
  auto fitting = candidates;
  std::erase_if(fitting, [&](const auto* table) { return !has_columns_of(*table, wanted); });
  if (!fitting.empty()) candidates = std::move(fitting);
  for (const auto& schema : {default_schema, std::string("public")}) {
    const auto found =
        std::ranges::find(candidates, schema, [](const auto* table) { return table->name.schema; });
    if (found != candidates.end()) return *found;
  }
  if (candidates.size() == 1) return candidates.front();
  std::string names;
  for (const auto* table : candidates)
    names += (names.empty() ? "" : ", ") + to_string(table->name);
  return error{errc::not_found,
               fmt::format("several tables are called {}: {}", wanted.table, names),
               "say which in the model with @@schema, or in the connection URL with ?schema="};
}

}  // namespace pulse::streams

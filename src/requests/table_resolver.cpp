#include "requests/table_resolver.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

#include "base/logging.hpp"
#include "base/nearest_name.hpp"
#include "change/identifier.hpp"

namespace pulse::requests {
namespace {

using candidate_list = std::vector<const catalog_table*>;

std::string folded(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c == '_') continue;
    text += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return text;
}

std::string names_of(const candidate_list& tables) {
  std::string names;
  for (const auto* table : tables) names += (names.empty() ? "" : ", ") + to_string(table->name);
  return names;
}

// Without a model there is nothing to map. Of a longer name nobody has meant a table.
error no_such_table(const catalog& known, const model& wanted, const std::string& looked_for) {
  constexpr std::size_t name_bytes_max = 128;
  std::vector<std::string> names;
  names.reserve(known.tables.size());
  for (const auto& table : known.tables) names.push_back(table.name.name);
  const auto near = nearest_name(std::string_view(wanted.table).substr(0, name_bytes_max), names);
  error missing{errc::not_found, fmt::format("the database has no table {}", looked_for),
                "correct the name, or create the table"};
  candidate_list similar;
  for (const auto& table : known.tables) {
    if (!near.empty() && table.name.name == near) similar.push_back(&table);
  }
  if (!similar.empty()) missing.next = fmt::format("did you mean {}?", names_of(similar));
  return missing;
}

error not_found(const catalog& known, const model& wanted, const std::string& looked_for) {
  if (wanted.fields.empty()) return no_such_table(known, wanted, looked_for);
  error missing{
      errc::not_found,
      fmt::format("the database has no table {} for the model {}", looked_for, wanted.name),
      "check the model's @@map and @@schema, or create the table"};
  candidate_list near;
  for (const auto& table : known.tables) {
    if (folded(table.name.name) == folded(wanted.table)) near.push_back(&table);
  }
  if (!near.empty()) {
    missing.next = fmt::format("there is a table {}: map the model to it with @@map and @@schema",
                               names_of(near));
  }
  return missing;
}

error ambiguous(const model& wanted, const candidate_list& candidates) {
  return {errc::not_found,
          fmt::format("several tables are called {}: {}", wanted.table, names_of(candidates)),
          "choose one in the model with @@schema, or in the connection URL with ?schema="};
}

// A stream on it would never get an event.
error unpublished(const catalog& known, const catalog_table& table) {
  error refused{errc::not_found,
                fmt::format("the publication {} does not send the changes of table {}",
                            known.publication.name, to_string(table.name)),
                fmt::format("publish it: ALTER PUBLICATION {} ADD TABLE {};",
                            quote_identifier(known.publication.name), quoted(table.name))};
  if (!table.root.name.empty()) {
    const auto* root = known.find(table.root);
    if (root != nullptr && root->published) {
      refused.next = fmt::format("it is a partition of {}: open the stream on that table",
                                 to_string(table.root));
    }
  } else if (table.partitioned) {
    const bool by_parts = std::ranges::any_of(
        known.tables, [&](const auto& part) { return part.root == table.name && part.published; });
    if (by_parts) {
      refused.next = fmt::format(
          "its changes are published as those of its partitions. From PostgreSQL 13 on: ALTER "
          "PUBLICATION {} SET (publish_via_partition_root = true);",
          quote_identifier(known.publication.name));
    }
  }
  return refused;
}

result<const catalog_table*> when_published(const catalog& known, const catalog_table* table) {
  if (table->published) return table;
  return unpublished(known, *table);
}

}  // namespace

std::vector<std::string> schema_list(std::string_view schemas) {
  std::vector<std::string> list;
  while (!schemas.empty()) {
    const auto comma = schemas.find(',');
    if (comma != 0) list.emplace_back(schemas.substr(0, comma));
    schemas.remove_prefix(comma == std::string_view::npos ? schemas.size() : comma + 1);
  }
  if (list.empty()) list.emplace_back("public");
  return list;
}

bool has_columns_of(const catalog_table& table, const model& wanted) {
  return std::ranges::all_of(wanted.fields, [&](const auto& field) {
    return std::ranges::find(table.columns, field.column, &catalog_column::name) !=
           table.columns.end();
  });
}

result<const catalog_table*> resolve_table(const catalog& known, const model& wanted,
                                           const std::vector<std::string>& schemas,
                                           std::string_view project) {
  if (!wanted.schema.empty()) {
    if (const auto* table = known.find({wanted.schema, wanted.table}))
      return when_published(known, table);
    return not_found(known, wanted, wanted.schema + "." + wanted.table);
  }
  candidate_list listed;
  for (const auto& schema : schemas) {
    if (const auto* table = known.find({schema, wanted.table})) listed.push_back(table);
  }
  const auto fits = [&](const auto* table) { return has_columns_of(*table, wanted); };
  if (const auto first = std::ranges::find_if(listed, fits); first != listed.end())
    return when_published(known, *first);

  auto published = known.find_in_any_schema(wanted.table);
  const bool there = !published.empty();
  std::erase_if(published, [](const auto* table) { return !table->published; });
  candidate_list fitting;
  std::ranges::copy_if(published, std::back_inserter(fitting), fits);
  if (fitting.size() > 1) return ambiguous(wanted, fitting);
  if (fitting.size() == 1) {
    if (!listed.empty()) {
      log_warning("streams", "table of a model found in another schema, by its columns",
                  {{"project", project},
                   {"model", wanted.name},
                   {"table", to_string(fitting.front()->name)},
                   {"passed_over", names_of(listed)}});
    }
    return fitting.front();
  }
  if (!listed.empty()) return when_published(known, listed.front());
  if (published.size() > 1) return ambiguous(wanted, published);
  if (published.size() == 1) return published.front();
  if (there) {
    const auto candidates = known.find_in_any_schema(wanted.table);
    return candidates.size() == 1 ? unpublished(known, *candidates.front())
                                  : ambiguous(wanted, candidates);
  }
  return not_found(known, wanted, wanted.table);
}

const catalog_table* find_partition(const catalog& known, const model& wanted,
                                    const std::vector<std::string>& schemas) {
  const auto is_one = [](const catalog_table* table) {
    return table != nullptr && !table->published && !table->root.name.empty();
  };
  if (!wanted.schema.empty()) {
    const auto* table = known.find({wanted.schema, wanted.table});
    return is_one(table) ? table : nullptr;
  }
  for (const auto& schema : schemas) {
    const auto* table = known.find({schema, wanted.table});
    if (table != nullptr) return is_one(table) ? table : nullptr;
  }
  return nullptr;
}

result<void> check_published_actions(const publication_facts& publication,
                                     const wanted_events& wanted) {
  struct kind {
    bool is_wanted;
    bool is_published;
    std::string_view name;
  };
  const std::array kinds{kind{wanted.create.has_value(), publication.inserts, "insert"},
                         kind{wanted.update_after.has_value(), publication.updates, "update"},
                         kind{wanted.remove.has_value(), publication.deletes, "delete"}};
  std::string missing;
  std::string all;
  bool some = false;
  for (const auto& one : kinds) {
    if (one.is_published || one.is_wanted) all += (all.empty() ? "" : ", ") + std::string(one.name);
    if (!one.is_wanted) continue;
    some = some || one.is_published;
    if (!one.is_published) missing += (missing.empty() ? "" : ", ") + std::string(one.name);
  }
  if (publication.truncates) all += ", truncate";
  const bool every_kind = wanted.create && wanted.update_after && wanted.remove;
  if (missing.empty() || (every_kind && some)) return {};
  return error{
      errc::invalid_argument,
      fmt::format("the stream asks for events that the publication {} does not send: {}",
                  publication.name, missing),
      fmt::format("ask for other events, or run: ALTER PUBLICATION {} SET (publish = '{}');",
                  quote_identifier(publication.name), all)};
}

}  // namespace pulse::requests

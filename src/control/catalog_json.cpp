#include "control/catalog_json.hpp"

#include <stdexcept>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace pulse::control {
namespace {

namespace json = boost::json;

json::object of_table(const catalog_table& table) {
  json::array key;
  for (const auto& column : table.primary_key) key.emplace_back(column);
  json::array columns;
  for (const auto& column : table.columns) {
    columns.push_back(json::object{{"name", column.name},
                                   {"type", column.type_oid},
                                   {"modifier", column.type_modifier},
                                   {"not_null", column.not_null},
                                   {"generated", column.generated},
                                   {"collation", column.collation_oid},
                                   {"replica_index", column.in_replica_index},
                                   {"replicated", column.replicated}});
  }
  return {{"oid", table.oid},
          {"schema", table.name.schema},
          {"name", table.name.name},
          {"identity", std::string(1, static_cast<char>(table.identity))},
          {"published", table.published},
          {"root_schema", table.root.schema},
          {"root_name", table.root.name},
          {"partitioned", table.partitioned},
          {"key", std::move(key)},
          {"columns", std::move(columns)}};
}

json::object of_publication(const publication_facts& publication) {
  return {{"name", publication.name},
          {"inserts", publication.inserts},
          {"updates", publication.updates},
          {"deletes", publication.deletes},
          {"truncates", publication.truncates}};
}

json::object of_type(const type_entry& type) {
  json::array labels;
  for (const auto& label : type.labels) labels.emplace_back(label);
  json::array attributes;
  for (const auto& one : type.attributes) {
    attributes.push_back(
        json::object{{"name", one.name}, {"type", one.type_oid}, {"modifier", one.type_modifier}});
  }
  return {{"oid", type.oid},
          {"schema", type.schema},
          {"name", type.name},
          {"kind", std::string(1, type.kind)},
          {"element", type.element_oid},
          {"base", type.base_oid},
          {"modifier", type.base_modifier},
          {"delimiter", std::string(1, type.delimiter)},
          {"labels", std::move(labels)},
          {"subtype", type.range_subtype_oid},
          {"attributes", std::move(attributes)},
          {"since", type.since.value}};
}

json::object of_collation(const collation& one) {
  return {{"oid", one.oid},
          {"name", one.name},
          {"provider", std::string(1, static_cast<char>(one.provider))},
          {"collate", one.collate},
          {"ctype", one.ctype},
          {"rules", one.rules},
          {"version", one.version},
          {"deterministic", one.deterministic}};
}

std::string text(const json::value& object, const char* name) {
  return std::string(object.at(name).as_string());
}

template <class Number>
Number number(const json::value& object, const char* name) {
  return object.at(name).to_number<Number>();
}

catalog_table to_table(const json::value& from) {
  catalog_table table;
  table.oid = number<std::uint32_t>(from, "oid");
  table.name = {text(from, "schema"), text(from, "name")};
  table.identity = static_cast<replica_identity>(text(from, "identity").at(0));
  table.published = from.at("published").as_bool();
  table.root = {text(from, "root_schema"), text(from, "root_name")};
  table.partitioned = from.at("partitioned").as_bool();
  for (const auto& column : from.at("key").as_array())
    table.primary_key.emplace_back(column.as_string());
  for (const auto& column : from.at("columns").as_array()) {
    table.columns.push_back(
        {text(column, "name"), number<std::uint32_t>(column, "type"),
         number<std::int32_t>(column, "modifier"), column.at("not_null").as_bool(),
         column.at("generated").as_bool(), number<std::uint32_t>(column, "collation"),
         column.at("replica_index").as_bool(), column.at("replicated").as_bool()});
  }
  return table;
}

std::vector<std::string> to_labels(const json::value& from) {
  std::vector<std::string> labels;
  for (const auto& label : from.as_array()) labels.emplace_back(label.as_string());
  return labels;
}

type_entry to_type(const json::value& from) {
  type_entry type{number<std::uint32_t>(from, "oid"),
                  text(from, "schema"),
                  text(from, "name"),
                  text(from, "kind").at(0),
                  number<std::uint32_t>(from, "element"),
                  number<std::uint32_t>(from, "base"),
                  number<std::int32_t>(from, "modifier"),
                  text(from, "delimiter").at(0),
                  to_labels(from.at("labels"))};
  type.range_subtype_oid = number<std::uint32_t>(from, "subtype");
  for (const auto& one : from.at("attributes").as_array()) {
    type.attributes.push_back({text(one, "name"), number<std::uint32_t>(one, "type"),
                               number<std::int32_t>(one, "modifier")});
  }
  if (from.as_object().contains("since")) type.since = lsn{number<std::uint64_t>(from, "since")};
  return type;
}

collation to_collation(const json::value& from) {
  collation one;
  one.oid = number<std::uint32_t>(from, "oid");
  one.name = text(from, "name");
  one.provider = static_cast<collation_provider>(text(from, "provider").at(0));
  one.collate = text(from, "collate");
  one.ctype = text(from, "ctype");
  one.rules = text(from, "rules");
  one.version = text(from, "version");
  one.deterministic = from.at("deterministic").as_bool();
  return one;
}

publication_facts to_publication(const json::value& from) {
  return {text(from, "name"), from.at("inserts").as_bool(), from.at("updates").as_bool(),
          from.at("deletes").as_bool(), from.at("truncates").as_bool()};
}

// The library reports what is missing by exceptions; here that is an expected failure.
template <class Work>
result<void> parse(std::string_view text, Work take) {
  try {
    take(json::parse(text));
    return {};
  } catch (const std::exception& failure) {
    return error{errc::corrupt, std::string("the stored catalog cannot be read: ") + failure.what(),
                 "Pulse reads it from the database again"};
  }
}

void take_database(catalog& to, const json::value& from) {
  to.encoding = text(from, "encoding");
  to.database = text(from, "database");
  to.publication = to_publication(from.at("publication"));
}

}  // namespace

std::string piece_to_json(const catalog_table& table) {
  return json::serialize(of_table(table));
}

std::string piece_to_json(const type_entry& type) {
  return json::serialize(of_type(type));
}

std::string piece_to_json(const collation& rules) {
  return json::serialize(of_collation(rules));
}

std::string database_to_json(const catalog& known) {
  return json::serialize(json::object{{"encoding", known.encoding},
                                      {"database", known.database},
                                      {"publication", of_publication(known.publication)}});
}

result<void> add_piece(catalog& to, catalog_piece kind, std::string_view text) {
  return parse(text, [&](const json::value& from) {
    switch (kind) {
      case catalog_piece::table:
        to.tables.push_back(to_table(from));
        break;
      case catalog_piece::type:
        to.types.put(to_type(from));
        break;
      case catalog_piece::collation: {
        auto rules = to_collation(from);
        to.collations.insert_or_assign(rules.oid, std::move(rules));
        break;
      }
      case catalog_piece::database:
        take_database(to, from);
        break;
    }
  });
}

std::string to_json(const catalog& known) {
  json::array tables;
  for (const auto& table : known.tables) tables.push_back(of_table(table));
  json::array types;
  for (const auto& [oid, type] : known.types.entries()) types.push_back(of_type(type));
  json::array collations;
  for (const auto& [oid, one] : known.collations) collations.push_back(of_collation(one));
  return json::serialize(json::object{{"tables", std::move(tables)},
                                      {"types", std::move(types)},
                                      {"collations", std::move(collations)},
                                      {"encoding", known.encoding},
                                      {"database", known.database},
                                      {"publication", of_publication(known.publication)}});
}

result<std::shared_ptr<const catalog>> catalog_from_json(std::string_view from) {
  auto known = std::make_shared<catalog>();
  const auto taken = parse(from, [&](const json::value& parsed) {
    for (const auto& table : parsed.at("tables").as_array())
      known->tables.push_back(to_table(table));
    for (const auto& type : parsed.at("types").as_array()) known->types.put(to_type(type));
    for (const auto& from_one : parsed.at("collations").as_array()) {
      auto one = to_collation(from_one);
      known->collations.emplace(one.oid, std::move(one));
    }
    take_database(*known, parsed);
  });
  if (!taken) return taken.error();
  return std::shared_ptr<const catalog>(std::move(known));
}

}  // namespace pulse::control

#include "filters/native_filter.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "filters/operator_list.hpp"
#include "requests/model.hpp"
#include "values/value_key.hpp"

namespace pulse::filters {
namespace {

namespace json = boost::json;

json::value tagged(std::string_view tag, const json::value& value) {
  if (value.is_string()) return json::object{{"$type", tag}, {"value", value}};
  if (const auto* list = value.if_array()) {
    json::array made;
    for (const auto& one : *list) made.push_back(tagged(tag, one));
    return made;
  }
  const auto* operators = value.if_object();
  if (operators == nullptr || operators->contains("$type")) return value;
  json::object made;
  for (const auto& entry : *operators) made[entry.key()] = tagged(tag, entry.value());
  return made;
}

// The value, or the object of operators, that is asked of one column.
json::value tagged(const column_type& type, const json::value& value) {
  const bool is_json = type.kind == value_kind::json || type.kind == value_kind::jsonb;
  if (is_json && value.is_array() && type.is_list) {
    json::array made;
    for (const auto& one : value.get_array())
      made.push_back(json::object{{"$type", "Json"}, {"value", json::serialize(one)}});
    return made;
  }
  if (is_json) {
    const auto* object = value.if_object();
    if (value.is_null() || (object != nullptr && object->contains("$type"))) return value;
    // The client tags all that is asked of a Json field as one value.
    return json::object{{"$type", "Json"}, {"value", json::serialize(value)}};
  }
  const auto tag = values::tag_of(type.kind);
  return tag.empty() ? value : tagged(tag, value);
}

json::value tagged(const relation& table, const json::value& filter) {
  if (const auto* list = filter.if_array()) {
    json::array made;
    for (const auto& one : *list) made.push_back(tagged(table, one));
    return made;
  }
  const auto* object = filter.if_object();
  if (object == nullptr) return filter;
  json::object made;
  for (const auto& entry : *object) {
    const std::string_view name = entry.key();
    if (is_combinator(name)) {
      made[name] = tagged(table, entry.value());
      continue;
    }
    const auto column = std::ranges::find(table.columns, name, &column::name);
    made[name] =
        column == table.columns.end() ? entry.value() : tagged(column->type, entry.value());
  }
  return made;
}

requests::wanted_events tagged(const relation& table, requests::wanted_events filters) {
  for (auto* one :
       {&filters.create, &filters.update_after, &filters.update_before, &filters.remove}) {
    if (*one) *one = tagged(table, json::value(**one)).get_object();
  }
  return filters;
}

}  // namespace

result<std::shared_ptr<const filter>> compile_wanted(const requests::stream_request& wanted,
                                                     filter_table table) {
  if (wanted.form == requests::event_form::prisma)
    return compile_filter(wanted.wanted, wanted.model, table);
  return compile_filter(tagged(*table.definition, wanted.wanted),
                        requests::every_column(*table.definition), table);
}

std::shared_ptr<const filter> follow_wanted(const requests::stream_request& wanted,
                                            filter_table table) {
  if (wanted.form == requests::event_form::prisma)
    return follow_filter(wanted.wanted, wanted.model, table);
  return follow_filter(tagged(*table.definition, wanted.wanted),
                       requests::every_column(*table.definition), table);
}

}  // namespace pulse::filters

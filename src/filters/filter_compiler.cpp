#include "filters/filter_compiler.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "filters/filter_error.hpp"
#include "filters/filter_operators.hpp"
#include "filters/operator_list.hpp"

namespace pulse::filters {
namespace {

namespace json = boost::json;

bool is_empty(const predicate& test) {
  return test.op == predicate::operation::all && test.children.empty();
}

// Prisma's names of enum values as the database has them, wherever they stand in the value.
json::value with_labels(const json::value& value, const requests::enum_labels& labels) {
  if (const auto* text = value.if_string()) {
    const auto found =
        std::ranges::find(labels, std::string_view(*text),
                          [](const auto& entry) -> std::string_view { return entry.second; });
    return found == labels.end() ? value : json::value(found->first);
  }
  if (const auto* list = value.if_array()) {
    json::array all;
    for (const auto& one : *list) all.push_back(with_labels(one, labels));
    return all;
  }
  const auto* object = value.if_object();
  if (object == nullptr) return value;
  json::object all;
  for (const auto& entry : *object) all[entry.key()] = with_labels(entry.value(), labels);
  return all;
}

}  // namespace

result<predicate> filter_compiler::compile(const json::object& filter, const std::string& where,
                                           row_side side) {
  side_ = side;
  return object(filter, where, true);
}

result<predicate> filter_compiler::object(const json::object& filter, const std::string& where,
                                          bool outermost) {
  predicate all;
  for (const auto& entry : filter) {
    const std::string_view key = entry.key();
    const auto path = where + "." + std::string(key);
    auto child = is_combinator(key) ? combination(key, entry.value(), path, outermost)
                                    : field(key, entry.value(), path);
    if (!child) return child;
    if (!is_empty(*child)) all.children.push_back(std::move(*child));
  }
  if (all.children.size() == 1) return std::move(all.children.front());
  return all;
}

result<predicate> filter_compiler::combination(std::string_view key, const json::value& value,
                                               const std::string& path, bool outermost) {
  const auto* list = value.if_array();
  if (list == nullptr) {
    if (!value.is_object() || key == "OR")
      return bad_filter(path + (key == "OR" ? " is not an array" : " is not a filter object"));
    auto child = object(value.get_object(), path, false);
    if (!child || key == "AND" || is_empty(*child)) return child;
    return negate(std::move(*child));
  }
  predicate combined;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto where = fmt::format("{}[{}]", path, i);
    if (!(*list)[i].is_object()) return bad_filter(where + " is not a filter object");
    auto child = object((*list)[i].get_object(), where, false);
    if (!child) return child;
    if (is_empty(*child)) continue;
    combined.children.push_back(key == "NOT" ? negate(std::move(*child)) : std::move(*child));
  }
  if (key == "OR" && (outermost || !combined.children.empty()))
    combined.op = predicate::operation::any;
  return combined;
}

result<predicate> filter_compiler::field(std::string_view name, const json::value& given,
                                         const std::string& path) {
  const auto known = std::ranges::find(model_->fields, name, &requests::model_field::name);
  auto test = known != model_->fields.end()
                  ? on_column(*known, given, path)
                  : result<predicate>(bad_filter(
                        fmt::format("{}: the model {} has no such field", path, model_->name)));
  if (test) {
    conditions_ += number_conditions(*test);
    if (conditions_ <= filter_conditions_max || how_ == strictness::following) return test;
    return error{
        errc::invalid_argument,
        fmt::format("{}: the stream's filters have more than {} conditions", path,
                    filter_conditions_max),
        "use `in` for a list of values, open several streams, or filter in the application"};
  }
  if (how_ == strictness::opening) return test;
  left_open_ = test.error().what;
  return open_predicate();
}

result<predicate> filter_compiler::on_column(const requests::model_field& named,
                                             const json::value& given,
                                             const std::string& path) const {
  const auto& definition = *table_.definition;
  filter_column of;
  of.table = table_.facts;
  if (table_.facts != nullptr) {
    const auto found = table_.facts->columns.find(named.column);
    if (found != table_.facts->columns.end()) of.facts = &found->second;
  }
  const auto column = std::ranges::find(definition.columns, named.column, &column::name);
  if (column == definition.columns.end()) {
    if (of.facts != nullptr && of.facts->generated) {
      return bad_filter(fmt::format(
          "{}: the column {} is generated, and PostgreSQL does not send it", path, named.column));
    }
    return bad_filter(fmt::format("{}: the table {} has no column {}", path,
                                  to_string(definition.table), named.column));
  }
  if (how_ == strictness::opening) {
    if (auto sent = check_sent(*column, path); !sent) return sent.error();
  }
  of.type = column->type;
  // What a domain is over decides, not what it is called.
  if (of.facts != nullptr && of.facts->type_oid == of.type.oid && !of.facts->base_type.empty())
    of.type.name = of.facts->base_type;
  of.leaf.side = side_;
  of.leaf.column = static_cast<std::size_t>(column - definition.columns.begin());
  of.leaf.in_identity = column->in_identity;
  const bool renamed = named.labels && column->type.kind == value_kind::enumeration;
  const auto translated = renamed ? with_labels(given, *named.labels) : json::value();
  auto test = compile_operators(of, renamed ? translated : given);
  return test ? std::move(test) : wrap(path, test.error());
}

result<void> filter_compiler::check_sent(const column& of, const std::string& path) const {
  if (side_ == row_side::new_row || of.in_identity) return {};
  const auto& table = table_.definition->table;
  return error{
      errc::invalid_argument,
      fmt::format("{}: PostgreSQL never sends the old value of the column {}, which is not "
                  "part of the replica identity of {}",
                  path, of.name, to_string(table)),
      fmt::format("ALTER TABLE {} REPLICA IDENTITY FULL", quoted(table))};
}

}  // namespace pulse::filters

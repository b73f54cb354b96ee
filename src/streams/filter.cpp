#include "streams/filter.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "streams/filter_value.hpp"

namespace pulse::streams {
namespace {

namespace json = boost::json;

// SQL's three values, and a fourth: the value that would decide is not in the event.
enum class truth { no, unknown, missing, yes };

// The columns that an event brings, by number.
class row_values {
 public:
  row_values(tuple_view row, tuple_view fallback, bool identity_only)
      : identity_only_(identity_only) {
    for (const auto value : row) values_.push_back(value);
    for (const auto value : fallback) fallback_.push_back(value);
  }

  // Nothing: not in the event.
  std::optional<column_value> at(std::size_t number, bool in_identity) const {
    if (number >= values_.size() || (identity_only_ && !in_identity)) return std::nullopt;
    if (values_[number].state != column_state::unchanged_toast) return values_[number];
    if (number < fallback_.size()) return fallback_[number];
    return std::nullopt;
  }

 private:
  std::vector<column_value> values_;
  std::vector<column_value> fallback_;
  bool identity_only_;
};

struct node {
  enum class operation { all, any, negated, equals, is_null };
  operation op = operation::all;
  std::vector<node> children;
  std::size_t column = 0;
  bool in_identity = false;
  equals_text matches;
};

truth evaluate(const node& test, const row_values& row);

// AND is the least of its parts, OR the greatest, with no < unknown < missing < yes for OR and the
// mirror of it for AND: what is missing might turn out to be anything, so only a part that decides
// alone outweighs it.
truth evaluate_all(const node& test, const row_values& row) {
  auto outcome = truth::yes;
  for (const auto& child : test.children) {
    const auto one = evaluate(child, row);
    if (one == truth::no) return truth::no;
    if (one == truth::missing || (one == truth::unknown && outcome == truth::yes)) outcome = one;
  }
  return outcome;
}

truth evaluate_any(const node& test, const row_values& row) {
  auto outcome = truth::no;
  for (const auto& child : test.children) {
    const auto one = evaluate(child, row);
    if (one == truth::yes) return truth::yes;
    outcome = std::max(outcome, one);
  }
  return outcome;
}

truth evaluate(const node& test, const row_values& row) {
  switch (test.op) {
    case node::operation::all:
      return evaluate_all(test, row);
    case node::operation::any:
      return evaluate_any(test, row);
    case node::operation::negated: {
      const auto inner = evaluate_all(test, row);
      if (inner == truth::yes) return truth::no;
      return inner == truth::no ? truth::yes : inner;
    }
    case node::operation::equals:
    case node::operation::is_null: {
      const auto value = row.at(test.column, test.in_identity);
      if (!value) return truth::missing;
      const bool null = value->state == column_state::null;
      if (test.op == node::operation::is_null) return null ? truth::yes : truth::no;
      if (null) return truth::unknown;
      return test.matches(value->text) ? truth::yes : truth::no;
    }
  }
  return truth::missing;
}

constexpr std::array<std::string_view, 22> known_operators{"equals",
                                                           "in",
                                                           "notIn",
                                                           "lt",
                                                           "lte",
                                                           "gt",
                                                           "gte",
                                                           "contains",
                                                           "startsWith",
                                                           "endsWith",
                                                           "not",
                                                           "mode",
                                                           "has",
                                                           "hasEvery",
                                                           "hasSome",
                                                           "isEmpty",
                                                           "path",
                                                           "string_contains",
                                                           "string_starts_with",
                                                           "string_ends_with",
                                                           "array_contains",
                                                           "array_starts_with"};

bool is_operator(std::string_view name) {
  return std::ranges::find(known_operators, name) != known_operators.end();
}

class compiler {
 public:
  compiler(const model& wanted, const relation& definition)
      : model_(&wanted), relation_(&definition) {}

  result<node> object(const json::object& filter, const std::string& where) const {
    node all;
    for (const auto& entry : filter) {
      const std::string_view key = entry.key();
      const auto path = where + "." + std::string(key);
      auto child = key == "AND" || key == "OR" || key == "NOT"
                       ? combination(key, entry.value(), path)
                       : field(key, entry.value(), path);
      if (!child) return child.error();
      all.children.push_back(std::move(child).value());
    }
    return all;
  }

 private:
  static error bad(std::string what) {
    return {errc::invalid_argument, std::move(what), "correct the filter"};
  }

  result<node> combination(std::string_view key, const json::value& value,
                           const std::string& path) const {
    node combined;
    combined.op = key == "OR" ? node::operation::any : node::operation::all;
    if (const auto* list = value.if_array()) {
      for (std::size_t i = 0; i < list->size(); ++i) {
        const auto where = fmt::format("{}[{}]", path, i);
        if (!(*list)[i].is_object()) return bad(where + " is not a filter object");
        auto child = object((*list)[i].get_object(), where);
        if (!child) return child;
        combined.children.push_back(key == "NOT" ? negate(std::move(child).value())
                                                 : std::move(child).value());
      }
      return combined;
    }
    if (!value.is_object() || key == "OR")
      return bad(path + (key == "OR" ? " is not an array" : " is not a filter object"));
    auto child = object(value.get_object(), path);
    if (!child) return child;
    return key == "NOT" ? negate(std::move(child).value()) : std::move(child).value();
  }

  static node negate(node inner) {
    node negated;
    negated.op = node::operation::negated;
    negated.children.push_back(std::move(inner));
    return negated;
  }

  // Prisma's names of enum values as the database has them, wherever they stand in the value.
  static json::value with_labels(const json::value& value, const enum_labels& labels) {
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

  result<node> field(std::string_view name, const json::value& given,
                     const std::string& path) const {
    const auto known = std::ranges::find(model_->fields, name, &model_field::name);
    if (known == model_->fields.end())
      return bad(fmt::format("{}: the model {} has no such field", path, model_->name));
    const auto column = std::ranges::find(relation_->columns, known->column, &column::name);
    if (column == relation_->columns.end()) {
      return bad(fmt::format("{}: the table {} has no column {}", path, to_string(relation_->table),
                             known->column));
    }
    const bool renamed = known->labels && column->type.kind == value_kind::enumeration;
    const auto translated = renamed ? with_labels(given, *known->labels) : json::value();
    const auto& value = renamed ? translated : given;
    node test;
    test.column = static_cast<std::size_t>(column - relation_->columns.begin());
    test.in_identity = column->in_identity;
    const auto* object = value.if_object();
    if (object != nullptr && !object->contains("$type"))
      return operations(*object, test, column->type, path);
    if (const auto unwrapped = json_operations(column->type, value)) {
      return operations(*unwrapped, test, column->type, path);
    }
    return equality(value, std::move(test), column->type, path);
  }

  // The client wraps a whole Json filter into one tag: {"$type":"Json","value":"{\"equals\":…}"}.
  static std::optional<json::object> json_operations(const column_type& type,
                                                     const json::value& value) {
    if (type.kind != value_kind::json && type.kind != value_kind::jsonb) return std::nullopt;
    const auto* object = value.if_object();
    if (object == nullptr) return std::nullopt;
    const auto* text = object->if_contains("value");
    if (text == nullptr || !text->is_string()) return std::nullopt;
    json::error_code failure;
    const auto inner = json::parse(text->get_string(), failure);
    if (failure || !inner.is_object() || inner.get_object().empty()) return std::nullopt;
    for (const auto& entry : inner.get_object()) {
      if (!is_operator(entry.key())) return std::nullopt;
    }
    // Back into the form in which single values come.
    json::object operators;
    for (const auto& entry : inner.get_object()) {
      operators[entry.key()] =
          json::object{{"$type", "Json"}, {"value", json::serialize(entry.value())}};
    }
    return operators;
  }

  result<node> operations(const json::object& operators, const node& test, const column_type& type,
                          const std::string& path) const {
    node all;
    for (const auto& entry : operators) {
      const std::string_view name = entry.key();
      if (!is_operator(name)) return bad(fmt::format("{}: {} is no filter operator", path, name));
      if (name != "equals") {
        return error{errc::unsupported,
                     fmt::format("{}: the operator {} is not supported yet", path, name),
                     "filter by equality, and look closer in the application"};
      }
      auto child = equality(entry.value(), test, type, path + ".equals");
      if (!child) return child;
      all.children.push_back(std::move(child).value());
    }
    if (all.children.empty()) return bad(path + ": the operator object is empty");
    return all;
  }

  static result<node> equality(const json::value& value, node test, const column_type& type,
                               const std::string& path) {
    if (value.is_null()) {
      test.op = node::operation::is_null;
      return test;
    }
    auto matches = compile_equals(type, value);
    if (!matches) return wrap(path, matches.error());
    test.op = node::operation::equals;
    test.matches = std::move(matches).value();
    return test;
  }

  const model* model_;
  const relation* relation_;
};

class compiled_filter final : public filter {
 public:
  filter_verdict judge(const event_view& event) const override {
    switch (event.action) {
      case change_action::create:
        return verdict(create, {event.after, {}, false});
      case change_action::update:
        return verdict(
            update, {event.after,
                     event.before_kind == old_row_kind::full ? event.before : tuple_view(), false});
      case change_action::remove:
        return verdict(remove, {event.before, {}, event.before_kind != old_row_kind::full});
      case change_action::truncate:
        return filter_verdict::yes;
    }
    return filter_verdict::undecided;
  }

  std::optional<node> create;
  std::optional<node> update;
  std::optional<node> remove;

 private:
  struct rows {
    tuple_view row;
    tuple_view fallback;
    bool identity_only;
  };

  static filter_verdict verdict(const std::optional<node>& test, const rows& of) {
    if (!test) return filter_verdict::no;
    if (test->children.empty()) return filter_verdict::yes;
    switch (evaluate(*test, row_values(of.row, of.fallback, of.identity_only))) {
      case truth::yes:
        return filter_verdict::yes;
      case truth::missing:
        return filter_verdict::undecided;
      case truth::no:
      case truth::unknown:
        return filter_verdict::no;
    }
    return filter_verdict::undecided;
  }
};

}  // namespace

result<std::shared_ptr<const filter>> compile_filter(const wanted_events& wanted,
                                                     const model& wanted_model,
                                                     const relation& definition) {
  const compiler compile(wanted_model, definition);
  auto made = std::make_shared<compiled_filter>();
  const auto one = [&](const std::optional<json::object>& from, const char* where,
                       std::optional<node>& to) -> result<void> {
    if (!from) return {};
    auto compiled = compile.object(*from, where);
    if (!compiled) return compiled.error();
    to = std::move(compiled).value();
    return {};
  };
  if (auto done = one(wanted.create, "create", made->create); !done) return done.error();
  if (auto done = one(wanted.update_after, "update.after", made->update); !done)
    return done.error();
  if (auto done = one(wanted.remove, "delete", made->remove); !done) return done.error();
  return std::shared_ptr<const filter>(std::move(made));
}

}  // namespace pulse::streams

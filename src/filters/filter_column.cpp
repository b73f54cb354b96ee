#include "filters/filter_column.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "values/text_comparison.hpp"

namespace pulse::filters {
namespace {

result<void> check_label(const filter_column& column, const std::string& text) {
  if (column.type.kind != value_kind::enumeration || column.facts == nullptr) return {};
  const auto& labels = column.facts->labels;
  if (labels.empty() || std::ranges::find(labels, text) != labels.end()) return {};
  std::string names;
  for (const auto& label : labels) names += (names.empty() ? "" : ", ") + label;
  return error{errc::invalid_argument,
               fmt::format("'{}' is no label of the enum {}; its labels are {}", text,
                           column.type.name, names),
               "correct the filter"};
}

}  // namespace

predicate leaf_test(const filter_column& column, text_test holds, test_cost cost) {
  auto test = column.leaf;
  test.op = predicate::operation::test;
  test.holds = std::move(holds);
  test.cost = cost;
  return test;
}

predicate is_null_test(const filter_column& column) {
  auto test = column.leaf;
  test.op = predicate::operation::is_null;
  return test;
}

bool is_collated(const column_type& type) {
  constexpr std::array<std::string_view, 6> names{"uuid", "xml", "inet", "cidr", "bit", "varbit"};
  return type.kind == value_kind::text && std::ranges::find(names, type.name) == names.end();
}

result<values::text_form> equality_key_of(const filter_column& column, const column_type& type) {
  if (type.kind == value_kind::text && type.name == "xml") {
    return error{errc::invalid_argument, "PostgreSQL does not compare xml",
                 "compare in the application"};
  }
  if (is_collated(type))
    return values::text_comparison(type, column.table, column.facts).equality();
  return values::plain_form(type);
}

result<std::string> column_text(const filter_column& column, const column_type& type,
                                const boost::json::value& wanted) {
  auto text = values::wanted_text(type, wanted);
  if (!text) return text;
  if (auto known = check_label(column, *text); !known) return known.error();
  return text;
}

}  // namespace pulse::filters

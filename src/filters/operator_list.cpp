#include "filters/operator_list.hpp"

#include <vector>

#include "values/value_key.hpp"

namespace pulse::filters {

type_family family_of(const column_type& type) {
  if (type.is_list) return type_family::list;
  if (type.kind == value_kind::json || type.kind == value_kind::jsonb) return type_family::json;
  if (type.kind == value_kind::boolean) return type_family::boolean;
  if (type.kind != value_kind::text)
    return values::has_order(type.kind) ? type_family::ordered : type_family::unordered;
  if (type.name == "uuid") return type_family::ordered;
  if (type.name == "xml") return type_family::xml;
  if (type.name == "inet" || type.name == "cidr" || type.name == "bit" || type.name == "varbit")
    return type_family::address;
  return type_family::text;
}

std::string operator_names(type_family family) {
  std::vector<std::string_view> names;
  for (const auto& one : filter_operators) {
    if (one.families.has(family)) names.push_back(one.name);
  }
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0) text += i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  return text;
}

}  // namespace pulse::filters

#include "filters/list_filter.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "filters/filter_error.hpp"
#include "filters/operator_list.hpp"
#include "values/array_text.hpp"
#include "values/json_tree.hpp"

namespace pulse::filters {
namespace {

struct list {
  std::vector<wanted_element> elements;
  std::vector<std::string> sorted;  // those that are not NULL, each once
  int dimensions = 0;
};

void sort_once(std::vector<std::string>& keys) {
  std::ranges::sort(keys);
  const auto twice = std::ranges::unique(keys);
  keys.erase(twice.begin(), twice.end());
}

std::vector<std::string> sorted_elements(const std::vector<wanted_element>& wanted) {
  std::vector<std::string> sorted;
  for (const auto& one : wanted) {
    if (one) sorted.push_back(*one);
  }
  sort_once(sorted);
  return sorted;
}

// Nothing: the text, or an element of it, cannot be read.
std::optional<list> read_list(std::string_view text, const values::value_key& key, char delimiter) {
  values::array_reader reader(text, delimiter);
  list read;
  int depth = 0;
  for (;;) {
    switch (reader.next()) {
      case values::array_reader::token::open:
        read.dimensions = std::max(read.dimensions, ++depth);
        break;
      case values::array_reader::token::close:
        --depth;
        break;
      case values::array_reader::token::end:
        sort_once(read.sorted);
        return read;
      case values::array_reader::token::damaged:
        return std::nullopt;
      case values::array_reader::token::null:
        read.elements.emplace_back();
        break;
      case values::array_reader::token::element: {
        auto one = key(reader.text());
        if (!one) return std::nullopt;
        read.sorted.push_back(*one);
        read.elements.emplace_back(std::move(*one));
        break;
      }
    }
  }
}

// Judges the list that a value is, which is read once for all conditions on it.
template <typename Judge>
text_test on_list(values::text_form element, char delimiter, Judge judge) {
  const auto form = "list" + std::string(1, delimiter) + " of " + element.name;
  return [form, element = std::move(element), delimiter,
          judge = std::move(judge)](judged_value& value) {
    const auto& mine = value.as(form, values::parsing_per_byte, [&](std::string_view text) {
      return read_list(text, element.key, delimiter);
    });
    return mine ? truth::of(judge(*mine)) : truth::open();
  };
}

}  // namespace

text_test list_equals(const std::vector<wanted_element>& wanted, values::text_form element,
                      char delimiter) {
  auto same = on_list(std::move(element), delimiter, [wanted](const auto& mine) {
    return mine.dimensions == 1 && mine.elements == wanted;
  });
  // Explicit bounds are written when they do not begin at 1; a filter's do.
  return [same = std::move(same)](judged_value& value) {
    return value.text().starts_with('[') ? truth::no() : same(value);
  };
}

text_test list_has_every(const std::vector<wanted_element>& wanted, values::text_form element,
                         char delimiter) {
  const bool null = std::ranges::any_of(wanted, [](const auto& one) { return !one; });
  return on_list(std::move(element), delimiter,
                 [null, wanted = sorted_elements(wanted)](const auto& mine) {
                   return !null && std::ranges::includes(mine.sorted, wanted);
                 });
}

text_test list_has_some(const std::vector<wanted_element>& wanted, values::text_form element,
                        char delimiter) {
  return on_list(std::move(element), delimiter,
                 [wanted = sorted_elements(wanted)](const auto& mine) {
                   auto one = mine.sorted.begin();
                   auto other = wanted.begin();
                   while (one != mine.sorted.end() && other != wanted.end()) {
                     const auto order = *one <=> *other;
                     if (order == 0) return true;
                     order < 0 ? static_cast<void>(++one) : static_cast<void>(++other);
                   }
                   return false;
                 });
}

text_test list_is_empty(bool empty) {
  return [empty](judged_value& value) { return truth::of((value.text() == "{}") == empty); };
}

namespace {

namespace json = boost::json;

json::value tagged(const values::json_tree& value) {
  return json::object{{"$type", "Json"}, {"value", values::to_text(value)}};
}

// The client wraps a whole filter on a list of Json into one tag, operators and all.
std::optional<json::object> json_list_operators(const json::value& given) {
  const auto* object = given.if_object();
  const auto* text = object == nullptr ? nullptr : object->if_contains("value");
  if (text == nullptr || !text->is_string() || !object->contains("$type")) return std::nullopt;
  const auto inner = values::json_tree::parse(text->get_string());
  if (!inner || inner->is != values::json_tree::kind::object) return std::nullopt;
  json::object operators;
  for (std::size_t i = 0; i < inner->names.size(); ++i) {
    const auto& value = inner->elements[i];
    auto& to = operators[inner->names[i]];
    if (inner->names[i] == "equals" && value.is == values::json_tree::kind::null) {
      to = nullptr;  // the list's own NULL, not JSON's
    } else if (inner->names[i] == "isEmpty" && value.is == values::json_tree::kind::boolean) {
      to = value.truth;
    } else if (inner->names[i] == "has" || value.is != values::json_tree::kind::array) {
      to = tagged(value);
    } else {
      for (const auto& element : value.elements)
        (to.is_null() ? to.emplace_array() : to.get_array()).push_back(tagged(element));
      if (value.elements.empty()) to.emplace_array();
    }
  }
  return operators;
}

class list_compiler {
 public:
  explicit list_compiler(const filter_column& column) : column_(&column), element_(column.type) {
    element_.is_list = false;
  }

  result<predicate> value(const json::value& given) {
    const bool json = element_.kind == value_kind::json || element_.kind == value_kind::jsonb;
    const auto unwrapped = json ? json_list_operators(given) : std::nullopt;
    const auto* object = unwrapped ? &*unwrapped : given.if_object();
    if (object == nullptr) return equals(given);
    predicate all;
    for (const auto& entry : *object) {
      auto test = one(entry.key(), entry.value());
      if (!test) return wrap(std::string_view(entry.key()), test.error());
      all.children.push_back(std::move(*test));
    }
    if (all.children.empty())
      return bad_filter(fmt::format("one of {} is missing", operator_names(type_family::list)));
    return all;
  }

  using method = result<predicate> (list_compiler::*)(const json::value& wanted) const;
  static constexpr auto compilers() {
    using self = list_compiler;
    return std::to_array<compiled_operator<method>>({
        {"equals", &self::equals},
        {"has", &self::has},
        {"hasEvery", &self::has_elements<list_has_every>},
        {"hasSome", &self::has_elements<list_has_some>},
        {"isEmpty", &self::is_empty},
    });
  }

 private:
  using list_test = text_test (*)(const std::vector<wanted_element>&, values::text_form, char);

  result<predicate> one(std::string_view name, const json::value& wanted) const {
    static constexpr auto known = compilers();
    const auto* found = std::ranges::find(known, name, &compiled_operator<method>::name);
    if (found == known.end()) return bad_filter("is no operator on a list");
    return (this->*found->compile)(wanted);
  }

  result<predicate> has(const json::value& wanted) const {
    return with_elements(json::array{wanted}, list_has_every);
  }

  template <list_test Make>
  result<predicate> has_elements(const json::value& wanted) const {
    if (!wanted.is_array()) return bad_filter("is not an array");
    return with_elements(wanted.get_array(), Make);
  }

  result<predicate> is_empty(const json::value& wanted) const {
    if (!wanted.is_bool()) return bad_filter("is neither true nor false");
    return leaf_test(*column_, list_is_empty(wanted.get_bool()));
  }

  result<predicate> equals(const json::value& wanted) const {
    if (wanted.is_null()) {
      return is_null_test(*column_);
    }
    if (!wanted.is_array()) return values::no_value_of(column_->type, wanted);
    if (wanted.get_array().empty()) return leaf_test(*column_, list_is_empty(true));
    return with_elements(wanted.get_array(), list_equals);
  }

  result<predicate> with_elements(const json::array& wanted, list_test make) const {
    auto key = equality_key_of(*column_, element_);
    if (!key) return key.error();
    std::vector<wanted_element> elements;
    for (const auto& value : wanted) {
      if (value.is_null()) {
        elements.emplace_back();
        continue;
      }
      const auto text = column_text(*column_, element_, value);
      if (!text) return text.error();
      elements.push_back(key->key(*text));
    }
    return leaf_test(*column_, make(elements, std::move(*key), column_->type.delimiter),
                     {values::parsed_bytes_max, 1});
  }

  const filter_column* column_;
  column_type element_;
};
static_assert(are_all_of(list_compiler::compilers(), families::list),
              "an operator of operator_list.hpp is not compiled here, or is not there");

}  // namespace

result<predicate> compile_list_operators(const filter_column& column, const json::value& given) {
  return list_compiler(column).value(given);
}

}  // namespace pulse::filters

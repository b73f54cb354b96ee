#include "filters/json_filter.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "filters/comparison.hpp"
#include "filters/filter_error.hpp"
#include "filters/operator_list.hpp"
#include "values/json_tree.hpp"
#include "values/number_key.hpp"
#include "values/text_comparison.hpp"

namespace pulse::filters {
namespace {

bool is_operator(std::string_view name) {
  return takes(type_family::json, name);
}

std::string_view word(values::json_tree::kind of) {
  switch (of) {
    case values::json_tree::kind::null:
      return "null";
    case values::json_tree::kind::boolean:
      return "a boolean";
    case values::json_tree::kind::number:
      return "a number";
    case values::json_tree::kind::string:
      return "a string";
    case values::json_tree::kind::array:
      return "an array";
    case values::json_tree::kind::object:
      return "an object";
  }
  return "something else";
}

// Judges the value at the path, in the column's whole value.
using value_test = std::function<truth(const values::json_tree& value, judged_value& column)>;

// What a byte takes to be looked at again, in what was parsed: the place at a path has keys of its
// own.
constexpr work_units looking_per_byte = 8;

class json_compiler {
 public:
  json_compiler(const filter_column& column, const values::json_tree& operators)
      : column_(&column), operators_(&operators) {}

  result<predicate> compile() {
    if (auto read = read_options(); !read) return read.error();
    predicate all;
    for (std::size_t i = 0; i < operators_->names.size(); ++i) {
      const auto& name = operators_->names[i];
      if (name == "path" || name == "mode") continue;
      auto test = one(name, operators_->elements[i]);
      if (!test) return wrap(name, test.error());
      all.children.push_back(std::move(*test));
    }
    if (path_ && all.children.empty())
      return bad_filter("path: the operator for this path is missing");
    return all;
  }

  using method = result<predicate> (json_compiler::*)(const values::json_tree& value) const;
  static constexpr auto compilers() {
    using self = json_compiler;
    return std::to_array<compiled_operator<method>>({
        {"equals", &self::equals},
        {"not", &self::opposite},
        {"lt", &self::ordering<order::lt>},
        {"lte", &self::ordering<order::lte>},
        {"gt", &self::ordering<order::gt>},
        {"gte", &self::ordering<order::gte>},
        {"string_contains", &self::string_match<text_place::anywhere>},
        {"string_starts_with", &self::string_match<text_place::start>},
        {"string_ends_with", &self::string_match<text_place::end>},
        {"array_contains", &self::array_contains},
        {"array_starts_with", &self::array_end<true>},
        {"array_ends_with", &self::array_end<false>},
        {"path", nullptr},  // read_options()
        {"mode", nullptr},  // the same
    });
  }

 private:
  result<void> read_options() {
    for (const auto& name : operators_->names) {
      if (!is_operator(name))
        return bad_filter(fmt::format("a Json field has no operator {}", name));
    }
    if (const auto* path = operators_->member("path")) {
      path_.emplace();
      if (path->is != values::json_tree::kind::array)
        return bad_filter("path: is not an array of strings");
      for (const auto& step : path->elements) {
        if (step.is != values::json_tree::kind::string)
          return bad_filter("path: is not an array of strings");
        path_->push_back(step.text);
      }
    }
    if (const auto* mode = operators_->member("mode")) {
      if (mode->is != values::json_tree::kind::string ||
          (mode->text != "insensitive" && mode->text != "default")) {
        return bad_filter("mode: is neither 'default' nor 'insensitive'");
      }
      insensitive_ = mode->text == "insensitive";
    }
    return {};
  }

  result<predicate> one(const std::string& name, const values::json_tree& value) const {
    static constexpr auto known = compilers();
    const auto* found = std::ranges::find(known, name, &compiled_operator<method>::name);
    assert(found != known.end());  // read_options() has looked
    return (this->*found->compile)(value);
  }

  result<predicate> equals(const values::json_tree& value) const { return equality(value); }

  result<predicate> opposite(const values::json_tree& value) const {
    return negate(equality(value));
  }

  predicate equality(const values::json_tree& value) const {
    auto test = on_value(std::nullopt, [key = values::equality_key(value)](
                                           const values::json_tree& mine, judged_value&) {
      return truth::of(values::equality_key(mine) == key);
    });
    if (!path_) test.demands = {values::plain_form(column_->type), {values::equality_key(value)}};
    return test;
  }

  // What holds of each element that is looked for holds of all: so each is a condition.
  result<predicate> array_contains(const values::json_tree& value) const {
    const auto one = [this](const values::json_tree& wanted) {
      return on_value(values::json_tree::kind::array,
                      [wanted](const values::json_tree& mine, judged_value&) {
                        const auto holds = values::contains(mine, wanted);
                        return holds ? truth::of(*holds) : truth::open();
                      });
    };
    // Not so of scalars, which are found together.
    values::json_tree scalars;
    scalars.is = values::json_tree::kind::array;
    predicate all;
    if (value.is != values::json_tree::kind::array) return one(value);
    for (const auto& element : value.elements) {
      if (element.is != values::json_tree::kind::array &&
          element.is != values::json_tree::kind::object) {
        scalars.elements.push_back(element);
        continue;
      }
      values::json_tree alone;
      alone.is = values::json_tree::kind::array;
      alone.elements.push_back(element);
      all.children.push_back(one(alone));
    }
    if (!scalars.elements.empty() || all.children.empty()) all.children.push_back(one(scalars));
    return all;
  }

  // What is not there is NULL, and so is a comparison with it. A value of another kind matches
  // neither the condition nor its NOT, as Prisma's SQL has it.
  predicate on_value(std::optional<values::json_tree::kind> kind, value_test test,
                     work_units per_byte = looking_per_byte) const {
    return leaf_test(*column_,
                     [path = path_.value_or(std::vector<std::string>()), kind,
                      test = std::move(test)](judged_value& column) {
                       const auto& whole =
                           column.as("json", values::parsing_per_byte, values::json_tree::parse);
                       if (!whole) return truth::open();
                       const auto* mine = values::at_path(*whole, path);
                       if (mine == nullptr || (kind && mine->is != *kind)) return truth::unknown();
                       return test(*mine, column);
                     },
                     {values::parsed_bytes_max, per_byte});
  }

  template <text_place Place>
  result<predicate> string_match(const values::json_tree& value) const {
    if (value.is != values::json_tree::kind::string)
      return bad_filter(fmt::format("needs a string, not {}", word(value.is)));
    values::text_form lowered;
    if (insensitive_) {
      const auto by = values::text_comparison::of_json(column_->table);
      auto fold = by.lower();
      if (!fold) return fold.error();
      lowered = {
          "lowered json " + by.name(),
          [fold = std::move(*fold)](std::string_view text) { return std::optional(fold(text)); },
          values::folding_per_byte, values::folded_bytes_max};
    }
    const auto wanted = insensitive_ ? lowered.key(value.text).value_or("") : value.text;
    // Without a path Prisma matches the text of the whole JSON, with its quotes.
    return on_value(
        values::json_tree::kind::string,
        [lowered, wanted, on_text = !path_](const values::json_tree& mine, judged_value& column) {
          std::string_view text = on_text ? column.text() : std::string_view(mine.text);
          std::optional<std::string> low;
          if (lowered.key && on_text) text = *column.key(lowered);
          // What is at a path is not kept: there are as many paths as filters.
          if (lowered.key && !on_text) text = low.emplace(*lowered.key(text));
          return truth::of(has_at(Place, text, wanted));
        },
        insensitive_ && path_ ? values::folding_per_byte : looking_per_byte);
  }

  template <bool First>
  result<predicate> array_end(const values::json_tree& value) const {
    return on_value(
        values::json_tree::kind::array,
        [key = values::equality_key(value)](const values::json_tree& mine, judged_value&) {
          if (mine.elements.empty()) return truth::unknown();
          const auto& end = First ? mine.elements.front() : mine.elements.back();
          return truth::of(values::equality_key(end) == key);
        });
  }

  template <order Order>
  result<predicate> ordering(const values::json_tree& value) const {
    values::value_key key_of;
    if (value.is == values::json_tree::kind::number) {
      key_of = values::decimal_key;
    } else if (value.is == values::json_tree::kind::string) {
      auto by = values::text_comparison::of_json(column_->table).order();
      if (!by) return by.error();
      key_of = std::move(by->key);
    } else {
      return bad_filter(fmt::format("needs a number or a string, not {}", word(value.is)));
    }
    const auto key = key_of(value.text);
    if (!key) return bad_filter("the value is not comparable");
    return on_value(
        value.is,
        [=](const values::json_tree& mine, judged_value&) {
          const auto other = key_of(mine.text);
          return other ? truth::of(in_order(Order, other->compare(*key))) : truth::open();
        },
        values::folding_per_byte);
  }

  const filter_column* column_;
  const values::json_tree* operators_;
  std::optional<std::vector<std::string>> path_;
  bool insensitive_ = false;
};
static_assert(are_all_of(json_compiler::compilers(), families::json),
              "an operator of operator_list.hpp is not compiled here, or is not there");

result<predicate> equals(const filter_column& column, const boost::json::value& wanted) {
  const auto text = column_text(column, column.type, wanted);
  if (!text) return text.error();
  values::json_tree operators;
  operators.is = values::json_tree::kind::object;
  operators.names.emplace_back("equals");
  operators.elements.push_back(values::json_tree::parse(*text).value_or(values::json_tree()));
  return json_compiler(column, operators).compile();
}

// Operators that each have a tagged value or null.
result<predicate> untagged(const filter_column& column, const boost::json::object& operators) {
  predicate all;
  for (const auto& entry : operators) {
    const std::string_view name = entry.key();
    if (name != "equals" && name != "not")
      return bad_filter(fmt::format("{}: put one tag around the whole Json filter", name));
    auto test = entry.value().is_null() ? result<predicate>(is_null_test(column))
                                        : equals(column, entry.value());
    if (!test) return wrap(name, test.error());
    all.children.push_back(name == "not" ? negate(std::move(*test)) : std::move(*test));
  }
  return all;
}

}  // namespace

result<predicate> compile_json_operators(const filter_column& column,
                                         const boost::json::value& given) {
  if (given.is_null()) return is_null_test(column);
  const auto* object = given.if_object();
  if (object == nullptr) return values::no_value_of(column.type, given);
  if (!object->contains("$type")) return untagged(column, *object);
  const auto text = column_text(column, column.type, given);
  if (!text) return text.error();
  const auto inner = values::json_tree::parse(*text);
  if (inner && inner->is == values::json_tree::kind::object &&
      std::ranges::all_of(inner->names, is_operator)) {
    return json_compiler(column, *inner).compile();
  }
  return equals(column, given);
}

}  // namespace pulse::filters

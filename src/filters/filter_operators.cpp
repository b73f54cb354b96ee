#include "filters/filter_operators.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "filters/comparison.hpp"
#include "filters/filter_error.hpp"
#include "filters/json_filter.hpp"
#include "filters/list_filter.hpp"
#include "filters/operator_list.hpp"
#include "values/text_comparison.hpp"
#include "values/value_key.hpp"

namespace pulse::filters {
namespace {

namespace json = boost::json;

std::string_view without_trailing_blanks(std::string_view text) {
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

class scalar_compiler {
 public:
  explicit scalar_compiler(const filter_column& column)
      : column_(&column),
        family_(family_of(column.type)),
        text_(column.type, column.table, column.facts) {}

  result<predicate> value(const json::value& given) {
    const auto* object = given.if_object();
    if (object == nullptr || object->contains("$type")) return equals("equals", given);
    if (auto read = read_mode(*object); !read) return read.error();
    return operators(*object, nesting::none);
  }

  using method = result<predicate> (scalar_compiler::*)(std::string_view name,
                                                        const json::value& wanted) const;
  static constexpr auto compilers() {
    using self = scalar_compiler;
    return std::to_array<compiled_operator<method>>({
        {"equals", &self::equals},
        {"in", &self::one_of},
        {"notIn", &self::none_of},
        {"lt", &self::ordered<order::lt>},
        {"lte", &self::ordered<order::lte>},
        {"gt", &self::ordered<order::gt>},
        {"gte", &self::ordered<order::gte>},
        {"contains", &self::pattern<text_place::anywhere>},
        {"startsWith", &self::pattern<text_place::start>},
        {"endsWith", &self::pattern<text_place::end>},
        {"not", nullptr},   // opposite()
        {"mode", nullptr},  // read_mode()
    });
  }

 private:
  result<void> read_mode(const json::object& from) {
    const auto* mode = from.if_contains("mode");
    if (mode == nullptr) return {};
    if (!mode->is_string() ||
        (mode->get_string() != "insensitive" && mode->get_string() != "default"))
      return bad_filter("mode: is neither 'default' nor 'insensitive'");
    if (!takes(family_, "mode"))
      return bad_filter(fmt::format("mode: there is none for type {}", column_->type.name));
    insensitive_ = mode->get_string() == "insensitive";
    return {};
  }

  // How many `not` are around an operator, as far as it matters.
  enum class nesting { none, odd, even };

  // Prisma negates what `not` holds one by one: {not: {gt: 1, lt: 5}} is neither.
  result<predicate> operators(const json::object& from, nesting inside) {
    predicate all;
    for (const auto& entry : from) {
      const std::string_view name = entry.key();
      if (name == "mode" && inside == nesting::none) continue;
      if (name == "mode") return bad_filter("mode: belongs beside `not`, not into it");
      auto test = name == "not" ? opposite(entry.value(), inside) : one(name, entry.value());
      if (!test) return test.error();
      if (test->op == predicate::operation::all && test->children.empty()) continue;
      const bool negated = inside == nesting::odd && name != "not";
      all.children.push_back(negated ? negate(std::move(*test)) : std::move(*test));
    }
    return all;
  }

  result<predicate> one(std::string_view name, const json::value& wanted) const {
    static constexpr auto known = compilers();
    const auto* found = std::ranges::find(known, name, &compiled_operator<method>::name);
    if (found == known.end()) {
      return bad_filter(
          fmt::format("{}: is no operator on a field of type {}", name, column_->type.name));
    }
    return (this->*found->compile)(name, wanted);
  }

  // A bare value under `not` is to differ, however many `not` are around: Prisma turns operators
  // around, and not this.
  result<predicate> opposite(const json::value& wanted, nesting inside) {
    const auto* object = wanted.if_object();
    if (object == nullptr || object->contains("$type")) {
      auto test = equals("not", wanted);
      return test ? result<predicate>(negate(std::move(*test))) : test;
    }
    auto inner = operators(*object, inside == nesting::odd ? nesting::even : nesting::odd);
    return inner ? std::move(inner) : wrap("not", inner.error());
  }

  error refused(std::string_view name) const {
    return bad_filter(
        fmt::format("{}: there is no such operator for type {}", name, column_->type.name));
  }

  // Keys by which filters of all streams can be looked up: those that no collation has a part in.
  bool plain() const {
    if (!values::has_plain_key(column_->type) || insensitive_) return false;
    const auto* facts = column_->facts;
    return !is_collated(column_->type) ||
           (facts != nullptr && (!facts->collated_by || facts->collated_by->deterministic));
  }

  // NULL can be asked for on every type.
  result<predicate> equals(std::string_view name, const json::value& wanted) const {
    if (wanted.is_null()) return is_null_test(*column_);
    if (!takes(family_, name)) return refused(name);
    return same_as(name, json::array{wanted}, insensitive_ ? pattern_keys() : plain_keys());
  }

  result<predicate> none_of(std::string_view name, const json::value& wanted) const {
    auto test = one_of(name, wanted);
    return test ? result<predicate>(negate(std::move(*test))) : test;
  }

  result<predicate> one_of(std::string_view name, const json::value& wanted) const {
    predicate test;
    if (wanted.is_null()) {
      test = is_null_test(*column_);
    } else if (!takes(family_, name)) {
      return refused(name);
    } else if (!wanted.is_array()) {
      return bad_filter(fmt::format("{}: is not an array", name));
    } else if (wanted.get_array().empty()) {
      // Of nothing: never; not even NULL is unknown to be among no values.
      test.op = predicate::operation::any;
    } else {
      if (std::ranges::any_of(wanted.get_array(), [](const auto& one) { return one.is_null(); }))
        return bad_filter(fmt::format("{}: null is not allowed among the values", name));
      auto made =
          same_as(name, wanted.get_array(), insensitive_ ? lowered_keys(false) : plain_keys());
      if (!made) return made;
      test = std::move(*made);
    }
    return test;
  }

  // Of the column's values, and of those that they are compared with.
  struct key_pair {
    values::text_form of_column;
    values::value_key of_wanted;
  };

  result<key_pair> plain_keys() const {
    auto form = equality_key_of(*column_, column_->type);
    if (!form) return form.error();
    return key_pair{*form, form->key};
  }

  result<key_pair> order_keys() const {
    auto form = is_collated(column_->type)
                    ? text_.order()
                    : result<values::text_form>(values::plain_form(column_->type));
    if (!form) return form.error();
    return key_pair{*form, form->key};
  }

  // ILIKE: by the column's collation on both sides, and then byte by byte.
  result<key_pair> pattern_keys() const {
    if (auto may = text_.may_match_patterns(); !may) return may.error();
    auto fold = text_.lower();
    if (!fold) return fold.error();
    const values::value_key key = [fold = std::move(*fold)](std::string_view text) {
      return std::optional(fold(text));
    };
    return key_pair{
        {"lowered " + text_.name(), key, values::folding_per_byte, values::folded_bytes_max}, key};
  }

  // LOWER(column) compared with LOWER($1): as text, whatever the column is; a parameter has no
  // collation but the database's.
  result<key_pair> lowered_keys(bool in_order) const {
    auto type = column_->type;
    type.name = "text";
    const values::text_comparison as_text(type, column_->table, column_->facts);
    auto form = in_order ? as_text.order() : as_text.equality();
    if (!form) return form.error();
    const auto& key = form->key;
    auto fold = as_text.lower();
    if (!fold) return fold.error();
    auto fold_wanted = as_text.lower_by_database();
    if (!fold_wanted) return fold_wanted.error();
    const bool padded = column_->type.name == "bpchar";
    values::text_form of_column;
    of_column.name = (padded ? "padded, lowered " : "lowered ") + form->name;
    of_column.per_byte = values::folding_per_byte;
    of_column.bytes_max = values::folded_bytes_max;
    of_column.key = [padded, fold = std::move(*fold), then = key](std::string_view text) {
      return then(fold(padded ? without_trailing_blanks(text) : text));
    };
    return key_pair{std::move(of_column), [fold = std::move(*fold_wanted), then = key](
                                              std::string_view text) { return then(fold(text)); }};
  }

  result<predicate> same_as(std::string_view name, const json::array& wanted,
                            const result<key_pair>& by) const {
    if (!by) return wrap(name, by.error());
    const auto& [of_column, of_wanted] = *by;
    std::vector<std::string> keys;
    for (const auto& value : wanted) {
      const auto text = column_text(*column_, column_->type, value);
      if (!text) return wrap(name, text.error());
      auto one = of_wanted(*text);
      if (!one) return wrap(name, values::no_value_of(column_->type, value));
      keys.push_back(std::move(*one));
    }
    std::ranges::sort(keys);
    auto test = leaf_test(
        *column_,
        [form = of_column, keys](judged_value& value) {
          const auto& mine = value.key(form);
          return mine ? truth::of(std::ranges::binary_search(keys, *mine)) : truth::open();
        },
        cost_with(of_column));
    if (plain()) test.demands = {of_column, std::move(keys)};
    return test;
  }

  template <order Order>
  result<predicate> ordered(std::string_view name, const json::value& wanted) const {
    if (!takes(family_, name)) return refused(name);
    if (wanted.is_null())
      return bad_filter(fmt::format("{}: nothing is less or greater than null", name));
    const auto by = insensitive_ ? lowered_keys(true) : order_keys();
    if (!by) return wrap(name, by.error());
    const auto text = column_text(*column_, column_->type, wanted);
    if (!text) return wrap(name, text.error());
    const auto bound = by->of_wanted(*text);
    if (!bound) return wrap(name, values::no_value_of(column_->type, wanted));
    return leaf_test(
        *column_,
        [form = by->of_column, bound = *bound](judged_value& value) {
          const auto& mine = value.key(form);
          return mine ? truth::of(in_order(Order, mine->compare(bound))) : truth::open();
        },
        cost_with(by->of_column));
  }

  // What a pattern is matched with: PostgreSQL's text of the value. LIKE is on the value cast to
  // text, which takes a char(n)'s blanks away; ILIKE on the value itself, lowered.
  result<values::text_form> pattern_text() const {
    const auto& name = column_->type.name;
    if (insensitive_) {
      auto keys = pattern_keys();
      return keys ? result<values::text_form>(keys->of_column) : keys.error();
    }
    if (name == "bpchar")
      return values::text_form{"without blanks", [](std::string_view text) {
                                 return std::optional<std::string>(without_trailing_blanks(text));
                               }};
    if (name == "inet") {
      return values::text_form{"with its length", [](std::string_view text) {
                                 std::string whole(text);
                                 if (text.find('/') == std::string_view::npos)
                                   whole +=
                                       text.find(':') == std::string_view::npos ? "/32" : "/128";
                                 return std::optional(whole);
                               }};
    }
    return values::text_form{};
  }

  template <text_place Place>
  result<predicate> pattern(std::string_view name, const json::value& wanted) const {
    if (!takes(family_, name)) return refused(name);
    if (!wanted.is_string()) return wrap(name, bad_filter("is not a string"));
    if (auto may = text_.may_match_patterns(); !may) return wrap(name, may.error());
    auto shown = pattern_text();
    if (!shown) return wrap(name, shown.error());
    std::string pattern(wanted.get_string());
    if (insensitive_) pattern = shown->key(pattern).value_or(pattern);
    const auto cost = cost_with(*shown);
    return leaf_test(
        *column_,
        [shown = std::move(*shown), pattern = std::move(pattern)](judged_value& value) {
          const auto text = shown.key ? std::string_view(*value.key(shown)) : value.text();
          return truth::of(has_at(Place, text, pattern));
        },
        cost);
  }

  const filter_column* column_;
  type_family family_;
  values::text_comparison text_;
  bool insensitive_ = false;
};
static_assert(are_all_of(scalar_compiler::compilers(), families::scalar),
              "an operator of operator_list.hpp is not compiled here, or is not there");

}  // namespace

result<predicate> compile_operators(const filter_column& column, const json::value& given) {
  const auto family = family_of(column.type);
  if (family == type_family::list) return compile_list_operators(column, given);
  if (family == type_family::json) return compile_json_operators(column, given);
  return scalar_compiler(column).value(given);
}

}  // namespace pulse::filters

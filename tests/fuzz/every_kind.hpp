// A table that has a column of every kind, scalar and list, and rows for it.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <boost/json/parse.hpp>

#include "change/event.hpp"
#include "change/relation.hpp"
#include "tests/fuzz/input.hpp"

namespace pulse::fuzz {

// Those that have a form for the official client, and the first that has none.
inline constexpr std::size_t kinds = static_cast<std::size_t>(value_kind::other) + 1;

inline const std::shared_ptr<const relation>& table_of_every_kind() {
  static const auto made = [] {
    auto table = std::make_shared<relation>();
    table->table = {"public", "every_kind"};
    for (std::size_t i = 0; i < kinds * 2; ++i) {
      column one;
      one.name = "c" + std::to_string(i);
      one.type.kind = static_cast<value_kind>(i % kinds);
      one.type.is_list = i >= kinds;
      one.in_identity = i % 3 == 0;
      table->columns.push_back(one);
    }
    return std::shared_ptr<const relation>(table);
  }();
  return made;
}

// The same for native events: also the kinds that consist of others, two deep.
inline const std::shared_ptr<const relation>& table_of_every_native_kind() {
  static const auto made = [] {
    constexpr auto all = value_kind_count;
    const auto of = [](value_kind kind, bool is_list = false) {
      column_type type;
      type.kind = kind;
      type.is_list = is_list;
      return type;
    };
    auto inner = of(value_kind::composite);
    inner.parts = {{"number", of(value_kind::int4)},
                   {"texts", of(value_kind::text, true)},
                   {"json", of(value_kind::jsonb)}};
    auto span = of(value_kind::range);
    span.parts = {{"", of(value_kind::timestamptz)}};
    const auto parts_of = [&](value_kind kind) -> std::vector<type_part> {
      if (kind == value_kind::composite)
        return {{"inner", inner}, {"span", span}, {"bytes", of(value_kind::bytea)}};
      if (kind == value_kind::range || kind == value_kind::multirange)
        return {{"", of(value_kind::numeric)}};
      if (kind == value_kind::list) return {{"", of(value_kind::float8, true)}};
      return {};
    };
    auto table = std::make_shared<relation>();
    table->table = {"public", "every_kind"};
    for (std::size_t i = 0; i < all * 2; ++i) {
      column one;
      one.name = "c" + std::to_string(i);
      one.type = of(static_cast<value_kind>(i % all), i >= all);
      one.type.parts = parts_of(one.type.kind);
      one.in_identity = i % 3 == 0;
      table->columns.push_back(one);
    }
    return std::shared_ptr<const relation>(table);
  }();
  return made;
}

// Two rows in the form of pgoutput's TupleData from the front of the input; the second is the first
// again when the input has only one, and both are none when it has not even that.
class rows {
 public:
  explicit rows(input& bytes) {
    const auto first = tuple_view::parse(bytes.rest());
    if (!first) return;
    before_ = *first;
    bytes.take(first->bytes().size());
    const auto second = tuple_view::parse(bytes.rest());
    after_ = second ? *second : *first;
  }

  event_view event(change_action action, old_row_kind kind) const {
    event_view made;
    made.action = action;
    made.before_kind = kind;
    made.before = kind == old_row_kind::none ? tuple_view() : before_;
    made.after = action == change_action::remove ? tuple_view() : after_;
    return made;
  }

 private:
  tuple_view before_;
  tuple_view after_;
};

// Ends the process unless every event that the rows can make is rendered as JSON.
template <class Renderer>
void every_event_is_json(const Renderer& renderer, const rows& rows) {
  std::string text;
  for (const auto action : {change_action::create, change_action::update, change_action::remove,
                            change_action::truncate}) {
    for (const auto kind : {old_row_kind::none, old_row_kind::key, old_row_kind::full}) {
      text.clear();
      renderer.render(rows.event(action, kind), text);
      boost::json::error_code failure;
      boost::json::parse_options options;
      // Bytes of the database pass through as they are; PostgreSQL sees to their being UTF-8.
      options.allow_invalid_utf8 = true;
      // Lists nest as deep as their text does.
      options.max_depth = 4096;
      boost::json::parse(text, failure, {}, options);
      // Two bounds of the parser's own; JSON has neither.
      const bool bounded = failure == boost::json::error::too_deep ||
                           failure == boost::json::error::exponent_overflow;
      if (failure && !bounded) std::abort();
    }
  }
}

}  // namespace pulse::fuzz

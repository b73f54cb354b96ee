// A table that has a column of every kind, scalar and list, and rows for it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "change/event.hpp"
#include "change/relation.hpp"
#include "tests/fuzz/input.hpp"

namespace pulse::fuzz {

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

}  // namespace pulse::fuzz

// The values of one event as filters look at them: found, folded and parsed once for all filters.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "change/event.hpp"
#include "filters/filter_row.hpp"
#include "filters/truth.hpp"
#include "values/value_key.hpp"

namespace pulse::filters {

// Work is counted, not timed, so that a scripted run always goes the same way. A unit is about what
// one byte takes to be searched: half a nanosecond to one on a machine of 2023.
using work_units = std::uint64_t;

// A column's value, and what conditions make of its text. One owner; not thread-safe.
class judged_value {
 public:
  judged_value(column_value of, work_units& work) : value_(of), work_(&work) {}

  bool is_null() const { return value_.state == column_state::null; }
  std::string_view text() const { return value_.text; }

  // What `make` makes of the text, made once. A form stands for one type and one way to make it.
  template <typename Make>
  const auto& as(const std::string& form, work_units per_byte, const Make& make) {
    using made = std::decay_t<decltype(make(std::string_view()))>;
    for (const auto& [known, kept] : kept_) {
      if (known == form) return static_cast<const kept_as<made>&>(*kept).value;
    }
    *work_ += per_byte * value_.text.size();
    auto one = std::make_unique<kept_as<made>>(make(value_.text));
    const auto& value = one->value;
    kept_.emplace_back(form, std::move(one));
    return value;
  }
  const std::optional<std::string>& key(const values::text_form& form) {
    return as(form.name, form.per_byte, form.key);
  }

 private:
  friend class event_values;
  struct kept_base {
    kept_base() = default;
    kept_base(const kept_base&) = delete;
    kept_base& operator=(const kept_base&) = delete;
    virtual ~kept_base() = default;
  };
  template <typename Value>
  struct kept_as final : kept_base {
    explicit kept_as(Value made) : value(std::move(made)) {}
    Value value;
  };

  column_value value_;
  work_units* work_;  // that making has taken
  std::vector<std::pair<std::string, std::unique_ptr<kept_base>>> kept_;
};

// Judges a column's value, which is not NULL. Immutable, but for what the value keeps.
using text_test = std::function<truth(judged_value&)>;

// One owner; not thread-safe. As many forms of a value are kept as a table's collations and types
// give, not as many as filters ask for.
class event_values {
 public:
  event_values() = default;
  event_values(const event_values&) = delete;
  event_values& operator=(const event_values&) = delete;
  explicit event_values(const event_view& event) { look_at(event); }

  // From here on of this event, which its maker keeps alive as long. What was made of the one
  // before is kept when this is the same one of the log, read again.
  void look_at(const event_view& event);

  // Null: the event does not have it.
  judged_value* at(row_side side, std::size_t column, bool in_identity);

  // Of which event of the log these are; 0: of none.
  std::uint64_t sequence() const { return event_.sequence; }
  // What making forms has taken since this was asked last.
  work_units take_work() {
    made_ += work_;
    return std::exchange(work_, 0);
  }
  // What making all that is kept has taken, which goes with the memory that it takes.
  work_units made() const { return made_ + work_; }
  void forget() { look_at({}); }

 private:
  struct known_column {
    row_side side;
    std::size_t column;
    bool in_identity;
    std::optional<judged_value> value;
  };

  event_view event_;
  work_units work_ = 0;
  work_units made_ = 0;
  std::deque<known_column> known_;  // does not move them
  // The number in `known_` plus one, by side and column; 0: not looked at.
  std::array<std::vector<std::size_t>, 2> number_of_;
};

}  // namespace pulse::filters

// Which events a stream wants: compiled once, asked for the events that could concern it.
#pragma once

#include "filters/filter_compiler.hpp"
#include "filters/predicate.hpp"
#include "requests/request.hpp"
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "change/event.hpp"

namespace pulse::filters {

enum class filter_verdict {
  no,
  yes,
  undecided,  // a value that would decide is not in the event (unchanged TOAST, a key-only old row,
              // a column that is not published): delivered, and counted
};

// The filter of one stream for one relation version. Does not apply to truncates: always wanted.
// Immutable; any thread.
class filter {
 public:
  struct kinds {
    std::optional<predicate> create;  // nothing: no such event is wanted
    std::optional<predicate> update;
    std::optional<predicate> remove;
  };
  filter(kinds tests, std::string left_open);

  filter_verdict judge(const event_view& event) const;
  // As much of it as `how.left` is for. Nothing: not finished; goes on with the next call, for the
  // same event and with the same outcomes (conditions() many). `how.values` look at `event`.
  std::optional<filter_verdict> judge(const event_view& event, judging& how) const;

  std::size_t conditions() const { return conditions_; }

  // What is wanted of events of this kind; null: nothing.
  const predicate* test_of(change_action action) const;

  // Why a part of it can never be decided for this table version; empty when all can.
  const std::string& left_open() const { return left_open_; }

 private:
  kinds tests_;
  std::size_t conditions_ = 0;
  std::string left_open_;
};

// For a stream that opens. errc::invalid_argument names the field and the operator that cannot be:
// an unknown field, an operator that the type does not have, a value that is none of the column's
// type or no label of its enum, an old value that PostgreSQL never sends (`next` has the ALTER
// TABLE that mends it). errc::unsupported names a collation that is not reproduced.
result<std::shared_ptr<const filter>> compile_filter(const requests::wanted_events& wanted,
                                                     const requests::model& wanted_model,
                                                     filter_table table);

// The same filter for a version of the table that an event brings. What no longer fits is left open
// (filter::left_open()), so that it decides nothing and the rest of the filter still does.
std::shared_ptr<const filter> follow_filter(const requests::wanted_events& wanted,
                                            const requests::model& wanted_model,
                                            filter_table table);

}  // namespace pulse::filters

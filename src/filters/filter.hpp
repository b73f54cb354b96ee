// Which events a stream receives: compiled once, evaluated on the events that could concern it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "change/event.hpp"
#include "filters/filter_compiler.hpp"
#include "filters/predicate.hpp"
#include "requests/request.hpp"

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
  // Works for at most `how.left`. Nothing: not finished; the next call continues, for the same
  // event and with the same outcomes (conditions() many). `how.values`: those of `event`.
  std::optional<filter_verdict> judge(const event_view& event, judging& how) const;

  std::size_t conditions() const { return conditions_; }

  // Returns the condition for events of this kind; null: none is wanted.
  const predicate* test_of(change_action action) const;

  // Returns why a part of it can never be decided for this table version; empty if all can.
  const std::string& left_open() const { return left_open_; }

 private:
  kinds tests_;
  std::size_t conditions_ = 0;
  std::string left_open_;
};

// Compiles the filter of an opening stream. errc::invalid_argument names the field and the invalid
// operator:
// - an unknown field, or an operator that the type does not have;
// - a value that does not fit the column's type, or is no label of its enum;
// - an old value that PostgreSQL never sends (`next` has the ALTER TABLE that fixes it).
// errc::unsupported names a collation that Pulse does not reproduce.
result<std::shared_ptr<const filter>> compile_filter(const requests::wanted_events& wanted,
                                                     const requests::model& wanted_model,
                                                     filter_table table);

// Compiles the same filter for the table version of an event. Parts that do not fit decide nothing
// (filter::left_open()); the rest of the filter still does.
std::shared_ptr<const filter> follow_filter(const requests::wanted_events& wanted,
                                            const requests::model& wanted_model,
                                            filter_table table);

}  // namespace pulse::filters

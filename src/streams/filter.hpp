// Which events a stream wants: compiled once, asked for every event.
#pragma once

#include <memory>

#include "base/error.hpp"
#include "change/event.hpp"
#include "change/relation.hpp"
#include "streams/request.hpp"

namespace pulse::streams {

enum class filter_verdict {
  no,
  yes,
  undecided,  // a value that the filter needs is not in the event (unchanged TOAST, a key-only old
              // row): delivered, and counted
};

// The filter of one stream for one relation version. Does not apply to truncates: always wanted.
// Immutable; any thread.
class filter {
 public:
  filter() = default;
  filter(const filter&) = delete;
  filter& operator=(const filter&) = delete;
  virtual ~filter() = default;

  virtual filter_verdict judge(const event_view& event) const = 0;
};

// errc::invalid_argument names the field and the operator that cannot be: unknown field, value that
// is no value of the column's type. errc::unsupported names an operator that is not built.
// `definition` decides the types.
result<std::shared_ptr<const filter>> compile_filter(const wanted_events& wanted,
                                                     const model& wanted_model,
                                                     const relation& definition);

}  // namespace pulse::streams

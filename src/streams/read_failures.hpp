// Counts and logs stored events that could not be read.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/metrics.hpp"
#include "streams/stream_state.hpp"

namespace pulse::streams {

// Permanent damage and dropped events do not count. One owner.
class read_failures {
 public:
  explicit read_failures(const hub::parts& with);

  // `what_follows`: the consequence, for the operator. Null: it concerns no single stream.
  void note(std::string_view what_follows, const error& why, const stream_state* stream = nullptr);

 private:
  const hub::parts* with_;
  prometheus::Counter& total_;
};

}  // namespace pulse::streams

// Stored events that could not be read: counted and said.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/metrics.hpp"
#include "streams/stream_state.hpp"

namespace pulse::streams {

// What is damaged for good and what retention dropped is no matter of this. One owner.
class read_failures {
 public:
  explicit read_failures(const hub::parts& with);

  // `what_follows` from it, for whoever runs the server. Null: it concerns no stream alone.
  void note(std::string_view what_follows, const error& why, const stream_state* stream = nullptr);

 private:
  const hub::parts* with_;
  prometheus::Counter& total_;
};

}  // namespace pulse::streams

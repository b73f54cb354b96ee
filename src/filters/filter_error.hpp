// The error for a consumer's filter that Pulse refuses.
#pragma once

#include <string>
#include <utility>

#include "base/error.hpp"

namespace pulse::filters {

// errc::invalid_argument. `what` names the member of the filter, and what is wrong with it.
inline error bad_filter(std::string what) {
  return {errc::invalid_argument, std::move(what), "correct the filter"};
}

}  // namespace pulse::filters

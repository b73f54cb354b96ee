// Ways of comparing that fields of several types have.
#pragma once

#include <string_view>

#include "values/text_search.hpp"

namespace pulse::filters {

enum class order { lt, lte, gt, gte };

// `compared`: below, at or above zero, as the value is to what it is compared with.
constexpr bool in_order(order wanted, int compared) {
  switch (wanted) {
    case order::lt:
      return compared < 0;
    case order::lte:
      return compared <= 0;
    case order::gt:
      return compared > 0;
    case order::gte:
      return compared >= 0;
  }
  return false;
}

enum class text_place { anywhere, start, end };

inline bool has_at(text_place place, std::string_view text, std::string_view wanted) {
  switch (place) {
    case text_place::anywhere:
      return values::has_within(text, wanted);
    case text_place::start:
      return text.starts_with(wanted);
    case text_place::end:
      return text.ends_with(wanted);
  }
  return false;
}

}  // namespace pulse::filters

// The stored state of a project's publications at the last look.
#pragma once

#include <string>
#include <string_view>

#include "source/published_watch.hpp"

namespace pulse::control {

std::string to_json(const source::published_memory& known);
// errc::corrupt: it is none.
result<source::published_memory> published_from_json(std::string_view text);

// The position of the last look without a difference moves all the time: stored separately.
std::string place_to_json(const position& at);
result<position> place_from_json(std::string_view text);

}  // namespace pulse::control

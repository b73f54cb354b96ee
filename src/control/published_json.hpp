// What a project's publications sent at the last look, as it is stored between runs.
#pragma once

#include <string>
#include <string_view>

#include "source/published_watch.hpp"

namespace pulse::control {

std::string to_json(const source::published_memory& known);
// errc::corrupt: it is none.
result<source::published_memory> published_from_json(std::string_view text);

// Where it was so for the last time moves on all the time: stored by itself.
std::string place_to_json(const position& at);
result<position> place_from_json(std::string_view text);

}  // namespace pulse::control

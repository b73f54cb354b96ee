// What was probably meant by a name that is not known.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pulse {

// The candidate that differs least, when it is near enough to be meant; else empty. Takes time in
// proportion to the length of the name and of all candidates: callers bound both.
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace pulse

#include "base/failpoint.hpp"

namespace pulse {

void failpoint(std::string_view /*name*/) noexcept {}

}  // namespace pulse

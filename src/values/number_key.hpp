// Numbers, network addresses and instants as bytes that compare as they do. See value_key.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "change/relation.hpp"

namespace pulse::values {

std::string integer_key(std::int64_t value);
// -0 is 0; NaN equals itself and is above infinity, as PostgreSQL has it (manual, section 8.1.3).
std::string float_key(double value);
// Of a decimal in any spelling, exponents included, of any precision; also NaN and infinities.
std::optional<std::string> decimal_key(std::string_view text);
// inet and cidr: by family, common network bits, length of the network, address (manual, 9.12).
std::optional<std::string> network_key(std::string_view text);

}  // namespace pulse::values

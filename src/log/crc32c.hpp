// CRC-32C (Castagnoli, as in RFC 3720 appendix B.4), by the processor's instruction where it has
// one.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace pulse::log {

// The checksum of `bytes`, continuing from `seed` (0: a new one).
std::uint32_t crc32c(byte_view bytes, std::uint32_t seed = 0) noexcept;
// The same without the instruction.
std::uint32_t crc32c_portable(byte_view bytes, std::uint32_t seed = 0) noexcept;

}  // namespace pulse::log

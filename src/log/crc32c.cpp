#include "log/crc32c.hpp"

#include <boost/crc.hpp>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace pulse::log {
namespace {

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t by_instruction(byte_view bytes,
                                                               std::uint32_t seed) noexcept {
  std::uint64_t crc = ~seed;
  const auto* at = bytes.data();
  auto left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) crc = _mm_crc32_u64(crc, load_little<std::uint64_t>(at));
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; left > 0; --left, ++at) narrow = _mm_crc32_u8(narrow, static_cast<std::uint8_t>(*at));
  return ~narrow;
}
#endif

}  // namespace

std::uint32_t crc32c_portable(byte_view bytes, std::uint32_t seed) noexcept {
  // Boost takes the remainder as it stands before the final reversal and inversion of CRC-32C.
  std::uint32_t reversed = 0;
  for (std::uint32_t bit = 0, value = ~seed; bit < 32; ++bit, value >>= 1U)
    reversed = (reversed << 1U) | (value & 1U);
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc(reversed);
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

std::uint32_t crc32c(byte_view bytes, std::uint32_t seed) noexcept {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return by_instruction(bytes, seed);
#endif
  return crc32c_portable(bytes, seed);
}

}  // namespace pulse::log

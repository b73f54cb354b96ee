#include "log/crc32c.hpp"

#include <boost/crc.hpp>

#if defined(__x86_64__)
#include <nmmintrin.h>
#define PULSE_CRC32C_TARGET __attribute__((target("sse4.2")))
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#define PULSE_CRC32C_TARGET __attribute__((target("+crc")))
#endif

namespace pulse::log {
namespace {

#if defined(__x86_64__)
bool has_instruction() noexcept {
  return __builtin_cpu_supports("sse4.2") != 0;
}
PULSE_CRC32C_TARGET std::uint32_t with_eight(std::uint32_t crc, std::uint64_t bytes) noexcept {
  return static_cast<std::uint32_t>(_mm_crc32_u64(crc, bytes));
}
PULSE_CRC32C_TARGET std::uint32_t with_one(std::uint32_t crc, std::uint8_t byte) noexcept {
  return _mm_crc32_u8(crc, byte);
}
#elif defined(__aarch64__)
bool has_instruction() noexcept {
  return (::getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}
PULSE_CRC32C_TARGET std::uint32_t with_eight(std::uint32_t crc, std::uint64_t bytes) noexcept {
  return __crc32cd(crc, bytes);
}
PULSE_CRC32C_TARGET std::uint32_t with_one(std::uint32_t crc, std::uint8_t byte) noexcept {
  return __crc32cb(crc, byte);
}
#endif

#if defined(PULSE_CRC32C_TARGET)
PULSE_CRC32C_TARGET std::uint32_t by_instruction(byte_view bytes, std::uint32_t seed) noexcept {
  auto crc = ~seed;
  const auto* at = bytes.data();
  auto left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) crc = with_eight(crc, load_little<std::uint64_t>(at));
  for (; left > 0; --left, ++at) crc = with_one(crc, static_cast<std::uint8_t>(*at));
  return ~crc;
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
#if defined(PULSE_CRC32C_TARGET)
  static const bool by_processor = has_instruction();
  if (by_processor) return by_instruction(bytes, seed);
#endif
  return crc32c_portable(bytes, seed);
}

}  // namespace pulse::log

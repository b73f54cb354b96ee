// Integers in byte order: big-endian as PostgreSQL sends them, little-endian as the log stores
// them.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace pulse {

using byte_view = std::span<const std::byte>;

inline byte_view as_byte_view(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string_view as_text(byte_view bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

namespace detail {
template <std::unsigned_integral T>
constexpr T swap_bytes(T value) noexcept {
  if constexpr (sizeof(T) == 1) {
    return value;
  } else if constexpr (sizeof(T) == 2) {
    return __builtin_bswap16(value);
  } else if constexpr (sizeof(T) == 4) {
    return __builtin_bswap32(value);
  } else {
    return __builtin_bswap64(value);
  }
}
}  // namespace detail

// Reads sizeof(T) bytes at `from`; the caller has checked that they are there.
template <std::unsigned_integral T>
T load_big(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return std::endian::native == std::endian::big ? value : detail::swap_bytes(value);
}

template <std::unsigned_integral T>
T load_little(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return std::endian::native == std::endian::little ? value : detail::swap_bytes(value);
}

template <std::unsigned_integral T>
void store_little(std::byte* to, T value) noexcept {
  if constexpr (std::endian::native == std::endian::big) value = detail::swap_bytes(value);
  std::memcpy(to, &value, sizeof value);
}

template <std::unsigned_integral T>
void store_big(std::byte* to, T value) noexcept {
  if constexpr (std::endian::native == std::endian::little) value = detail::swap_bytes(value);
  std::memcpy(to, &value, sizeof value);
}

// Appends to a growing buffer (std::string or std::vector<std::byte>).
template <std::unsigned_integral T, class Buffer>
void append_little(Buffer& buffer, T value) {
  const auto at = buffer.size();
  buffer.resize(at + sizeof value);
  store_little(reinterpret_cast<std::byte*>(buffer.data()) + at, value);
}

template <std::unsigned_integral T, class Buffer>
void append_big(Buffer& buffer, T value) {
  const auto at = buffer.size();
  buffer.resize(at + sizeof value);
  store_big(reinterpret_cast<std::byte*>(buffer.data()) + at, value);
}

}  // namespace pulse

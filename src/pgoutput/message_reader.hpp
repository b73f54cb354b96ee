// Fields of a protocol message, read in wire order and never past its end.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "change/lsn.hpp"

namespace pulse::pgoutput {

// After the first read past the end every read gives zero and ok() is false: a message is checked
// once, at its end.
class message_reader {
 public:
  explicit message_reader(byte_view bytes) noexcept : rest_(bytes) {}

  std::uint8_t read_byte() noexcept { return read<std::uint8_t>(); }
  std::uint16_t read_int16() noexcept { return read<std::uint16_t>(); }
  std::uint32_t read_int32() noexcept { return read<std::uint32_t>(); }
  std::uint64_t read_int64() noexcept { return read<std::uint64_t>(); }
  lsn read_lsn() noexcept { return lsn{read_int64()}; }

  // Up to the terminating zero byte, which is consumed.
  std::string_view read_string() noexcept {
    const auto text = as_text(rest_);
    const auto end = text.find('\0');
    if (end == std::string_view::npos) {
      fail();
      return {};
    }
    rest_ = rest_.subspan(end + 1);
    return text.substr(0, end);
  }

  void skip(std::size_t size) noexcept {
    if (size > rest_.size()) return fail();
    rest_ = rest_.subspan(size);
  }

  byte_view rest() const noexcept { return rest_; }
  bool ok() const noexcept { return ok_; }

 private:
  template <std::unsigned_integral T>
  T read() noexcept {
    if (rest_.size() < sizeof(T)) {
      fail();
      return 0;
    }
    const auto value = load_big<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }

  void fail() noexcept {
    ok_ = false;
    rest_ = {};
  }

  byte_view rest_;
  bool ok_ = true;
};

}  // namespace pulse::pgoutput

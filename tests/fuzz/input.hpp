// An input of the fuzzer, taken apart from its front.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace pulse::fuzz {

class input {
 public:
  input(const std::uint8_t* data, std::size_t size) : rest_(std::as_bytes(std::span(data, size))) {}

  bool empty() const { return rest_.empty(); }
  byte_view rest() const { return rest_; }
  std::string_view rest_as_text() const { return as_text(rest_); }

  // As many as there are, when that is fewer.
  byte_view take(std::size_t bytes) {
    const auto taken = rest_.first(std::min(bytes, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  std::uint8_t take_byte() {
    const auto taken = take(1);
    return taken.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(taken[0]);
  }
  // A piece behind its size in two bytes, big-endian: large enough for what real servers send.
  byte_view take_piece() {
    const std::size_t high = take_byte();
    return take(high << 8U | take_byte());
  }
  // Up to the end of the line, which is taken away too.
  std::string_view take_line() {
    const auto text = rest_as_text();
    const auto line = text.substr(0, text.find('\n'));
    take(line.size() + 1);
    return line;
  }

 private:
  byte_view rest_;
};

}  // namespace pulse::fuzz

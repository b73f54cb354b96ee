// A row as PostgreSQL's logical replication sends it, read in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace pulse {

enum class column_state : std::uint8_t {
  null,             // SQL NULL
  unchanged_toast,  // a large value that this UPDATE did not touch: the server did not send it
  text,             // the type's text form
  binary,           // the type's binary form
};

struct column_value {
  column_state state = column_state::null;
  std::string_view text = {};  // of `text` and `binary`; points into the tuple's bytes
};

// Bytes in the form of pgoutput's TupleData (PostgreSQL manual, section 55.9): a 16-bit column
// count, then for each column its state and, for `t` and `b`, a 32-bit length and the bytes, all
// big-endian. Events are stored in this form too, so a row is not taken apart between the
// replication socket and the moment when it is rendered or filtered.
//
// A view: whoever made it keeps the bytes alive. An empty view is "no row".
class tuple_view {
 public:
  class iterator {
   public:
    // Precondition: not at the end.
    column_value operator*() const noexcept;
    iterator& operator++() noexcept;
    bool operator==(const iterator& other) const noexcept { return at_ == other.at_; }

   private:
    friend class tuple_view;
    explicit iterator(const std::byte* at) noexcept : at_(at) {}
    const std::byte* at_;
  };

  tuple_view() = default;

  // Checks that `bytes` begins with one whole tuple, and takes as many bytes as it has.
  static result<tuple_view> parse(byte_view bytes);
  // For bytes that parse() accepted before (and a checksum has guarded since).
  static tuple_view trusted(byte_view bytes) noexcept { return tuple_view(bytes); }

  bool empty() const noexcept { return bytes_.empty(); }
  std::size_t column_count() const noexcept {
    return empty() ? 0 : load_big<std::uint16_t>(bytes_.data());
  }
  byte_view bytes() const noexcept { return bytes_; }

  iterator begin() const noexcept { return iterator(empty() ? nullptr : bytes_.data() + 2); }
  iterator end() const noexcept {
    return iterator(empty() ? nullptr : bytes_.data() + bytes_.size());
  }

 private:
  explicit tuple_view(byte_view bytes) noexcept : bytes_(bytes) {}
  byte_view bytes_;
};

inline column_value tuple_view::iterator::operator*() const noexcept {
  switch (static_cast<char>(*at_)) {
    case 't':
    case 'b': {
      const auto size = load_big<std::uint32_t>(at_ + 1);
      const auto state = static_cast<char>(*at_) == 't' ? column_state::text : column_state::binary;
      return {state, {reinterpret_cast<const char*>(at_ + 5), size}};
    }
    case 'u':
      return {column_state::unchanged_toast};
    default:
      return {column_state::null};
  }
}

inline tuple_view::iterator& tuple_view::iterator::operator++() noexcept {
  const char kind = static_cast<char>(*at_);
  at_ += kind == 't' || kind == 'b' ? 5 + std::size_t{load_big<std::uint32_t>(at_ + 1)} : 1;
  return *this;
}

}  // namespace pulse

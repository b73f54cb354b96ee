#include "server/websocket/websocket_frames.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <random>

#include "base/bytes.hpp"
#include "base/shown_text.hpp"

namespace pulse::server {
namespace {

constexpr std::uint8_t final_bit = 0x80;
constexpr std::uint8_t reserved_bits = 0x70;
constexpr std::uint8_t compressed_bit = 0x40;
constexpr std::uint8_t opcode_bits = 0x0F;
constexpr std::uint8_t mask_bit = 0x80;
constexpr std::uint8_t length_bits = 0x7F;
constexpr std::uint8_t length_in_2_bytes = 126;
constexpr std::uint8_t length_in_8_bytes = 127;

bool is_control(opcode kind) {
  return (static_cast<std::uint8_t>(kind) & 0x08U) != 0;
}

bool is_known(opcode kind) {
  return kind <= opcode::binary || (kind >= opcode::close && kind <= opcode::pong);
}

const std::byte* bytes_at(const char* from) {
  return reinterpret_cast<const std::byte*>(from);
}

// Masking and unmasking are the same. Eight bytes at a time: a mask repeats every four.
void unmask(std::span<char> payload, const std::array<char, 4>& mask) {
  std::uint64_t wide = 0;
  std::memcpy(&wide, mask.data(), 4);
  std::memcpy(reinterpret_cast<char*>(&wide) + 4, mask.data(), 4);
  std::size_t at = 0;
  for (; at + 8 <= payload.size(); at += 8) {
    std::uint64_t chunk = 0;
    std::memcpy(&chunk, payload.data() + at, 8);
    chunk ^= wide;
    std::memcpy(payload.data() + at, &chunk, 8);
  }
  for (; at < payload.size(); ++at) {
    payload[at] = static_cast<char>(payload[at] ^ mask[at % 4]);
  }
}

incoming violation(close_code code, std::string_view reason) {
  return {incoming::kind::violation, reason, code};
}

// RFC 6455, section 7.4: what may stand in a close frame.
bool may_be_sent(std::uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

incoming read_close(std::string_view payload) {
  if (payload.empty()) return {incoming::kind::close};
  if (payload.size() == 1) {
    return violation(close_code::protocol_error, "a close frame with half a code");
  }
  const auto code = load_big<std::uint16_t>(as_byte_view(payload).data());
  if (!may_be_sent(code)) {
    return violation(close_code::protocol_error, "an invalid close code");
  }
  if (!is_utf8(payload.substr(2)))
    return violation(close_code::invalid_payload, "the reason of a close frame is not UTF-8");
  return {incoming::kind::close, payload.substr(2), close_code{code}};
}

void append(std::string& to, std::uint8_t first, std::string_view payload) {
  std::array<std::byte, 10> header{};
  std::size_t header_size = 2;
  header[0] = std::byte{first};
  if (payload.size() < length_in_2_bytes) {
    header[1] = std::byte{static_cast<std::uint8_t>(payload.size())};
  } else if (payload.size() <= 0xFFFF) {
    header[1] = std::byte{length_in_2_bytes};
    store_big(header.data() + 2, static_cast<std::uint16_t>(payload.size()));
    header_size = 4;
  } else {
    header[1] = std::byte{length_in_8_bytes};
    store_big(header.data() + 2, static_cast<std::uint64_t>(payload.size()));
    header_size = 10;
  }
  to.append(reinterpret_cast<const char*>(header.data()), header_size);
  to.append(payload);
}

}  // namespace

void append_frame(std::string& to, opcode kind, std::string_view payload) {
  assert(!is_control(kind) || payload.size() <= control_payload_bytes_max);
  append(to, final_bit | static_cast<std::uint8_t>(kind), payload);
}

void append_masked_control(std::string& to, opcode kind, std::string_view payload) {
  assert(is_control(kind) && payload.size() <= control_payload_bytes_max);
  const auto random = static_cast<std::uint32_t>(std::random_device()());
  std::array<char, 4> mask{};
  std::memcpy(mask.data(), &random, mask.size());
  to += static_cast<char>(final_bit | static_cast<std::uint8_t>(kind));
  to += static_cast<char>(mask_bit | static_cast<std::uint8_t>(payload.size()));
  to.append(mask.data(), mask.size());
  const auto start = to.size();
  to.append(payload);
  unmask(std::span(to).subspan(start), mask);
}

void append_compressed_text(std::string& to, std::string_view payload) {
  append(to, final_bit | compressed_bit | static_cast<std::uint8_t>(opcode::text), payload);
}

void append_close(std::string& to, close_code code, std::string_view reason) {
  auto size = std::min(reason.size(), control_payload_bytes_max - 2);
  const auto continues = [&](std::size_t at) {
    return at < reason.size() && (static_cast<unsigned char>(reason[at]) & 0xC0U) == 0x80;
  };
  while (size > 0 && continues(size)) --size;
  std::string payload;
  append_big(payload, static_cast<std::uint16_t>(code));
  payload.append(reason.substr(0, size));
  append_frame(to, opcode::close, payload);
}

struct websocket_reader::frame {
  bool final = false;
  opcode kind = opcode::text;
  std::string_view payload;
  bool compressed = false;
};

incoming websocket_reader::next(std::span<char>& bytes) {
  // What was handed out last is no longer in use.
  if (!in_fragments_ && fragments_.capacity() > control_payload_bytes_max) fragments_ = {};
  while (bytes.size() >= 2) {
    const auto first = static_cast<std::uint8_t>(bytes[0]);
    const auto second = static_cast<std::uint8_t>(bytes[1]);
    const auto kind = static_cast<opcode>(first & opcode_bits);
    const bool final = (first & final_bit) != 0;
    // RFC 7692, section 6: only the first frame of a data message says that it is compressed.
    const bool compressed = (first & compressed_bit) != 0;
    const bool may_be_compressed = compressed_allowed_ && kind == opcode::text;
    if ((first & reserved_bits & ~(may_be_compressed ? compressed_bit : 0U)) != 0 ||
        !is_known(kind)) {
      return violation(close_code::protocol_error,
                       "a frame with unknown bits or an unknown opcode");
    }
    if (((second & mask_bit) != 0) != masked_) {
      return violation(close_code::protocol_error, masked_ ? "a client's frame must be masked"
                                                           : "a server's frame must not be masked");
    }
    std::size_t header_size = masked_ ? 2 + 4 : 2;
    std::uint64_t size = second & length_bits;
    if (is_control(kind) && (!final || size > control_payload_bytes_max)) {
      return violation(close_code::protocol_error, "a control frame in parts or above 125 bytes");
    }
    if (size == length_in_2_bytes) {
      header_size += 2;
      if (bytes.size() < header_size) return {};
      size = load_big<std::uint16_t>(bytes_at(bytes.data() + 2));
    } else if (size == length_in_8_bytes) {
      header_size += 8;
      if (bytes.size() < header_size) return {};
      size = load_big<std::uint64_t>(bytes_at(bytes.data() + 2));
    }
    const auto before = in_fragments_ ? fragments_.size() : 0;
    if (!is_control(kind) && (size > message_bytes_max_ || before + size > message_bytes_max_)) {
      return violation(close_code::too_big, "a message larger than the limit");
    }
    if (bytes.size() < header_size || bytes.size() - header_size < size) return {};

    const auto payload = bytes.subspan(header_size, static_cast<std::size_t>(size));
    if (masked_) {
      std::array<char, 4> mask{};
      std::memcpy(mask.data(), bytes.data() + header_size - 4, 4);
      unmask(payload, mask);
    }
    bytes = bytes.subspan(header_size + payload.size());
    const auto message = take({final, kind, {payload.data(), payload.size()}, compressed});
    if (message.what != incoming::kind::nothing) return message;
  }
  return {};
}

incoming websocket_reader::take(const frame& one) {
  switch (one.kind) {
    case opcode::ping:
      return {incoming::kind::ping, one.payload};
    case opcode::pong:
      return {incoming::kind::pong, one.payload};
    case opcode::close:
      return read_close(one.payload);
    case opcode::binary:
      return violation(close_code::unsupported_data, "messages are text");
    case opcode::text:
    case opcode::continuation:
      return take_data(one);
  }
  return {};
}

incoming websocket_reader::take_data(const frame& one) {
  if ((one.kind == opcode::continuation) != in_fragments_) {
    return violation(close_code::protocol_error, "fragments of a message out of order");
  }
  if (one.final && !in_fragments_)
    return {incoming::kind::text, one.payload, close_code::none, one.compressed};
  if (!in_fragments_) {
    fragments_.clear();
    fragments_compressed_ = one.compressed;
  }
  in_fragments_ = !one.final;
  fragments_.append(one.payload);
  if (!one.final) return {};
  return {incoming::kind::text, fragments_, close_code::none, fragments_compressed_};
}

}  // namespace pulse::server

// What a client sends over an open WebSocket, in any pieces: the messages are the same as when all
// comes at once, an unfinished frame stays within its bound, and a compressed message unpacks
// within its own or is refused.
#include "server/websocket/websocket_frames.hpp"

#include <cstdlib>
#include <string>
#include <tuple>
#include <vector>

#include "server/websocket/client_message.hpp"
#include "server/websocket/deflate.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace pulse;

constexpr std::size_t message_bytes_max = 1024;

using seen = std::tuple<server::incoming::kind, std::string, server::close_code, bool>;

std::vector<seen> read(byte_view all, std::size_t piece_bytes, bool compressed_allowed) {
  server::websocket_reader reader(message_bytes_max);
  if (compressed_allowed) reader.allow_compressed();
  std::vector<seen> messages;
  std::string unfinished;
  while (!all.empty()) {
    const auto piece = all.first(std::min(piece_bytes, all.size()));
    all = all.subspan(piece.size());
    unfinished += as_text(piece);
    std::span<char> bytes(unfinished);
    for (;;) {
      const auto message = reader.next(bytes);
      if (message.what == server::incoming::kind::nothing) break;
      messages.emplace_back(message.what, message.payload, message.code, message.compressed);
      if (message.what == server::incoming::kind::violation) return messages;
    }
    if (bytes.size() > message_bytes_max + server::websocket_reader::frame_header_bytes_max)
      std::abort();
    unfinished = std::string(bytes.data(), bytes.size());
  }
  return messages;
}

void use(const seen& message, server::message_inflater& inflater) {
  const auto& [what, payload, code, compressed] = message;
  if (what != server::incoming::kind::text) return;
  if (!compressed) return static_cast<void>(server::parse_client_message(payload));
  const auto text = inflater.inflate(payload, message_bytes_max);
  if (!text) return;
  if (text->size() > message_bytes_max) std::abort();
  static_cast<void>(server::parse_client_message(*text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input bytes(data, size);
  const bool compressed_allowed = (bytes.take_byte() & 1U) != 0;
  const std::size_t piece_bytes = 1 + std::size_t{bytes.take_byte()};
  const auto messages =
      read(bytes.rest(), std::max<std::size_t>(bytes.rest().size(), 1), compressed_allowed);
  if (messages != read(bytes.rest(), piece_bytes, compressed_allowed)) std::abort();
  server::message_inflater inflater;
  for (const auto& one : messages) use(one, inflater);
  return 0;
}

// Compressed messages: arbitrary ones unpack within their bound or are refused, and what Pulse
// compresses unpacks to the same.
#include "server/websocket/deflate.hpp"

#include <cstdlib>
#include <string>

#include "tests/fuzz/input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static pulse::server::message_deflater deflater;
  static pulse::server::message_inflater inflater;
  pulse::fuzz::input bytes(data, size);
  const auto repeated = bytes.take_byte();
  const auto message = bytes.rest_as_text();
  constexpr std::size_t bytes_max = std::size_t{64} << 10U;
  if (const auto text = inflater.inflate(message, bytes_max); text && text->size() > bytes_max)
    std::abort();
  std::string longer;
  for (unsigned i = 0; i <= repeated; ++i) longer += message;
  const auto compressed = deflater.compress(longer);
  if (!compressed) return 0;
  const auto back = inflater.inflate(*compressed, longer.size());
  if (!back || *back != longer) std::abort();
  return 0;
}

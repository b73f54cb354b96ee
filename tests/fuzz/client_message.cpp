// Arbitrary text from a client: an acknowledgement, something ignored, or malformed; never a crash.
#include "server/websocket/client_message.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(
      pulse::server::parse_client_message({reinterpret_cast<const char*>(data), size}));
  return 0;
}

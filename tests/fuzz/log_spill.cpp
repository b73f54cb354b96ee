// Arbitrary bytes as the file of a spilled transaction.
#include <cstdlib>
#include <string>

#include "log/spill_area.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/support/fault_storage.hpp"

namespace {

using namespace pulse;

// Before each message's body (src/log/spill_area.cpp).
constexpr std::size_t message_header_bytes = 17;
constexpr std::uint32_t xid = 1;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < message_header_bytes) return 0;
  const auto disk = std::make_shared<log::testing::fault_disk>();
  const auto area = log::spill_area::open(log::testing::open_disk(disk)).value();
  area->begin(xid);
  // One message that is as long as the input is, and then the input in its place.
  const std::string body(size - message_header_bytes, 'x');
  static_cast<void>(area->append({xid, xid, lsn{1}, 'I', as_byte_view(body)}));
  static_cast<void>(area->flush());
  disk->content("1.spill") = fuzz::input(data, size).rest_as_text();
  area->abort_part(xid, 7);
  const auto reader = area->read(xid);
  if (!reader) return 0;
  std::size_t bytes = 0;
  for (auto next = (*reader)->next(); next && *next != nullptr; next = (*reader)->next())
    bytes += (*next)->body.size() + message_header_bytes;
  if (bytes > size) std::abort();
  return 0;
}

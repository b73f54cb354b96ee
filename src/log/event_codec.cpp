#include "log/event_codec.hpp"

#include <cstring>

namespace pulse::log {

void encode_position(const position& at, std::byte* to) {
  store_little(to, at.timeline);
  store_little(to + 4, at.ordinal);
  store_little(to + 8, at.commit.value);
  store_little(to + 16, at.change.value);
}

position decode_position(const std::byte* from) {
  return {load_little<std::uint32_t>(from), lsn{load_little<std::uint64_t>(from + 8)},
          lsn{load_little<std::uint64_t>(from + 16)}, load_little<std::uint32_t>(from + 4)};
}

// Offsets: 0 before bytes (u32), 4 after bytes (u32), 8 table (u32), 12 relation version (u32), 16
// committed at (i64, microseconds), 24 position (24), 48 id (16), 64 action (u8), 65 before kind
// (u8), 66 zero (2).
void encode_event(const event_view& event, std::string& to) {
  const auto before = event.before.bytes();
  const auto after = event.after.bytes();
  const auto start = to.size();
  to.resize(start + event_header_bytes + before.size() + after.size());
  auto* header = reinterpret_cast<std::byte*>(to.data()) + start;
  store_little(header, static_cast<std::uint32_t>(before.size()));
  store_little(header + 4, static_cast<std::uint32_t>(after.size()));
  store_little(header + 8, event.table);
  store_little(header + 12, event.relation);
  store_little(header + 16,
               static_cast<std::uint64_t>(event.committed_at.time_since_epoch().count()));
  encode_position(event.at, header + 24);
  std::memcpy(header + 48, event.id.bytes.data(), event.id.bytes.size());
  header[64] = static_cast<std::byte>(event.action);
  header[65] = static_cast<std::byte>(event.before_kind);
  if (!before.empty()) std::memcpy(header + event_header_bytes, before.data(), before.size());
  if (!after.empty())
    std::memcpy(header + event_header_bytes + before.size(), after.data(), after.size());
}

result<event_view> decode_event(byte_view block, std::size_t& at, event_sequence sequence) {
  const auto cut = [] {
    return error{errc::corrupt, "an event extends past the end of its block", {}};
  };
  if (block.size() - at < event_header_bytes) return cut();
  const auto* header = block.data() + at;
  const std::size_t before = load_little<std::uint32_t>(header);
  const std::size_t after = load_little<std::uint32_t>(header + 4);
  if (block.size() - at - event_header_bytes < before + after) return cut();
  event_view event;
  event.sequence = sequence;
  event.table = load_little<std::uint32_t>(header + 8);
  event.relation = load_little<std::uint32_t>(header + 12);
  event.committed_at = unix_time_us(std::chrono::microseconds(
      static_cast<std::int64_t>(load_little<std::uint64_t>(header + 16))));
  event.at = decode_position(header + 24);
  std::memcpy(event.id.bytes.data(), header + 48, event.id.bytes.size());
  event.action = static_cast<change_action>(header[64]);
  event.before_kind = static_cast<old_row_kind>(header[65]);
  const auto* rows = header + event_header_bytes;
  event.before = tuple_view::trusted({rows, before});
  event.after = tuple_view::trusted({rows + before, after});
  at += event_header_bytes + before + after;
  return event;
}

}  // namespace pulse::log

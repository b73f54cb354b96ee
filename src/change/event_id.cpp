#include "change/event_id.hpp"

#include <algorithm>
#include <limits>

#include "base/bytes.hpp"

namespace pulse {
namespace {

constexpr std::string_view alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::uint64_t low_48_bits = (std::uint64_t{1} << 48U) - 1;

constexpr std::array<std::int8_t, 256> make_digits() {
  std::array<std::int8_t, 256> digits{};
  digits.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    const char c = alphabet[i];
    digits[static_cast<unsigned char>(c)] = static_cast<std::int8_t>(i);
    if (c >= 'A') digits[static_cast<unsigned char>(c - 'A' + 'a')] = static_cast<std::int8_t>(i);
  }
  return digits;
}

constexpr auto digits = make_digits();

std::uint64_t load_48(const std::uint8_t* from) noexcept {
  std::uint64_t value = 0;
  for (int i = 0; i < 6; ++i) value = (value << 8U) | from[i];
  return value;
}

void store_48(std::uint8_t* to, std::uint64_t value) noexcept {
  for (int i = 5; i >= 0; --i) {
    to[i] = static_cast<std::uint8_t>(value);
    value >>= 8U;
  }
}

}  // namespace

std::uint64_t event_id::time_ms() const noexcept {
  return load_48(bytes.data());
}

std::uint64_t event_id::commit_low() const noexcept {
  return load_48(bytes.data() + 6);
}

std::uint32_t event_id::count() const noexcept {
  std::uint32_t value = 0;
  for (std::size_t i = 12; i < 16; ++i) value = (value << 8U) | bytes[i];
  return value;
}

event_id make_event_id(std::uint64_t time_ms, lsn commit, std::uint32_t count) noexcept {
  event_id id;
  store_48(id.bytes.data(), time_ms & low_48_bits);
  store_48(id.bytes.data() + 6, commit.value & low_48_bits);
  for (std::size_t i = 16; i > 12; --i) {
    id.bytes[i - 1] = static_cast<std::uint8_t>(count);
    count >>= 8U;
  }
  return id;
}

// 26 digits of 5 bits are 130 bits: two zero bits, then the id. The last 13 digits hold its low 65
// bits, so each half of the text is worked on in one 64-bit word, but for the bit that both share.
void write_text(const event_id& id, char* to) noexcept {
  const auto high = load_big<std::uint64_t>(reinterpret_cast<const std::byte*>(id.bytes.data()));
  auto low = load_big<std::uint64_t>(reinterpret_cast<const std::byte*>(id.bytes.data() + 8));
  for (std::size_t digit = event_id::text_size - 1; digit > 13; --digit, low >>= 5U) {
    to[digit] = alphabet[low & 31U];
  }
  // Digit 13: the top four bits of the low word and the lowest bit of the high one.
  to[13] = alphabet[(low & 15U) | ((high & 1U) << 4U)];
  auto rest = high >> 1U;
  for (std::size_t digit = 13; digit > 0; --digit, rest >>= 5U)
    to[digit - 1] = alphabet[rest & 31U];
}

std::string to_string(const event_id& id) {
  std::string text(event_id::text_size, '0');
  write_text(id, text.data());
  return text;
}

std::optional<event_id> parse_event_id(std::string_view text) noexcept {
  if (text.size() != event_id::text_size) return std::nullopt;
  const auto value_at = [&](std::size_t digit) {
    return digits[static_cast<unsigned char>(text[digit])];
  };
  int all = 0;
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  for (std::size_t digit = 0; digit < 13; ++digit) {
    all |= value_at(digit);
    high = (high << 5U) | static_cast<std::uint8_t>(value_at(digit) & 31);
  }
  for (std::size_t digit = 13; digit < event_id::text_size; ++digit) {
    all |= value_at(digit);
    low = (low << 5U) | static_cast<std::uint8_t>(value_at(digit) & 31);
  }
  // No digit is -1, and the first is at most 7: its upper bits would be above 128.
  if (all < 0 || value_at(0) > 7) return std::nullopt;
  // `low` has lost the top bit of digit 13, which belongs to the high word.
  high = (high << 1U) | static_cast<std::uint8_t>(value_at(13) >> 4);
  event_id id;
  store_big(reinterpret_cast<std::byte*>(id.bytes.data()), high);
  store_big(reinterpret_cast<std::byte*>(id.bytes.data() + 8), low);
  return id;
}

event_id event_id_sequence::next(
    lsn commit, std::chrono::sys_time<std::chrono::microseconds> committed_at) noexcept {
  const auto since_epoch =
      std::chrono::floor<std::chrono::milliseconds>(committed_at.time_since_epoch()).count();
  auto time_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(since_epoch, 0));
  time_ms = std::clamp(time_ms, last_.time_ms(), event_id_time_ms_max);
  const bool same_transaction = last_.commit_low() == (commit.value & low_48_bits);
  std::uint32_t count = 0;
  if (same_transaction && last_ != event_id{}) {
    // Within one transaction the time stays what its first change got, also across a restart.
    time_ms = last_.time_ms();
    if (last_.count() != std::numeric_limits<std::uint32_t>::max()) {
      count = last_.count() + 1;
    } else {
      ++time_ms;
    }
  }
  auto id = make_event_id(time_ms, commit, count);
  // Equal milliseconds and a lower LSN: another timeline reuses LSNs after a failover.
  if (id <= last_) id = make_event_id(last_.time_ms() + 1, commit, count);
  last_ = id;
  return id;
}

}  // namespace pulse

#include "server/websocket/websocket_frames.hpp"

#include <array>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace pulse::server::websocket_frames_test {
namespace {

using kind = incoming::kind;

constexpr std::size_t message_max = 1000;

// A client's frame, byte by byte as RFC 6455, section 5.2 draws it.
std::string client_frame(std::uint8_t first, const std::string& payload, bool masked = true,
                         std::array<std::uint8_t, 4> mask = {0x37, 0xFA, 0x21, 0x3D}) {
  std::string frame(1, static_cast<char>(first));
  const auto mark = [&](std::uint8_t length) {
    frame += static_cast<char>(masked ? length | 0x80U : length);
  };
  if (payload.size() < 126) {
    mark(static_cast<std::uint8_t>(payload.size()));
  } else if (payload.size() <= 0xFFFF) {
    mark(126);
    frame += static_cast<char>(payload.size() >> 8U);
    frame += static_cast<char>(payload.size() & 0xFFU);
  } else {
    mark(127);
    for (int shift = 56; shift >= 0; shift -= 8) {
      frame += static_cast<char>((payload.size() >> static_cast<unsigned>(shift)) & 0xFFU);
    }
  }
  if (!masked) return frame + payload;
  for (const auto byte : mask) frame += static_cast<char>(byte);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame += static_cast<char>(static_cast<std::uint8_t>(payload[i]) ^ mask[i % 4]);
  }
  return frame;
}

struct seen {
  kind what;
  std::string payload;
  close_code code;
  bool operator==(const seen&) const = default;
};

// All messages in `bytes`, which arrive in pieces of `step`.
std::vector<seen> read_all(const std::string& bytes, std::size_t step) {
  websocket_reader reader(message_max);
  std::vector<seen> all;
  std::string held;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    held += bytes.substr(at, step);
    std::span<char> rest(held);
    for (;;) {
      const auto message = reader.next(rest);
      if (message.what == kind::nothing) break;
      all.push_back({message.what, std::string(message.payload), message.code});
      if (message.what == kind::violation) return all;
    }
    held = std::string(rest.data(), rest.size());
  }
  return all;
}

struct row {
  const char* name;
  std::string bytes;
  std::vector<seen> expected;
};

void PrintTo(const row& one, std::ostream* to) {
  *to << one.name;
}

class client_frames : public ::testing::TestWithParam<row> {};

TEST_P(client_frames, are_read_the_same_however_they_are_split) {
  for (const std::size_t step : {1U, 2U, 3U, 7U, 100'000U}) {
    const auto all = read_all(GetParam().bytes, step);
    ASSERT_EQ(all.size(), GetParam().expected.size()) << "step " << step;
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(all[i].what, GetParam().expected[i].what) << "step " << step;
      EXPECT_EQ(all[i].code, GetParam().expected[i].code) << "step " << step;
      if (all[i].what != kind::violation) {
        EXPECT_EQ(all[i].payload, GetParam().expected[i].payload);
      }
    }
  }
}

const seen broken{kind::violation, "", close_code::protocol_error};

INSTANTIATE_TEST_SUITE_P(
    rfc6455, client_frames,
    ::testing::Values(
        row{"the_standards_own_example",
            std::string("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11),
            {{kind::text, "Hello", {}}}},
        row{"empty_text", client_frame(0x81, ""), {{kind::text, "", {}}}},
        row{"length_in_two_bytes",
            client_frame(0x81, std::string(300, 'a')),
            {{kind::text, std::string(300, 'a'), {}}}},
        row{"largest_message",
            client_frame(0x81, std::string(message_max, 'a')),
            {{kind::text, std::string(message_max, 'a'), {}}}},
        row{"two_in_a_row",
            client_frame(0x81, "a") + client_frame(0x81, "b"),
            {{kind::text, "a", {}}, {kind::text, "b", {}}}},
        row{"fragments_with_a_ping_between",
            client_frame(0x01, "ab") + client_frame(0x89, "p") + client_frame(0x00, "c") +
                client_frame(0x80, "d") + client_frame(0x81, "e"),
            {{kind::ping, "p", {}}, {kind::text, "abcd", {}}, {kind::text, "e", {}}}},
        row{"ping_and_pong",
            client_frame(0x89, std::string(125, 'p')) + client_frame(0x8A, ""),
            {{kind::ping, std::string(125, 'p'), {}}, {kind::pong, "", {}}}},
        row{"close_with_code",
            client_frame(0x88,
                         "\x03\xE8"
                         "bye"),
            {{kind::close, "bye", close_code::normal}}},
        row{"close_without_code", client_frame(0x88, ""), {{kind::close, "", close_code::none}}},
        row{"close_with_a_reason_that_is_no_utf_8",
            client_frame(0x88, "\x03\xE8\xC3("),
            {{kind::violation, "", close_code::invalid_payload}}},
        row{"close_with_half_a_code", client_frame(0x88, "\x03"), {broken}},
        row{"close_with_a_forbidden_code", client_frame(0x88, "\x03\xED"), {broken}},
        row{"unmasked", client_frame(0x81, "a", false), {broken}},
        row{"reserved_bit", client_frame(0xC1, "a"), {broken}},
        row{"unknown_opcode", client_frame(0x83, "a"), {broken}},
        row{"unknown_control_opcode", client_frame(0x8B, "a"), {broken}},
        row{"ping_in_parts", client_frame(0x09, "a"), {broken}},
        row{"ping_too_long", client_frame(0x89, std::string(126, 'a')), {broken}},
        row{"continuation_of_nothing", client_frame(0x80, "a"), {broken}},
        row{"text_within_a_message", client_frame(0x01, "a") + client_frame(0x81, "b"), {broken}},
        row{"binary",
            client_frame(0x82, "a"),
            {{kind::violation, "", close_code::unsupported_data}}},
        row{"too_big",
            client_frame(0x81, std::string(message_max + 1, 'a')),
            {{kind::violation, "", close_code::too_big}}},
        row{"too_big_by_its_header_alone",
            std::string("\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFmask", 14),
            {{kind::violation, "", close_code::too_big}}},
        row{"too_big_in_fragments",
            client_frame(0x01, std::string(message_max, 'a')) + client_frame(0x80, "b"),
            {{kind::violation, "", close_code::too_big}}}),
    [](const auto& instance) { return instance.param.name; });

TEST(server_frames, have_the_shortest_length_field) {
  const auto header = [](std::size_t size) {
    std::string frame;
    append_frame(frame, opcode::text, std::string(size, 'a'));
    return frame.substr(0, frame.size() - size);
  };
  EXPECT_EQ(header(0), std::string("\x81\x00", 2));
  EXPECT_EQ(header(125), "\x81\x7D");
  EXPECT_EQ(header(126), std::string("\x81\x7E\x00\x7E", 4));
  EXPECT_EQ(header(0xFFFF), "\x81\x7E\xFF\xFF");
  EXPECT_EQ(header(0x10000), std::string("\x81\x7F\x00\x00\x00\x00\x00\x01\x00\x00", 10));
}

TEST(close_reasons, are_cut_between_characters) {
  std::string frame;
  append_close(frame, close_code::normal, std::string(122, 'a') + "\xC3\xA9");
  EXPECT_EQ(frame, "\x88\x7C\x03\xE8" + std::string(122, 'a'));
}

RC_GTEST_PROP(client_frame_bytes, any_bytes_are_judged_within_bounds, ()) {
  const auto bytes = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  const auto step = *rc::gen::inRange<std::size_t>(1, 20);
  for (const auto& one : read_all(bytes, step)) RC_ASSERT(one.payload.size() <= message_max);
}

RC_GTEST_PROP(client_frame_bytes, messages_survive_any_mask_fragmentation_and_split, ()) {
  const auto messages = *rc::gen::container<std::vector<std::string>>(
      rc::gen::container<std::string>(rc::gen::arbitrary<char>()));
  std::string bytes;
  std::vector<seen> expected;
  for (const auto& message : messages) {
    const auto mask =
        *rc::gen::container<std::array<std::uint8_t, 4>>(rc::gen::arbitrary<std::uint8_t>());
    const auto cut = *rc::gen::inRange<std::size_t>(0, message.size() + 1);
    if (cut == message.size()) {
      bytes += client_frame(0x81, message, true, mask);
    } else {
      bytes += client_frame(0x01, message.substr(0, cut), true, mask);
      bytes += client_frame(0x80, message.substr(cut), true, mask);
    }
    expected.push_back({kind::text, message, close_code::none});
  }
  const auto step = *rc::gen::inRange<std::size_t>(1, 64);
  RC_ASSERT(read_all(bytes, step) == expected);
}

}  // namespace
}  // namespace pulse::server::websocket_frames_test

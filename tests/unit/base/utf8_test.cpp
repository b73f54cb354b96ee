#include "base/utf8.hpp"

#include <gtest/gtest.h>

namespace pulse {
namespace {

const std::string replaced = "\xEF\xBF\xBD";

std::string times(int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += replaced;
  return all;
}

TEST(to_valid_utf8, leaves_valid_text_as_it_is) {
  const std::string_view shortest_and_longest =
      "a\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\xF0\x90\x80\x80"
      "\xF4\x8F\xBF\xBF";
  EXPECT_EQ(to_valid_utf8(shortest_and_longest), shortest_and_longest);
  EXPECT_EQ(to_valid_utf8(""), "");
}

TEST(to_valid_utf8, replaces_bytes_that_belong_to_no_sequence) {
  EXPECT_EQ(to_valid_utf8("caf\xE9"), "caf" + replaced);
  EXPECT_EQ(to_valid_utf8("\xFFz"), replaced + "z");
  EXPECT_EQ(to_valid_utf8("\x80"), replaced);
  EXPECT_EQ(to_valid_utf8("\xE2\x82"), replaced + replaced);
  EXPECT_EQ(to_valid_utf8("gl\xFC\x63klich"), "gl" + replaced + "cklich");
}

TEST(to_valid_utf8, replaces_surrogates_and_what_is_longer_than_it_has_to_be) {
  for (const auto* text : {"\xC0\x80", "\xC1\xBF"}) EXPECT_EQ(to_valid_utf8(text), times(2));
  for (const auto* text : {"\xE0\x9F\xBF", "\xED\xA0\x80"})
    EXPECT_EQ(to_valid_utf8(text), times(3));
  for (const auto* text : {"\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80"})
    EXPECT_EQ(to_valid_utf8(text), times(4));
}

}  // namespace
}  // namespace pulse

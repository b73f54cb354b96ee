#include "base/base64.hpp"

#include <gtest/gtest.h>

namespace pulse {
namespace {

// RFC 4648, section 10, and what a URL's alphabet would have otherwise.
TEST(base64, is_written_with_padding_and_read_back) {
  const std::pair<std::string_view, std::string_view> cases[] = {{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"},
                                                                 {"\xFB\xFF", "+/8="}};
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(decode_base64(text), bytes);
  }
  std::string behind = "a";
  append_base64(behind, "f");
  EXPECT_EQ(behind, "aZg==");
}

TEST(base64, anything_else_is_not_read) {
  for (const auto* text : {"Zg", "Zg=", "Z===g", "Zm8*", "-_8="})
    EXPECT_FALSE(decode_base64(text)) << text;
}

}  // namespace
}  // namespace pulse

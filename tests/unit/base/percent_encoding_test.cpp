#include "base/percent_encoding.hpp"

#include <gtest/gtest.h>

namespace pulse {
namespace {

TEST(percent_decode, gives_back_what_was_encoded) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_decode_leniently(percent_encode(all)), all);
  EXPECT_EQ(percent_decode("a%2fB%2F"), "a/B/");
}

TEST(percent_decode, is_refused_or_left_where_an_escape_is_broken) {
  for (const auto* broken : {"%", "%4", "%4g", "%g4", "a%", "%%41"}) {
    EXPECT_EQ(percent_decode(broken), std::nullopt) << broken;
  }
  EXPECT_EQ(percent_decode_leniently("%"), "%");
  EXPECT_EQ(percent_decode_leniently("p%w%%41"), "p%w%A");
}

}  // namespace
}  // namespace pulse

#include "change/identifier.hpp"

#include <gtest/gtest.h>

#include "change/relation.hpp"

namespace pulse {
namespace {

TEST(identifier, is_quoted_whatever_is_in_it) {
  EXPECT_EQ(quote_identifier("users"), "\"users\"");
  EXPECT_EQ(quote_identifier("a\"b; --\\"), "\"a\"\"b; --\\\"");
  EXPECT_EQ(quoted(table_name{"a\"b", "C d"}), "\"a\"\"b\".\"C d\"");
}

}  // namespace
}  // namespace pulse

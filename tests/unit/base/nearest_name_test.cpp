#include "base/nearest_name.hpp"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace pulse {
namespace {

TEST(nearest_name, is_what_was_meant_or_nothing) {
  EXPECT_EQ(nearest_name("lisen", {"listen", "fix"}), "listen");
  EXPECT_EQ(nearest_name("listen", {"listen", "fix"}), "listen");
  EXPECT_EQ(nearest_name("colour", {"listen", "fix"}), "");
  EXPECT_EQ(nearest_name("x", {}), "");
}

RC_GTEST_PROP(nearest_name_property, one_letter_too_many_is_forgiven, ()) {
  const std::string name = "event_persistence";
  auto typed = name;
  typed.insert(typed.begin() + *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(name) + 1),
               *rc::gen::inRange('a', 'z'));
  RC_ASSERT(nearest_name(typed, {"listen", name, "retention_bytes"}) == name);
}

}  // namespace
}  // namespace pulse

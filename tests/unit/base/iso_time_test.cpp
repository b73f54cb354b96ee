#include "base/iso_time.hpp"

#include <gtest/gtest.h>

namespace pulse {
namespace {

TEST(iso_time, has_milliseconds_also_before_1970) {
  using std::chrono::microseconds;
  EXPECT_EQ(iso_time(unix_time_us(microseconds(1'716'899'696'789'999))),
            "2024-05-28T12:34:56.789Z");
  EXPECT_EQ(iso_time(unix_time_us{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(iso_time(unix_time_us(microseconds(-1))), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace pulse

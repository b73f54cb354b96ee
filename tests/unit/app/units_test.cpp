#include "app/units.hpp"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace pulse::app {
namespace {

TEST(parse_size, reads_decimal_and_binary_units) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("1048576"), 1048576U);
  EXPECT_EQ(parse_size("500kB"), 500'000U);
  EXPECT_EQ(parse_size("64MiB"), std::uint64_t{64} << 20U);
  EXPECT_EQ(parse_size("64 MiB"), std::uint64_t{64} << 20U);
  EXPECT_EQ(parse_size("2TB"), 2'000'000'000'000U);
  EXPECT_EQ(parse_size("18446744073709551615"), 18446744073709551615U);
}

TEST(parse_size, refuses_what_is_no_size) {
  for (const auto* bad : {"", "MiB", "-1", "+1", "1.5GiB", "64mib", "64MB ", " 64MB", "64 M B",
                          "0x10", "18446744073709551616", "16777216TiB"}) {
    EXPECT_EQ(parse_size(bad), std::nullopt) << bad;
  }
}

TEST(parse_duration, reads_seconds_to_days) {
  using std::chrono::seconds;
  EXPECT_EQ(parse_duration("30s"), seconds(30));
  EXPECT_EQ(parse_duration("90m"), seconds(5400));
  EXPECT_EQ(parse_duration("36h"), seconds(129'600));
  EXPECT_EQ(parse_duration("7d"), seconds(604'800));
}

TEST(parse_duration, refuses_what_is_no_duration) {
  // A bare number could be anything; more than a century is a mistake that would overflow later.
  for (const auto* bad : {"", "7", "d", "-7d", "7w", "7D", "40000d", "18446744073709551615d"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  }
}

RC_GTEST_PROP(parse_size_property, what_is_written_in_kib_is_1024_times_as_much,
              (std::uint32_t number)) {
  RC_ASSERT(parse_size(std::to_string(number) + "KiB") == std::uint64_t{number} * 1024);
}

}  // namespace
}  // namespace pulse::app

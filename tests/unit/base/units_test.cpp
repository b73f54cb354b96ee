#include "base/units.hpp"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/shown_numbers.hpp"

namespace pulse {
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

TEST(parse_size, reads_what_people_write) {
  EXPECT_EQ(parse_size("10GB"), 10'000'000'000U);
  EXPECT_EQ(parse_size("10 gb"), 10'000'000'000U);
  EXPECT_EQ(parse_size("64mib"), std::uint64_t{64} << 20U);
  EXPECT_EQ(parse_size("1.5GiB"), std::uint64_t{3} << 29U);
  EXPECT_EQ(parse_size("1.4 GiB"), 1'503'238'553U);
  EXPECT_EQ(parse_size("0.999999TiB"), 1'099'510'528'264U);
  EXPECT_EQ(parse_size("10,000"), 10'000U);
  EXPECT_EQ(parse_size("1_048_576"), 1'048'576U);
  EXPECT_EQ(parse_size("1,024 KiB"), 1'048'576U);
}

TEST(parse_size, refuses_what_is_no_size) {
  for (const auto* bad : {"",
                          "MiB",
                          "-1",
                          "+1",
                          "64MB ",
                          " 64MB",
                          "64 M B",
                          "64M",
                          "1.5",
                          "1.5B",
                          "1.GiB",
                          ".5GiB",
                          "1.1234567GiB",
                          "1,5GiB",
                          "1,0000",
                          "10000,000",
                          "1,000_000",
                          ",000",
                          "1,",
                          "1 000",
                          "0x10",
                          "18446744073709551616",
                          "16777216TiB",
                          "16777215.9999999TiB"}) {
    EXPECT_EQ(parse_size(bad), std::nullopt) << bad;
  }
}

TEST(parse_duration, reads_seconds_to_days) {
  using std::chrono::seconds;
  EXPECT_EQ(parse_duration("30s"), seconds(30));
  EXPECT_EQ(parse_duration("90m"), seconds(5400));
  EXPECT_EQ(parse_duration("36h"), seconds(129'600));
  EXPECT_EQ(parse_duration("7d"), seconds(604'800));
  EXPECT_EQ(parse_duration("5 min"), seconds(300));
  EXPECT_EQ(parse_duration("1.5 hours"), seconds(5400));
  EXPECT_EQ(parse_duration("1 day"), seconds(86'400));
  EXPECT_EQ(parse_duration("2 weeks"), seconds(1'209'600));
  EXPECT_EQ(parse_duration("90 sec"), seconds(90));
}

TEST(parse_short_duration, reads_parts_of_a_second) {
  using std::chrono::milliseconds;
  EXPECT_EQ(parse_short_duration("50 ms"), milliseconds(50));
  EXPECT_EQ(parse_short_duration("1.5s"), milliseconds(1500));
  EXPECT_EQ(parse_short_duration("0.5ms"), std::nullopt);
}

TEST(parse_duration, refuses_what_is_no_duration) {
  // A bare number could be anything; more than a century is a mistake that would overflow later.
  for (const auto* bad : {"", "7", "d", "-7d", "7y", "7D", "3M", "1.5s", "5 mins ago", "40000d",
                          "18446744073709551615d"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  }
}

RC_GTEST_PROP(parse_size_property, what_is_written_in_kib_is_1024_times_as_much,
              (std::uint32_t number)) {
  RC_ASSERT(parse_size(std::to_string(number) + "KiB") == std::uint64_t{number} * 1024);
}

RC_GTEST_PROP(parse_size_property, takes_back_what_is_shown, (std::uint64_t number)) {
  RC_ASSERT(parse_size(shown_count(number)) == number);
  if (number >= std::uint64_t{1} << 49U) return;
  const auto shown = shown_bytes(number);
  const auto read = parse_size(shown);
  RC_ASSERT(read.has_value());
  RC_ASSERT(shown_bytes(*read) == shown);
}

}  // namespace
}  // namespace pulse

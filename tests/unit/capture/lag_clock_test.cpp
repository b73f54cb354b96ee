#include "capture/lag_clock.hpp"

#include <gtest/gtest.h>

namespace pulse::capture::lag_clock_test {
namespace {

using namespace std::chrono_literals;
using time_point = lag_clock::time_point;

TEST(lag_clock, is_zero_while_all_that_was_seen_is_confirmed) {
  lag_clock clock;
  EXPECT_EQ(clock.behind(lsn{0}, time_point(1h)), 0s);
  clock.see(lsn{100}, time_point(1h));
  EXPECT_EQ(clock.behind(lsn{100}, time_point(2h)), 0s);
}

TEST(lag_clock, counts_from_the_first_measurement_of_what_is_not_confirmed) {
  lag_clock clock;
  clock.see(lsn{100}, time_point(10s));
  clock.see(lsn{200}, time_point(15s));
  clock.see(lsn{300}, time_point(20s));
  EXPECT_EQ(clock.behind(lsn{99}, time_point(21s)), 11s);
  EXPECT_EQ(clock.behind(lsn{150}, time_point(21s)), 6s);
  EXPECT_EQ(clock.behind(lsn{299}, time_point(31s)), 11s);
  EXPECT_EQ(clock.behind(lsn{300}, time_point(31s)), 0s);
}

TEST(lag_clock, an_idle_database_does_not_make_it_younger) {
  lag_clock clock;
  clock.see(lsn{100}, time_point(10s));
  clock.see(lsn{100}, time_point(50s));
  EXPECT_EQ(clock.behind(lsn{50}, time_point(60s)), 50s);
}

TEST(lag_clock, forgets_what_was_measured_before_the_lsns_went_back) {
  lag_clock clock;
  clock.see(lsn{1000}, time_point(10s));
  clock.see(lsn{500}, time_point(20s));
  EXPECT_EQ(clock.behind(lsn{400}, time_point(25s)), 5s);
  EXPECT_EQ(clock.behind(lsn{500}, time_point(25s)), 0s);
}

TEST(lag_clock, keeps_the_oldest_measurement_however_many_there_are) {
  lag_clock clock;
  for (unsigned i = 0; i < 20 * lag_clock::samples_max; ++i)
    clock.see(lsn{100 + i}, time_point(std::chrono::seconds(i)));
  EXPECT_EQ(clock.behind(lsn{99}, time_point(100'000s)), 100'000s);
}

}  // namespace
}  // namespace pulse::capture::lag_clock_test

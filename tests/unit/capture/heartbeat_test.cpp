#include "capture/heartbeat.hpp"

#include <gtest/gtest.h>

namespace pulse::capture {
namespace {

using namespace std::chrono_literals;
using time_point = heartbeat::time_point;

class heartbeats : public ::testing::Test {
 protected:
  metrics figures_;
  heartbeat every_10s_{figures_, "p", 10s};
};

TEST_F(heartbeats, are_due_once_an_interval_where_nothing_is_told_of_what_was_flushed) {
  EXPECT_FALSE(every_10s_.due(lsn{100}, lsn{200}, time_point(1h)));
  EXPECT_FALSE(every_10s_.due(lsn{100}, lsn{300}, time_point(1h + 9s)));
  EXPECT_TRUE(every_10s_.due(lsn{100}, lsn{300}, time_point(1h + 10s)));
  EXPECT_FALSE(every_10s_.due(lsn{100}, lsn{400}, time_point(1h + 19s)));
  EXPECT_TRUE(every_10s_.due(lsn{100}, lsn{400}, time_point(1h + 20s)));
}

TEST_F(heartbeats, are_not_due_where_the_server_tells_how_far_it_is) {
  for (unsigned i = 0; i < 10; ++i)
    EXPECT_FALSE(every_10s_.due(lsn{100 + i}, lsn{200 + i}, time_point(1h + i * 9s)));
}

TEST_F(heartbeats, are_not_due_where_all_has_been_told) {
  EXPECT_FALSE(every_10s_.due(lsn{200}, lsn{200}, time_point(1h)));
  EXPECT_FALSE(every_10s_.due(lsn{200}, lsn{200}, time_point(2h)));
  // What has just been written has not been silent for an hour.
  EXPECT_FALSE(every_10s_.due(lsn{200}, lsn{300}, time_point(2h + 5s)));
  EXPECT_TRUE(every_10s_.due(lsn{200}, lsn{300}, time_point(2h + 10s)));
}

TEST_F(heartbeats, are_never_due_when_switched_off) {
  heartbeat off{figures_, "q", 0s};
  EXPECT_FALSE(off.wanted());
  EXPECT_FALSE(off.due(lsn{100}, lsn{200}, time_point(1h)));
  EXPECT_FALSE(off.due(lsn{100}, lsn{200}, time_point(2h)));
}

}  // namespace
}  // namespace pulse::capture

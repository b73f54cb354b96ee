// When a stream counts as standing still.
#include "streams/stall_watch.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace pulse::streams {
namespace {

using namespace std::chrono_literals;

stall_watch::time_point at(std::chrono::seconds time) {
  return stall_watch::time_point(time);
}

TEST(stall_watch, counts_from_when_the_stream_was_first_seen_without_room) {
  stall_watch stall;
  EXPECT_EQ(stall.stands(at(10s), 5), 0s);
  EXPECT_EQ(stall.stands(at(17s), 5), 7s);
}

TEST(stall_watch, begins_anew_with_every_acknowledgement) {
  stall_watch stall;
  stall.stands(at(10s), 5);
  EXPECT_EQ(stall.stands(at(17s), 6), 0s);
  EXPECT_EQ(stall.stands(at(18s), 6), 1s);
}

TEST(stall_watch, begins_anew_when_the_stream_had_room_between) {
  stall_watch stall;
  stall.stands(at(10s), 5);
  stall.moves();
  EXPECT_EQ(stall.stands(at(17s), 5), 0s);
}

}  // namespace
}  // namespace pulse::streams

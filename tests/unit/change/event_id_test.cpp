#include "change/event_id.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace pulse {
namespace {

using namespace std::chrono_literals;

event_id any_id() {
  event_id id;
  const auto bytes =
      *rc::gen::container<std::vector<std::uint8_t>>(16, rc::gen::arbitrary<std::uint8_t>());
  std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}

RC_GTEST_PROP(event_id, text_round_trips_and_sorts_as_the_bytes_do, ()) {
  const auto left = any_id();
  const auto right = any_id();
  RC_ASSERT(parse_event_id(to_string(left)) == left);
  RC_ASSERT((left < right) == (to_string(left) < to_string(right)));
}

TEST(event_id, text_is_a_ulid_of_its_time) {
  // The specification's own example: 2016-07-30T22:36:16.385Z.
  EXPECT_EQ(to_string(make_event_id(1469918176385, lsn{}, 0)).substr(0, 10), "01ARYZ6S41");
}

TEST(event_id, what_is_no_ulid_is_refused) {
  for (const auto* text :
       {"", "0", "01ARYZ6S41000000000000000", "01ARYZ6S4100000000000000000",
        "80000000000000000000000000", "01ARYZ6S41000000000000000U", "01ARYZ6S4100000000000000 0"}) {
    EXPECT_FALSE(parse_event_id(text)) << text;
  }
  EXPECT_EQ(parse_event_id("7zzzzzzzzzzzzzzzzzzzzzzzzz"),
            parse_event_id("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
}

TEST(event_id, parts_come_back) {
  const auto id = make_event_id(1234, lsn{0xABCDEF012345}, 77);
  EXPECT_EQ(id.time_ms(), 1234U);
  EXPECT_EQ(id.commit_low(), 0xABCDEF012345U);
  EXPECT_EQ(id.count(), 77U);
}

// Clocks step back, failover reuses LSNs, restarts come: ids rise all the same.
RC_GTEST_PROP(event_id_sequence, rises_whatever_the_clock_and_the_lsns_do, ()) {
  event_id_sequence sequence;
  event_id last;
  const auto steps = *rc::gen::inRange(1, 200);
  for (int i = 0; i < steps; ++i) {
    const lsn commit{*rc::gen::inRange<std::uint64_t>(1, 50)};
    const std::chrono::sys_time<std::chrono::microseconds> at(
        std::chrono::microseconds(*rc::gen::inRange<std::int64_t>(-5'000'000, 5'000'000)));
    if (*rc::gen::inRange(0, 10) == 0) sequence = event_id_sequence(last);
    const auto id = sequence.next(commit, at);
    RC_ASSERT(id > last);
    last = id;
  }
}

TEST(event_id_sequence, the_count_goes_on_in_a_transaction_across_a_restart) {
  event_id_sequence sequence;
  const std::chrono::sys_time<std::chrono::microseconds> at(1700000000s);
  sequence.next(lsn{5}, at);
  const auto second = sequence.next(lsn{5}, at);
  event_id_sequence restarted(second);
  const auto third = restarted.next(lsn{5}, at);
  EXPECT_EQ(third.count(), 2U);
  EXPECT_EQ(third.time_ms(), second.time_ms());
  EXPECT_EQ(restarted.next(lsn{6}, at).count(), 0U);
}

}  // namespace
}  // namespace pulse

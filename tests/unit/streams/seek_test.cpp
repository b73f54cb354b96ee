// Places in a stream, found in the log.
#include "streams/seek.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "log/memory_log.hpp"
#include "streams/cursor_lag.hpp"
#include "tests/support/test_events.hpp"

namespace pulse::streams {
namespace {

using pulse::testing::test_event;

unix_time_us at_ms(std::int64_t ms) {
  return unix_time_us(std::chrono::milliseconds(ms));
}

TEST(parse_seek_target, reads_every_form) {
  EXPECT_EQ(parse_seek_target("beginning").value(), seek_target(log_beginning{}));
  EXPECT_EQ(parse_seek_target("end").value(), seek_target(log_end{}));
  EXPECT_EQ(parse_seek_target("16/B374D848").value(), seek_target(lsn{0x16B374D848}));
  const auto id = test_event(9).view().id;
  EXPECT_EQ(parse_seek_target(to_string(id)).value(), seek_target(id));
  const std::array times{std::pair{"2024-05-28T12:34:56Z", at_ms(1716899696000)},
                         std::pair{"2024-05-28 12:34:56.789Z", at_ms(1716899696789)},
                         std::pair{"2024-05-28T12:34:56.0000019Z",
                                   at_ms(1716899696000) + std::chrono::microseconds(1)},
                         std::pair{"2024-05-28T14:34:56+02:00", at_ms(1716899696000)},
                         std::pair{"2024-05-28T07:04:56-05:30", at_ms(1716899696000)},
                         std::pair{"1970-01-01T00:00:00Z", at_ms(0)}};
  for (const auto& [text, expected] : times)
    EXPECT_EQ(parse_seek_target(text).value(), seek_target(expected)) << text;
}

TEST(parse_seek_target, refuses_what_is_no_place) {
  for (const auto* text :
       {"", "start", "2024-05-28", "2024-02-30T00:00:00Z", "2024-05-28T24:00:00Z",
        "2024-05-28T12:34:56", "2024-05-28T12:34:56.Z", "2024-05-28T12:34:56+2:00",
        "2024-05-28T12:34:56Zx", "1/2/3", "01M84XND8700002N080000000U", "-001-05-28T12:34:56Z"}) {
    const auto parsed = parse_seek_target(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, errc::invalid_argument);
  }
}

// Against a plain walk over what was appended: what is delivered next is the first event that the
// target names, or the target is refused because it may have been dropped.
RC_GTEST_PROP(find_position, agrees_with_a_walk_over_all_events, ()) {
  log::memory_log log(std::uint64_t{1} << 24U);
  const auto count = *rc::gen::inRange<std::uint32_t>(0, 300);
  for (std::uint32_t n = 1; n <= count; ++n) {
    const test_event event(n);
    RC_ASSERT(log.append(event.view()).has_value());
  }
  const auto dropped = *rc::gen::inRange<std::uint32_t>(0, std::max(count, 1U));
  if (dropped != 0) {
    log::retention_policy policy;
    policy.bytes_max = 1;
    policy.through_max = test_event(dropped).view().at;
    RC_ASSERT(log.trim(policy, unix_time_us{}).has_value());
  }
  const auto aim = *rc::gen::inRange<std::uint32_t>(1, count + 10);
  const auto view = test_event(aim).view();
  const auto kind = *rc::gen::inRange(0, 3);
  const auto target = kind == 0   ? seek_target(view.committed_at)
                      : kind == 1 ? seek_target(view.at.commit)
                                  : seek_target(view.id);
  const auto named = [&](const event_view& one) {
    if (kind == 0) return one.id.time_ms() >= view.id.time_ms();
    return kind == 1 ? one.at.commit >= view.at.commit : one.id >= view.id;
  };
  std::uint32_t first = 1;
  while (first <= count && !named(test_event(first).view())) ++first;
  const auto found = find_position(log, target, timelines{1});
  if (!found) {
    // Refused only where something dropped may have been meant: the first kept event already fits.
    RC_ASSERT(found.error().code == errc::gap);
    RC_ASSERT(dropped != 0 && first <= dropped + 1);
    RC_ASSERT(!(kind == 2 && first == dropped + 1 && aim == first));
    return;
  }
  RC_ASSERT(first > dropped);
  const auto next = pulse::testing::collect(*log.read(*found, 0));
  if (first > count) {
    RC_ASSERT(next.empty());
  } else {
    RC_ASSERT(next.front().sequence == first);
  }
}

TEST(find_position, beginning_and_end_are_those_of_what_is_kept) {
  log::memory_log log(std::uint64_t{1} << 24U);
  for (std::uint32_t n = 1; n <= 20; ++n) {
    const test_event event(n);
    ASSERT_TRUE(log.append(event.view()));
  }
  log::retention_policy policy;
  policy.bytes_max = 1;
  policy.through_max = test_event(5).view().at;
  ASSERT_TRUE(log.trim(policy, unix_time_us{}));
  const auto beginning = find_position(log, log_beginning{}, {}).value();
  EXPECT_EQ(pulse::testing::collect(*log.read(beginning, 0)).size(), 15U);
  const auto end = find_position(log, log_end{}, {}).value();
  EXPECT_TRUE(pulse::testing::collect(*log.read(end, 0)).empty());
}

// A place in the WAL is where its next record begins, and that may be a commit.
TEST(find_position, an_lsn_is_before_the_commit_that_stands_there) {
  log::memory_log log(std::uint64_t{1} << 24U);
  for (std::uint32_t n = 1; n <= 20; ++n) ASSERT_TRUE(log.append(test_event(n).view()));
  const auto found = find_position(log, test_event(7).view().at.commit, timelines{1}).value();
  EXPECT_EQ(pulse::testing::collect(*log.read(found, 0)).front().sequence, 7U);
}

// Timelines 1 and 2 of one history, whose standby was promoted below what was stored, and then 4 of
// another one: LSNs fall twice.
TEST(find_position, an_lsn_is_one_of_the_history_that_is_captured_now) {
  log::memory_log log(std::uint64_t{1} << 24U);
  const std::array commits{position{1, lsn{0x100}, lsn{1}, 0}, position{1, lsn{0x200}, lsn{1}, 0},
                           position{1, lsn{0x300}, lsn{1}, 0}, position{2, lsn{0x280}, lsn{1}, 0},
                           position{2, lsn{0x400}, lsn{1}, 0}, position{4, lsn{0x50}, lsn{1}, 0},
                           position{4, lsn{0x250}, lsn{1}, 0}};
  for (std::uint32_t n = 1; n <= commits.size(); ++n) {
    const test_event made(n);
    auto event = made.view();
    event.at = commits.at(n - 1);
    ASSERT_TRUE(log.append(event));
  }
  const auto next = [&](std::uint64_t place, const timelines& history) -> std::uint64_t {
    const auto found = find_position(log, lsn{place}, history).value();
    const auto rest = pulse::testing::collect(*log.read(found, 0));
    return rest.empty() ? 0 : rest.front().sequence;
  };
  const timelines promoted{2, {{1, lsn{0x240}}}};
  EXPECT_EQ(next(0x100, promoted), 1U);
  EXPECT_EQ(next(0x200, promoted), 2U);
  EXPECT_EQ(next(0x240, promoted), 4U);
  EXPECT_EQ(next(0x281, promoted), 5U);
  const timelines another{4};
  EXPECT_EQ(next(0x10, another), 6U);
  EXPECT_EQ(next(0x51, another), 7U);
  EXPECT_EQ(next(0x251, another), 0U);
}

TEST(measure_lag, counts_the_tables_events_behind_the_cursor) {
  log::memory_log log(std::uint64_t{1} << 24U);
  for (std::uint32_t n = 1; n <= 30; ++n) {
    const test_event event(n);
    ASSERT_TRUE(log.append(event.view()));
  }
  const auto first = test_event(3).view();
  const auto lag = measure_lag(log, first.at, first.table, 100, {}).value();
  EXPECT_EQ(lag.events, 9U);
  EXPECT_FALSE(lag.at_least);
  EXPECT_EQ(lag.oldest_waiting, test_event(6).view().committed_at);
  EXPECT_GT(lag.bytes, 0U);
  const auto some = measure_lag(log, first.at, first.table, 4, {}).value();
  EXPECT_EQ(some.events, 4U);
  EXPECT_TRUE(some.at_least);
  const auto none = measure_lag(log, test_event(30).view().at, first.table, 4, {}).value();
  EXPECT_EQ(none.events, 0U);
  EXPECT_EQ(none.bytes, 0U);
  EXPECT_FALSE(none.oldest_waiting);
}

TEST(lag_bytes, after_a_promotion_counts_from_where_the_cursors_timeline_was_left) {
  const auto at = [](std::uint32_t timeline, std::uint64_t commit) {
    return position{timeline, lsn{commit}, lsn{commit}, 0};
  };
  const timelines promoted{3, {{1, lsn{900}}, {2, lsn{950}}}};
  EXPECT_EQ(lag_bytes(at(1, 800), at(1, 850), promoted), 50U);
  EXPECT_EQ(lag_bytes(at(1, 800), at(3, 1000), promoted), 200U);
  EXPECT_EQ(lag_bytes(at(1, 1000), at(2, 940), promoted), 40U) << "LSNs are used again";
  EXPECT_EQ(lag_bytes(at(1, 1000), at(3, 960), promoted), 60U);
  EXPECT_EQ(lag_bytes(at(2, 1000), at(3, 960), promoted), 10U);
  EXPECT_EQ(lag_bytes(at(3, 960), at(3, 960), promoted), 0U);
  EXPECT_EQ(lag_bytes(position{}, at(3, 960), promoted), 960U);
  EXPECT_EQ(lag_bytes(at(1, 500), at(5, 960), {5}), 1U) << "another database: behind by something";
}

TEST(measure_lag, of_a_cursor_that_retention_has_overtaken_is_not_known) {
  log::memory_log log(std::uint64_t{1} << 24U);
  for (std::uint32_t n = 1; n <= 30; ++n) {
    const test_event event(n);
    ASSERT_TRUE(log.append(event.view()));
  }
  log::retention_policy policy;
  policy.bytes_max = 1;
  policy.through_max = test_event(5).view().at;
  ASSERT_TRUE(log.trim(policy, unix_time_us{}));
  EXPECT_EQ(measure_lag(log, position{}, 1, 100, {}).error().code, errc::gap);
  EXPECT_EQ(measure_lag(log, test_event(4).view().at, 1, 100, {}).error().code, errc::gap);
  EXPECT_TRUE(measure_lag(log, test_event(5).view().at, 1, 100, {}));
}

}  // namespace
}  // namespace pulse::streams

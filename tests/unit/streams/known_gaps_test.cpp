// Which gap bars whom, place by place.
#include "streams/known_gaps.hpp"

#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "log/memory_log.hpp"
#include "tests/support/test_events.hpp"

namespace pulse::streams {
namespace {

constexpr table_id jobs = 3;
constexpr table_id notes = 4;

position place(std::uint64_t at, std::uint32_t timeline = 1) {
  return {timeline, lsn{at}, lsn{at}, 0};
}

control::stored_gap gap(std::uint64_t id, const position& after,
                        const std::optional<position>& through) {
  control::stored_gap made;
  made.id = id;
  made.what.after = after;
  made.what.through = through;
  return made;
}

control::stored_gap accepted(control::stored_gap gap) {
  gap.accepted_at = unix_time_us{};
  return gap;
}

std::uint64_t id_of(const control::stored_gap* gap) {
  return gap == nullptr ? 0 : gap->id;
}

TEST(known_gaps, bar_whoever_stands_before_their_end) {
  known_gaps gaps;
  gaps.use({gap(7, place(100), place(200)), gap(8, place(300), place(400))});
  EXPECT_EQ(id_of(gaps.bar_behind(place(50), jobs)), 7U);
  EXPECT_EQ(id_of(gaps.bar_behind(place(199), jobs)), 7U);
  EXPECT_EQ(id_of(gaps.bar_behind(place(200), jobs)), 8U);
  EXPECT_EQ(id_of(gaps.bar_behind(place(400), jobs)), 0U);
}

TEST(known_gaps, bar_only_what_lies_behind_their_beginning) {
  known_gaps gaps;
  gaps.use({gap(7, place(100), place(200))});
  EXPECT_EQ(id_of(gaps.bar_between(place(50), place(100), jobs)), 0U);
  EXPECT_EQ(id_of(gaps.bar_between(place(50), place(101), jobs)), 7U);
}

TEST(known_gaps, accepted_they_bar_nobody) {
  known_gaps gaps;
  gaps.use({accepted(gap(7, place(100), place(200)))});
  EXPECT_EQ(gaps.bar_behind(place(50), jobs), nullptr);
}

TEST(known_gaps, of_some_tables_they_bar_their_streams_and_those_whose_table_is_not_known) {
  auto of_jobs = gap(7, place(100), place(200));
  of_jobs.what.tables = {jobs};
  known_gaps gaps;
  gaps.use({of_jobs});
  EXPECT_EQ(id_of(gaps.bar_behind(place(50), jobs)), 7U);
  EXPECT_EQ(id_of(gaps.bar_behind(place(50), notes)), 0U);
  EXPECT_EQ(id_of(gaps.bar_behind(place(50), 0)), 7U);
}

TEST(known_gaps, whose_end_is_not_known_bar_everybody_and_keep_new_streams_waiting) {
  known_gaps gaps;
  gaps.use({gap(7, place(100), std::nullopt)});
  EXPECT_EQ(id_of(gaps.bar_behind(place(5000), jobs)), 7U);
  EXPECT_EQ(gaps.start_behind(place(5000), place(5000), 0).error().code, errc::unavailable);
}

// Back to the first server before anything of the second is stored: its positions are lower.
TEST(known_gaps, that_capture_has_not_come_over_keep_new_streams_waiting) {
  known_gaps gaps;
  gaps.use({accepted(gap(7, place(100), place(50, 2)))});
  EXPECT_EQ(gaps.start_behind(place(100), place(100), 0).error().code, errc::unavailable);
  EXPECT_EQ(gaps.start_behind(place(100), place(50, 2), 0).value(), place(50, 2));
}

TEST(known_gaps, new_streams_start_behind_all_accepted_or_not) {
  known_gaps gaps;
  gaps.use({accepted(gap(7, place(100), place(200))), gap(8, place(300), place(400))});
  EXPECT_EQ(gaps.start_behind(place(50), place(400), 0).value(), place(400));
  EXPECT_EQ(gaps.start_behind(place(500), place(500), 0).value(), place(500));
}

TEST(known_gaps, events_on_a_branch_that_was_left_never_happened_also_when_that_is_accepted) {
  auto fork = gap(7, place(100), place(100, 2));
  fork.what.kind = gap_kind::forked;
  for (const auto& one : {fork, accepted(fork)}) {
    known_gaps gaps;
    gaps.use({one});
    EXPECT_FALSE(gaps.never_happened(place(100)));
    EXPECT_TRUE(gaps.never_happened(place(101)));
    EXPECT_FALSE(gaps.never_happened(place(101, 2)));
  }
  known_gaps missing;
  missing.use({gap(7, place(100), place(200))});
  EXPECT_FALSE(missing.never_happened(place(150))) << "what is missing did happen";
}

TEST(known_gaps, are_reached_by_whoever_has_nothing_left_before_them) {
  log::memory_log log(std::uint64_t{1} << 20U);
  const auto row = pulse::testing::text_tuple({"1"});
  event_view event;
  event.at = place(90);
  event.id = make_event_id(1700000000000, event.at.commit, 1);
  event.table = jobs;
  event.action = change_action::create;
  event.after = tuple_view::trusted(as_byte_view(row));
  ASSERT_TRUE(log.append(event));

  known_gaps gaps;
  gaps.use({gap(7, place(100), place(200))});
  EXPECT_TRUE(gaps.check_not_reached(place(50), jobs, log));
  EXPECT_TRUE(gaps.check_not_reached(place(200), jobs, log)) << "behind it";
  const auto reached = gaps.check_not_reached(place(90), jobs, log);
  ASSERT_FALSE(reached);
  EXPECT_EQ(reached.error().code, errc::gap);
  EXPECT_NE(reached.error().next.find("pulse gaps accept 7"), std::string::npos);
}

}  // namespace
}  // namespace pulse::streams

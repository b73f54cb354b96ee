#include "source/unsendable.hpp"

#include <gtest/gtest.h>

namespace pulse::source {
namespace {

constexpr std::string_view slot = "pulse_stream_default";
constexpr lsn change{0x1D75FC8};
const last_words division{
    "22012",
    R"(slot "pulse_stream_default", output plugin "pgoutput", in the change callback, associated LSN 0/1D75FC8)"};

TEST(find_send_failure, reads_the_place_from_the_context) {
  EXPECT_EQ(find_send_failure(division, slot), (send_failure{change, false}));
}

TEST(find_send_failure, knows_a_transaction_that_was_sent_while_in_progress) {
  const last_words said{
      "22021",
      R"(slot "pulse_stream_default", output plugin "pgoutput", in the stream_change callback, associated LSN 1A/2B)"};
  EXPECT_EQ(find_send_failure(said, slot), (send_failure{{0x1A0000002B}, true}));
}

TEST(find_send_failure, reads_every_language_and_passes_over_other_lines) {
  const last_words said{"22012",
                        "PL/pgSQL function f(integer) line 1 at RETURN\n"
                        "Slot »pulse_stream_default«, Ausgabe-Plugin »pgoutput«, im "
                        "Callback change, zugehörige LSN 0/1D75FC8\nand 5/6"};
  EXPECT_EQ(find_send_failure(said, slot), (send_failure{change, false}));
}

TEST(find_send_failure, finds_nothing_without_a_change_of_the_slot) {
  EXPECT_EQ(find_send_failure({"XX000", ""}, slot), std::nullopt);
  EXPECT_EQ(find_send_failure({"", ""}, slot), std::nullopt);
  EXPECT_EQ(find_send_failure({"22012", "while inserting 0/1"}, slot), std::nullopt);
  EXPECT_EQ(
      find_send_failure(
          {"22012",
           R"(slot "pulse_stream_default", output plugin "pgoutput", in the startup callback)"},
          slot),
      std::nullopt);
}

TEST(find_send_failure, leaves_out_what_another_try_may_not_meet) {
  for (const auto* state : {"53200", "57P01", "57014", "08006"}) {
    auto said = division;
    said.sqlstate = state;
    EXPECT_EQ(find_send_failure(said, slot), std::nullopt) << state;
  }
}

TEST(obstacle_watch, stops_at_the_second_failure_at_one_change) {
  obstacle_watch watch;
  watch.refused({change, false}, std::nullopt, "division by zero");
  EXPECT_EQ(watch.standing(), nullptr);
  watch.refused({change, false}, lsn{0x1D76060}, "division by zero");
  ASSERT_NE(watch.standing(), nullptr);
  EXPECT_EQ(watch.standing()->how, obstacle::kind::refused);
  EXPECT_EQ(watch.standing()->at, change);
  EXPECT_EQ(watch.standing()->commit, lsn{0x1D76060});
  EXPECT_EQ(watch.standing()->problem, "division by zero");
  EXPECT_TRUE(watch.allows_streaming());
  watch.passed();
  EXPECT_EQ(watch.standing(), nullptr);
}

TEST(obstacle_watch, counts_anew_at_another_change) {
  obstacle_watch watch;
  watch.refused({{100}, false}, {}, "one");
  watch.refused({{200}, false}, {}, "two");
  EXPECT_EQ(watch.standing(), nullptr);
  watch.refused({{200}, false}, {}, "two");
  EXPECT_EQ(watch.standing()->at, lsn{200});
}

TEST(obstacle_watch, never_stops_for_a_transaction_in_progress) {
  obstacle_watch watch;
  for (int i = 0; i < 5; ++i) watch.refused({change, true}, {}, "division by zero");
  EXPECT_EQ(watch.standing(), nullptr);
  EXPECT_FALSE(watch.allows_streaming());
  watch.refused({change, false}, {}, "division by zero");
  watch.refused({change, false}, {}, "division by zero");
  EXPECT_NE(watch.standing(), nullptr);
  watch.passed();
  EXPECT_TRUE(watch.allows_streaming());
}

TEST(obstacle_watch, stops_at_the_second_crash_without_progress) {
  obstacle_watch watch;
  watch.crashed({500}, {}, "closed");
  EXPECT_EQ(watch.standing(), nullptr);
  EXPECT_FALSE(watch.allows_streaming());
  // What was received and not yet durable comes again: less is no progress.
  watch.crashed({400}, lsn{550}, "closed");
  ASSERT_NE(watch.standing(), nullptr);
  EXPECT_EQ(watch.standing()->how, obstacle::kind::crashed);
  EXPECT_EQ(watch.standing()->at, lsn{500});
  EXPECT_EQ(watch.standing()->commit, lsn{550});
}

TEST(obstacle_watch, goes_on_while_crashes_come_at_other_places) {
  obstacle_watch watch;
  for (std::uint64_t at = 100; at < 2000; at += 100) watch.crashed({at}, {}, "closed");
  EXPECT_EQ(watch.standing(), nullptr);
}

TEST(obstacle_watch, takes_no_crash_for_a_failure_at_the_same_place) {
  obstacle_watch watch;
  watch.refused({{500}, false}, {}, "division by zero");
  watch.crashed({500}, {}, "closed");
  EXPECT_EQ(watch.standing(), nullptr);
}

TEST(record_after, stands_behind_the_header_of_a_page) {
  constexpr std::uint64_t page = 8192;
  constexpr std::uint64_t segment = std::uint64_t{16} << 20U;
  EXPECT_EQ(record_after({segment + 1000}, page, segment), lsn{segment + 1000});
  EXPECT_EQ(record_after({segment + page}, page, segment), lsn{segment + page + 24});
  EXPECT_EQ(record_after({2 * segment}, page, segment), lsn{2 * segment + 40});
}

// Decoding fails with any end behind `last_good`.
std::optional<lsn> search(lsn from, lsn end, lsn last_good, int* questions) {
  failure_search one(from, end);
  while (const auto ask = one.next()) {
    ++*questions;
    EXPECT_GT(*ask, from);
    EXPECT_LE(*ask, end);
    one.answer(*ask, *ask > last_good);
    if (*questions > 200) break;
  }
  return one.found();
}

TEST(failure_search, finds_the_first_end_that_fails) {
  for (const std::uint64_t distance :
       {0UL, 1UL, 2UL, 63UL, 64UL, 65UL, 4096UL, 999'999'998UL, 999'999'999UL}) {
    int questions = 0;
    EXPECT_EQ(search({1000}, {1'000'001'000}, {1000 + distance}, &questions),
              lsn{1000 + distance + 1});
    EXPECT_LE(questions, 60);
  }
}

TEST(failure_search, finds_nothing_where_nothing_fails) {
  int questions = 0;
  EXPECT_EQ(search({1000}, {5000}, {5000}, &questions), std::nullopt);
  EXPECT_EQ(search({1000}, {1000}, {1000}, &questions), std::nullopt);
}

}  // namespace
}  // namespace pulse::source

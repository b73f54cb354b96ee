#include "source/published_watch.hpp"

#include <gtest/gtest.h>

namespace pulse::source {
namespace {

const present_table watched{100, {"public", "watched"}};
const present_tables only_watched{watched};

published_state listing(const std::vector<std::uint32_t>& rows) {
  publication_state one;
  one.row = {10, 5};
  one.name = "own";
  one.sends = {true, true, true, true};
  for (const auto row : rows) one.tables.push_back({{row, row}, watched.oid, watched.name, false});
  return {{one}, {}};
}

position at(std::uint64_t place) {
  return {1, lsn{place}, {}, 0};
}

published_look look(std::uint64_t place, published_state state, std::uint64_t xmin,
                    std::uint64_t xmax) {
  return {at(place), std::move(state), xmin, xmax, at(place + 5)};
}

class published_watch_test : public ::testing::Test {
 protected:
  published_watch_test() { watch_.begin(look(100, listing({1}), 50, 50)); }
  published_watch watch_;
};

TEST_F(published_watch_test, a_loss_begins_where_all_was_well_for_the_last_time) {
  EXPECT_FALSE(watch_.see(look(200, listing({1}), 50, 50), only_watched, at(1000)).began);
  const auto found = watch_.see(look(300, listing({}), 50, 50), only_watched, at(1000));
  ASSERT_TRUE(found.began);
  EXPECT_EQ(found.began->after, at(200));
  EXPECT_TRUE(found.memory_changed);
  EXPECT_TRUE(watch_.loses());
  // Told once.
  EXPECT_FALSE(watch_.see(look(400, listing({}), 50, 50), only_watched, at(1000)).began);
}

TEST_F(published_watch_test, a_loss_ends_when_the_transactions_have_that_ran_when_it_was_undone) {
  watch_.see(look(200, listing({}), 50, 50), only_watched, at(1000));
  // 48 wrote while the table was not listed, and is still open.
  EXPECT_TRUE(watch_.see(look(300, listing({2}), 48, 60), only_watched, at(1000)).ended.empty());
  EXPECT_TRUE(watch_.see(look(400, listing({2}), 59, 70), only_watched, at(1000)).ended.empty());
  const auto found = watch_.see(look(500, listing({2}), 60, 80), only_watched, at(1000));
  ASSERT_EQ(found.ended.size(), 1U);
  EXPECT_EQ(found.ended[0].through, at(505));
  EXPECT_FALSE(watch_.loses());
}

TEST_F(published_watch_test, a_change_that_was_undone_at_once_begins_and_ends_in_one_look) {
  const auto found = watch_.see(look(200, listing({2}), 60, 60), only_watched, at(1000));
  ASSERT_TRUE(found.began);
  ASSERT_EQ(found.ended.size(), 1U);
  EXPECT_EQ(found.ended[0].loss.after, at(100));
  EXPECT_EQ(found.ended[0].through, at(205));
}

TEST_F(published_watch_test, one_that_is_undone_and_done_again_has_not_ended) {
  watch_.see(look(200, listing({}), 50, 50), only_watched, at(1000));
  watch_.see(look(300, listing({2}), 48, 60), only_watched, at(1000));
  watch_.see(look(400, listing({}), 48, 61), only_watched, at(1000));
  EXPECT_TRUE(watch_.see(look(500, listing({}), 70, 70), only_watched, at(1000)).ended.empty());
  EXPECT_TRUE(watch_.loses());
}

TEST_F(published_watch_test, what_else_becomes_of_a_table_that_is_not_sent_is_of_the_same_loss) {
  watch_.see(look(200, listing({}), 50, 50), only_watched, at(1000));
  watch_.see(look(300, listing({2}), 48, 60), only_watched, at(1000));
  // Altered and undone before the loss has ended.
  const auto found = watch_.see(look(400, listing({3}), 60, 70), only_watched, at(1000));
  EXPECT_FALSE(found.began);
  EXPECT_TRUE(found.ended.empty());
  EXPECT_EQ(watch_.see(look(500, listing({3}), 70, 70), only_watched, at(1000)).ended.size(), 1U);
}

TEST_F(published_watch_test, a_dropped_publication_loses_what_was_not_read_of_it_either) {
  const auto found = watch_.see(look(300, {}, 50, 50), only_watched, at(60));
  ASSERT_TRUE(found.began);
  EXPECT_EQ(found.began->after, at(60));
}

TEST_F(published_watch_test, what_happened_between_two_runs_is_found_at_the_first_look) {
  published_watch next;
  next.restore(watch_.memory());
  const auto found = next.see(look(900, listing({}), 50, 50), only_watched, at(1000));
  ASSERT_TRUE(found.began);
  EXPECT_EQ(found.began->after, at(100));
  published_watch third;
  third.restore(next.memory());
  EXPECT_TRUE(third.loses());
}

}  // namespace
}  // namespace pulse::source

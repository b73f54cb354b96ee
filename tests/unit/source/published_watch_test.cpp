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
  return {at(place), std::move(state), false, {}, {}, false, xmin, xmax, at(place + 5)};
}

class published_watch_test : public ::testing::Test {
 protected:
  published_watch_test() { watch_.begin(look(100, listing({1}), 50, 50)); }
  published_watch::findings see(published_look seen, present_tables tables, position stored) {
    seen.tables = std::move(tables);
    return watch_.see(seen, stored);
  }
  published_watch watch_;
};

TEST_F(published_watch_test, a_loss_begins_where_all_was_well_for_the_last_time) {
  EXPECT_TRUE(see(look(200, listing({1}), 50, 50), only_watched, at(1000)).untold.empty());
  const auto found = see(look(300, listing({}), 50, 50), only_watched, at(1000));
  ASSERT_EQ(found.untold.size(), 1U);
  EXPECT_EQ(found.untold[0].after, at(200));
  EXPECT_TRUE(found.memory_changed);
  EXPECT_TRUE(watch_.loses());
  // Told once.
  watch_.told(found.untold[0]);
  EXPECT_TRUE(see(look(400, listing({}), 50, 50), only_watched, at(1000)).untold.empty());
}

TEST_F(published_watch_test, a_loss_ends_when_the_transactions_have_that_ran_when_it_was_undone) {
  see(look(200, listing({}), 50, 50), only_watched, at(1000));
  // 48 wrote while the table was not listed, and is still open.
  EXPECT_TRUE(see(look(300, listing({2}), 48, 60), only_watched, at(1000)).ended.empty());
  EXPECT_TRUE(see(look(400, listing({2}), 59, 70), only_watched, at(1000)).ended.empty());
  const auto found = see(look(500, listing({2}), 60, 80), only_watched, at(1000));
  ASSERT_EQ(found.ended.size(), 1U);
  EXPECT_EQ(found.ended[0].through, at(505));
  watch_.ended(found.ended[0].loss);
  EXPECT_FALSE(watch_.loses());
}

TEST_F(published_watch_test, a_change_that_was_undone_at_once_begins_and_ends_in_one_look) {
  const auto found = see(look(200, listing({2}), 60, 60), only_watched, at(1000));
  ASSERT_EQ(found.untold.size(), 1U);
  ASSERT_EQ(found.ended.size(), 1U);
  EXPECT_EQ(found.ended[0].loss.after, at(100));
  EXPECT_EQ(found.ended[0].through, at(205));
}

TEST_F(published_watch_test, what_is_known_to_be_lost_from_a_place_on_ends_as_others_do) {
  publication_loss known;
  known.what.tables = only_watched;
  known.what.actions = {false, true, true, false};
  known.after = at(150);
  const auto open = watch_.lose(known);
  EXPECT_EQ(open.after, at(150));
  watch_.told(open);
  // Twice is once; earlier is more.
  EXPECT_EQ(watch_.lose(known).after, at(150));
  EXPECT_EQ(watch_.memory().open.size(), 1U);
  known.after = at(120);
  EXPECT_EQ(watch_.lose(known).after, at(120));
  EXPECT_EQ(watch_.memory().open.size(), 2U);
  const auto unlogged = present_tables{{watched.oid, watched.name, false}};
  EXPECT_TRUE(see(look(200, listing({1}), 60, 60), unlogged, at(1000)).ended.empty());
  EXPECT_EQ(see(look(300, listing({1}), 60, 60), only_watched, at(1000)).ended.size(), 2U);
}

// One would wait for what is never sent of the other's tables.
TEST_F(published_watch_test, a_loss_of_other_kinds_is_within_one_of_the_same_tables_alone) {
  publication_loss every;
  every.what.of_every_table = true;
  every.what.actions = {true, false, false, true};
  every.after = at(150);
  watch_.lose(every);
  publication_loss updates;
  updates.what.tables = only_watched;
  updates.what.actions = {false, true, true, false};
  updates.after = at(160);
  watch_.lose(updates);
  updates.what.tables.push_back({200, {"public", "other"}});
  updates.what.actions = {true, true, true, false};
  watch_.lose(updates);
  EXPECT_EQ(watch_.memory().open.size(), 3U);
  // Inserts of every table: known.
  updates.what.actions = {true, false, false, false};
  EXPECT_EQ(watch_.lose(updates).after, at(150));
  EXPECT_EQ(watch_.memory().open.size(), 3U);
}

// There is one gap at a place: two that are one would end with the later.
TEST_F(published_watch_test, losses_that_begin_at_one_place_are_put_apart_and_end_by_themselves) {
  publication_loss every;
  every.what.of_every_table = true;
  every.what.actions = {true, false, false, true};
  every.after = at(150);
  publication_loss updates;
  updates.what.tables = only_watched;
  updates.what.actions = {false, true, true, false};
  updates.after = at(150);
  watch_.begin(look(100, listing({}), 50, 50));
  EXPECT_EQ(watch_.lose(every).after, at(150));
  EXPECT_EQ(watch_.lose(updates).after, (position{1, lsn{150}, {}, 1}));
  publication_state all;
  all.row = {20, 5};
  all.name = "all";
  all.for_all_tables = true;
  all.sends = {true, false, false, true};
  auto state = listing({});
  state.publications.push_back(all);
  const auto first = see(look(200, state, 60, 60), only_watched, at(1000));
  ASSERT_EQ(first.ended.size(), 1U);
  EXPECT_TRUE(first.ended[0].loss.what.of_every_table);
  watch_.ended(first.ended[0].loss);
  state = listing({2});
  state.publications.push_back(all);
  EXPECT_EQ(see(look(300, state, 60, 60), only_watched, at(1000)).ended.size(), 1U);
}

// While its end is being recorded, say.
TEST_F(published_watch_test, a_loss_that_has_grown_since_its_end_was_found_has_not_ended) {
  see(look(200, listing({}), 50, 50), only_watched, at(1000));
  const auto found = see(look(300, listing({2}), 60, 60), only_watched, at(1000));
  ASSERT_EQ(found.ended.size(), 1U);
  publication_loss more;
  more.what.tables = only_watched;
  more.what.actions = {true, false, false, false};
  more.after = at(290);
  watch_.told(watch_.lose(more));
  watch_.ended(found.ended[0].loss);
  EXPECT_TRUE(watch_.loses());
  EXPECT_EQ(see(look(400, listing({2}), 70, 70), only_watched, at(1000)).untold.size(), 1U);
}

// A publication FOR ALL TABLES cannot be altered to a list: it is dropped and made again.
TEST_F(published_watch_test, of_ones_own_narrower_publication_the_loss_ends_for_the_tables_it_has) {
  const present_table other{200, {"public", "other"}};
  publication_loss every;
  every.what.of_every_table = true;
  every.what.actions = {true, true, true, true};
  every.after = at(150);
  watch_.told(watch_.lose(every));
  auto narrower = look(200, listing({1}), 60, 60);
  EXPECT_FALSE(watch_.concerns_all(narrower));
  EXPECT_TRUE(see(narrower, {watched, other}, at(1000)).ended.empty());
  narrower = look(300, listing({1}), 60, 60);
  narrower.own = true;
  EXPECT_TRUE(watch_.concerns_all(narrower));
  // The tables of other losses alone say nothing of all tables.
  EXPECT_TRUE(see(narrower, only_watched, at(1000)).ended.empty());
  narrower.has_all = true;
  const auto found = see(narrower, {watched, other}, at(1000));
  ASSERT_EQ(found.ended.size(), 1U);
  EXPECT_EQ(found.ended[0].through, at(305));
  ASSERT_TRUE(found.ended[0].rest);
  const auto rest = watch_.go_on(found.ended[0]);
  EXPECT_EQ(rest.what.tables, present_tables{other});
  EXPECT_EQ(rest.after, at(305));
  // What could not be recorded to its end is the same once more.
  const auto again = see(narrower, {watched, other}, at(1000));
  ASSERT_EQ(again.ended.size(), 1U);
  EXPECT_EQ(watch_.go_on(again.ended[0]).after, at(305));
  watch_.told(rest);
  watch_.ended(found.ended[0].loss);
  // The other table alone, for as long as it is left out.
  narrower = look(400, listing({1}), 60, 60);
  narrower.own = true;
  EXPECT_TRUE(see(narrower, {watched, other}, at(1000)).ended.empty());
  EXPECT_EQ(watch_.memory().open.size(), 1U);
}

TEST_F(published_watch_test, a_partition_is_sent_again_when_it_is_none_any_more) {
  publication_loss known;
  known.what.tables = only_watched;
  known.what.actions = {true, false, false, true};
  known.what.as_partition = true;
  known.after = at(150);
  watch_.lose(known);
  const auto below = present_tables{{watched.oid, watched.name, true, true}};
  EXPECT_TRUE(see(look(200, listing({1}), 60, 60), below, at(1000)).ended.empty());
  EXPECT_EQ(see(look(300, listing({1}), 60, 60), only_watched, at(1000)).ended.size(), 1U);
}

TEST_F(published_watch_test, a_table_made_since_has_lost_nothing_before_the_place_that_is_known) {
  publication_loss known;
  known.what.tables = {{200, watched.name}};
  known.what.actions = {false, true, true, false};
  known.after = at(150);
  watch_.told(watch_.lose(known));
  const auto found = see(look(200, listing({}), 60, 60), {{200, watched.name}}, at(1000));
  EXPECT_TRUE(found.untold.empty());
  EXPECT_EQ(watch_.memory().open.size(), 1U);
}

TEST_F(published_watch_test, one_that_is_undone_and_done_again_has_not_ended) {
  see(look(200, listing({}), 50, 50), only_watched, at(1000));
  see(look(300, listing({2}), 48, 60), only_watched, at(1000));
  see(look(400, listing({}), 48, 61), only_watched, at(1000));
  EXPECT_TRUE(see(look(500, listing({}), 70, 70), only_watched, at(1000)).ended.empty());
  EXPECT_TRUE(watch_.loses());
}

TEST_F(published_watch_test, what_else_becomes_of_a_table_that_is_not_sent_is_of_the_same_loss) {
  const auto first = see(look(200, listing({}), 50, 50), only_watched, at(1000));
  watch_.told(first.untold[0]);
  see(look(300, listing({2}), 48, 60), only_watched, at(1000));
  // Altered and undone before the loss has ended.
  const auto found = see(look(400, listing({3}), 60, 70), only_watched, at(1000));
  EXPECT_TRUE(found.untold.empty());
  EXPECT_TRUE(found.ended.empty());
  EXPECT_EQ(see(look(500, listing({3}), 70, 70), only_watched, at(1000)).ended.size(), 1U);
}

TEST_F(published_watch_test, what_could_not_be_recorded_is_found_again_by_the_next_look) {
  const auto first = see(look(200, listing({}), 50, 50), only_watched, at(1000));
  const auto again = see(look(300, listing({}), 50, 50), only_watched, at(1000));
  ASSERT_EQ(again.untold.size(), 1U);
  EXPECT_EQ(again.untold[0], first.untold[0]);
  watch_.told(again.untold[0]);
  const auto over = see(look(400, listing({2}), 60, 60), only_watched, at(1000));
  ASSERT_EQ(over.ended.size(), 1U);
  const auto still = see(look(500, listing({2}), 60, 60), only_watched, at(1000));
  ASSERT_EQ(still.ended.size(), 1U);
  EXPECT_EQ(still.ended[0].loss.after, at(100));
  // Later than it was, never earlier.
  EXPECT_EQ(still.ended[0].through, at(505));
}

TEST_F(published_watch_test, only_tables_that_are_not_listed_as_they_were_have_to_be_looked_for) {
  EXPECT_TRUE(watch_.concerned(look(200, listing({1}), 50, 50)).empty());
  // One more entry takes nothing away.
  EXPECT_TRUE(watch_.concerned(look(200, listing({1, 2}), 50, 50)).empty());
  EXPECT_EQ(watch_.concerned(look(200, listing({2}), 50, 50)), only_watched);
  EXPECT_FALSE(watch_.altered(look(200, listing({2}), 50, 50)));
  EXPECT_TRUE(watch_.altered(look(200, {}, 50, 50)));
  // As long as a loss is open, also its tables.
  see(look(200, listing({}), 50, 50), only_watched, at(1000));
  EXPECT_EQ(watch_.concerned(look(300, listing({}), 50, 50)), only_watched);
}

TEST_F(published_watch_test, a_dropped_publication_loses_what_was_not_read_of_it_either) {
  const auto found = see(look(300, {}, 50, 50), only_watched, at(60));
  ASSERT_EQ(found.untold.size(), 1U);
  EXPECT_EQ(found.untold[0].after, at(60));
}

TEST_F(published_watch_test, what_happened_between_two_runs_is_found_at_the_first_look) {
  published_watch next;
  next.restore(watch_.memory());
  auto first = look(900, listing({}), 50, 50);
  first.tables = only_watched;
  const auto found = next.see(first, at(1000));
  ASSERT_EQ(found.untold.size(), 1U);
  EXPECT_EQ(found.untold[0].after, at(100));
  published_watch third;
  third.restore(next.memory());
  EXPECT_TRUE(third.loses());
}

}  // namespace
}  // namespace pulse::source

#include "source/published_state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pulse::source {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr published_actions all_actions{true, true, true, true};
constexpr published_actions inserts_only{true, false, false, true};
constexpr published_actions changes_only{false, true, true, false};

const present_table users_table{100, {"public", "users"}};
const present_table orders_table{200, {"public", "orders"}};

published_list_entry listed(const present_table& table, std::uint32_t row,
                            std::uint32_t writer = 7) {
  return {{row, writer}, table.oid, table.name, false};
}

publication_state list_of(std::vector<published_list_entry> tables,
                          published_actions sends = all_actions, std::string name = "own") {
  publication_state one;
  one.row = {10, 5};
  one.name = std::move(name);
  one.sends = sends;
  one.tables = std::move(tables);
  return one;
}

publication_state for_all(published_actions sends = all_actions) {
  publication_state one;
  one.row = {20, 5};
  one.name = "all";
  one.for_all_tables = true;
  one.sends = sends;
  return one;
}

published_state state_of(std::vector<publication_state> publications,
                         std::vector<catalog_row> triggers = {}) {
  return {std::move(publications), std::move(triggers)};
}

std::vector<std::string> names_in(const std::optional<unsent_changes>& lost) {
  std::vector<std::string> names;
  if (lost) {
    for (const auto& table : lost->tables) names.push_back(to_string(table.name));
  }
  return names;
}

const present_tables both{orders_table, users_table};

TEST(find_unsent, nothing_is_lost_while_nothing_is_altered) {
  const auto state = state_of({list_of({listed(users_table, 1)})});
  EXPECT_FALSE(find_unsent(state, state, both));
}

TEST(find_unsent, a_table_that_is_taken_out_is_lost_and_the_others_are_not) {
  const auto before = state_of({list_of({listed(users_table, 1), listed(orders_table, 2)})});
  const auto now = state_of({list_of({listed(users_table, 1)})});
  const auto lost = find_unsent(before, now, both);
  EXPECT_THAT(names_in(lost), ElementsAre("public.orders"));
  EXPECT_EQ(lost->actions, all_actions);
  EXPECT_THAT(lost->reason, HasSubstr("public.orders"));
  EXPECT_FALSE(is_sent_again(*lost, now, both));
  EXPECT_TRUE(is_sent_again(*lost, before, both));
}

TEST(find_unsent, a_change_that_was_undone_between_two_looks_shows) {
  const auto before = state_of({list_of({listed(users_table, 1)})});
  const auto taken_out_and_added = state_of({list_of({listed(users_table, 3, 9)})});
  const auto lost = find_unsent(before, taken_out_and_added, both);
  EXPECT_THAT(names_in(lost), ElementsAre("public.users"));
  EXPECT_TRUE(is_sent_again(*lost, taken_out_and_added, both));

  auto flags_and_back = before;
  flags_and_back.publications[0].row.writer = 9;
  EXPECT_THAT(names_in(find_unsent(before, flags_and_back, both)), ElementsAre("public.users"));
}

TEST(find_unsent, a_filter_or_a_list_of_columns_counts_as_not_sent) {
  const auto before = state_of({list_of({listed(users_table, 1)})});
  auto now = before;
  now.publications[0].tables[0].partial = true;
  now.publications[0].tables[0].row = {2, 9};
  const auto lost = find_unsent(before, now, both);
  EXPECT_THAT(names_in(lost), ElementsAre("public.users"));
  EXPECT_FALSE(is_sent_again(*lost, now, both));
  // It never was sent whole: that is how its owner wants it.
  EXPECT_FALSE(find_unsent(now, state_of({list_of({})}), both));
}

TEST(find_unsent, kinds_of_changes_that_are_switched_off_are_lost_for_every_table) {
  auto now = state_of({for_all(inserts_only)});
  now.publications[0].row.writer = 9;
  const auto lost = find_unsent(state_of({for_all()}), now, both);
  ASSERT_TRUE(lost);
  EXPECT_TRUE(lost->of_every_table);
  EXPECT_TRUE(lost->tables.empty());
  EXPECT_THAT(lost->reason, HasSubstr("UPDATE"));
  EXPECT_FALSE(is_sent_again(*lost, now, both));
}

TEST(find_unsent, a_publication_that_is_dropped_loses_all_that_it_sent) {
  const auto lost = find_unsent(state_of({for_all()}), state_of({}), both);
  ASSERT_TRUE(lost);
  EXPECT_TRUE(lost->of_every_table);
  EXPECT_FALSE(is_sent_again(*lost, state_of({}), both));
  auto again = for_all();
  again.row = {30, 9};
  EXPECT_TRUE(is_sent_again(*lost, state_of({again}), both));
}

TEST(find_unsent, what_another_publication_sends_all_the_time_is_not_lost) {
  const auto before =
      state_of({for_all(inserts_only), list_of({listed(users_table, 1)}, changes_only)});
  const auto now = state_of({for_all(inserts_only)});
  const auto lost = find_unsent(before, now, both);
  EXPECT_THAT(names_in(lost), ElementsAre("public.users"));
  EXPECT_EQ(lost->actions, changes_only);
}

TEST(find_unsent, a_table_that_is_gone_loses_nothing) {
  const auto before = state_of({list_of({listed(users_table, 1), listed(orders_table, 2)})});
  const auto now = state_of({list_of({listed(orders_table, 2)})});
  EXPECT_FALSE(find_unsent(before, now, {orders_table}));
}

TEST(find_unsent, a_table_made_again_under_the_name_is_lost_until_it_is_listed) {
  const present_table again{101, users_table.name};
  const auto before = state_of({list_of({listed(users_table, 1)})});
  const auto now = state_of({list_of({})});
  const auto lost = find_unsent(before, now, {again});
  EXPECT_THAT(names_in(lost), ElementsAre("public.users"));
  EXPECT_FALSE(is_sent_again(*lost, now, {again}));
  // Listed some time after it was made.
  const auto listed_later = state_of({list_of({listed(again, 5, 9)})});
  const auto between = find_unsent(before, listed_later, {again});
  EXPECT_THAT(names_in(between), ElementsAre("public.users"));
  EXPECT_TRUE(is_sent_again(*between, listed_later, {again}));
}

TEST(find_unsent, a_table_that_a_trigger_lists_in_the_transaction_that_makes_it_is_not_lost) {
  const std::vector<catalog_row> triggers{{50, 5}};
  const present_table again{101, users_table.name};
  const auto before = state_of({list_of({listed(users_table, 1)})}, triggers);
  EXPECT_FALSE(find_unsent(before, state_of({list_of({listed(again, 5, 9)})}, triggers), {again}));
  // Unless the trigger was away meanwhile.
  const std::vector<catalog_row> other{{51, 9}};
  EXPECT_TRUE(find_unsent(before, state_of({list_of({listed(again, 5, 9)})}, other), {again}));
}

TEST(find_unsent, a_table_that_is_swapped_in_by_renaming_is_lost_and_the_other_one_goes_on) {
  const present_table old{100, {"public", "users_old"}};
  const present_table swapped{300, users_table.name};
  const auto before = state_of({list_of({listed(users_table, 1)})});
  const auto now = state_of({list_of({listed(old, 1)})});
  const auto lost = find_unsent(before, now, {old, swapped});
  ASSERT_TRUE(lost);
  EXPECT_THAT(lost->tables, ElementsAre(swapped));
}

}  // namespace
}  // namespace pulse::source

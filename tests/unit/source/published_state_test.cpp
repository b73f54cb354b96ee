#include "source/published_state.hpp"

#include <optional>

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

// Where there is one at most.
std::optional<unsent_changes> find_one(const published_state& before, const published_state& now,
                                       const present_tables& present) {
  const auto found = find_unsent(before, now, present);
  EXPECT_LE(found.size(), 1U);
  return found.empty() ? std::nullopt : std::optional(found.front());
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
  EXPECT_FALSE(find_one(state, state, both));
}

TEST(find_unsent, a_table_that_is_taken_out_is_lost_and_the_others_are_not) {
  const auto before = state_of({list_of({listed(users_table, 1), listed(orders_table, 2)})});
  const auto now = state_of({list_of({listed(users_table, 1)})});
  const auto lost = find_one(before, now, both);
  EXPECT_THAT(names_in(lost), ElementsAre("public.orders"));
  EXPECT_EQ(lost->actions, all_actions);
  EXPECT_THAT(lost->reason, HasSubstr("public.orders"));
  EXPECT_FALSE(is_sent_again(*lost, now, both));
  EXPECT_TRUE(is_sent_again(*lost, before, both));
}

TEST(find_unsent, a_change_that_was_undone_between_two_looks_shows) {
  const auto before = state_of({list_of({listed(users_table, 1)})});
  const auto taken_out_and_added = state_of({list_of({listed(users_table, 3, 9)})});
  const auto lost = find_one(before, taken_out_and_added, both);
  EXPECT_THAT(names_in(lost), ElementsAre("public.users"));
  EXPECT_TRUE(is_sent_again(*lost, taken_out_and_added, both));

  auto flags_and_back = before;
  flags_and_back.publications[0].row.writer = 9;
  EXPECT_THAT(names_in(find_one(before, flags_and_back, both)), ElementsAre("public.users"));
}

TEST(find_unsent, a_filter_or_a_list_of_columns_counts_as_not_sent) {
  const auto before = state_of({list_of({listed(users_table, 1)})});
  auto now = before;
  now.publications[0].tables[0].partial = true;
  now.publications[0].tables[0].row = {2, 9};
  const auto lost = find_one(before, now, both);
  EXPECT_THAT(names_in(lost), ElementsAre("public.users"));
  EXPECT_FALSE(is_sent_again(*lost, now, both));
  // It never was sent whole: that is how its owner wants it.
  EXPECT_FALSE(find_one(now, state_of({list_of({})}), both));
}

TEST(find_unsent, kinds_of_changes_that_are_switched_off_are_lost_for_every_table) {
  auto now = state_of({for_all(inserts_only)});
  now.publications[0].row.writer = 9;
  const auto lost = find_one(state_of({for_all()}), now, both);
  ASSERT_TRUE(lost);
  EXPECT_TRUE(lost->of_every_table);
  EXPECT_TRUE(lost->tables.empty());
  EXPECT_THAT(lost->reason, HasSubstr("UPDATE"));
  EXPECT_FALSE(is_sent_again(*lost, now, both));
}

TEST(find_unsent, a_publication_that_is_dropped_loses_all_that_it_sent) {
  const auto lost = find_one(state_of({for_all()}), state_of({}), both);
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
  const auto lost = find_one(before, now, both);
  EXPECT_THAT(names_in(lost), ElementsAre("public.users"));
  EXPECT_EQ(lost->actions, changes_only);
}

// Each waits for what is sent of its own tables alone: changes of other kinds never come.
TEST(find_unsent, what_every_table_has_lost_and_what_one_has_lost_besides_are_two_losses) {
  const auto before =
      state_of({for_all(inserts_only), list_of({listed(users_table, 1)}, changes_only)});
  const auto lost = find_unsent(before, state_of({}), both);
  ASSERT_EQ(lost.size(), 2U);
  EXPECT_EQ(lost[0].actions, changes_only);
  EXPECT_THAT(lost[0].tables, ElementsAre(users_table));
  EXPECT_EQ(lost[1].actions, inserts_only);
  EXPECT_TRUE(lost[1].of_every_table);
  auto again = before;
  again.publications[0].row = {30, 9};
  again.publications[1].row = {31, 9};
  for (const auto& one : lost) EXPECT_TRUE(is_sent_again(one, again, both)) << one.reason;
}

TEST(find_unsent, tables_that_have_lost_different_kinds_are_different_losses) {
  auto updated = list_of({listed(users_table, 1)}, changes_only);
  auto inserted = list_of({listed(orders_table, 2)}, inserts_only);
  inserted.row = {11, 5};
  const auto lost = find_unsent(state_of({updated, inserted}), state_of({}), both);
  ASSERT_EQ(lost.size(), 2U);
  EXPECT_THAT(lost[0].tables, ElementsAre(users_table));
  EXPECT_THAT(lost[1].tables, ElementsAre(orders_table));
  updated.row = {30, 9};
  inserted.row = {31, 9};
  for (const auto& one : lost)
    EXPECT_TRUE(is_sent_again(one, state_of({updated, inserted}), both)) << one.reason;
}

TEST(find_left_out, names_of_all_tables_those_that_a_narrower_list_does_not_send) {
  unsent_changes every;
  every.of_every_table = true;
  every.actions = all_actions;
  present_table part{300, {"public", "part"}};
  part.has_listed_root = true;
  present_table unlogged{400, {"public", "unlogged"}};
  unlogged.logged = false;
  const present_tables all{users_table, orders_table, part, unlogged};
  const auto left = find_left_out(every, state_of({list_of({listed(users_table, 1)})}), all);
  ASSERT_TRUE(left);
  EXPECT_THAT(*left, ElementsAre(orders_table));
  EXPECT_FALSE(find_left_out(every, state_of({list_of({})}), all)) << "none is sent again";
}

TEST(find_unsent, a_table_that_is_gone_loses_nothing) {
  const auto before = state_of({list_of({listed(users_table, 1), listed(orders_table, 2)})});
  const auto now = state_of({list_of({listed(orders_table, 2)})});
  EXPECT_FALSE(find_one(before, now, {orders_table}));
}

TEST(find_unsent, a_table_made_again_under_the_name_is_lost_until_it_is_listed) {
  const present_table again{101, users_table.name};
  const auto before = state_of({list_of({listed(users_table, 1)})});
  const auto now = state_of({list_of({})});
  const auto lost = find_one(before, now, {again});
  EXPECT_THAT(names_in(lost), ElementsAre("public.users"));
  EXPECT_FALSE(is_sent_again(*lost, now, {again}));
  // Listed some time after it was made.
  const auto listed_later = state_of({list_of({listed(again, 5, 9)})});
  const auto between = find_one(before, listed_later, {again});
  EXPECT_THAT(names_in(between), ElementsAre("public.users"));
  EXPECT_TRUE(is_sent_again(*between, listed_later, {again}));
}

TEST(find_unsent, a_table_that_a_trigger_lists_in_the_transaction_that_makes_it_is_not_lost) {
  const std::vector<catalog_row> triggers{{50, 5}};
  const present_table again{101, users_table.name};
  const auto before = state_of({list_of({listed(users_table, 1)})}, triggers);
  EXPECT_FALSE(find_one(before, state_of({list_of({listed(again, 5, 9)})}, triggers), {again}));
  // Unless the trigger was away meanwhile.
  const std::vector<catalog_row> other{{51, 9}};
  EXPECT_TRUE(find_one(before, state_of({list_of({listed(again, 5, 9)})}, other), {again}));
}

TEST(find_unsent, a_table_that_is_swapped_in_by_renaming_is_lost_and_the_other_one_goes_on) {
  const present_table old{100, {"public", "users_old"}};
  const present_table swapped{300, users_table.name};
  const auto before = state_of({list_of({listed(users_table, 1)})});
  const auto now = state_of({list_of({listed(old, 1)})});
  const auto lost = find_one(before, now, {old, swapped});
  ASSERT_TRUE(lost);
  EXPECT_THAT(lost->tables, ElementsAre(swapped));
}

}  // namespace
}  // namespace pulse::source

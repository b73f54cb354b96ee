// Which number a table has, through renames, swaps, replacements and other databases.
#include "log/table_numbers.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace pulse::log {
namespace {

using named = std::pair<std::uint32_t, std::string>;

class numbers : public ::testing::Test {
 protected:
  table_id number(std::uint32_t oid, const std::string& name) {
    return numbers_
        .number(oid, {"public", name},
                [this](const table_numbers::entry& changed) { return keep(changed); })
        .value();
  }
  bool settled(std::uint32_t oid, const std::string& name) const {
    return numbers_.settled(oid, {"public", name});
  }
  void observe(const std::vector<named>& tables, const std::string& database = "1/1") {
    catalog present;
    present.database = database;
    for (const auto& [oid, name] : tables) {
      catalog_table one;
      one.oid = oid;
      one.name = {"public", name};
      present.tables.push_back(one);
    }
    std::ranges::sort(present.tables, {}, &catalog_table::name);
    const auto observed = numbers_.observe(
        present, [this](const table_numbers::entry& changed) { return keep(changed); },
        [this](const std::string& now) -> result<void> {
          restarted_.restore_database(now);
          return {};
        });
    ASSERT_TRUE(observed);
  }
  // What was kept says the same after a restart.
  void restart() { numbers_ = restarted_; }

 private:
  result<void> keep(const table_numbers::entry& changed) {
    EXPECT_TRUE(restarted_.restore(changed)) << changed.table;
    return {};
  }

  table_numbers numbers_;
  table_numbers restarted_;
};

TEST(kept_numbers, that_do_not_follow_from_each_other_are_refused) {
  table_numbers restored;
  EXPECT_FALSE(restored.restore({0, 100, {"public", "a"}}));
  EXPECT_FALSE(restored.restore({2, 100, {"public", "a"}})) << "there is no 1";
  EXPECT_TRUE(restored.restore({1, 100, {"public", "a"}}));
  EXPECT_FALSE(restored.restore({1, 100, {"public", "a"}})) << "again";
  EXPECT_FALSE(restored.restore({2, 0, {"public", "a"}})) << "the name has a number";
  EXPECT_TRUE(restored.restore({1, 100, {"public", "b"}}));
  EXPECT_TRUE(restored.restore({2, 0, {"public", "a"}}));
}

TEST_F(numbers, a_renamed_table_keeps_its_number_and_its_old_name_is_free) {
  observe({{100, "a"}});
  const auto first = number(100, "a");
  observe({{100, "b"}});
  EXPECT_EQ(number(100, "b"), first);
  observe({{100, "b"}, {200, "a"}});
  const auto second = number(200, "a");
  EXPECT_NE(second, first);
  restart();
  EXPECT_EQ(number(100, "b"), first);
  EXPECT_EQ(number(200, "a"), second);
}

TEST_F(numbers, two_tables_swap_their_names) {
  observe({{100, "a"}, {200, "b"}});
  const auto first = number(100, "a");
  const auto second = number(200, "b");
  observe({{100, "b"}, {200, "a"}});
  EXPECT_EQ(number(100, "b"), first);
  EXPECT_EQ(number(200, "a"), second);
  restart();
  EXPECT_EQ(number(200, "a"), second);
  EXPECT_EQ(number(100, "b"), first);
}

TEST_F(numbers, a_table_made_again_under_the_name_goes_on_with_the_number) {
  observe({{100, "a"}});
  const auto first = number(100, "a");
  observe({{200, "a"}});
  EXPECT_EQ(number(200, "a"), first);
  EXPECT_EQ(number(100, "a"), first) << "its changes may still come";
  restart();
  EXPECT_EQ(number(200, "a"), first);
}

TEST_F(numbers, a_table_made_under_the_name_of_a_renamed_one_is_another) {
  observe({{100, "a"}});
  const auto first = number(100, "a");
  observe({{100, "z"}, {200, "a"}});
  EXPECT_NE(number(200, "a"), first);
  EXPECT_EQ(number(100, "z"), first);
}

TEST_F(numbers, a_table_built_beside_and_renamed_into_the_place_of_a_dropped_one_goes_on_as_that) {
  observe({{100, "a"}, {300, "a_new"}});
  const auto first = number(100, "a");
  EXPECT_NE(number(300, "a_new"), first);
  observe({{300, "a"}});
  EXPECT_EQ(number(300, "a"), first);
}

// The stream tells of names that were; the catalog of those that are.
// While the catalog was read, the next one had taken its place too.
TEST_F(numbers, a_table_that_took_a_place_and_is_gone_before_a_catalog_has_it_goes_on_as_that) {
  observe({{100, "posts"}});
  const auto posts = number(100, "posts");
  const auto copy = number(200, "copy");
  EXPECT_NE(copy, posts);
  EXPECT_FALSE(settled(200, "posts"));
  observe({{300, "posts"}});
  EXPECT_EQ(number(200, "posts"), posts);
  EXPECT_EQ(number(300, "posts"), posts);
  restart();
  EXPECT_EQ(number(200, "posts"), posts);
}

// What it was called before is no place that it has taken.
TEST_F(numbers, an_old_name_of_a_table_that_is_gone_changes_nothing) {
  observe({{100, "posts"}});
  const auto posts = number(100, "posts");
  observe({{100, "articles"}, {200, "posts"}});
  EXPECT_NE(number(200, "posts"), posts);
  observe({{200, "posts"}});
  EXPECT_EQ(number(100, "posts"), posts);
}

TEST_F(numbers, an_old_name_in_the_stream_changes_nothing) {
  observe({{100, "a"}});
  const auto first = number(100, "a");
  observe({{100, "b"}, {200, "a"}});
  EXPECT_FALSE(settled(100, "a"));
  EXPECT_EQ(number(100, "a"), first);
  EXPECT_TRUE(settled(100, "b"));
  EXPECT_NE(number(200, "a"), first);
}

TEST_F(numbers, a_name_that_is_known_under_another_oid_wants_a_look_at_the_catalog) {
  observe({{100, "a"}});
  EXPECT_TRUE(settled(100, "a")) << "nobody has asked for it: any number will do";
  number(100, "a");
  EXPECT_TRUE(settled(100, "a"));
  EXPECT_FALSE(settled(200, "a"));
  EXPECT_TRUE(settled(200, "other"));
}

TEST_F(numbers, a_table_renamed_before_its_first_change_is_found_under_its_new_name) {
  observe({{200, "a"}, {100, "b"}});
  const auto of_a = number(200, "a");
  const auto of_b = number(0, "b");
  EXPECT_EQ(number(100, "a"), of_b) << "it was called a once";
  EXPECT_NE(of_a, of_b);
}

TEST_F(numbers, in_another_database_only_names_count) {
  observe({{100, "a"}, {200, "b"}});
  const auto first = number(100, "a");
  const auto second = number(200, "b");
  observe({{100, "b"}, {200, "a"}}, "2/1");
  EXPECT_EQ(number(200, "a"), first);
  EXPECT_EQ(number(100, "b"), second);
  restart();
  EXPECT_EQ(number(200, "a"), first);
}

TEST_F(numbers, tables_without_an_oid_go_by_name) {
  const auto first = number(0, "a");
  EXPECT_EQ(number(0, "a"), first);
  EXPECT_NE(number(0, "b"), first);
  EXPECT_EQ(number(100, "a"), first) << "known from now on";
  EXPECT_EQ(number(100, "c"), first);
}

}  // namespace
}  // namespace pulse::log

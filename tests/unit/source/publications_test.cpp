#include "source/publications.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pulse::source {
namespace {

publication_names names_of(std::string_view project, int version) {
  return publications_of(names_for(project, ""), version);
}

// PostgreSQL 13 and 14 look for a partition's root only until all kinds of changes are found.
TEST(publications, roots_are_named_first_and_only_where_there_are_any) {
  const auto names = names_of("shop", 150000).every();
  ASSERT_EQ(names.size(), 17U);
  EXPECT_EQ(names.front(), "pulse_shop.roots1");
  EXPECT_EQ(names[8], "pulse_shop.all");
  EXPECT_EQ(names.back(), "pulse_shop.rows8");
  EXPECT_EQ(names_of("shop", 120000).every().size(), 9U);
}

TEST(publications, names_fit_into_63_bytes_and_are_never_those_of_another_project) {
  std::set<std::string> all;
  std::size_t count = 0;
  for (const auto* project : {"a", "a_all", "a_rows1", "A-rows1x", "b"}) {
    for (const auto& name : names_of(project, 180000).every()) {
      EXPECT_LE(name.size(), 63U);
      all.insert(name);
      ++count;
    }
  }
  EXPECT_EQ(all.size(), count);
  for (const auto& name : names_of(std::string(200, 'x'), 180000).every())
    EXPECT_LE(name.size(), 63U) << name;
}

std::vector<publication_row> rows_of(const std::vector<std::string>& names) {
  std::vector<publication_row> rows;
  rows.reserve(names.size());
  for (const auto& name : names) rows.push_back({name});
  return rows;
}

TEST(publications, an_upgrade_streams_by_the_old_one_until_the_new_ones_can_be_named) {
  const auto ours = names_of("shop", 150000);
  auto there = rows_of(ours.every());
  there.push_back({ours.old});
  EXPECT_EQ(publications_to_stream(ours, there, true, 150000),
            std::vector<std::string>{"pulse_shop"});
  EXPECT_EQ(publications_to_stream(ours, there, false, 150000), ours.every());
  // 18 passes over those that are not there yet.
  const auto both = publications_to_stream(ours, there, true, 180000);
  EXPECT_EQ(both.size(), ours.every().size() + 1);
  EXPECT_NE(std::ranges::find(both, "pulse_shop"), both.end());
}

TEST(publications, names_are_quoted_in_an_array) {
  EXPECT_EQ(text_array({}), "{}");
  EXPECT_EQ(text_array({"a", "b \"c\\"}), R"({"a","b \"c\\"})");
}

}  // namespace
}  // namespace pulse::source

#include "change/ddl_message.hpp"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pulse {
namespace {

using oids = std::set<std::uint32_t>;

TEST(ddl_message, names_tables_and_those_that_are_not_sent) {
  const auto said = parse_ddl_message("#12 16384 !16390 4294967295", "12");
  EXPECT_FALSE(said.every_table);
  EXPECT_EQ(said.tables, (oids{16384, 16390, 4294967295U}));
  EXPECT_EQ(said.unsent, (oids{16390}));
  EXPECT_TRUE(parse_ddl_message("*", "").every_table);
}

// Anybody can write a message of this prefix.
TEST(ddl_message, what_is_no_oid_is_passed_over_and_there_are_only_so_many) {
  EXPECT_EQ(parse_ddl_message(" x 0 -1 !  12x 99999999999 7", "12").tables, (oids{7}));
  EXPECT_TRUE(parse_ddl_message("", "").tables.empty());
  std::string many;
  for (int oid = 1; oid <= 5000; ++oid) many += "!" + std::to_string(oid) + " ";
  const auto said = parse_ddl_message("#12 " + many, "12");
  EXPECT_TRUE(said.every_table);
  EXPECT_EQ(said.tables.size(), 1000U);
  EXPECT_EQ(said.unsent.size(), 1000U);
}

TEST(ddl_message, that_something_is_not_sent_is_believed_with_the_token_alone) {
  for (const auto* said : {"!7", "#11 !7", "# !7", "!7 #12", "#123 !7"})
    EXPECT_TRUE(parse_ddl_message(said, "12").unsent.empty()) << said;
  EXPECT_TRUE(parse_ddl_message("# !7", "").unsent.empty());
  EXPECT_EQ(parse_ddl_message("#11 !7", "12").tables, (oids{7})) << "a reason to look";
}

TEST(ddl_message, says_what_composite_types_consist_of) {
  // "zip code", text; "ort", varchar(20).
  const std::string types = "@16400=7a697020636f6465/25/-1,6f7274/1043/24 @16401 @16402=";
  const auto said = parse_ddl_message("#12 " + types + " 16390", "12");
  EXPECT_EQ(said.tables, (oids{16390}));
  ASSERT_EQ(said.composites.size(), 3U);
  EXPECT_EQ(said.composites.at(16400),
            (std::vector<type_attribute>{{"zip code", 25, -1}, {"ort", 1043, 24}}));
  EXPECT_EQ(said.composites.at(16401), std::nullopt) << "there was no room for it";
  EXPECT_EQ(said.composites.at(16402), std::vector<type_attribute>());
  EXPECT_TRUE(parse_ddl_message("#11 " + types, "12").composites.empty()) << "anybody can say so";
  EXPECT_TRUE(parse_ddl_message(types + " #12", "12").composites.empty());
}

TEST(ddl_message, a_composite_type_that_cannot_be_read_is_not_known) {
  for (const auto* bad : {"61", "61/25", "61/25/", "6/25/-1", "6g/25/-1", "/25/-1", "61/x/-1",
                          "61/25/-1/2", "61/25/-1,,", "61/25/99999999999"}) {
    const auto said = parse_ddl_message(std::string("#12 @16400=") + bad, "12");
    EXPECT_EQ(said.composites.at(16400), std::nullopt) << bad;
  }
  const auto more = parse_ddl_message("#12 @16401 @* 17", "12");
  EXPECT_TRUE(more.more_composites);
  EXPECT_TRUE(more.every_table) << "to be read";
  EXPECT_FALSE(parse_ddl_message("#13 @* 17", "12").more_composites) << "somebody else's";
  EXPECT_TRUE(parse_ddl_message("#12 @=61/25/-1 @x=61/25/-1 @", "12").composites.empty());
}

TEST(ddl_message, one_after_another_is_of_the_tables_of_both_until_they_are_too_many) {
  auto all = parse_ddl_message("#12 7 !8", "12");
  EXPECT_FALSE(all.empty());
  all.add(parse_ddl_message("8 9", ""));
  EXPECT_EQ(all.tables, (oids{7, 8, 9}));
  EXPECT_EQ(all.unsent, (oids{8}));
  ddl_message many;
  EXPECT_TRUE(many.empty());
  for (std::uint32_t oid = 1; !many.every_table && oid < 20'000; ++oid) {
    ddl_message one;
    one.tables = {oid};
    many.add(one);
    many.add(one);
  }
  EXPECT_TRUE(many.every_table);
  EXPECT_TRUE(many.tables.empty());
  many.add(parse_ddl_message("7", ""));
  EXPECT_TRUE(many.tables.empty()) << "every table is more than one";
}

}  // namespace
}  // namespace pulse

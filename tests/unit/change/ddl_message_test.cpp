#include "change/ddl_message.hpp"

#include <set>
#include <string>

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

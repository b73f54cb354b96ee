#include "change/ddl_message.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pulse {
namespace {

using oids = std::vector<std::uint32_t>;

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

}  // namespace
}  // namespace pulse

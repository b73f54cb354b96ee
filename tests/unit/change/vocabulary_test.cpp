#include <string>

#include <gtest/gtest.h>

#include "change/catalog.hpp"
#include "change/lsn.hpp"
#include "change/position.hpp"
#include "change/tuple.hpp"
#include "change/type_catalog.hpp"

namespace pulse {
namespace {

using namespace std::literals;

TEST(lsn, is_written_and_read_as_postgresql_does) {
  EXPECT_EQ(to_string(lsn{0x16B374D848}), "16/B374D848");
  EXPECT_EQ(parse_lsn("16/B374D848"), lsn{0x16B374D848});
  EXPECT_EQ(parse_lsn("0/0"), lsn{});
  for (const auto* text : {"", "/", "1", "1/", "/1", "G/1", "1/123456789", "1/2/3", " 1/2"}) {
    EXPECT_FALSE(parse_lsn(text)) << text;
  }
}

TEST(position, is_ordered_by_timeline_commit_change_and_row) {
  const position base{1, lsn{10}, lsn{5}, 0};
  EXPECT_LT(base, (position{1, lsn{10}, lsn{5}, 1}));
  EXPECT_LT(base, (position{1, lsn{10}, lsn{6}, 0}));
  EXPECT_LT((position{1, lsn{10}, lsn{9}, 9}), (position{1, lsn{11}, lsn{1}, 0}));
  EXPECT_LT((position{1, lsn{99}, lsn{9}, 9}), (position{2, lsn{1}, lsn{1}, 0}));
}

TEST(tuple, a_row_cut_anywhere_is_refused) {
  const auto whole = "\0\4nut\0\0\0\2hib\0\0\0\1x"s;
  const auto parsed = tuple_view::parse(as_byte_view(whole));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->column_count(), 4U);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(tuple_view::parse(as_byte_view(whole.substr(0, size)))) << size;
  }
  EXPECT_FALSE(tuple_view::parse(as_byte_view("\0\1z"s)));
  EXPECT_FALSE(tuple_view::parse(as_byte_view("\0\1t\xff\xff\xff\xff"s)));
}

// Each level has two attributes of the one below.
type_catalog doubled_composites(std::uint32_t levels) {
  type_catalog types;
  std::uint32_t below = 23;
  for (std::uint32_t level = 0; level < levels; ++level) {
    type_entry entry{20000 + level, "public", "t" + std::to_string(level), 'c'};
    entry.attributes = {{"a", below, -1}, {"b", below, -1}};
    below = entry.oid;
    types.put(std::move(entry));
  }
  return types;
}

std::size_t parts_of(const column_type& type) {
  std::size_t count = type.parts.size();
  for (const auto& part : type.parts) count += parts_of(part.type);
  return count;
}

TEST(type_catalog, a_composite_of_too_many_parts_is_text) {
  const auto types = doubled_composites(60);
  // 2 + 4 + … + 256 parts.
  const auto eight = types.resolve(20007, -1);
  ASSERT_TRUE(eight);
  EXPECT_EQ(eight->kind, value_kind::composite);
  EXPECT_EQ(parts_of(*eight), 510U);
  for (const auto oid : {20009U, 20022U, 20059U}) {
    const auto resolved = types.resolve(oid, -1);
    ASSERT_TRUE(resolved) << oid;
    EXPECT_EQ(resolved->kind, value_kind::other);
    EXPECT_TRUE(resolved->parts.empty());
  }
}

TEST(type_catalog, lists_of_composites_of_too_many_parts_are_lists_of_texts) {
  auto types = doubled_composites(30);
  types.put({30000, "public", "_t29", 'b', 20029});
  types.put({30001, "public", "wrapped", 'd', 0, 30000});
  const auto list = types.resolve(30001, -1);
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->is_list);
  EXPECT_EQ(list->kind, value_kind::other);
}

TEST(type_catalog, all_columns_of_a_table_have_so_many_parts_together) {
  const auto types = doubled_composites(9);
  auto left = table_type_parts_max;
  std::size_t composites = 0;
  for (int column = 0; column < 1600; ++column) {
    const auto resolved = types.resolve(20007, -1, left);
    ASSERT_TRUE(resolved);
    if (resolved->kind == value_kind::composite) ++composites;
  }
  EXPECT_EQ(composites, table_type_parts_max / 510);
}

TEST(type_catalog, follows_domains_and_arrays_to_what_the_text_is) {
  type_catalog types;
  types.put({20001, "public", "mood", 'e', 0, 0, -1, ','});
  types.put({20002, "public", "_mood", 'b', 20001, 0, -1, ','});
  types.put({20003, "public", "price", 'd', 0, 1700, 655366, ','});
  types.put({20004, "public", "moods", 'd', 0, 20002, -1, ','});
  types.put({20005, "public", "citext", 'b', 0, 0, -1, ','});
  types.put({20006, "public", "odd", 'd', 0, 20999, -1, ','});
  EXPECT_EQ(types.resolve(23, -1)->kind, value_kind::int4);
  EXPECT_TRUE(types.resolve(1007, -1)->is_list);
  EXPECT_EQ(types.resolve(20001, -1)->kind, value_kind::enumeration);
  EXPECT_TRUE(types.resolve(20002, -1)->is_list);
  EXPECT_EQ(types.resolve(20003, -1)->kind, value_kind::numeric);
  EXPECT_EQ(types.resolve(20003, -1)->modifier, 655366);
  EXPECT_EQ(types.resolve(20003, -1)->name, "price");
  EXPECT_TRUE(types.resolve(20004, -1)->is_list);
  EXPECT_EQ(types.resolve(20004, -1)->kind, value_kind::enumeration);
  EXPECT_EQ(types.resolve(20005, -1)->kind, value_kind::text);
  EXPECT_FALSE(types.resolve(20006, -1)) << "its base is not known";
  EXPECT_FALSE(types.resolve(20999, -1));
}

TEST(catalog, finds_tables_by_name_and_in_any_schema) {
  catalog known;
  for (const auto& name : {table_name{"a", "t"}, table_name{"a", "u"}, table_name{"b", "t"}}) {
    catalog_table table;
    table.name = name;
    known.tables.push_back(table);
  }
  EXPECT_NE(known.find({"b", "t"}), nullptr);
  EXPECT_EQ(known.find({"b", "u"}), nullptr);
  EXPECT_EQ(known.find_in_any_schema("t").size(), 2U);
}

}  // namespace
}  // namespace pulse

#include "control/catalog_json.hpp"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace pulse::control {
namespace {

catalog example() {
  catalog known;
  catalog_table table;
  table.oid = 16384;
  table.name = {"public", "Bücher \"neu\""};
  table.identity = replica_identity::full;
  table.primary_key = {"b", "a"};
  table.columns = {{"a", 23, -1, true, false}, {"b", 1043, 36, false, true, 100, true, false}};
  table.published = true;
  table.root = {"public", "all"};
  table.partitioned = true;
  known.tables.push_back(table);
  known.types.put({4'000'000'000U, "public", "mood", 'e', 0, 0, -1, ',', {"so la", "gut \"ja\""}});
  known.types.put({16400, "public", "moods", 'd', 0, 16401, 12, ';'});
  known.types.put({16402, "public", "span", 'r', 0, 0, -1, ',', {}, 701});
  known.types.put(
      {16403, "public", "pair", 'c', 0, 0, -1, ',', {}, 0, {{"a", 23, -1}, {"b", 1043, 9}}});
  known.collations[100] = {100,       "shop", collation_provider::icu, "de-DE", "de-DE", "&a<b",
                           "153.120", false};
  known.encoding = "UTF8";
  known.database = "7412/16384";
  known.publication = {"own", true, false, true, false};
  return known;
}

TEST(catalog_json, gives_back_what_it_was_given) {
  const auto known = example();
  const auto read = catalog_from_json(to_json(known));
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ((*read)->tables, known.tables);
  EXPECT_EQ((*read)->types.entries(), known.types.entries());
  EXPECT_EQ((*read)->collations, known.collations);
  EXPECT_EQ((*read)->encoding, known.encoding);
  EXPECT_EQ((*read)->database, known.database);
  EXPECT_EQ((*read)->publication, known.publication);
}

TEST(catalog_json, empty_catalog_is_a_catalog) {
  const auto read = catalog_from_json(to_json(catalog{}));
  ASSERT_TRUE(read);
  EXPECT_TRUE((*read)->tables.empty());
}

TEST(catalog_json, what_was_cut_or_is_something_else_is_corrupt) {
  const auto text = to_json(example());
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto read = catalog_from_json(text.substr(0, size));
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().code, errc::corrupt);
  }
  for (const auto* other :
       {"{}", "[]", "null", R"({"tables":1,"types":[]})", R"({"tables":[{}],"types":[]})",
        R"({"tables":[],"types":[{"oid":-1}]})",
        R"({"tables":[],"types":[{"oid":1,"schema":"s","name":"n","kind":"","element":0}]})"}) {
    EXPECT_FALSE(catalog_from_json(other)) << other;
  }
}

RC_GTEST_PROP(catalog_json_property, every_name_and_number_survives, ()) {
  // Names are any text but NUL, which PostgreSQL cannot hold; quotes and control characters count.
  const auto name = rc::gen::container<std::string>(rc::gen::inRange('\x01', '\x7f'));
  catalog known;
  const auto count = *rc::gen::inRange(0, 4);
  for (int i = 0; i < count; ++i) {
    catalog_table table;
    table.oid = *rc::gen::arbitrary<std::uint32_t>();
    table.name = {*name, *name};
    table.identity = *rc::gen::element(replica_identity::primary_key, replica_identity::nothing,
                                       replica_identity::full, replica_identity::index);
    table.primary_key = *rc::gen::container<std::vector<std::string>>(name);
    const auto columns = *rc::gen::inRange(0, 4);
    for (int j = 0; j < columns; ++j) {
      table.columns.push_back({*name, *rc::gen::arbitrary<std::uint32_t>(),
                               *rc::gen::arbitrary<std::int32_t>(), *rc::gen::arbitrary<bool>(),
                               *rc::gen::arbitrary<bool>()});
    }
    table.published = *rc::gen::arbitrary<bool>();
    known.tables.push_back(std::move(table));
  }
  const auto read = catalog_from_json(to_json(known));
  RC_ASSERT(read.has_value());
  RC_ASSERT((*read)->tables == known.tables);
}

}  // namespace
}  // namespace pulse::control

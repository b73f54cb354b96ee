#include "source/relations.hpp"

#include <gtest/gtest.h>

namespace pulse::source {
namespace {

catalog_table orders(replica_identity identity) {
  catalog_table table;
  table.name = {"public", "orders"};
  table.identity = identity;
  table.primary_key = {"id"};
  table.columns = {{"id", 23, -1, true, false},
                   {"code", 25, -1, true, false, 950, true},
                   {"mood", 16400, -1, false, false},
                   {"total", 1700, -1, false, true, 0, false, false}};
  return table;
}

catalog shop() {
  catalog known;
  known.types.put({16390, "public", "mood", 'e', 0, 0, -1, ',', {"sad", "ok", "happy"}});
  known.types.put({16391, "public", "_mood", 'b', 16390, 0, -1, ','});
  known.types.put({16400, "public", "moods", 'd', 0, 16391, -1, ','});
  known.collations[950] = {950, "C", collation_provider::libc, "C", "C", "", "", true};
  known.collations[100] = {100, "C.UTF-8", collation_provider::libc, "C.UTF-8", "C.UTF-8", "",
                           "",  true};
  known.encoding = "UTF8";
  return known;
}

std::string identity_of(replica_identity identity) {
  std::string names;
  for (const auto& column : relation_from_catalog(orders(identity), shop().types).columns) {
    if (column.in_identity) names += column.name + " ";
  }
  return names;
}

TEST(relation_from_catalog, marks_the_columns_that_old_rows_bring) {
  EXPECT_EQ(identity_of(replica_identity::primary_key), "id ");
  EXPECT_EQ(identity_of(replica_identity::index), "code ");
  EXPECT_EQ(identity_of(replica_identity::full), "id code mood ");
  EXPECT_EQ(identity_of(replica_identity::nothing), "");
}

TEST(relation_from_catalog, has_generated_columns_that_are_published) {
  auto table = orders(replica_identity::full);
  table.columns.back().replicated = true;
  EXPECT_EQ(relation_from_catalog(table, shop().types).columns.back().name, "total");
  EXPECT_FALSE(facts_from_catalog(table, shop()).columns.at("total").generated);
}

TEST(facts_from_catalog, have_collations_and_the_labels_of_enums_however_wrapped) {
  const auto facts = facts_from_catalog(orders(replica_identity::full), shop());
  EXPECT_EQ(facts.columns.at("code").collated_by->name, "C");
  EXPECT_FALSE(facts.columns.at("id").collated_by);
  EXPECT_EQ(facts.columns.at("mood").labels, (std::vector<std::string>{"sad", "ok", "happy"}));
  EXPECT_EQ(facts.columns.at("mood").base_type, "mood");
  EXPECT_TRUE(facts.columns.at("total").generated);
  EXPECT_EQ(facts.database->collate, "C.UTF-8");
  EXPECT_EQ(facts.encoding, "UTF8");
}

}  // namespace
}  // namespace pulse::source

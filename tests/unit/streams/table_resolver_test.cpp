// Which of the tables of one name a model means.
#include "streams/table_resolver.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pulse::streams {
namespace {

catalog_table table(std::string schema, std::string name, const std::vector<std::string>& columns) {
  catalog_table made;
  made.name = {std::move(schema), std::move(name)};
  for (const auto& column : columns) made.columns.push_back({column});
  return made;
}

model item(const std::vector<std::string>& columns, std::string schema = "") {
  model made{"Item", "item", std::move(schema), {}};
  for (const auto& column : columns) made.fields.push_back({column, column, "Int"});
  return made;
}

// The table's schema, or what the error says.
std::string resolved(const catalog& known, const model& wanted,
                     const std::string& default_schema = "") {
  const auto found = resolve_table(known, wanted, default_schema);
  return found ? (*found)->name.schema : found.error().what;
}

// Sorted by name, as a catalog is.
const catalog shop{
    {table("archive", "item", {"id", "price", "closed"}), table("depot", "item", {"id", "weight"}),
     table("public", "item", {"id", "price"})},
    {}};

TEST(resolve_table, takes_the_schema_that_is_named) {
  EXPECT_EQ(resolved(shop, item({"id"}, "depot")), "depot");
  EXPECT_EQ(resolved(shop, item({"id"}, "sales")),
            "the database has no table sales.item for the model Item");
}

TEST(resolve_table, prefers_the_connections_schema_and_then_public) {
  EXPECT_EQ(resolved(shop, item({"id"})), "public");
  EXPECT_EQ(resolved(shop, item({"id"}), "depot"), "depot");
  EXPECT_EQ(resolved(shop, item({"id"}), "empty"), "public");
}

TEST(resolve_table, passes_over_tables_without_the_models_columns) {
  EXPECT_EQ(resolved(shop, item({"id", "weight"})), "depot");
  EXPECT_EQ(resolved(shop, item({"id", "weight"}), "public"), "depot");
  EXPECT_EQ(resolved(shop, item({"id", "price"}), "depot"), "public");
  EXPECT_EQ(resolved(shop, item({"id", "closed"})), "archive");
}

TEST(resolve_table, takes_the_preferred_table_when_none_has_all_columns) {
  EXPECT_EQ(resolved(shop, item({"id", "new"})), "public");
  EXPECT_EQ(resolved(shop, item({"id", "new"}), "depot"), "depot");
}

TEST(resolve_table, does_not_guess_between_tables_that_fit_alike) {
  const catalog tenants{{table("a", "item", {"id"}), table("b", "item", {"id"})}, {}};
  EXPECT_EQ(resolved(tenants, item({"id"})), "several tables are called item: a.item, b.item");
  EXPECT_EQ(resolved(tenants, item({"new"})), "several tables are called item: a.item, b.item");
  EXPECT_EQ(resolved(tenants, item({"id"}), "b"), "b");
}

TEST(resolve_table, takes_the_only_one_whatever_its_schema) {
  const catalog one{{table("a", "item", {"id"})}, {}};
  EXPECT_EQ(resolved(one, item({"id"})), "a");
  EXPECT_EQ(resolved(one, item({"new"})), "a");
}

}  // namespace
}  // namespace pulse::streams

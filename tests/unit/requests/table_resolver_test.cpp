// Which of the tables of one name a model means.
#include "requests/table_resolver.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pulse::requests {
namespace {

catalog_table table(std::string schema, std::string name, const std::vector<std::string>& columns) {
  catalog_table made;
  made.name = {std::move(schema), std::move(name)};
  for (const auto& column : columns) made.columns.push_back({column});
  made.published = true;
  return made;
}

model item(const std::vector<std::string>& columns, std::string schema = "") {
  model made{"Item", "item", std::move(schema), {}};
  for (const auto& column : columns) made.fields.push_back({column, column, "Int"});
  return made;
}

// The table's schema, or what the error says.
std::string resolved(const catalog& known, const model& wanted, const std::string& schemas = "") {
  const auto found = resolve_table(known, wanted, schema_list(schemas), "shop");
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

TEST(resolve_table, knows_what_a_name_without_a_model_was_meant_to_be) {
  const catalog known{{table("public", "orders", {"id"}), table("sales", "orders", {"id"})}, {}};
  const auto missing =
      resolve_table(known, model{"order", "order", "", {}}, schema_list(""), "shop");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, errc::not_found);
  EXPECT_EQ(missing.error().what, "the database has no table order");
  EXPECT_EQ(missing.error().next, "did you mean public.orders, sales.orders?");
  const auto strange =
      resolve_table(known, model{"x", std::string(100'000, 'x'), "", {}}, schema_list(""), "shop");
  ASSERT_FALSE(strange);
  EXPECT_EQ(strange.error().next, "correct the name, or create the table");
}

TEST(resolve_table, prefers_the_connections_schemas_in_their_order_and_public_by_default) {
  EXPECT_EQ(resolved(shop, item({"id"})), "public");
  EXPECT_EQ(resolved(shop, item({"id"}), "depot"), "depot");
  EXPECT_EQ(resolved(shop, item({"id"}), "empty,depot,public"), "depot");
  EXPECT_EQ(resolved(shop, item({"id"}), "empty,,public,depot"), "public");
  EXPECT_EQ(resolved(shop, item({"id", "weight"}), "public,depot"), "depot");
}

TEST(resolve_table, passes_over_tables_without_the_models_columns) {
  EXPECT_EQ(resolved(shop, item({"id", "weight"})), "depot");
  EXPECT_EQ(resolved(shop, item({"id", "weight"}), "public"), "depot");
  EXPECT_EQ(resolved(shop, item({"id", "price"}), "depot,public"), "public");
  EXPECT_EQ(resolved(shop, item({"id", "price"}), "depot"),
            "several tables are called item: archive.item, public.item");
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

std::string refused(const catalog& known, const model& wanted) {
  const auto found = resolve_table(known, wanted, schema_list(""), "shop");
  return found ? "found" : found.error().what + ": " + found.error().next;
}

TEST(resolve_table, refuses_a_table_that_is_not_published_and_says_how_it_is) {
  catalog known{{table("a", "item", {"id"})}, {}};
  known.publication.name = "own";
  known.tables[0].published = false;
  EXPECT_EQ(refused(known, item({"id"})),
            "the publication own does not send the changes of table a.item: publish it: ALTER "
            "PUBLICATION \"own\" ADD TABLE \"a\".\"item\";");
  EXPECT_EQ(refused(known, item({"id"}, "a")), refused(known, item({"id"})));
}

TEST(resolve_table, an_unpublished_table_elsewhere_is_no_candidate) {
  catalog known{{table("a", "item", {"id"}), table("b", "item", {"id"})}, {}};
  known.tables[0].published = false;
  EXPECT_EQ(resolved(known, item({"id"})), "b");
}

TEST(resolve_table, names_the_root_of_a_partition_and_the_partitions_of_a_root) {
  catalog known{{table("public", "item", {"id"}), table("public", "item_1", {"id"})}, {}};
  known.publication.name = "own";
  known.tables[0].partitioned = true;
  known.tables[1].root = {"public", "item"};
  known.tables[1].published = false;
  auto part = item({"id"});
  part.table = "item_1";
  EXPECT_NE(refused(known, part).find("a partition of public.item"), std::string::npos);
  known.tables[0].published = false;
  known.tables[1].published = true;
  EXPECT_NE(refused(known, item({"id"})).find("publish_via_partition_root"), std::string::npos);
  EXPECT_EQ(refused(known, part), "found");
}

TEST(check_published_actions, refuses_what_would_never_come) {
  const publication_facts all{"own"};
  const publication_facts inserts{"own", true, false, false, false};
  const wanted_events everything{boost::json::object(), boost::json::object(),
                                 boost::json::object()};
  const wanted_events deletes{std::nullopt, std::nullopt, boost::json::object()};
  EXPECT_TRUE(check_published_actions(all, deletes));
  EXPECT_TRUE(check_published_actions(inserts, everything)) << "takes what there is";
  const auto refused = check_published_actions(inserts, deletes);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::invalid_argument);
  EXPECT_EQ(refused.error().what,
            "the stream asks for events that the publication own does not send: delete");
  EXPECT_EQ(
      refused.error().next,
      "ask for other events, or run: ALTER PUBLICATION \"own\" SET (publish = 'insert, delete');");
  EXPECT_FALSE(check_published_actions({"own", false, false, false, true}, everything));
}

}  // namespace
}  // namespace pulse::requests

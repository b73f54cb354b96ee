#include "requests/prisma_schema.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace pulse::requests {
namespace {

constexpr const char* prisma_schema_text = R"(
generator client { provider = "prisma-client-js" }

datasource db {
  provider = "postgresql"
  url      = env("DATABASE_URL") // not { a block
  schemas  = ["public", "sales"]
}

/// In words: "open {"
enum Status {
  OPEN        @map("open")
  IN_PROGRESS @map("in progress") // @map("no")
  CLOSED
  /* ODD @map("odd") */
  @@map("order_status")
  @@schema("sales")
}

enum Plain { A
  B
}

model Order {
  id     Int    @id @default(autoincrement()) @map("order_id")
  status Status @default(OPEN)
  note   String @default("a \"}\" in a text")
  tags   String[] @default([
    "x"
  ])

  @@map("orders")
  @@schema("sales")
}
)";

model order(std::string with_schema = {}) {
  model made;
  made.name = "Order";
  made.table = "orders";
  made.schema = std::move(with_schema);
  made.fields = {{"status", "status", "Status", false}, {"plain", "plain", "Plain", false}};
  return made;
}

TEST(prisma_schema, gives_labels_their_names_and_models_their_schema) {
  const auto parsed = prisma_schema::parse(prisma_schema_text).value();
  auto wanted = order();
  parsed.complete(wanted);
  EXPECT_EQ(wanted.schema, "sales");
  ASSERT_TRUE(wanted.fields[0].labels);
  EXPECT_EQ(*wanted.fields[0].labels,
            (enum_labels{{"in progress", "IN_PROGRESS"}, {"open", "OPEN"}}));
  EXPECT_FALSE(wanted.fields[1].labels) << "an enum without @map needs none";
}

TEST(prisma_schema, leaves_what_the_header_says) {
  auto wanted = order("archive");
  prisma_schema::parse(prisma_schema_text).value().complete(wanted);
  EXPECT_EQ(wanted.schema, "archive");
}

TEST(prisma_schema, says_where_something_does_not_end) {
  for (const auto* bad : {"enum Status {\n  OPEN @map(\"open\n}", "enum Status {\n  OPEN",
                          "/* never ends\n", "model Order {\n  x Int @default([\n}"}) {
    const auto parsed = prisma_schema::parse(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_NE(parsed.error().what.find("line "), std::string::npos) << parsed.error().what;
  }
}

RC_GTEST_PROP(prisma_schema, takes_or_refuses_any_text, (const std::string& text)) {
  (void)prisma_schema::parse(text);
  (void)prisma_schema::parse("model A {\n" + text);
}

TEST(prisma_schema, models_with_other_labels_do_not_share_frames) {
  auto with = order();
  auto without = order();
  without.schema = "sales";
  prisma_schema::parse(prisma_schema_text).value().complete(with);
  EXPECT_NE(fingerprint(with), fingerprint(without));
}

}  // namespace
}  // namespace pulse::requests

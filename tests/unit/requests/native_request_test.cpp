#include "requests/native_request.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace pulse::requests::native_request_test {
namespace {

const auto table_place = request_place::of_body().member("tables").element(1);
const auto where_place = request_place::of_body().member("where");

result<model> table(std::string_view text) {
  return table_at(boost::json::parse(text), table_place);
}

result<wanted_events> where(std::string_view text) {
  const auto parsed = boost::json::parse(text);
  return where_at(&parsed, where_place);
}

TEST(table_names, are_text_or_schema_and_table_apart) {
  struct example {
    const char* text;
    const char* schema;
    const char* table;
  };
  for (const auto& [text, schema, name] :
       {example{R"("orders")", "", "orders"}, example{R"("public.orders")", "public", "orders"},
        example{R"("public.a.b")", "public", "a.b"}, example{R"({"table":"orders"})", "", "orders"},
        example{R"({"table":"a.b"})", "", "a.b"},
        example{R"({"schema":"x.y","table":"a.b"})", "x.y", "a.b"}}) {
    const auto read = table(text);
    ASSERT_TRUE(read) << text << ": " << read.error().message();
    EXPECT_EQ(read->schema, schema) << text;
    EXPECT_EQ(read->table, name) << text;
    EXPECT_EQ(read->name, name) << text;
  }
}

TEST(table_names, that_are_none_are_refused_with_their_place) {
  for (const auto* bad : {R"("")", R"("public.")", "5", "null", "[]", "{}", R"({"table":5})",
                          R"({"schema":"public"})", R"({"table":"a","tabel":"b"})"}) {
    const auto read = table(bad);
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().code, errc::invalid_argument);
    EXPECT_TRUE(read.error().what.starts_with("tables[1]")) << read.error().what;
    EXPECT_EQ(read.error().message().find("extension"), std::string::npos);
  }
}

TEST(where, wants_every_event_unless_it_names_an_action) {
  for (const auto* all : {"{}", R"({"create":null})"}) {
    const auto read = where(all);
    ASSERT_TRUE(read) << all;
    EXPECT_TRUE(read->create && read->update_after && read->remove && !read->update_before) << all;
  }
  const auto none = where_at(nullptr, where_place);
  EXPECT_TRUE(none && none->create && none->update_after && none->remove);
  const auto updates = where(R"({"update":{"before":{"a":1}}})");
  ASSERT_TRUE(updates);
  EXPECT_FALSE(updates->create || updates->remove);
  EXPECT_TRUE(updates->update_after->empty());
  EXPECT_EQ(updates->update_before->at("a").as_int64(), 1);
}

TEST(where, names_the_member_that_is_wrong) {
  struct example {
    const char* text;
    const char* place;
    const char* next;
  };
  for (const auto& [text, place, next] :
       {example{"5", "where is", ""}, example{R"({"create":5})", "where.create is", ""},
        example{R"({"crate":{}})", "where.crate is", "did you mean 'create'?"},
        example{R"({"name":"x"})", "where.name is", ""},
        example{R"({"update":{"x":1}})", "where.update.x is", ""},
        example{R"({"update":{"aftr":{}}})", "where.update.aftr is", "did you mean 'after'?"},
        example{R"({"update":{"after":[]}})", "where.update.after is", ""}}) {
    const auto read = where(text);
    ASSERT_FALSE(read) << text;
    EXPECT_TRUE(read.error().what.starts_with(place)) << read.error().what;
    if (*next != '\0') {
      EXPECT_EQ(read.error().next, next) << text;
    }
  }
}

TEST(native_requests, have_a_table_and_filters) {
  const auto parsed = boost::json::parse(R"({"create":{"status":"open"}})");
  const auto request = native_request(*table(R"("public.orders")"), &parsed, where_place);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->form, event_form::native);
  EXPECT_EQ(request->model.table, "orders");
  EXPECT_TRUE(request->wanted.create && !request->wanted.remove);
  EXPECT_TRUE(request->name.empty());
}

// One parser for headers and bodies: only the places differ.
TEST(native_requests, in_a_header_name_the_header) {
  const auto refused =
      parse_request(stream_mode::stream, R"({"table":"jobs","where":{"update":{"aftr":{}}}})", "");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what,
            "the 'subscription' header: where.update.aftr is an unknown member; known are after, "
            "before");
}

}  // namespace
}  // namespace pulse::requests::native_request_test

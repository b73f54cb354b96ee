#include "server/events/read_request.hpp"

#include <string>

#include <gtest/gtest.h>

namespace pulse::server::read_request_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

result<read_request> query(const std::string& text, std::string_view last_event_id = {}) {
  return read_page_query("/v1/events" + text, last_event_id, "shop");
}
result<read_request> body(const std::string& text) {
  return read_page_body(text, "shop");
}

TEST(read_queries, have_tables_a_place_and_limits) {
  const auto asked = query(
      "?table=public.orders&table=my%2Eschema.a%2Eb&after=now&limit=7&wait=20s"
      "&acceptGap=3");
  ASSERT_TRUE(asked) << asked.error().message();
  ASSERT_EQ(asked->tables.size(), 2U);
  EXPECT_EQ(asked->tables[0].model.schema, "public");
  EXPECT_EQ(asked->tables[0].model.table, "orders");
  EXPECT_EQ(asked->tables[1].model.schema, "my.schema");
  EXPECT_EQ(asked->tables[1].model.table, "a.b");
  EXPECT_TRUE(asked->tables[0].wanted.create && asked->tables[0].wanted.remove);
  EXPECT_EQ(asked->tables[0].form, requests::event_form::native);
  EXPECT_EQ(asked->after, page_start(from_now{}));
  EXPECT_EQ(asked->events_max, 7U);
  EXPECT_EQ(asked->wait, seconds(20));
  EXPECT_EQ(asked->accept_gap, 3U);
  const auto least = query("?table=orders&after=beginning");
  ASSERT_TRUE(least);
  EXPECT_EQ(least->events_max, page_events_default);
  EXPECT_EQ(least->bytes_max, page_bytes_default);
  EXPECT_EQ(least->wait, milliseconds(0));
  EXPECT_FALSE(least->accept_gap);
}

TEST(read_queries, begin_at_any_kind_of_place) {
  const page_place place{{1, lsn{2}, lsn{3}, 4}, {5}};
  struct example {
    std::string text;
    page_start expected;
  };
  for (const auto& [text, expected] :
       {example{"beginning", streams::seek_target(streams::log_beginning{})},
        example{"now", from_now{}}, example{make_token(place, "shop"), place},
        example{"0/16B3748", streams::seek_target(lsn{0x16B3748})},
        example{"01HYZ0000000000000000000AA",
                streams::seek_target(*parse_event_id("01HYZ0000000000000000000AA"))},
        example{"1970-01-01T00:00:01Z", streams::seek_target(unix_time_us(seconds(1)))},
        example{"1970-01-01T02:00:01%2B02:00", streams::seek_target(unix_time_us(seconds(1)))}}) {
    const auto asked = query("?table=orders&after=" + text);
    ASSERT_TRUE(asked) << text << ": " << asked.error().message();
    EXPECT_EQ(asked->after, expected) << text;
  }
}

TEST(read_queries, continue_where_an_event_source_has_come) {
  const page_place place{{1, lsn{2}, lsn{3}, 4}};
  const auto asked = query("?table=orders&after=beginning", make_token(place, "shop"));
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->after, page_start(place));
  EXPECT_FALSE(query("?table=orders&after=beginning", "what?"));
}

TEST(read_queries, name_the_parameter_that_is_wrong) {
  struct example {
    const char* text;
    const char* what;
  };
  for (const auto& [text, what] :
       {example{"", "'table' is missing"}, example{"?table=a", "'after' is missing"},
        example{"?after=now", "'table' is missing"},
        example{"?table=&after=now", "'table' names no"},
        example{"?table=a&after=end", "'after' is no place: end"},
        example{"?table=a&after=soon", "'after' is no place: soon"},
        example{"?table=a&after=p1.AAAA", "damaged"},
        example{"?table=a&after=2026-05-28T12:00:00+02:00", "'after' is no place"},
        example{"?table=a&after=now&limit=0", "'limit' is not from 1 to 1000"},
        example{"?table=a&after=now&limit=1001", "'limit' is not from 1 to 1000"},
        example{"?table=a&after=now&limit=x", "'limit' is not a whole number"},
        example{"?table=a&after=now&wait=56s", "'wait' is longer than 55 s"},
        example{"?table=a&after=now&wait=-1", "'wait' is not a duration"},
        example{"?table=a&after=now&after=now", "'after' stands there more than once"},
        example{"?table=a&after=now&acceptGap=one", "'acceptGap' is not a whole number"},
        example{"?table=a&after=now&lmit=1", "lmit is an unknown member"},
        example{"?table=a&after=%zz", "not percent-encoded"}}) {
    const auto asked = query(text);
    ASSERT_FALSE(asked) << text;
    EXPECT_EQ(asked.error().code, errc::invalid_argument);
    EXPECT_NE(asked.error().what.find(what), std::string::npos) << text << '\n'
                                                                << asked.error().what;
  }
  EXPECT_EQ(query("?table=a&after=now&lmit=1").error().next, "did you mean 'limit'?");
  std::string many = "?after=now";
  for (std::size_t i = 0; i <= page_tables_max; ++i) many += "&table=t" + std::to_string(i);
  EXPECT_FALSE(query(many));
}

TEST(read_bodies, have_tables_with_filters_of_their_own) {
  const auto asked = body(R"({"tables":["public.orders",{"table":"public.payments",
      "where":{"delete":{}}},{"schema":"a.b","table":"c.d"}],
      "where":{"create":{"status":"open"}},"after":"beginning","limit":5,"maxBytes":"2MiB",
      "wait":1.5,"acceptGap":9})");
  ASSERT_TRUE(asked) << asked.error().message();
  ASSERT_EQ(asked->tables.size(), 3U);
  EXPECT_TRUE(asked->tables[0].wanted.create->contains("status"));
  EXPECT_FALSE(asked->tables[0].wanted.remove);
  EXPECT_EQ(asked->tables[1].model.table, "payments");
  EXPECT_FALSE(asked->tables[1].wanted.create);
  EXPECT_TRUE(asked->tables[1].wanted.remove);
  EXPECT_EQ(asked->tables[2].model.schema, "a.b");
  EXPECT_EQ(asked->tables[2].model.table, "c.d");
  EXPECT_EQ(asked->events_max, 5U);
  EXPECT_EQ(asked->bytes_max, std::size_t{2} << 20U);
  EXPECT_EQ(asked->wait, milliseconds(1500));
  EXPECT_EQ(asked->accept_gap, 9U);
  EXPECT_FALSE(asked->until_end);
  EXPECT_TRUE(body(R"({"tables":["a"],"after":"now","until":"end"})")->until_end);
  EXPECT_TRUE(query("?table=a&after=now&until=end")->until_end);
}

TEST(read_bodies, name_the_member_that_is_wrong) {
  struct example {
    const char* text;
    const char* what;
  };
  for (const auto& [text, what] :
       {example{"", "the body is not JSON"}, example{"[]", "the body is not an object"},
        example{"{}", "tables is missing"},
        example{R"({"tables":[],"after":"now"})", "tables does not have 1 to 64"},
        example{R"({"tables":"a","after":"now"})", "tables is not an array"},
        example{R"({"tables":["a",5],"after":"now"})", "tables[1] is neither"},
        example{R"({"tables":["a",""],"after":"now"})", "tables[1] names no table"},
        example{R"({"tables":[{"tabel":"a"}],"after":"now"})", "tables[0].tabel is an unknown"},
        example{R"({"tables":[{"table":"a","where":{"crate":{}}}],"after":"now"})",
                "tables[0].where.crate is an unknown"},
        example{R"({"tables":["a"],"where":{"update":{"x":1}},"after":"now"})",
                "where.update.x is an unknown"},
        example{R"({"tables":["a"]})", "after is missing"},
        example{R"({"tables":["a"],"after":5})", "after is not a string"},
        example{R"({"tables":["a"],"after":"now","limit":"5"})", "limit is not a whole number"},
        example{R"({"tables":["a"],"after":"now","maxBytes":"9MiB"})", "maxBytes is not from"},
        example{R"({"tables":["a"],"after":"now","maxBytes":0})", "maxBytes is not from"},
        example{R"({"tables":["a"],"after":"now","wait":"1h"})", "wait is longer than 55 s"},
        example{R"({"tables":["a"],"after":"now","until":"now"})", "until is not 'end'"},
        example{R"({"tables":["a"],"after":"now","until":1})", "until is not 'end'"},
        example{R"({"tables":["a"],"after":"now","acceptgap":1})", "acceptgap is an unknown"}}) {
    const auto asked = body(text);
    ASSERT_FALSE(asked) << text;
    EXPECT_EQ(asked.error().code, errc::invalid_argument);
    EXPECT_TRUE(asked.error().what.starts_with(what)) << text << '\n' << asked.error().what;
  }
  EXPECT_FALSE(body(std::string(100'000, '[')));
  EXPECT_FALSE(body("{\"tables\":[\"\xFF\"],\"after\":\"now\"}")) << "not UTF-8";
}

}  // namespace
}  // namespace pulse::server::read_request_test

#include "filters/json_filter.hpp"

#include <boost/json/serialize.hpp>

#include "tests/unit/filters/filter_cases.hpp"
#include "values/json_tree.hpp"

namespace pulse::filters::json_filter_test {
namespace {

using testing::one_column;

struct json_case {
  const char* filter;  // as written in Prisma
  const char* value;   // null: NULL
  const char* judged;
};

// As the client sends it: one tag around the whole.
std::string tagged(const char* filter) {
  return boost::json::serialize(boost::json::object{{"$type", "Json"}, {"value", filter}});
}

const std::vector<json_case> cases{
    {R"({"equals":{"a":1,"b":[2]}})", R"({"b": [2.0], "a": 1.00})", "yes"},
    {R"({"equals":{"a":1}})", R"({"a": 1, "b": 2})", "no"},
    {R"({"equals":12345678901234567890123})", "12345678901234567890123", "yes"},
    {R"({"equals":12345678901234567890123})", "12345678901234567890124", "no"},
    {R"({"equals":null})", "null", "yes"},
    {R"({"equals":null})", nullptr, "no"},
    {R"({"not":{"a":1}})", R"({"a": 2})", "yes"},
    {R"({"not":{"a":1}})", nullptr, "no"},
    {R"({"not":{"equals":1}})", "1", "yes"},
    {"{}", nullptr, "yes"},
    // A path that leads nowhere is NULL.
    {R"({"path":["a"],"equals":1})", R"({"a": 1})", "yes"},
    {R"({"path":["a","1"],"equals":2})", R"({"a": [1, 2]})", "yes"},
    {R"({"path":["a","-1"],"equals":2})", R"({"a": [1, 2]})", "yes"},
    {R"({"path":["a"],"not":1})", R"({"b": 1})", "no"},
    {R"({"path":["a"],"equals":null})", R"({"a": null})", "yes"},
    {R"({"path":["a"],"equals":null})", R"({"b": 1})", "no"},
    {R"({"path":[],"equals":1})", "1", "yes"},
    // Order is between numbers, and between strings.
    {R"({"path":["a"],"gt":5})", R"({"a": 5.0000000000000000001})", "yes"},
    {R"({"path":["a"],"gt":5})", R"({"a": "6"})", "no"},
    {R"({"path":["a"],"gt":5,"lt":9})", R"({"a": 7})", "yes"},
    {R"({"gte":"b"})", R"("b")", "yes"},
    {R"({"lt":"b"})", R"("a")", "yes"},
    {R"({"lt":-5})", "-10", "yes"},
    {R"({"path":["a"],"string_contains":"b%"})", R"({"a": "ab%c"})", "yes"},
    {R"({"path":["a"],"string_starts_with":"a\"b"})", R"({"a": "a\"bc"})", "yes"},
    {R"({"path":["a"],"string_ends_with":"c"})", R"({"a": "abc"})", "yes"},
    {R"({"path":["a"],"string_contains":"1"})", R"({"a": 1})", "no"},
    {R"({"path":["a"],"string_contains":"B","mode":"insensitive"})", R"({"a": "abc"})", "yes"},
    // Without a path Prisma looks at the JSON text with its quotes.
    {R"({"string_contains":"b"})", R"("abc")", "yes"},
    {R"({"string_starts_with":"a"})", R"("abc")", "no"},
    {R"({"string_starts_with":"\"a"})", R"("abc")", "yes"},
    {R"({"path":[],"string_starts_with":"a"})", R"("abc")", "yes"},
    {R"({"array_contains":[1]})", "[3, 1.0]", "yes"},
    {R"({"array_contains":1})", "[3, 1]", "yes"},
    {R"({"array_contains":[1,4]})", "[3, 1]", "no"},
    {R"({"array_contains":[[1]]})", "[[2, 1]]", "yes"},
    {R"({"array_contains":[1]})", "[[1]]", "no"},
    {R"({"array_contains":[{"a":1}]})", R"([{"a": 1, "b": 2}])", "yes"},
    {R"({"array_contains":{"a":1}})", R"([{"a": 1}])", "no"},
    {R"({"array_contains":[]})", "[]", "yes"},
    {R"({"array_contains":[1]})", "1", "no"},
    {R"({"path":["a"],"array_starts_with":1})", R"({"a": [1, 2]})", "yes"},
    {R"({"path":["a"],"array_ends_with":[2]})", R"({"a": [1, [2]]})", "yes"},
    {R"({"array_starts_with":1})", "[]", "no"},
};

TEST(json_filter, judges_as_postgresql_does) {
  const one_column jsonb(3802);
  for (const auto& tested : cases) {
    const auto value =
        tested.value == nullptr ? std::nullopt : std::optional<std::string>(tested.value);
    EXPECT_EQ(jsonb.judge(tagged(tested.filter), value), tested.judged)
        << tested.filter << " on " << value.value_or("NULL");
  }
}

TEST(json_filter, another_kind_of_value_matches_neither_a_condition_nor_its_not) {
  const one_column jsonb(3802);
  requests::wanted_events wanted;
  wanted.create = boost::json::object{
      {"NOT", boost::json::object{
                  {"v", boost::json::parse(tagged(R"({"path":["a"],"string_contains":"x"})"))}}}};
  const auto compiled =
      compile_filter(wanted, testing::model_of(jsonb.table), {&jsonb.table, &jsonb.facts});
  ASSERT_TRUE(compiled);
  const auto judge = [&](const char* text) {
    const auto tuple = testing::tuple_of({text});
    event_view event;
    event.action = change_action::create;
    event.after = tuple_view::trusted(as_byte_view(tuple));
    return (*compiled)->judge(event);
  };
  EXPECT_EQ(judge(R"({"a": "y"})"), filter_verdict::yes);
  EXPECT_EQ(judge(R"({"a": "x"})"), filter_verdict::no);
  EXPECT_EQ(judge(R"({"a": 1})"), filter_verdict::no);
  EXPECT_EQ(judge(R"({"b": 1})"), filter_verdict::no);
}

TEST(json_filter, bare_null_is_the_databases) {
  const one_column jsonb(3802);
  EXPECT_EQ(jsonb.judge("null", std::nullopt), "yes");
  EXPECT_EQ(jsonb.judge(R"({"not":null})", "null"), "yes");
  EXPECT_EQ(jsonb.judge(R"({"$type":"Json","value":"{\"a\":1}"})", R"({"a": 1})"), "yes");
}

TEST(json_filter, refuses_what_cannot_be) {
  const one_column jsonb(3802);
  const auto refused = [&](const char* filter, std::string_view says) {
    EXPECT_TRUE(jsonb.judge(tagged(filter), "1").starts_with(says))
        << jsonb.judge(tagged(filter), "1");
  };
  refused(R"({"path":["a"]})", "create.v: path: ");
  refused(R"({"path":"$.a","equals":1})", "create.v: path: ");
  refused(R"({"path":["a"],"gt":true})", "create.v: gt: ");
  refused(R"({"path":["a"],"string_contains":1})", "create.v: string_contains: ");
  refused(R"({"equals":1,"mode":"loud"})", "create.v: mode: ");
  EXPECT_TRUE(jsonb.judge(R"({"$type":"Json","value":"{"})", "1").starts_with("create.v: "));
}

TEST(json_tree, members_have_no_order_and_the_last_of_a_name_counts) {
  EXPECT_EQ(values::equality_key(*values::json_tree::parse(R"({"b":1,"a":2,"b":3})")),
            equality_key(*values::json_tree::parse(R"({"a":2e0,"b":3})")));
  EXPECT_NE(values::equality_key(*values::json_tree::parse(R"(["1"])")),
            values::equality_key(*values::json_tree::parse("[1]")));
  EXPECT_EQ(values::to_text(*values::json_tree::parse(R"( {"b":[1,null,true,"x\n"],"a":{}} )")),
            R"({"a":{},"b":[1,null,true,"x\n"]})");
  for (const auto* damaged : {"", "{", "[1", "1 2", "nul", R"({"a")"})
    EXPECT_FALSE(values::json_tree::parse(damaged)) << damaged;
  EXPECT_FALSE(values::json_tree::parse(std::string(values::json_levels_max + 1, '[')));
}

}  // namespace
}  // namespace pulse::filters::json_filter_test

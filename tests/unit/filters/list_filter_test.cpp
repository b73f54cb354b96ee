#include "filters/list_filter.hpp"

#include "tests/unit/filters/filter_cases.hpp"

namespace pulse::filters::list_filter_test {
namespace {

using testing::one_column;

struct list_case {
  std::uint32_t type;
  const char* filter;
  const char* value;  // null: NULL
  const char* judged;
};

constexpr std::uint32_t ints = 1007;
constexpr std::uint32_t texts = 1009;
constexpr std::uint32_t numerics = 1231;
constexpr std::uint32_t timestamps = 1115;
constexpr std::uint32_t jsonbs = 3807;

const std::vector<list_case> cases{
    {ints, "[1,2]", "{1,2}", "yes"},
    {ints, R"({"equals":[1,2]})", "{2,1}", "no"},
    {ints, R"({"equals":[]})", "{}", "yes"},
    {ints, R"({"equals":[1]})", "{}", "no"},
    {ints, R"({"equals":[1,2]})", "[0:1]={1,2}", "no"},
    {ints, R"({"equals":[1,2]})", "{{1,2}}", "no"},
    {ints, R"({"equals":[1,null]})", "{1,NULL}", "yes"},
    {ints, R"({"equals":null})", nullptr, "yes"},
    {ints, R"({"has":1})", "{2,1}", "yes"},
    {ints, R"({"has":1})", "{2}", "no"},
    {ints, R"({"has":1})", nullptr, "no"},
    {ints, R"({"has":1})", "{{3,1},{2,4}}", "yes"},
    {ints, R"({"has":null})", "{NULL}", "no"},
    {ints, R"({"hasEvery":[1,2,1]})", "{3,2,1}", "yes"},
    {ints, R"({"hasEvery":[1,4]})", "{3,2,1}", "no"},
    {ints, R"({"hasEvery":[]})", "{}", "yes"},
    {ints, R"({"hasSome":[4,1]})", "{1}", "yes"},
    {ints, R"({"hasSome":[]})", "{1}", "no"},
    {ints, R"({"isEmpty":true})", "{}", "yes"},
    {ints, R"({"isEmpty":false})", "{1}", "yes"},
    {ints, R"({"isEmpty":true})", nullptr, "no"},
    {texts, R"({"has":"a,b\""})", R"({"a,b\"",c})", "yes"},
    {numerics, R"({"has":{"$type":"Decimal","value":"1.50"}})", "{1.5}", "yes"},
    {timestamps, R"({"hasSome":[{"$type":"DateTime","value":"2024-05-28T00:00:00.000Z"}]})",
     R"({"2024-05-28 00:00:00"})", "yes"},
    {jsonbs, R"({"$type":"Json","value":"{\"has\":{\"a\":1}}"})", R"({"{\"a\": 1.0}"})", "yes"},
    {jsonbs, R"({"$type":"Json","value":"{\"hasEvery\":[1,[2]]}"})", R"({1,"[2]"})", "yes"},
    {jsonbs, R"([{"$type":"Json","value":"1"}])", "{1}", "yes"},
    {ints, R"({"has":1})", "{one}", "undecided"},
    {ints, R"({"has":1})", "{1", "undecided"},
};

TEST(list_filter, judges_as_postgresql_does) {
  for (const auto& tested : cases) {
    const auto value =
        tested.value == nullptr ? std::nullopt : std::optional<std::string>(tested.value);
    EXPECT_EQ(one_column(tested.type).judge(tested.filter, value), tested.judged)
        << tested.filter << " on " << value.value_or("NULL");
  }
}

TEST(list_filter, refuses_what_cannot_be_by_operator) {
  const auto refused = [](const char* filter, std::string_view says) {
    const auto said = one_column(ints).judge(filter, "{}");
    EXPECT_TRUE(said.starts_with(says)) << said;
  };
  refused("5", "create.v: 5 is no value of type int4[]");
  refused("{}", "create.v: one of equals");
  refused(R"({"has":"x"})", "create.v: has: ");
  refused(R"({"hasSome":1})", "create.v: hasSome: ");
  refused(R"({"isEmpty":1})", "create.v: isEmpty: ");
  refused(R"({"not":[1]})", "create.v: not: ");
}

}  // namespace
}  // namespace pulse::filters::list_filter_test

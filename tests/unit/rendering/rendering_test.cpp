// Rows of every kind as consumers read them.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/bytes.hpp"
#include "change/type_catalog.hpp"
#include "rendering/renderer.hpp"
#include "values/array_text.hpp"
#include "values/json_text.hpp"
#include "values/value_text.hpp"

namespace pulse::rendering::rendering_test {
namespace {

namespace json = boost::json;

struct value_case {
  const char* name;
  value_kind kind;
  const char* text;
  const char* rendered;  // null: has no form of its kind
  std::int32_t modifier = -1;
};

column_type type_of(value_kind kind, char delimiter = ',') {
  column_type type;
  type.kind = kind;
  type.delimiter = delimiter;
  return type;
}

class value_rendering : public ::testing::TestWithParam<value_case> {};

TEST_P(value_rendering, is_what_prisma_client_reads) {
  const auto& tested = GetParam();
  std::string to = "x";
  auto type = type_of(tested.kind);
  type.modifier = tested.modifier;
  const bool rendered = values::append_value(to, type, tested.text);
  EXPECT_EQ(rendered, tested.rendered != nullptr);
  EXPECT_EQ(to, std::string("x") + (rendered ? tested.rendered : ""));
}

INSTANTIATE_TEST_SUITE_P(
    every, value_rendering,
    ::testing::Values(
        value_case{"boolean", value_kind::boolean, "t", "true"},
        value_case{"integer", value_kind::int4, "-5", "-5"},
        value_case{"bigint", value_kind::int8, "9007199254740993",
                   R"({"$type":"BigInt","value":"9007199254740993"})"},
        value_case{"float", value_kind::float8, "1e-05", "1e-05"},
        value_case{"nan", value_kind::float8, "NaN", nullptr},
        value_case{"float_infinity", value_kind::float4, "-Infinity", "-1e999"},
        value_case{"decimal", value_kind::numeric, "1.50", R"({"$type":"Decimal","value":"1.50"})"},
        value_case{"money", value_kind::money, "-$1,234.50",
                   R"({"$type":"Decimal","value":"-1234.50"})"},
        value_case{"yen", value_kind::money, "$15.00", R"({"$type":"Decimal","value":"1500"})", 0},
        value_case{"no_yen", value_kind::money, "$0.00", R"({"$type":"Decimal","value":"0"})", 0},
        value_case{"negative_yen", value_kind::money, "-$12,345.67",
                   R"({"$type":"Decimal","value":"-1234567"})", 0},
        value_case{"dinar", value_kind::money, "$15,000.05",
                   R"({"$type":"Decimal","value":"1500.005"})", 3},
        value_case{"little_dinar", value_kind::money, "-$0.05",
                   R"({"$type":"Decimal","value":"-0.005"})", 3},
        value_case{"no_dinar", value_kind::money, "$0.00", R"({"$type":"Decimal","value":"0.000"})",
                   3},
        value_case{"foreign_money", value_kind::money, "1.234,50 EUR", nullptr},
        value_case{"text", value_kind::text, "a\"\n\x01", R"("a\"\n\u0001")"},
        value_case{"bytes", value_kind::bytea, "\\x00ff", R"({"$type":"Bytes","value":"AP8="})"},
        value_case{"json", value_kind::jsonb, R"({"a": 1})",
                   R"({"$type":"Json","value":"{\"a\": 1}"})"},
        value_case{"date", value_kind::date, "2024-05-28",
                   R"({"$type":"DateTime","value":"2024-05-28T00:00:00.000Z"})"},
        value_case{"timestamp", value_kind::timestamp, "2024-05-28 12:34:56.789",
                   R"({"$type":"DateTime","value":"2024-05-28T12:34:56.789Z"})"},
        value_case{"microseconds", value_kind::timestamp, "2024-05-28 12:34:56.789012",
                   R"({"$type":"DateTime","value":"2024-05-28T12:34:56.789012Z"})"},
        value_case{"timestamptz", value_kind::timestamptz, "2024-05-28 12:34:56+05:30",
                   R"({"$type":"DateTime","value":"2024-05-28T07:04:56.000Z"})"},
        value_case{"time", value_kind::time, "12:34:56.5",
                   R"({"$type":"DateTime","value":"1970-01-01T12:34:56.500Z"})"},
        value_case{"time_24", value_kind::time, "24:00:00",
                   R"({"$type":"DateTime","value":"1970-01-02T00:00:00.000Z"})"},
        value_case{"timetz", value_kind::timetz, "12:34:56+02",
                   R"({"$type":"DateTime","value":"1970-01-01T12:34:56.000Z"})"},
        value_case{"infinity", value_kind::timestamp, "infinity", nullptr},
        value_case{"before_christ", value_kind::date, "0044-03-15 BC", nullptr},
        value_case{"year_10000", value_kind::date, "10000-01-01", nullptr},
        value_case{"enumeration", value_kind::enumeration, "admin_role", R"("admin_role")"},
        value_case{"other", value_kind::other, "(1,2)", nullptr}),
    [](const auto& tested) { return tested.param.name; });

TEST(list_rendering, an_element_that_has_no_form_is_its_text) {
  std::string to;
  EXPECT_EQ(values::append_list(to, type_of(value_kind::float8), "{1,NaN,Infinity}"),
            values::list_rendering::with_texts);
  EXPECT_EQ(to, R"([1,"NaN",1e999])");
  to.clear();
  EXPECT_EQ(values::append_list(to, type_of(value_kind::plain, ';'), "{(2,2),(1,1);NULL}"),
            values::list_rendering::with_texts);
  EXPECT_EQ(to, R"x(["(2,2),(1,1)",null])x");
}

TEST(list_rendering, is_nested_arrays_of_its_elements) {
  const auto rendered = [](value_kind kind, std::string_view text) {
    std::string to;
    return values::append_list(to, type_of(kind), text) == values::list_rendering::damaged
               ? "damaged"
               : to;
  };
  EXPECT_EQ(rendered(value_kind::int4, "{}"), "[]");
  EXPECT_EQ(rendered(value_kind::int4, "{1,NULL,3}"), "[1,null,3]");
  EXPECT_EQ(rendered(value_kind::text, R"({a,"b,c","NULL","d\"e\\"})"),
            R"(["a","b,c","NULL","d\"e\\"])");
  EXPECT_EQ(rendered(value_kind::int4, "[0:1]={1,2}"), "[1,2]");
  EXPECT_EQ(rendered(value_kind::int4, "{{1,2},{3,4}}"), "[[1,2],[3,4]]");
  for (const auto* text : {"", "{", "{1", "{1,", "{1,}", "1", "{1}x", "{\"a", "}{"}) {
    EXPECT_EQ(rendered(value_kind::text, text), "damaged") << text;
  }
}

RC_GTEST_PROP(json_string, any_text_comes_back, ()) {
  const auto text = *rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127));
  std::string to;
  values::append_json_string(to, text);
  RC_ASSERT(json::parse(to).as_string() == text);
}

RC_GTEST_PROP(array_text, any_list_of_texts_comes_back, ()) {
  const auto values = *rc::gen::container<std::vector<std::string>>(rc::gen::string<std::string>());
  std::string literal = "{";
  for (const auto& value : values) {
    literal += literal.size() > 1 ? ",\"" : "\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') literal += '\\';
      literal += c;
    }
    literal += '"';
  }
  literal += '}';
  values::array_reader reader(literal, ',');
  RC_ASSERT(reader.next() == values::array_reader::token::open);
  for (const auto& value : values) {
    RC_ASSERT(reader.next() == values::array_reader::token::element);
    RC_ASSERT(reader.text() == value);
  }
  RC_ASSERT(reader.next() == values::array_reader::token::close);
  RC_ASSERT(reader.next() == values::array_reader::token::end);
}

RC_GTEST_PROP(canonical_decimal, trailing_zeros_and_exponents_make_no_difference, ()) {
  const auto digits = std::to_string(*rc::gen::inRange<std::int64_t>(-1'000'000, 1'000'000));
  const auto zeros = *rc::gen::inRange<std::size_t>(0, 8);
  RC_ASSERT(values::canonical_decimal(digits) ==
            values::canonical_decimal(digits + "." + std::string(zeros + 1, '0')));
  RC_ASSERT(
      values::canonical_decimal(digits) ==
      values::canonical_decimal(digits + std::string(zeros, '0') + "e-" + std::to_string(zeros)));
}

// id int (key), name text, big text; a row of them, absent: unchanged large value.
relation table() {
  relation made;
  made.oid = 1;
  made.table = {"public", "people"};
  const type_catalog builtin;
  made.columns = {{"id", *builtin.resolve(23, -1), true},
                  {"full_name", *builtin.resolve(25, -1), false},
                  {"big", *builtin.resolve(25, -1), false}};
  return made;
}

requests::model people() {
  return {"Person",
          "people",
          "",
          {{"id", "id", "Int", false},
           {"name", "full_name", "String", false},
           {"big", "big", "String", false},
           {"gone", "gone", "String", false}}};
}

constexpr const char* unchanged = "\x01unchanged";

std::string row(const std::vector<std::optional<std::string>>& values) {
  std::string tuple;
  append_big(tuple, static_cast<std::uint16_t>(values.size()));
  for (const auto& value : values) {
    if (!value) {
      tuple += 'n';
    } else if (*value == unchanged) {
      tuple += 'u';
    } else {
      tuple += 't';
      append_big(tuple, static_cast<std::uint32_t>(value->size()));
      tuple += *value;
    }
  }
  return tuple;
}

struct test_change {
  change_action action;
  old_row_kind kind = old_row_kind::none;
  std::string before = {};
  std::string after = {};

  event_view view() const {
    event_view event;
    event.action = action;
    event.before_kind = kind;
    event.before = tuple_view::trusted(as_byte_view(before));
    event.after = tuple_view::trusted(as_byte_view(after));
    return event;
  }
};

std::string rendered(const test_change& change) {
  const renderer renders(people(), std::make_shared<const relation>(table()));
  std::string to;
  renders.render(change.view(), to);
  const std::string id = R"(,"id":"00000000000000000000000000","modelName":"Person")";
  const auto at = to.find(id);
  EXPECT_NE(at, std::string::npos) << to;
  return to.erase(at, id.size());
}

TEST(event_rendering, has_the_models_fields_under_their_names) {
  EXPECT_EQ(rendered({change_action::create, {}, {}, row({"1", "Ada", std::nullopt})}),
            R"({"action":"create","created":{"id":1,"name":"Ada","big":null}})");
}

TEST(event_rendering, a_deleted_row_is_its_key_unless_it_is_whole) {
  const auto old = row({"1", "Ada", std::nullopt});
  EXPECT_EQ(rendered({change_action::remove, old_row_kind::key, old, {}}),
            R"({"action":"delete","deleted":{"id":1}})");
  EXPECT_EQ(rendered({change_action::remove, old_row_kind::full, old, {}}),
            R"({"action":"delete","deleted":{"id":1,"name":"Ada","big":null}})");
}

TEST(event_rendering, a_truncate_has_no_row) {
  EXPECT_EQ(rendered({change_action::truncate}), R"({"action":"truncate"})");
}

TEST(event_rendering, before_is_there_only_when_it_is_whole) {
  const auto old = row({"1", "Ada", "x"});
  EXPECT_EQ(rendered({change_action::update, old_row_kind::key, old, row({"2", "Ada", "x"})}),
            R"({"action":"update","before":null,"after":{"id":2,"name":"Ada","big":"x"}})");
}

TEST(event_rendering, an_unchanged_large_value_is_filled_or_left_out_and_named) {
  const auto after = row({"1", "Eda", unchanged});
  EXPECT_EQ(
      rendered({change_action::update, old_row_kind::none, {}, after}),
      R"({"action":"update","before":null,"after":{"id":1,"name":"Eda"},"unchanged":["big"]})");
  EXPECT_EQ(
      rendered({change_action::update, old_row_kind::full, row({"1", "Ada", "large"}), after}),
      R"({"action":"update","before":{"id":1,"name":"Ada","big":"large"},"after":{"id":1,"name":"Eda","big":"large"}})");
}

TEST(event_rendering, a_value_that_is_not_what_its_type_promises_is_text_and_named) {
  EXPECT_EQ(
      rendered({change_action::create, {}, {}, row({"one", "Ada", std::nullopt})}),
      R"({"action":"create","created":{"id":"one","name":"Ada","big":null},"unrendered":["id"]})");
}

}  // namespace
}  // namespace pulse::rendering::rendering_test

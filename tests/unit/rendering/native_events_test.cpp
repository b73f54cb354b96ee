// Native events: the examples in contract/, what is damaged, and filters by column.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/bytes.hpp"
#include "change/type_catalog.hpp"
#include "filters/native_filter.hpp"
#include "rendering/native_renderer.hpp"
#include "rendering/native_value.hpp"
#include "tests/support/contract.hpp"
#include "values/composite_text.hpp"

namespace pulse::rendering::native_events_test {
namespace {

namespace json = boost::json;

type_entry made_type(std::uint32_t oid, const char* name, char kind) {
  type_entry made;
  made.oid = oid;
  made.name = name;
  made.kind = kind;
  return made;
}

// As source/catalog_query.cpp reads them from a database in which the contract's setup has run.
type_catalog contract_types() {
  type_catalog types;
  for (const auto& [oid, name] : std::map<std::uint32_t, const char*>{{1186, "interval"},
                                                                      {600, "point"},
                                                                      {774, "macaddr8"},
                                                                      {3614, "tsvector"},
                                                                      {16390, "citext"},
                                                                      {16391, "hstore"},
                                                                      {16392, "ltree"}}) {
    types.put(made_type(oid, name, 'b'));
  }
  auto box = made_type(603, "box", 'b');
  box.delimiter = ';';
  types.put(box);
  types.put(made_type(16400, "mood", 'e'));
  const auto range = [&](std::uint32_t oid, const char* name, std::uint32_t subtype, char kind) {
    auto made = made_type(oid, name, kind);
    made.range_subtype_oid = subtype;
    types.put(made);
  };
  range(3904, "int4range", 23, 'r');
  range(3906, "numrange", 1700, 'r');
  range(3910, "tstzrange", 1184, 'r');
  range(4451, "int4multirange", 23, 'm');
  const auto array = [&](std::uint32_t oid, const char* name, std::uint32_t element) {
    auto made = made_type(oid, name, 'b');
    made.element_oid = element;
    types.put(made);
  };
  array(1020, "_box", 603);
  array(3905, "_int4range", 3904);
  array(16401, "_mood", 16400);
  array(16411, "_pair", 16410);
  array(16422, "_numbers", 16421);
  const auto domain = [&](std::uint32_t oid, const char* name, std::uint32_t base) {
    auto made = made_type(oid, name, 'd');
    made.base_oid = base;
    types.put(made);
  };
  domain(16420, "positive", 23);
  domain(16421, "numbers", 1007);
  domain(16423, "moods", 16401);
  auto pair = made_type(16410, "pair", 'c');
  pair.attributes = {{"a", 23, -1}, {"b c", 25, -1}};
  types.put(pair);
  auto nested = made_type(16412, "nested", 'c');
  nested.attributes = {{"inside", 16410, -1}, {"many", 16411, -1}, {"at", 1184, -1}};
  types.put(nested);
  return types;
}

// By the names that the contract uses.
std::uint32_t oid_of(const std::string& name) {
  static const std::map<std::string, std::uint32_t> oids{{"boolean", 16},
                                                         {"smallint", 21},
                                                         {"integer", 23},
                                                         {"oid", 26},
                                                         {"bigint", 20},
                                                         {"real", 700},
                                                         {"double precision", 701},
                                                         {"numeric", 1700},
                                                         {"numeric(6,2)", 1700},
                                                         {"money", 790},
                                                         {"text", 25},
                                                         {"char(5)", 1042},
                                                         {"varchar(10)", 1043},
                                                         {"name", 19},
                                                         {"citext", 16390},
                                                         {"xml", 142},
                                                         {"uuid", 2950},
                                                         {"bit(4)", 1560},
                                                         {"varbit", 1562},
                                                         {"bytea", 17},
                                                         {"date", 1082},
                                                         {"time", 1083},
                                                         {"timetz", 1266},
                                                         {"timestamp", 1114},
                                                         {"timestamptz", 1184},
                                                         {"interval", 1186},
                                                         {"json", 114},
                                                         {"jsonb", 3802},
                                                         {"inet", 869},
                                                         {"cidr", 650},
                                                         {"macaddr", 829},
                                                         {"macaddr8", 774},
                                                         {"point", 600},
                                                         {"box", 603},
                                                         {"tsvector", 3614},
                                                         {"mood", 16400},
                                                         {"positive", 16420},
                                                         {"moods", 16423},
                                                         {"integer[]", 1007},
                                                         {"text[]", 1009},
                                                         {"bigint[]", 1016},
                                                         {"box[]", 1020},
                                                         {"jsonb[]", 3807},
                                                         {"mood[]", 16401},
                                                         {"numbers[]", 16422},
                                                         {"int4range", 3904},
                                                         {"numrange", 3906},
                                                         {"tstzrange", 3910},
                                                         {"int4range[]", 3905},
                                                         {"int4multirange", 4451},
                                                         {"pair", 16410},
                                                         {"nested", 16412},
                                                         {"hstore", 16391},
                                                         {"ltree", 16392}};
  return oids.at(name);
}

TEST(native_values, are_what_the_contract_says) {
  const auto types = contract_types();
  const auto contract = pulse::testing::read_contract("native_values.json");
  for (const auto& tested : contract.at("values").as_array()) {
    const auto& one = tested.as_object();
    const std::string name(one.at("name").as_string());
    const auto type = types.resolve(oid_of(std::string(one.at("type").as_string())), -1);
    ASSERT_TRUE(type) << name;
    const std::string text(one.at(one.contains("output") ? "output" : "text").as_string());
    std::string made;
    const bool rendered = append_native(made, *type, text);
    EXPECT_EQ(rendered, !one.contains("unrendered")) << name;
    if (!rendered) continue;
    if (const auto* raw = one.if_contains("raw")) {
      EXPECT_EQ(made, raw->as_string()) << name;
    } else {
      EXPECT_EQ(json::parse(made), one.at("json")) << name << ": " << made;
    }
  }
}

// A row as pgoutput sends it, from the contract's form.
std::string tuple_of(const json::value& from) {
  if (from.is_null()) return {};
  std::string tuple;
  append_big(tuple, static_cast<std::uint16_t>(from.as_array().size()));
  for (const auto& column : from.as_array()) {
    if (!column.is_string()) {
      tuple += column.is_null() ? 'n' : 'u';
      continue;
    }
    tuple += 't';
    append_big(tuple, static_cast<std::uint32_t>(column.as_string().size()));
    tuple += std::string_view(column.as_string());
  }
  return tuple;
}

std::shared_ptr<const relation> things() {
  const type_catalog builtin;
  auto made = std::make_shared<relation>();
  made->table = {"public", "things"};
  made->columns = {{"id", *builtin.resolve(23, -1), true},
                   {"name", *builtin.resolve(25, -1), false},
                   {"doc", *builtin.resolve(3802, -1), false},
                   {"big", *builtin.resolve(25, -1), false}};
  return made;
}

change_action action_of(std::string_view word) {
  for (const auto action :
       {change_action::create, change_action::update, change_action::truncate}) {
    if (word == to_string(action)) return action;
  }
  return change_action::remove;
}

old_row_kind kind_of(std::string_view word) {
  if (word == "key") return old_row_kind::key;
  return word == "full" ? old_row_kind::full : old_row_kind::none;
}

TEST(native_events, are_what_the_contract_says) {
  const native_renderer renders(things());
  const auto contract = pulse::testing::read_contract("native_events.json");
  for (const auto& tested : contract.at("cases").as_array()) {
    const auto& rows = tested.at("rows").as_array();
    const auto& events = tested.at("events").as_array();
    ASSERT_EQ(rows.size(), events.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto& row = rows[i].as_array();
      const auto before = tuple_of(row[1]);
      const auto after = tuple_of(row[2]);
      event_view event;
      event.at = {1, lsn{0x16B3748}, lsn{0x16B3700}, 0};
      event.committed_at = unix_time_us(std::chrono::microseconds(1716899696789012));
      event.action = action_of(std::string_view(events[i].at("action").as_string()));
      event.before_kind = kind_of(std::string_view(row[0].as_string()));
      event.before = tuple_view::trusted(as_byte_view(before));
      event.after = tuple_view::trusted(as_byte_view(after));
      std::string made;
      renders.render(event, made);
      auto parsed = json::parse(made).as_object();
      EXPECT_EQ(parsed["commit_lsn"], "0/16B3748");
      EXPECT_EQ(parsed["lsn"], "0/16B3700");
      EXPECT_EQ(parsed["committed_at"], "2024-05-28T12:34:56.789012Z");
      EXPECT_EQ(parsed["id"].as_string().size(), event_id::text_size);
      for (const auto* member : {"id", "commit_lsn", "lsn", "committed_at"}) parsed.erase(member);
      EXPECT_EQ(json::value(parsed), events[i]) << tested.at("name") << ": " << made;
    }
  }
}

TEST(native_values, deep_json_and_what_is_no_json_are_not_embedded) {
  const type_catalog builtin;
  const auto type = *builtin.resolve(3802, -1);
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  std::string made;
  EXPECT_TRUE(append_native(made, type, nested(native_json_depth_max)));
  EXPECT_EQ(made, nested(native_json_depth_max));
  for (const auto& text : {nested(native_json_depth_max + 1), std::string("{"), std::string(),
                           std::string("1 2"), std::string("nul"), std::string("1}")}) {
    EXPECT_FALSE(append_native(made, type, text)) << text;
  }
}

TEST(native_values, damaged_text_of_a_structured_type_is_refused) {
  const auto types = contract_types();
  const auto refused = [&](const char* name, const char* text) {
    std::string made;
    EXPECT_FALSE(append_native(made, *types.resolve(oid_of(name), -1), text)) << name << text;
  };
  for (const auto* text :
       {"", "(", "()", "(1)", "(1,2,3)", "(1,\"2)", "(1,2", "(1,2)x", "(x,2)", "(1,\\"}) {
    refused("pair", text);
  }
  for (const auto* text : {"", "[", "[1", "[1,2", "1,2)", "[1,2)x", "[x,2)", "empty1"}) {
    refused("int4range", text);
  }
  for (const auto* text : {"", "{", "{[1,2)", "{[1,2),}", "{[1,2)[3,4)}", "{x}"}) {
    refused("int4multirange", text);
  }
  for (const auto* text : {"a", "\"a\"", "\"a\"=>", "\"a\"=>\"b", "\"a\"=>\"b\",", "\"a\"=>b"}) {
    refused("hstore", text);
  }
  refused("bytea", "\\x0");
  refused("boolean", "true");
  refused("integer", "one");
  refused("money", "1.234,50 EUR");
  refused("numbers[]", "{\"{x}\"}");
}

TEST(native_values, a_kind_without_its_parts_is_refused_and_does_not_crash) {
  for (const auto kind :
       {value_kind::composite, value_kind::range, value_kind::multirange, value_kind::list}) {
    column_type type;
    type.kind = kind;
    std::string made;
    for (const auto* text : {"()", "[1,2)", "{[1,2)}", "{1}"})
      EXPECT_FALSE(append_native(made, type, text)) << to_string(kind);
  }
}

// Quoted as PostgreSQL's record_out and range_out do.
std::string quoted(const std::string& text) {
  std::string made = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') made += c;
    made += c;
  }
  return made + '"';
}

RC_GTEST_PROP(composite_text, any_texts_come_back, ()) {
  const auto texts = *rc::gen::nonEmpty(
      rc::gen::container<std::vector<std::string>>(rc::gen::string<std::string>()));
  std::string composite = "(";
  for (const auto& text : texts) composite += (composite.size() > 1 ? "," : "") + quoted(text);
  const auto parts = values::split_composite(composite + ")", texts.size());
  RC_ASSERT(parts.has_value());
  for (std::size_t i = 0; i < texts.size(); ++i) RC_ASSERT((*parts)[i] == texts[i]);
  const auto range = values::split_range("[" + quoted(texts[0]) + "," + quoted(texts.back()) + ")");
  RC_ASSERT(range.has_value());
  RC_ASSERT(range->lower == texts[0]);
  RC_ASSERT(range->upper == texts.back());
}

RC_GTEST_PROP(composite_text, any_bytes_are_read_or_refused, ()) {
  const auto text = *rc::gen::container<std::string>(
      rc::gen::elementOf(std::string("(){}[],;\"\\=> 1aNULempty")));
  values::split_composite(text, *rc::gen::inRange<std::size_t>(0, 4));
  values::split_range(text);
  values::split_multirange(text);
  values::split_hstore(text);
}

filters::filter_verdict judged(const char* create_filter) {
  auto table = std::make_shared<relation>(*things());
  const type_catalog builtin;
  table->columns.push_back({"big_number", *builtin.resolve(20, -1), false});
  table->columns.push_back({"bytes", *builtin.resolve(17, -1), false});
  requests::stream_request wanted;
  wanted.form = requests::event_form::native;
  wanted.wanted.create = json::parse(create_filter).as_object();
  const auto compiled = filters::compile_wanted(wanted, {table.get(), nullptr});
  if (!compiled) throw std::runtime_error(compiled.error().message());
  const auto row =
      tuple_of(json::array{"1", "Ada", R"({"a": 1.0})", nullptr, "9007199254740993", "\\x00ff"});
  event_view event;
  event.action = change_action::create;
  event.after = tuple_view::trusted(as_byte_view(row));
  return (*compiled)->judge(event);
}

TEST(native_filter, takes_column_names_and_the_values_that_events_have) {
  for (const auto* yes :
       {R"({"id":1})", R"({"big_number":"9007199254740993"})", R"({"bytes":"AP8="})",
        R"({"doc":{"equals":{"a":1}}})", R"({"doc":{"a":1}})",
        R"({"OR":[{"big_number":{"equals":"9007199254740993"}},{"id":2}]})", R"({"big":null})"}) {
    EXPECT_EQ(judged(yes), filters::filter_verdict::yes) << yes;
  }
  for (const auto* no : {R"({"id":2})", R"({"big_number":"9007199254740992"})",
                         R"({"NOT":{"bytes":"AP8="}})", R"({"doc":{"a":2}})"}) {
    EXPECT_EQ(judged(no), filters::filter_verdict::no) << no;
  }
  EXPECT_THROW(judged(R"({"nome":1})"), std::runtime_error);
}

}  // namespace
}  // namespace pulse::rendering::native_events_test

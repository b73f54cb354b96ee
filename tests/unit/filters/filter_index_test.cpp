#include "filters/filter_index.hpp"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/unit/filters/filter_cases.hpp"

namespace pulse::filters {
namespace {

namespace json = boost::json;

relation numbers() {
  relation table;
  table.table = {"public", "numbers"};
  table.columns = {testing::column_of("a", 23, true), testing::column_of("b", 25),
                   testing::column_of("c", 1700)};
  return table;
}

table_facts facts_of_numbers() {
  table_facts facts;
  facts.encoding = "UTF8";
  facts.columns["b"].collated_by = testing::libc_collation("C");
  return facts;
}

std::shared_ptr<const filter> compiled(const json::object& condition, const relation& table) {
  const auto facts = facts_of_numbers();
  requests::wanted_events wanted;
  wanted.create = wanted.update_after = wanted.remove = wanted.update_before = condition;
  return follow_filter(wanted, testing::model_of(table), {&table, &facts});
}

// One event with what it points to.
struct made_event {
  std::string before;
  std::string after;
  event_view view;
};

event_view view_of(made_event& of) {
  if (!of.before.empty()) of.view.before = tuple_view::trusted(as_byte_view(of.before));
  if (!of.after.empty()) of.view.after = tuple_view::trusted(as_byte_view(of.after));
  return of.view;
}

made_event created(const char* a, const char* b, const char* c) {
  made_event one;
  one.view.action = change_action::create;
  one.after = testing::tuple_of({a, b, c});
  return one;
}

std::vector<stream_id> found(const filter_index& index, made_event one) {
  std::vector<stream_id> streams;
  const auto event = view_of(one);
  event_values values(event);
  index.find(event, values, streams);
  std::ranges::sort(streams);
  return streams;
}

TEST(filter_index, an_event_meets_only_the_filters_that_its_values_lead_to) {
  const auto table = numbers();
  filter_index index;
  const auto add = [&](std::uint64_t id, const char* condition) {
    auto one = compiled(json::parse(condition).as_object(), table);
    index.add(stream_id{id}, *one);
    return one;
  };
  const auto one = add(1, R"({"a":1})");
  add(2, R"({"a":{"in":[1,2]}})");
  add(3, R"({"a":2,"b":"x"})");
  add(4, R"({"OR":[{"c":1.50},{"c":{"in":["2"]}}]})");
  add(5, R"({"OR":[{"a":1},{"b":"x"}]})");
  add(6, R"({"a":{"gt":5}})");
  add(7, R"({"NOT":{"a":1}})");
  using ids = std::vector<stream_id>;
  const auto at = [](std::initializer_list<std::uint64_t> numbers_of) {
    ids all;
    for (const auto number : numbers_of) all.push_back(stream_id{number});
    return all;
  };
  EXPECT_EQ(found(index, created("1", "y", "1.5")), at({1, 2, 4, 5, 6, 7}));
  EXPECT_EQ(found(index, created("2", "y", "9")), at({2, 3, 5, 6, 7}));
  EXPECT_EQ(found(index, created("9", "y", "2.00")), at({4, 5, 6, 7}));
  index.remove(stream_id{1}, *one);
  EXPECT_EQ(found(index, created("1", "y", "9")), at({2, 5, 6, 7}));
}

TEST(filter_index, a_demanded_value_that_is_not_in_the_event_leads_to_all_that_demand_one) {
  const auto table = numbers();
  filter_index index;
  index.add(stream_id{1}, *compiled(json::parse(R"({"b":"x"})").as_object(), table));
  index.add(stream_id{2}, *compiled(json::parse(R"({"b":"y"})").as_object(), table));
  made_event gone;
  gone.view.action = change_action::remove;
  gone.view.before_kind = old_row_kind::key;
  gone.before = testing::tuple_of({"1", std::nullopt, std::nullopt});
  EXPECT_EQ(found(index, gone).size(), 2U);
  made_event null;
  null.view.action = change_action::create;
  null.after = testing::tuple_of({"1", std::nullopt, "1"});
  EXPECT_TRUE(found(index, null).empty());
}

using random_source = std::mt19937_64;

std::size_t one_of(random_source& random, std::size_t count) {
  return std::uniform_int_distribution<std::size_t>(0, count - 1)(random);
}

// Few values, so that filters and rows meet.
json::value random_value(random_source& random, std::size_t column) {
  const auto n = static_cast<std::int64_t>(one_of(random, 4));
  if (column == 0) return n;
  if (column == 1) return json::value(std::string(1, static_cast<char>('w' + n)));
  return json::value(std::to_string(n) + (one_of(random, 2) == 0 ? ".0" : ""));
}

json::object random_filter(random_source& random, int depth) {
  json::object made;
  const auto conditions = 1 + one_of(random, 2);
  for (std::size_t i = 0; i < conditions; ++i) {
    const auto column = one_of(random, 3);
    const std::string name(1, static_cast<char>('a' + column));
    switch (one_of(random, depth > 0 ? 8 : 5)) {
      case 0:
      case 1:
        made[name] = random_value(random, column);
        break;
      case 2:
        made[name] = json::object{
            {"in", json::array{random_value(random, column), random_value(random, column)}}};
        break;
      case 3:
        made[name] = json::object{{"not", random_value(random, column)}};
        break;
      case 4:
        made[name] = nullptr;
        break;
      case 5:
        made["NOT"] = random_filter(random, depth - 1);
        break;
      case 6:
        made["AND"] =
            json::array{random_filter(random, depth - 1), random_filter(random, depth - 1)};
        break;
      default:
        made["OR"] =
            json::array{random_filter(random, depth - 1), random_filter(random, depth - 1)};
    }
  }
  return made;
}

std::string random_tuple(random_source& random) {
  std::string tuple;
  append_big(tuple, std::uint16_t{3});
  for (std::size_t column = 0; column < 3; ++column) {
    const auto kind = one_of(random, 8);
    if (kind == 0) {
      tuple += 'n';
    } else if (kind == 1 && column == 1) {
      tuple += 'u';
    } else {
      const auto value = random_value(random, column);
      const auto text =
          value.is_string() ? std::string(value.get_string()) : std::to_string(value.get_int64());
      tuple += 't';
      append_big(tuple, static_cast<std::uint32_t>(text.size()));
      tuple += text;
    }
  }
  return tuple;
}

made_event random_event(random_source& random) {
  made_event one;
  one.view.action = static_cast<change_action>(1 + one_of(random, 3));
  const bool has_old = one.view.action == change_action::remove ||
                       (one.view.action == change_action::update && one_of(random, 2) == 0);
  if (has_old) {
    one.view.before_kind = one_of(random, 2) == 0 ? old_row_kind::full : old_row_kind::key;
    one.before = random_tuple(random);
  }
  if (one.view.action != change_action::remove) one.after = random_tuple(random);
  return one;
}

// RapidCheck prints the seed, and takes it back by RC_PARAMS.
RC_GTEST_PROP(filter_index_property, no_filter_that_would_match_is_passed_over, ()) {
  random_source random(*rc::gen::arbitrary<std::uint64_t>());
  const auto table = numbers();
  filter_index index;
  std::vector<std::shared_ptr<const filter>> filters;
  for (std::uint64_t id = 0; id < 40; ++id) {
    filters.push_back(compiled(random_filter(random, 2), table));
    index.add(stream_id{id}, *filters.back());
  }
  // Some leave again.
  for (std::uint64_t id = 0; id < 40; id += 5) index.remove(stream_id{id}, *filters[id]);
  for (int round = 0; round < 30; ++round) {
    auto one = random_event(random);
    const auto event = view_of(one);
    const auto led_to = found(index, one);
    RC_ASSERT(std::ranges::adjacent_find(led_to) == led_to.end());
    for (std::uint64_t id = 0; id < 40; ++id) {
      const bool there = std::ranges::binary_search(led_to, stream_id{id});
      if (id % 5 == 0) {
        RC_ASSERT(!there);
      } else if (filters[id]->judge(event) != filter_verdict::no) {
        RC_ASSERT(there);
      }
    }
  }
}

}  // namespace
}  // namespace pulse::filters

// Many filtered streams on one table: whom an event meets, and where the others' cursors are.
#include "tests/unit/streams/hub_fixture.hpp"

namespace pulse::streams {
namespace {

class hub_filters : public hub_fixture {
 protected:
  hub_filters() {
    table_.columns.push_back(filters::testing::column_of("tenant", 23));
    start_hub();
  }

  std::shared_ptr<recorder> open(const std::string& name, const std::string& create) {
    requests::stream_request wanted;
    wanted.name = name;
    wanted.model = filters::testing::model_of(table_);
    wanted.wanted.create = boost::json::parse(create).as_object();
    return hub_fixture::open(wanted, table_, position{});
  }

  void append(int tenant) {
    const auto number = appended_ + 1;
    std::vector<std::optional<std::string>> values;
    for (const auto& column : table_.columns) {
      values.emplace_back();
      if (column.name == "id") values.back() = std::to_string(number);
      if (column.name == "tenant") values.back() = std::to_string(tenant);
    }
    insert_unread(table_, place_of(number), values);
    settle();
  }

  position cursor(const std::string& name) const { return hub_->cursor(key(name)); }
  double evaluations() { return figure("pulse_filter_evaluations_total"); }

  relation table_ = shape("jobs");
};

std::string tenant(int number) {
  return R"({"tenant":)" + std::to_string(number) + "}";
}

TEST_F(hub_filters, an_event_costs_no_evaluation_of_filters_that_it_cannot_match) {
  std::vector<std::shared_ptr<recorder>> streams;
  streams.reserve(500);
  for (int i = 0; i < 500; ++i) streams.push_back(open("tenant " + std::to_string(i), tenant(i)));
  const auto all = open("all", "{}");
  const auto large = open("large", R"({"tenant":{"gt":1000}})");
  const auto before = evaluations();
  for (int i = 0; i < 100; ++i) append(i % 10);
  // For each event the one stream of its tenant, and the two that demand no value.
  EXPECT_EQ(evaluations() - before, 300);
  EXPECT_EQ(all->ids.size(), 100U);
  EXPECT_TRUE(large->ids.empty());
  for (std::size_t i = 0; i < streams.size(); ++i)
    EXPECT_EQ(streams[i]->ids.size(), i < 10 ? 10U : 0U) << i;
}

TEST_F(hub_filters, cursors_pass_what_does_not_concern_their_streams) {
  const auto one = open("one", tenant(1));
  open("two", tenant(2));
  append(1);
  append(5);
  append(5);
  EXPECT_EQ(cursor("two"), place_of(3));
  EXPECT_LT(cursor("one"), place_of(1));
  append(1);
  acknowledge(*one, 0);
  // Up to the next event that is in flight, not just over the first.
  EXPECT_EQ(cursor("one"), place_of(3));
  append(5);
  acknowledge(*one, 1);
  EXPECT_EQ(cursor("one"), place_of(5));
  hub_->close(one->stream);
  EXPECT_EQ(cursor("one"), place_of(5));
}

TEST_F(hub_filters, a_stream_that_closes_and_opens_again_goes_on_where_it_was) {
  auto one = open("one", tenant(1));
  append(1);
  append(2);
  hub_->close(one->stream);
  append(1);
  one = open("one", tenant(1));
  append(1);
  EXPECT_EQ(one->ids.size(), 3U);
}

TEST_F(hub_filters, a_changed_filter_holds_from_the_cursor_on) {
  auto one = open("one", tenant(1));
  append(2);
  append(1);
  append(2);
  append(3);
  hub_->close(one->stream);
  // What the cursor had passed before does not come; what lies behind it is judged by the new
  // filter.
  one = open("one", tenant(2));
  EXPECT_EQ(one->ids.size(), 1U);
  EXPECT_EQ(cursor("one"), place_of(2));
  acknowledge(*one, 0);
  EXPECT_EQ(cursor("one"), place_of(4));
  hub_->close(one->stream);
  one = open("one", "{}");
  EXPECT_TRUE(one->ids.empty());
}

TEST_F(hub_filters, hold_when_the_table_is_altered) {
  const auto one = open("one", tenant(1));
  const auto two = open("two", tenant(2));
  append(1);
  // Another column before: the values stand elsewhere.
  table_.columns.insert(table_.columns.begin() + 1, filters::testing::column_of("note", 25));
  append(1);
  append(2);
  EXPECT_EQ(one->ids.size(), 2U);
  EXPECT_EQ(two->ids.size(), 1U);
  // Without the column nothing can be decided.
  table_.columns.pop_back();
  append(7);
  EXPECT_EQ(one->ids.size(), 3U);
  EXPECT_EQ(two->ids.size(), 2U);
}

}  // namespace
}  // namespace pulse::streams

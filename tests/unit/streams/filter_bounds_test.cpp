// What the filters of one stream may take of everybody's time.
#include <deque>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "filters/recent_values.hpp"
#include "streams/event_judge.hpp"
#include "tests/unit/streams/hub_fixture.hpp"
#include "values/json_tree.hpp"
#include "values/text_search.hpp"

namespace pulse::streams {
namespace {

namespace json = boost::json;

// Each in vain, and none like the other.
std::string vain_conditions(std::size_t count) {
  json::array any;
  for (std::size_t i = 0; i < count; ++i)
    any.push_back(json::object{
        {"body", {{"contains", "none " + std::to_string(i)}, {"mode", "insensitive"}}}});
  return json::serialize(json::object{{"OR", any}});
}

class filter_bounds : public hub_fixture {
 protected:
  filter_bounds() {
    table_.columns.push_back(filters::testing::column_of("body", 25));
    start_hub();
  }

  table_facts facts() const {
    table_facts known;
    known.encoding = "UTF8";
    known.database = filters::testing::libc_collation("C.UTF-8");
    for (const auto& one : table_.columns) known.columns[one.name].collated_by = known.database;
    return known;
  }

  std::shared_ptr<recorder> open(const std::string& name, const std::string& create) {
    requests::stream_request wanted;
    wanted.name = name;
    wanted.model = filters::testing::model_of(table_);
    wanted.wanted.create = json::parse(create).as_object();
    return hub_fixture::open(wanted, table_, position{},
                             std::make_shared<const table_facts>(facts()));
  }

  void append_unread_row(const std::string& body) {
    const auto number = appended_ + 1;
    insert_unread(table_, place_of(number), {std::to_string(number), body});
  }

  // Until nothing is left to do, one call at a time: how many came before each stream's events.
  int turns_until(const recorder& one, std::size_t events) {
    context_.restart();
    int turns = 0;
    while (one.ids.size() < events && context_.poll_one() != 0) ++turns;
    return turns;
  }

  relation table_ = shape("jobs");
};

TEST_F(filter_bounds, stream_with_more_conditions_than_one_may_have_is_refused_by_name) {
  EXPECT_FALSE(open("many", vain_conditions(filters::filter_conditions_max))->refused);
  const auto refused =
      open("too many", vain_conditions(filters::filter_conditions_max + 1))->refused;
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, errc::invalid_argument);
  EXPECT_NE(refused->what.find("create.OR[500].body: "), std::string::npos) << refused->what;
  EXPECT_NE(refused->what.find("more than 500 conditions"), std::string::npos) << refused->what;
}

TEST_F(filter_bounds, a_long_list_of_values_is_one_condition) {
  json::array values;
  for (int i = 0; i < 5000; ++i) values.push_back(json::value(std::to_string(i)));
  const json::object create{{"body", {{"in", values}}}};
  const auto reader = open("list", json::serialize(create));
  EXPECT_FALSE(reader->refused);
  append_unread_row("4321");
  settle();
  EXPECT_EQ(reader->ids.size(), 1U);
}

TEST_F(filter_bounds, a_costly_filter_holds_no_other_stream_up_and_misses_nothing) {
  const auto costly =
      open("costly", R"({"OR":[)" + vain_conditions(filters::filter_conditions_max - 1) +
                         R"(,{"body":{"endsWith":"Found"}}]})");
  const auto control = open("control", "{}");
  ASSERT_FALSE(costly->refused);
  const std::string text(std::size_t{100} << 10U, 'x');
  append_unread_row(text + "Found");
  append_unread_row("small");
  append_unread_row(text);
  append_unread_row("Found");
  const auto before = turns_until(*control, 4);
  EXPECT_EQ(control->numbers(), (std::vector<int>{1, 2, 3, 4}));
  EXPECT_TRUE(costly->ids.empty()) << "what it costs is for later";
  const auto after = turns_until(*costly, 2);
  EXPECT_GT(after, before) << "it takes its own time";
  settle();
  EXPECT_EQ(costly->numbers(), (std::vector<int>{1, 4}));
  EXPECT_GT(figure("pulse_filter_interruptions_total"), 0);
  // It keeps up again.
  append_unread_row("Found");
  EXPECT_LE(turns_until(*costly, 3), 2);
}

TEST_F(filter_bounds, many_filters_on_one_event_are_judged_in_several_turns) {
  std::vector<std::shared_ptr<recorder>> streams;
  streams.reserve(200);
  for (int i = 0; i < 200; ++i)
    streams.push_back(open(std::to_string(i), R"({"body":{"not":{"contains":"none"}}})"));
  append_unread_row(std::string(std::size_t{200} << 10U, 'x'));
  context_.restart();
  int turns = 0;
  while (context_.poll_one() != 0) ++turns;
  EXPECT_GT(turns, 3);
  for (const auto& one : streams) EXPECT_EQ(one->numbers(), (std::vector<int>{1}));
}

TEST_F(filter_bounds, a_stream_that_closes_while_its_event_is_judged_is_gone) {
  const auto costly = open("costly", vain_conditions(filters::filter_conditions_max));
  append_unread_row(std::string(std::size_t{100} << 10U, 'x'));
  context_.restart();
  for (int i = 0; i < 2; ++i) context_.poll_one();
  hub_->close(costly->stream);
  append_unread_row("another");
  settle();
  EXPECT_TRUE(costly->ids.empty());
  EXPECT_TRUE(open("costly", "{}")->ids.size() == 2U) << "its cursor has passed nothing";
}

TEST_F(filter_bounds, what_is_folded_is_folded_once_an_event) {
  event_view event;
  const auto row = filters::testing::tuple_of({"1", "Text"});
  event.after = tuple_view::trusted(as_byte_view(row));
  filters::event_values values(event);
  int made = 0;
  const values::text_form form{"form", [&](std::string_view text) {
                                 ++made;
                                 return std::optional<std::string>(text);
                               }};
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(values.at(filters::row_side::new_row, 1, false)->key(form), "Text");
  EXPECT_EQ(made, 1);
  EXPECT_EQ(values.take_work(), 4U);
  // Another event.
  values.look_at(event);
  EXPECT_EQ(values.at(filters::row_side::new_row, 1, false)->key(form), "Text");
  EXPECT_EQ(made, 2);
}

class text_event {
 public:
  text_event(std::uint64_t sequence, const std::string& text)
      : row_(filters::testing::tuple_of({"1", text})) {
    event_.sequence = sequence;
    event_.after = tuple_view::trusted(as_byte_view(row_));
  }
  operator const event_view&() const { return event_; }  // NOLINT(google-explicit-constructor)

 private:
  std::string row_;
  event_view event_;
};

TEST(filter_work, what_was_folded_for_events_that_take_turns_is_kept_within_a_bound) {
  int made = 0;
  const values::text_form form{"form",
                               [&](std::string_view text) {
                                 ++made;
                                 return std::optional<std::string>(text);
                               },
                               values::folding_per_byte};
  filters::recent_values values;
  const auto fold = [&](const text_event& event) {
    values.of(event).at(filters::row_side::new_row, 1, false)->key(form);
  };
  std::deque<text_event> events;  // does not move them
  for (std::size_t i = 0; i < filters::recent_values::events_max; ++i)
    events.emplace_back(1 + i, "text");
  for (int turn = 0; turn < 3; ++turn)
    for (const auto& event : events) fold(event);
  EXPECT_EQ(made, static_cast<int>(filters::recent_values::events_max));

  // Two that are as large as all older ones may be together.
  const std::string large(filters::recent_values::made_max / values::folding_per_byte / 2 + 1, 'x');
  events.clear();
  for (std::uint64_t i = 11; i < 14; ++i) events.emplace_back(i, large);
  made = 0;
  fold(events[0]);
  fold(events[1]);
  fold(events[0]);
  EXPECT_EQ(made, 2);
  fold(events[2]);  // now event 1 is one too many
  fold(events[0]);
  EXPECT_EQ(made, 3);
  fold(events[1]);
  EXPECT_EQ(made, 4);
}

TEST(filter_work, a_value_too_large_to_be_folded_or_parsed_decides_nothing) {
  const filters::testing::one_column text(25);
  const std::string within(values::folded_bytes_max, 'x');
  const auto* folded = R"({"contains":"Y","mode":"insensitive"})";
  EXPECT_EQ(text.judge(folded, within), "no");
  EXPECT_EQ(text.judge(folded, within + "x"), "undecided");
  EXPECT_EQ(text.judge(R"({"contains":"y"})", within + "x"), "no");
  const filters::testing::one_column document(3802);
  const auto string_of = [](std::size_t bytes) { return '"' + std::string(bytes - 2, 'x') + '"'; };
  const auto* asked = R"({"$type":"Json","value":"{\"equals\":\"y\"}"})";
  EXPECT_EQ(document.judge(asked, string_of(values::parsed_bytes_max)), "no");
  EXPECT_EQ(document.judge(asked, string_of(values::parsed_bytes_max + 1)), "undecided");
}

TEST(filter_work, arrays_in_arrays_are_compared_so_many_times_and_no_more) {
  std::string whole = "[[0]";
  for (int i = 0; i < 2000; ++i) whole += ",[0]";
  const auto large = *values::json_tree::parse("[" + whole + "]]");
  EXPECT_EQ(contains(large, *values::json_tree::parse("[[[0],[0]]]")), true);
  EXPECT_EQ(contains(large, *values::json_tree::parse("[[[0],[1]]]")), false);
  // The first element that is not there ends it; here each is, but at the end.
  std::string last = "[[[";
  for (int i = 0; i < 2000; ++i) last += std::to_string(1999 - i) + "],[";
  last.resize(last.size() - 2);
  std::string first = "[[[";
  for (int i = 0; i < 2000; ++i) first += std::to_string(i) + "],[";
  first.resize(first.size() - 2);
  EXPECT_EQ(values::contains(*values::json_tree::parse(first + "]]"),
                             *values::json_tree::parse(last + "]]")),
            std::nullopt);
}

TEST(text_search, finds_what_is_there) {
  EXPECT_TRUE(values::has_within("", ""));
  EXPECT_TRUE(values::has_within("abc", ""));
  EXPECT_FALSE(values::has_within("", "a"));
  EXPECT_TRUE(values::has_within("abc", "bc"));
  EXPECT_FALSE(values::has_within("abc", "bd"));
}

}  // namespace
}  // namespace pulse::streams

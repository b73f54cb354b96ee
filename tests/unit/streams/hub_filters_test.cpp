// Many filtered streams on one table: whom an event meets, and where the others' cursors are.
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "log/memory_log.hpp"
#include "log/memory_relations.hpp"
#include "streams/hub.hpp"
#include "tests/unit/streams/filter_cases.hpp"

namespace pulse::streams {
namespace {

class no_cursors final : public cursor_store {
 public:
  void open(const cursor_key& /*key*/, position initial, opened done) override { done(initial); }
  void save(std::vector<std::pair<cursor_key, position>> /*moved*/, saved done) override {
    done({});
  }
  void mark_abandoned(const cursor_key& /*key*/, bool /*abandoned*/) override {}
};

class recorder final : public subscriber {
 public:
  void send(std::string_view event_json) override {
    ids.emplace_back(boost::json::parse(event_json).as_object().at("id").as_string());
  }
  std::size_t unsent_bytes() const override { return 0; }
  void end(end_reason /*reason*/, std::string_view /*message*/) override { ended = true; }

  stream_id stream{};
  std::vector<std::string> ids;
  bool ended = false;
};

class hub_filters : public ::testing::Test {
 protected:
  hub_filters() {
    table_.table = {"public", "jobs"};
    table_.columns = {testing::column_of("id", 23, true), testing::column_of("tenant", 23)};
    hub_ = std::make_unique<hub>(
        hub::parts{context_.get_executor(), &log_, &relations_, &cursors_, &figures_, "shop"},
        stream_limits{});
  }

  std::shared_ptr<recorder> open(const std::string& name, const std::string& create) {
    auto to = std::make_shared<recorder>();
    stream_request wanted;
    wanted.name = name;
    wanted.model = testing::model_of(table_);
    wanted.wanted.create = boost::json::parse(create).as_object();
    hub_->open(wanted, {std::make_shared<const relation>(table_), nullptr}, position{}, to,
               [to](const result<stream_id>& opened) { to->stream = opened.value(); });
    settle();
    return to;
  }

  void append(int tenant) {
    const auto described = relations_.describe(table_).value();
    const auto number = ++appended_;
    std::vector<std::optional<std::string>> values;
    for (const auto& column : table_.columns) {
      values.emplace_back();
      if (column.name == "id") values.back() = std::to_string(number);
      if (column.name == "tenant") values.back() = std::to_string(tenant);
    }
    const auto row = testing::tuple_of(values);
    event_view event;
    event.at = at(number);
    event.id = make_event_id(1700000000000, event.at.commit, number);
    event.relation = described.version;
    event.table = described.table;
    event.action = change_action::create;
    event.after = tuple_view::trusted(as_byte_view(row));
    ASSERT_TRUE(log_.append(event));
    hub_->progress();
    settle();
  }

  static position at(std::uint32_t number) {
    return {1, lsn{1000 + number}, lsn{1000 + number}, 0};
  }

  void acknowledge(const recorder& by, std::size_t index) {
    hub_->acknowledge(by.stream, *parse_event_id(by.ids.at(index)));
    settle();
  }

  position cursor(const std::string& name) const { return hub_->cursor({table_.table, name}); }

  double evaluations() {
    return figures_
        .counter("pulse_filter_evaluations_total", "Times that a stream's filter was asked",
                 {{"project", "shop"}})
        .Value();
  }

  void settle() {
    context_.restart();
    context_.poll();
  }

  boost::asio::io_context context_;
  log::memory_log log_{std::uint64_t{1} << 20U};
  log::memory_relations relations_;
  no_cursors cursors_;
  metrics figures_;
  relation table_;
  std::unique_ptr<hub> hub_;
  std::uint32_t appended_ = 0;
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
  EXPECT_EQ(cursor("two"), at(3));
  EXPECT_LT(cursor("one"), at(1));
  append(1);
  acknowledge(*one, 0);
  // Up to the next event that is in flight, not just over the first.
  EXPECT_EQ(cursor("one"), at(3));
  append(5);
  acknowledge(*one, 1);
  EXPECT_EQ(cursor("one"), at(5));
  hub_->close(one->stream);
  EXPECT_EQ(cursor("one"), at(5));
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
  EXPECT_EQ(cursor("one"), at(2));
  acknowledge(*one, 0);
  EXPECT_EQ(cursor("one"), at(4));
  hub_->close(one->stream);
  one = open("one", "{}");
  EXPECT_TRUE(one->ids.empty());
}

TEST_F(hub_filters, hold_when_the_table_is_altered) {
  const auto one = open("one", tenant(1));
  const auto two = open("two", tenant(2));
  append(1);
  // Another column before: the values stand elsewhere.
  table_.columns.insert(table_.columns.begin() + 1, testing::column_of("note", 25));
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

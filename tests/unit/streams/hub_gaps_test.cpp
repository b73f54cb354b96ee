// Streams and gaps in the stored history: nothing from behind one is delivered before it is
// accepted, and what never happened is delivered to nobody.
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "change/type_catalog.hpp"
#include "log/memory_log.hpp"
#include "log/memory_relations.hpp"
#include "streams/hub.hpp"
#include "tests/support/test_events.hpp"

namespace pulse::streams {
namespace {

class kept_cursors final : public cursor_store {
 public:
  void open(const cursor_key& /*key*/, position initial, opened done) override { done(initial); }
  void save(std::vector<std::pair<cursor_key, position>> /*moved*/, saved done) override {
    done({});
  }
  void mark_abandoned(const cursor_key& /*key*/, bool /*abandoned*/) override {}
};

struct consumer final : subscriber {
  void send(std::string_view event_json) override {
    const auto event = boost::json::parse(event_json);
    rows.emplace_back(event.at("created").at("id").as_string());
    ids.emplace_back(event.at("id").as_string());
  }
  std::size_t unsent_bytes() const override { return 0; }
  void end(end_reason reason, std::string_view /*message*/) override { ended = reason; }

  result<stream_id> stream = error{};
  std::vector<std::string> rows;
  std::vector<std::string> ids;
  std::optional<end_reason> ended;
};

class hub_gaps : public ::testing::Test {
 protected:
  hub_gaps() {
    shape_.table = {"public", "jobs"};
    column only;
    only.name = "id";
    only.type = *type_catalog().resolve(25, -1);
    only.in_identity = true;
    shape_.columns.push_back(only);
    hub_ = std::make_unique<hub>(
        hub::parts{context_.get_executor(), &log_, &relations_, &cursors_, &figures_, "shop"},
        stream_limits{});
  }

  static position place(std::uint32_t timeline, std::uint64_t at) {
    return {timeline, lsn{at}, {}, 0};
  }

  std::shared_ptr<consumer> open(const std::string& name, const position& start = {},
                                 stream_mode mode = stream_mode::stream) {
    auto to = std::make_shared<consumer>();
    stream_request wanted;
    wanted.mode = mode;
    wanted.name = name;
    wanted.model = {"Job", "jobs", "public", {{"id", "id", "String", false}}};
    wanted.wanted.create.emplace();
    wanted.wanted.update_after.emplace();
    wanted.wanted.remove.emplace();
    hub_->open(wanted, {std::make_shared<const relation>(shape_), nullptr}, start, to,
               [to](const result<stream_id>& opened) { to->stream = opened; });
    settle();
    return to;
  }

  void append(std::uint32_t timeline, std::uint64_t at, const std::string& row) {
    append_unread(timeline, at, row);
    settle();
  }
  // The hub has not come to read it.
  void append_unread(std::uint32_t timeline, std::uint64_t at, const std::string& row) {
    const auto described = relations_.describe(shape_).value();
    const auto bytes = testing::text_tuple({row});
    event_view event;
    event.at = {timeline, lsn{at}, lsn{at}, 0};
    event.id = make_event_id(1700000000000 + ++appended_, event.at.commit, 0);
    event.relation = described.version;
    event.table = described.table;
    event.action = change_action::create;
    event.after = tuple_view::trusted(as_byte_view(bytes));
    ASSERT_TRUE(log_.append(event));
    hub_->progress();
  }

  control::stored_gap gap(gap_kind kind, const position& after,
                          const std::optional<position>& through) {
    control::stored_gap one;
    one.id = 7;
    one.what.kind = kind;
    one.what.after = after;
    one.what.through = through;
    return one;
  }
  void tell(const control::stored_gap& one) {
    hub_->use_gaps({one});
    settle();
  }
  void accept(control::stored_gap one) {
    one.accepted_at = unix_time_us{};
    tell(one);
  }

  void acknowledge(const consumer& by) {
    for (const auto& id : by.ids) hub_->acknowledge(*by.stream, *parse_event_id(id));
    settle();
  }

  void settle() {
    context_.restart();
    context_.poll();
  }

  using rows = std::vector<std::string>;
  boost::asio::io_context context_;
  metrics figures_;
  log::memory_log log_{std::uint64_t{1} << 20U};
  log::memory_relations relations_;
  kept_cursors cursors_;
  relation shape_;
  std::unique_ptr<hub> hub_;
  std::uint64_t appended_ = 0;
  const control::stored_gap missing_ = gap(gap_kind::slot_missing, place(1, 1500), place(1, 2000));
};

TEST_F(hub_gaps, an_open_stream_is_served_up_to_the_gap_and_ends_when_all_is_acknowledged) {
  const auto reader = open("mail");
  append(1, 1000, "before");
  tell(missing_);
  append(1, 2100, "behind");
  EXPECT_EQ(reader->rows, rows{"before"});
  EXPECT_FALSE(reader->ended) << "what is in hand is waited for";
  acknowledge(*reader);
  EXPECT_EQ(reader->ended, end_reason::gap);
  EXPECT_EQ(reader->rows, rows{"before"});
}

TEST_F(hub_gaps, a_stream_that_has_everything_ends_at_once) {
  const auto reader = open("mail");
  append(1, 1000, "before");
  acknowledge(*reader);
  tell(missing_);
  EXPECT_EQ(reader->ended, end_reason::gap);
}

TEST_F(hub_gaps, a_name_with_nothing_left_before_the_gap_is_refused_with_it) {
  const auto reader = open("mail");
  append(1, 1000, "before");
  acknowledge(*reader);
  tell(missing_);
  const auto again = open("mail");
  ASSERT_FALSE(again->stream);
  EXPECT_EQ(again->stream.error().code, errc::gap);
  ASSERT_TRUE(hub_->gap_of({shape_.table, "mail"}));
  EXPECT_EQ(hub_->gap_of({shape_.table, "mail"})->id, 7U);
}

TEST_F(hub_gaps, a_name_with_something_left_before_the_gap_gets_it_first) {
  hub_->know({{shape_.table, "mail"}, place(1, 900)});
  append(1, 1000, "before");
  tell(missing_);
  append(1, 2100, "behind");
  const auto reader = open("mail");
  ASSERT_TRUE(reader->stream);
  EXPECT_EQ(reader->rows, rows{"before"});
  acknowledge(*reader);
  EXPECT_EQ(reader->ended, end_reason::gap);
  EXPECT_EQ(open("mail")->stream.error().code, errc::gap);
}

TEST_F(hub_gaps, accepted_a_name_goes_on_behind_it) {
  hub_->know({{shape_.table, "mail"}, place(1, 1500)});
  tell(missing_);
  append(1, 2100, "behind");
  EXPECT_FALSE(open("mail")->stream);
  accept(missing_);
  EXPECT_EQ(open("mail")->rows, rows{"behind"});
}

TEST_F(hub_gaps, accepted_a_stream_that_still_has_something_in_hand_goes_on_as_it_is) {
  const auto reader = open("mail");
  append(1, 1000, "before");
  tell(missing_);
  append(1, 2100, "behind");
  accept(missing_);
  EXPECT_EQ(reader->rows, (rows{"before", "behind"}));
  acknowledge(*reader);
  EXPECT_FALSE(reader->ended);
}

TEST_F(hub_gaps, a_gap_whose_end_is_not_known_bars_names_and_keeps_new_ones_waiting) {
  hub_->know({{shape_.table, "mail"}, place(1, 1500)});
  const auto unnamed = open("");
  const auto subscription = open("", {}, stream_mode::subscribe);
  tell(gap(gap_kind::slot_missing, place(1, 1500), std::nullopt));
  EXPECT_EQ(open("mail")->stream.error().code, errc::gap);
  EXPECT_EQ(open("new")->stream.error().code, errc::unavailable);
  EXPECT_FALSE(unnamed->ended) << "it would come back and not know where to start";
  tell(missing_);
  EXPECT_EQ(unnamed->ended, end_reason::gap);
  EXPECT_FALSE(subscription->ended);
}

TEST_F(hub_gaps, new_names_and_unnamed_streams_start_behind_it) {
  tell(missing_);
  const auto fresh = open("new", place(1, 1800));
  const auto unnamed = open("", place(1, 1800));
  append(1, 2100, "behind");
  EXPECT_EQ(fresh->rows, rows{"behind"});
  EXPECT_EQ(unnamed->rows, rows{"behind"});
}

TEST_F(hub_gaps, events_that_never_happened_are_delivered_to_nobody_also_when_accepted) {
  append(1, 1000, "common");
  append(1, 1600, "lost branch");
  hub_->know({{shape_.table, "mail"}, place(1, 900)});
  const auto fork = gap(gap_kind::forked, place(1, 1500), place(2, 1500));
  tell(fork);
  append(2, 1600, "new branch");
  const auto reader = open("mail");
  EXPECT_EQ(reader->rows, rows{"common"});
  accept(fork);
  EXPECT_EQ(reader->rows, (rows{"common", "new branch"}));
}

TEST_F(hub_gaps, events_that_never_happened_do_not_reach_those_that_keep_up_either) {
  const auto reader = open("mail");
  const auto untracked = open("", {}, stream_mode::subscribe);
  append_unread(1, 1600, "lost branch");
  accept(gap(gap_kind::forked, place(1, 1500), place(2, 1500)));
  append(2, 1600, "new branch");
  EXPECT_EQ(reader->rows, rows{"new branch"});
  EXPECT_EQ(untracked->rows, rows{"new branch"});
}

TEST_F(hub_gaps, a_name_that_had_events_that_never_happened_is_refused) {
  const auto reader = open("mail");
  append(1, 1600, "lost branch");
  acknowledge(*reader);
  const auto fork = gap(gap_kind::forked, place(1, 1500), place(2, 1500));
  tell(fork);
  EXPECT_EQ(reader->ended, end_reason::gap);
  EXPECT_EQ(open("mail")->stream.error().code, errc::gap);
  append(2, 1550, "new branch");
  accept(fork);
  EXPECT_EQ(open("mail")->rows, rows{"new branch"});
}

TEST_F(hub_gaps, a_standby_takes_over_what_is_left_and_ends_at_the_gap_too) {
  const auto first = open("mail");
  const auto second = open("mail");
  append(1, 1000, "before");
  tell(missing_);
  hub_->close(*first->stream);
  settle();
  EXPECT_EQ(second->rows, rows{"before"});
  acknowledge(*second);
  EXPECT_EQ(second->ended, end_reason::gap);
}

}  // namespace
}  // namespace pulse::streams

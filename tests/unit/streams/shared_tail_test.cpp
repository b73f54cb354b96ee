// Whom the tail finds for an event, and where the others are meanwhile.
#include "streams/shared_tail.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "log/memory_log.hpp"
#include "log/memory_relations.hpp"
#include "streams/outdated_models.hpp"
#include "tests/unit/filters/filter_cases.hpp"

namespace pulse::streams {
namespace {

class shared_tails : public ::testing::Test {
 protected:
  shared_tails() {
    table_.table = {"public", "jobs"};
    table_.columns = {filters::testing::column_of("tenant", 23, true)};
  }

  static position place(std::uint64_t number) { return {1, lsn{number}, lsn{number}, 0}; }

  void append(int tenant, change_action action = change_action::create) {
    const auto described = relations_.describe(table_).value();
    const auto row = filters::testing::tuple_of({std::to_string(tenant)});
    event_view event;
    event.at = place(++appended_);
    event.id = make_event_id(1700000000000, event.at.commit, appended_);
    event.relation = described.version;
    event.table = described.table;
    event.action = action;
    if (action != change_action::truncate) event.after = tuple_view::trusted(as_byte_view(row));
    ASSERT_TRUE(log_.append(event));
  }

  // Has read all there is, and keeps up from here on.
  std::unique_ptr<stream_state> join(int tenant) {
    requests::stream_request wanted;
    wanted.model = filters::testing::model_of(table_);
    wanted.wanted.create = boost::json::object{{"tenant", tenant}};
    auto stream = std::make_unique<stream_state>(
        with_, filters::stream_id{++opened_},
        stream_opening{
            std::move(wanted), {std::make_shared<const relation>(table_), nullptr}, {}, nullptr},
        relations_.describe(table_)->table, stream_limits{}, models_);
    stream->reader = log_.read(log_.bounds().last_at, stream->table);
    while (*stream->reader->next() != nullptr) {
    }
    tail_.join(*stream);
    stream->how = delivery::live;
    return stream;
  }
  // Of the next event.
  std::vector<filters::stream_id> concerned() {
    const auto read = tail_.next();
    if (*read == nullptr) return {};
    filters::event_values values(**read);
    return tail_.concerned(**read, values);
  }
  void read_to_the_end() {
    while (*tail_.next() != nullptr) {
    }
  }
  using ids = std::vector<filters::stream_id>;

  boost::asio::io_context context_;
  metrics figures_;
  log::memory_log log_{std::uint64_t{1} << 20U};
  log::memory_relations relations_;
  relation table_;
  const hub::parts with_{context_.get_executor(), &log_, &relations_, nullptr, &figures_, "shop"};
  outdated_models models_{"shop"};
  shared_tail tail_{log_};
  std::uint64_t opened_ = 0;
  std::uint32_t appended_ = 0;
};

TEST_F(shared_tails, find_the_streams_that_an_event_could_concern) {
  const auto one = join(1);
  const auto two = join(2);
  append(2);
  append(1);
  append(3);
  EXPECT_EQ(concerned(), ids{two->id});
  EXPECT_EQ(concerned(), ids{one->id});
  EXPECT_EQ(concerned(), ids{});
}

TEST_F(shared_tails, find_all_streams_of_a_table_for_its_truncates) {
  const auto one = join(1);
  const auto two = join(2);
  append(0, change_action::truncate);
  EXPECT_EQ(concerned(), (ids{one->id, two->id}));
}

TEST_F(shared_tails, find_nobody_who_has_left_and_those_who_join_when_events_have_passed) {
  const auto one = join(1);
  append(1);
  EXPECT_EQ(concerned(), ids{one->id});
  read_to_the_end();
  const auto again = join(1);
  tail_.leave(*one);
  append(1);
  EXPECT_EQ(concerned(), ids{again->id});
}

TEST_F(shared_tails, move_the_cursors_of_streams_that_want_nothing_of_what_passes) {
  const auto one = join(1);
  append(2);
  append(2);
  read_to_the_end();
  EXPECT_EQ(one->cursor(), place(2));
  one->window.sent(make_event_id(1700000000000, lsn{2}, 9), place(2), 10);
  append(2);
  read_to_the_end();
  EXPECT_LT(one->cursor(), place(2)) << "one is in flight";
}

TEST_F(shared_tails, leave_with_a_stream_what_has_passed_it) {
  const auto one = join(1);
  const auto other = join(2);
  append(2);
  append(2);
  read_to_the_end();
  tail_.leave(*one);
  append(2);
  read_to_the_end();
  EXPECT_EQ(one->after, place(2));
  EXPECT_EQ(one->cursor(), place(2));
  EXPECT_EQ(other->cursor(), place(3));
}

TEST_F(shared_tails, begin_anew_with_the_next_stream_when_nobody_is_left) {
  const auto one = join(1);
  append(1);
  tail_.leave(*one);
  ASSERT_TRUE(tail_.empty());
  tail_.rest();
  const auto next = join(1);
  append(1);
  const auto read = tail_.next();
  ASSERT_NE(*read, nullptr);
  EXPECT_EQ((*read)->at, place(2)) << "the first was read before by everybody";
}

TEST_F(shared_tails, begins_where_it_is_known_that_events_may_be_delivered_and_are_kept) {
  log::readable_end end;
  const shared_tail tail(log_, &end);
  EXPECT_TRUE(tail.can_begin()) << "nothing is stored";
  for (int i = 0; i < 5; ++i) append(1);
  EXPECT_FALSE(tail.can_begin()) << "it would begin with the oldest event";
  end.move(place(2));
  EXPECT_TRUE(tail.can_begin());
  log::retention_policy policy;
  policy.bytes_max = 1;
  policy.through_max = place(3);
  ASSERT_TRUE(log_.trim(policy, unix_time_us{}));
  EXPECT_FALSE(tail.can_begin()) << "it would begin with an event that is dropped";
  end.move(place(4));
  EXPECT_TRUE(tail.can_begin());
}

}  // namespace
}  // namespace pulse::streams

// Whoever holds a name without being a WebSocket: windows of their own, acknowledgements of all
// through an event, cursors that are durable when it is said, places, and reserved names.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/unit/streams/hub_fixture.hpp"

namespace pulse::streams {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class hub_holders : public hub_fixture {
 protected:
  void SetUp() override { start_hub(); }

  stream_opening opening(const std::string& name, const std::shared_ptr<recorder>& to,
                         holder_kind kind = holder_kind::pull) {
    return {request(name, "jobs"),
            {std::make_shared<const relation>(shape("jobs")), nullptr},
            log_.bounds().last_at,
            to,
            kind};
  }
  std::shared_ptr<recorder> open_with(const std::function<void(stream_opening&)>& change) {
    auto to = std::make_shared<recorder>();
    auto what = opening("mail", to);
    change(what);
    hub_->open(std::move(what), [to](const result<filters::stream_id>& opened) {
      if (opened) to->stream = *opened;
      if (!opened) to->refused = opened.error();
    });
    settle();
    return to;
  }
  std::shared_ptr<recorder> open_reserved() {
    return open_with([](auto& what) { what.has_reservation = true; });
  }

  std::shared_ptr<std::optional<result<void>>> save(const std::string& name,
                                                    std::optional<std::string> lease) {
    auto answer = std::make_shared<std::optional<result<void>>>();
    hub_->save(key(name), std::move(lease),
               [answer](const result<void>& saved) { *answer = saved; });
    settle();
    return answer;
  }
  std::shared_ptr<bool> passed(const recorder& by, const position& place) {
    auto said = std::make_shared<bool>(false);
    hub_->when_passed(by.stream, place, [said] { *said = true; });
    settle();
    return said;
  }

  event_id id_of(const recorder& by, std::size_t index) {
    return *parse_event_id(by.ids.at(index));
  }
};

TEST_F(hub_holders, a_stream_has_the_window_that_it_asks_for) {
  const auto small = open_with([](auto& what) { what.window_events_max = 2; });
  append(5);
  EXPECT_THAT(small->numbers(), ElementsAre(1, 2));
  acknowledge(*small, 0);
  acknowledge(*small, 1);
  EXPECT_THAT(small->numbers(), ElementsAre(1, 2, 3, 4));
}

TEST_F(hub_holders, everything_through_an_event_is_acknowledged_in_one_go) {
  const auto one = open("mail");
  append(5);
  EXPECT_TRUE(hub_->acknowledge_through(one->stream, id_of(*one, 2)));
  settle();
  EXPECT_EQ(hub_->cursor(key("mail")), place_of(3));
  close(*one);
  EXPECT_THAT(open("mail")->numbers(), ElementsAre(4, 5));
}

TEST_F(hub_holders, what_an_earlier_connection_delivered_is_acknowledged_through_the_next_one) {
  const auto one = open("mail");
  append(5);
  close(*one);
  limits_.window_events_max = 1;
  const auto next = open_with([](auto& what) { what.window_events_max = 1; });
  EXPECT_TRUE(hub_->acknowledge_through(next->stream, id_of(*one, 3)));
  settle();
  EXPECT_THAT(next->numbers(), ElementsAre(1, 5));
}

TEST_F(hub_holders, after_a_start_what_was_delivered_before_comes_again_and_is_acknowledged) {
  const auto before = open("mail");
  append(5);
  const auto id = id_of(*before, 2);
  start_hub();
  hub_->know({key("mail"), {}, clock_.now()});
  const auto after = open_with([](auto& what) { what.window_events_max = 2; });
  EXPECT_THAT(after->numbers(), ElementsAre(1, 2));
  EXPECT_TRUE(hub_->acknowledge_through(after->stream, id));
  settle();
  EXPECT_THAT(after->numbers(), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(hub_->cursor(key("mail")), place_of(3));
}

TEST_F(hub_holders, an_old_id_acknowledges_nothing_of_what_an_operator_wants_to_be_read_again) {
  const auto before = open("mail");
  append(3);
  const auto id = id_of(*before, 2);
  const auto moved = hub_->move(key("mail"), "moved");
  moved(position{});
  settle();
  const auto again = open("mail");
  EXPECT_TRUE(hub_->acknowledge_through(again->stream, id).has_value());
  settle();
  EXPECT_EQ(hub_->cursor(key("mail")), place_of(3)) << "what was delivered again is acknowledged";
  start_hub();
  hub_->know({key("mail"), place_of(3), clock_.now()});
  hub_->move(key("mail"), "moved")(position{});
  settle();
  const auto next = open_with([](auto& what) { what.window_events_max = 1; });
  EXPECT_THAT(next->numbers(), ElementsAre(1));
  hub_->acknowledge_through(next->stream, id);
  settle();
  EXPECT_THAT(next->numbers(), ElementsAre(1, 2)) << "and not what comes next";
  EXPECT_EQ(hub_->cursor(key("mail")), place_of(1));
}

TEST_F(hub_holders, an_id_that_was_never_given_acknowledges_nothing) {
  const auto one = open("mail");
  append(2);
  auto beyond = id_of(*one, 1);
  beyond = make_event_id(beyond.time_ms() + 1, lsn{9000}, 0);
  EXPECT_FALSE(hub_->acknowledge_through(one->stream, beyond));
  append(1);
  EXPECT_EQ(hub_->cursor(key("mail")), position{});
}

TEST_F(hub_holders, a_cursor_and_its_lease_are_durable_when_it_is_said) {
  limits_.cursor_flush_interval = std::chrono::hours(1);
  start_hub();
  const auto one = open("mail");
  append(2);
  acknowledge(*one, 0);
  EXPECT_EQ(cursors_.stored.at(key("mail")), position{});
  const auto saved = save("mail", "until noon");
  ASSERT_TRUE(saved->has_value());
  EXPECT_TRUE(**saved);
  EXPECT_EQ(cursors_.stored.at(key("mail")), place_of(1));
  EXPECT_EQ(cursors_.leases.at(key("mail")), "until noon");
  // What stands is durable.
  EXPECT_TRUE(**save("mail", "until noon"));
}

TEST_F(hub_holders, a_save_that_fails_is_told_and_tried_again) {
  const auto one = open("mail");
  append(1);
  cursors_.fail_saves = true;
  const auto failed = save("mail", "until noon");
  ASSERT_TRUE(failed->has_value());
  EXPECT_EQ((*failed)->error().code, errc::io);
  cursors_.fail_saves = false;
  EXPECT_TRUE(**save("mail", {}));
  EXPECT_EQ(cursors_.leases.at(key("mail")), "until noon");
}

TEST_F(hub_holders, who_waits_for_a_save_is_told_that_the_name_is_no_more) {
  const auto one = open("mail");
  std::optional<result<void>> answer;
  hub_->save(key("mail"), "until noon", [&](const result<void>& saved) { answer = saved; });
  hub_->forget(key("mail"), "deleted");
  settle();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->error().code, errc::cancelled);
  EXPECT_EQ((*save("other", {}))->error().code, errc::cancelled);
}

TEST_F(hub_holders, a_place_is_passed_when_all_through_it_is_delivered) {
  const auto one = open_with([](auto& what) { what.window_events_max = 2; });
  append(4);
  const auto said = passed(*one, place_of(4));
  EXPECT_FALSE(*said);
  acknowledge_all(*one);
  EXPECT_TRUE(*said);
  EXPECT_TRUE(*passed(*one, place_of(2)));
  EXPECT_TRUE(hub_->place(one->stream)->at_end);
}

TEST_F(hub_holders, a_place_behind_the_last_event_is_passed_when_all_through_it_is_durable) {
  const auto one = open("mail");
  append(1);
  const auto said = passed(*one, {1, lsn{5000}, {}, 0});
  EXPECT_FALSE(*said);
  ASSERT_TRUE(log_.cover(1, lsn{4999}));
  hub_->progress();
  settle();
  EXPECT_FALSE(*said);
  ASSERT_TRUE(log_.cover(1, lsn{5000}));
  hub_->progress();
  settle();
  EXPECT_TRUE(*said);
}

TEST_F(hub_holders, nobody_hears_of_a_place_after_the_end) {
  const auto one = open("mail");
  const auto said = passed(*one, place_of(1));
  close(*one);
  append(1);
  EXPECT_FALSE(*said);
  EXPECT_FALSE(hub_->place(one->stream).has_value());
}

TEST_F(hub_holders, a_reserved_name_waits_for_whoever_has_the_reservation) {
  open("mail");
  start_hub();
  hub_->know({key("mail"), {}, clock_.now(), false, "until noon"});
  const auto since = clock_.now();
  EXPECT_TRUE(hub_->reserve(key("mail"), holder_kind::pull, since));
  EXPECT_FALSE(hub_->reserve(key("mail"), holder_kind::pull, since));
  append(1);
  const auto waiting = open("mail");
  EXPECT_THAT(waiting->numbers(), IsEmpty());
  ASSERT_TRUE(hub_->holder(key("mail")).has_value());
  EXPECT_EQ(hub_->holder(key("mail"))->kind, holder_kind::pull);
  const auto holder = open_reserved();
  EXPECT_THAT(holder->numbers(), ElementsAre(1));
  // Between two connections it is still reserved.
  close(*holder);
  EXPECT_THAT(waiting->numbers(), IsEmpty());
  hub_->release(key("mail"));
  settle();
  EXPECT_THAT(waiting->numbers(), ElementsAre(1));
  EXPECT_EQ(hub_->holder(key("mail"))->kind, holder_kind::websocket);
}

TEST_F(hub_holders, a_lease_is_not_ended_for_standing_still) {
  const auto lease = open_with([](auto& what) { what.window_events_max = 1; });
  append(2);
  const auto waiting = open("mail");
  pass_until(limits_.stall_timeout + std::chrono::seconds(5));
  EXPECT_FALSE(lease->ended.has_value());
  EXPECT_THAT(waiting->numbers(), IsEmpty());
}

TEST_F(hub_holders, who_gets_nothing_more_without_an_acknowledgement_is_told_so) {
  const auto one = open_with([](auto& what) { what.window_events_max = 2; });
  append(2);
  EXPECT_EQ(one->waits, 0) << "nothing waits";
  append(1);
  EXPECT_EQ(one->waits, 1);
  EXPECT_THAT(one->numbers(), ElementsAre(1, 2));
}

TEST_F(hub_holders, who_has_room_again_goes_on_before_it_acknowledges) {
  const auto one = open_with([](auto& what) { what.window_events_max = 4; });
  append(3);
  one->unsent = limits_.unsent_bytes_max + 1;
  append(2);
  EXPECT_THAT(one->numbers(), ElementsAre(1, 2, 3));
  EXPECT_EQ(one->waits, 0) << "for bytes, not for an acknowledgement";
  one->unsent = 0;
  hub_->writable(one->stream);
  settle();
  EXPECT_THAT(one->numbers(), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(one->waits, 1);
}

}  // namespace
}  // namespace pulse::streams

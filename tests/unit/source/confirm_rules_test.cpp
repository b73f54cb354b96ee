#include "source/confirm_rules.hpp"

#include <gtest/gtest.h>

namespace pulse::source {
namespace {

using time_point = confirm_rules::time_point;
using namespace std::chrono_literals;

TEST(confirm_rules, keepalive_does_not_confirm_unflushed_changes) {
  confirm_rules rules(lsn{100});
  rules.received_through(lsn{500});
  const auto feedback = rules.take(lsn{200}, time_point(1h));
  EXPECT_EQ(feedback.flushed, lsn{200});
  EXPECT_EQ(feedback.written, lsn{500});
}

TEST(confirm_rules, what_is_confirmed_never_falls) {
  confirm_rules rules(lsn{300});
  EXPECT_EQ(rules.take(lsn{100}, time_point(1h)).flushed, lsn{300});
}

TEST(confirm_rules, feedback_is_due_when_asked_for_when_more_is_durable_and_from_time_to_time) {
  confirm_rules rules(lsn{100});
  rules.take(lsn{100}, time_point(1h));
  EXPECT_FALSE(rules.due(lsn{100}, time_point(1h + 1s)));
  EXPECT_TRUE(rules.due(lsn{101}, time_point(1h + 1s)));
  EXPECT_TRUE(rules.due(lsn{100}, time_point(1h) + confirm_rules::feedback_interval));
  rules.reply_requested();
  EXPECT_TRUE(rules.due(lsn{100}, time_point(1h + 1s)));
  rules.take(lsn{100}, time_point(1h + 1s));
  EXPECT_FALSE(rules.due(lsn{100}, time_point(1h + 1s)));
}

TEST(confirm_rules, an_idle_database_moves_on_but_not_with_every_keepalive) {
  confirm_rules rules(lsn{100});
  EXPECT_FALSE(rules.idle_mark(lsn{100}, time_point(1h)));
  rules.received_through(lsn{150});
  EXPECT_EQ(rules.idle_mark(lsn{100}, time_point(1h)), lsn{150});
  rules.received_through(lsn{160});
  EXPECT_FALSE(rules.idle_mark(lsn{150}, time_point(1h + 1s)));
  EXPECT_EQ(rules.idle_mark(lsn{150}, time_point(1h) + confirm_rules::idle_mark_interval),
            lsn{160});
}

}  // namespace
}  // namespace pulse::source

// What retention drops of a log on disk, and what it leaves.
#include "tests/unit/log/segment_log_on_a_disk.hpp"

namespace pulse::log {
namespace {

using pulse::testing::collect;
using pulse::testing::wait_until;

TEST_F(segment_log_on_a_disk, what_retention_leaves_survives_a_restart) {
  open();
  append_durably(1, 1000);
  ASSERT_TRUE(log_->cover(7, lsn{99}));
  wait_until([&] { return log_->bounds().covered_through == lsn{99}; });
  retention_policy policy;
  policy.age_max = std::chrono::seconds(1);
  const auto dropped = log_->trim(policy, unix_time_us::max());
  ASSERT_TRUE(dropped);
  const auto before = log_->bounds();
  EXPECT_EQ(dropped->dropped_events, before.first - 1);
  EXPECT_EQ(segments().size(), 1U);
  open();
  const auto after = log_->bounds();
  EXPECT_EQ(after.first, before.first);
  EXPECT_EQ(after.last, 1000U);
  EXPECT_EQ(after.last_at, before.last_at);
  EXPECT_EQ(after.last_id, before.last_id);
  EXPECT_EQ(after.dropped_through, before.dropped_through);
  EXPECT_EQ(after.covered_through, lsn{99});
  EXPECT_EQ(after.timeline, 7U);
}

TEST_F(segment_log_on_a_disk, a_segment_that_cannot_be_removed_ends_the_process_and_loses_nothing) {
  struct ended {};
  options_.on_fatal = [](const error&) { throw ended{}; };
  open();
  append_durably(1, 1000);
  ASSERT_GT(segments().size(), 2U);
  const auto before = segments();
  retention_policy policy;
  policy.age_max = std::chrono::seconds(1);
  disk_->removals_fail = true;
  EXPECT_THROW(static_cast<void>(log_->trim(policy, unix_time_us::max())), ended);
  EXPECT_EQ(segments(), before);
  disk_->removals_fail = false;
  open();
  EXPECT_EQ(collect(*log_->read(position{}, 0)).size(), 1000U);
}

class set_clock final : public clock_source {
 public:
  unix_time_us now() const override { return at; }
  std::chrono::steady_clock::time_point steady_now() const override { return {}; }
  unix_time_us at{std::chrono::hours(24 * 20'000)};
};

TEST_F(segment_log_on_a_disk, retention_by_age_counts_from_when_events_were_stored) {
  // Committed long ago: caught up with after an outage.
  set_clock clock;
  options_.clock = &clock;
  open();
  append_durably(1, 1000);
  ASSERT_GT(segments().size(), 1U);
  retention_policy policy;
  policy.age_max = std::chrono::hours(24 * 7);
  EXPECT_EQ(log_->trim(policy, clock.at)->dropped_events, 0U);
  open();
  EXPECT_EQ(log_->trim(policy, clock.at + std::chrono::hours(24 * 6))->dropped_events, 0U);
  EXPECT_GT(log_->trim(policy, clock.at + std::chrono::hours(24 * 8))->dropped_events, 0U);
  log_.reset();
}

}  // namespace
}  // namespace pulse::log

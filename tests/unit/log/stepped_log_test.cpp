// A log without a thread, as the simulation runs it: it writes when it is told to.
#include <gtest/gtest.h>

#include "log/segment_log.hpp"
#include "tests/support/fault_storage.hpp"
#include "tests/support/test_events.hpp"

namespace pulse::log {
namespace {

using pulse::testing::collect;
using pulse::testing::test_event;
using testing::fault_disk;
using testing::open_disk;

class stepped_log : public ::testing::Test {
 protected:
  void open(std::function<bool()> wait_for_room) {
    options_.segment_bytes = 16384;
    options_.block_bytes_target = 1024;
    options_.stepped.emplace(std::move(wait_for_room));
    log_.reset();
    auto opened = segment_log::open(open_disk(disk_), options_);
    ASSERT_TRUE(opened) << opened.error().message();
    log_ = std::move(opened).value();
  }
  void append(std::uint32_t from, std::uint32_t to) {
    for (auto n = from; n <= to; ++n) ASSERT_TRUE(log_->append(test_event(n).view()));
  }

  std::shared_ptr<fault_disk> disk_ = std::make_shared<fault_disk>();
  segment_log_options options_;
  std::unique_ptr<segment_log> log_;
};

TEST_F(stepped_log, writes_only_in_its_steps) {
  open([] { return true; });
  EXPECT_FALSE(log_->step());
  append(1, 300);
  EXPECT_EQ(log_->bounds().last, 0U);
  EXPECT_TRUE(log_->step());
  EXPECT_EQ(log_->bounds().last, 300U);
  EXPECT_EQ(log_->bounds().pending_bytes, 0U);
  EXPECT_FALSE(log_->step());
  append(301, 310);
  open([] { return true; });
  EXPECT_EQ(log_->bounds().last, 300U) << "closing it writes nothing";
  EXPECT_EQ(collect(*log_->read(position{}, 0)).size(), 300U);
}

TEST_F(stepped_log, waits_for_room_within_a_step) {
  disk_->set_capacity(20000);
  int waits = 0;
  open([&] {
    EXPECT_TRUE(log_->bounds().out_of_space);
    if (++waits == 3) disk_->set_capacity(10000000);
    return false;
  });
  append(1, 400);
  EXPECT_TRUE(log_->step());
  EXPECT_EQ(waits, 3);
  EXPECT_FALSE(log_->bounds().out_of_space);
  EXPECT_EQ(log_->bounds().last, 400U);
}

TEST_F(stepped_log, gives_up_within_a_step_when_it_is_told_to_stop) {
  disk_->set_capacity(20000);
  open([] { return true; });
  append(1, 400);
  log_->step();
  EXPECT_LT(log_->bounds().last, 400U);
  EXPECT_FALSE(log_->step());
}

}  // namespace
}  // namespace pulse::log

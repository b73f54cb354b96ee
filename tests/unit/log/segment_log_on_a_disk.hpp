// A log on a disk that can fail, with small segments and blocks.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "log/segment_log.hpp"
#include "tests/support/fault_storage.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/test_events.hpp"

namespace pulse::log {

class segment_log_on_a_disk : public ::testing::Test {
 protected:
  segment_log_on_a_disk() : disk_(std::make_shared<testing::fault_disk>()) {
    options_.segment_bytes = 16384;
    options_.block_bytes_target = 1024;
    options_.recent_bytes_max = 0;
    options_.retry_wait = std::chrono::milliseconds(1);
  }

  void open() {
    log_.reset();
    auto opened = try_open();
    ASSERT_TRUE(opened) << opened.error().message();
    log_ = std::move(opened).value();
  }
  result<std::unique_ptr<segment_log>> try_open() {
    return segment_log::open(testing::open_disk(disk_), options_);
  }

  void append(std::uint32_t from, std::uint32_t to) {
    for (auto n = from; n <= to; ++n)
      ASSERT_TRUE(log_->append(pulse::testing::test_event(n).view()));
  }
  void append_durably(std::uint32_t from, std::uint32_t to) {
    append(from, to);
    pulse::testing::wait_until([&] { return log_->bounds().last == to; });
  }

  // One write a block, so that each is durable before the next.
  void append_one_by_one(std::uint32_t from, std::uint32_t to) {
    for (auto n = from; n <= to; ++n) append_durably(n, n);
  }

  std::vector<std::string> segments() const {
    auto names = disk_->names();
    std::erase_if(names, [](const auto& name) { return !name.ends_with(".seg"); });
    return names;
  }

  std::shared_ptr<testing::fault_disk> disk_;
  segment_log_options options_;
  std::unique_ptr<segment_log> log_;
};

}  // namespace pulse::log

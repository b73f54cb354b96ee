#include "base/unexpected.hpp"

#include <new>
#include <stdexcept>

#include <gtest/gtest.h>

namespace pulse {
namespace {

TEST(end_process_on, does_nothing_without_a_failure) {
  end_process_on(nullptr);
}

TEST(end_process_on, ends_the_process_with_the_reason_in_the_log) {
  EXPECT_DEATH(end_process_on(std::make_exception_ptr(std::bad_alloc())), "bad_alloc");
  EXPECT_DEATH(end_process_on(std::make_exception_ptr(std::runtime_error("no room"))), "no room");
  EXPECT_DEATH(end_process_on(std::make_exception_ptr(7)), "unknown");
}

}  // namespace
}  // namespace pulse

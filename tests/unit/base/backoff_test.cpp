#include "base/backoff.hpp"

#include <gtest/gtest.h>

namespace pulse {
namespace {

using std::chrono::milliseconds;

class backoff_waits : public ::testing::Test {
 protected:
  // Each wait is between half of its step and the step.
  void expect_step(milliseconds step) {
    const auto wait = under_test.next();
    EXPECT_GE(wait, step / 2);
    EXPECT_LE(wait, step);
  }

  backoff under_test{milliseconds(200), milliseconds(1000), 1};
};

TEST_F(backoff_waits, doubles_up_to_the_most) {
  for (const int step : {200, 400, 800, 1000, 1000}) expect_step(milliseconds(step));
}

TEST_F(backoff_waits, begins_again_after_what_worked_for_longer_than_its_step) {
  for (const int step : {200, 400}) expect_step(milliseconds(step));
  under_test.worked_for(milliseconds(801));
  expect_step(milliseconds(200));
}

TEST_F(backoff_waits, goes_on_growing_when_what_begins_fails_at_once) {
  for (const int step : {200, 400, 800, 1000, 1000}) {
    expect_step(milliseconds(step));
    under_test.worked_for(milliseconds(3));
  }
}

}  // namespace
}  // namespace pulse

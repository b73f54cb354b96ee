#include "app/volume_share.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace pulse::app {
namespace {

constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30U;

TEST(volume_share, of_one_project_or_two_is_a_fifth_for_each) {
  EXPECT_EQ(share_of_volume(100 * gibibyte, 1), 20 * gibibyte);
  EXPECT_EQ(share_of_volume(100 * gibibyte, 2), 20 * gibibyte);
}

RC_GTEST_PROP(volume_share_property, logs_of_any_number_of_projects_leave_half_of_the_volume, ()) {
  const auto volume = *rc::gen::inRange<std::uint64_t>(1, std::uint64_t{1} << 50U);
  const auto projects = *rc::gen::inRange<std::size_t>(1, 10'000);
  RC_ASSERT(share_of_volume(volume, projects) * projects <= volume / 2);
  // Nobody's is smaller for one more project than it has to be.
  if (projects > 2) RC_ASSERT(share_of_volume(volume, projects) >= volume / 2 / projects);
}

}  // namespace
}  // namespace pulse::app

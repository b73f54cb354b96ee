#include "base/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pulse {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto counted = metric::counter("events_total", "Events", "project", "kind");
constexpr auto behind = metric::gauge("lag", "Lag", "project");
constexpr auto opened = metric::gauge("open", "Open");

TEST(metrics_test, what_is_dropped_by_its_label_is_not_rendered_and_begins_anew) {
  metrics figures;
  figures.counter(counted, "shop", "a").Increment(3);
  figures.counter(counted, "other", "shop").Increment(5);
  figures.gauge(behind, "shop").Set(7);
  figures.gauge(opened).Set(1);

  figures.drop_labelled("project", "shop");
  const auto left = figures.render();
  EXPECT_THAT(left, Not(HasSubstr("project=\"shop\"")));
  EXPECT_THAT(left, HasSubstr("events_total{kind=\"shop\",project=\"other\"} 5"));
  EXPECT_THAT(left, HasSubstr("open 1"));

  EXPECT_EQ(figures.gauge(behind, "shop").Value(), 0);
}

}  // namespace
}  // namespace pulse

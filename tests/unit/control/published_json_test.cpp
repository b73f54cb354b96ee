#include "control/published_json.hpp"

#include <gtest/gtest.h>

namespace pulse::control {
namespace {

TEST(published_json, what_was_seen_comes_back_as_it_was) {
  source::published_memory known;
  source::publication_state one;
  one.row = {4'000'000'000U, 3'999'999'999U};
  one.name = "a \"name\"";
  one.for_all_tables = true;
  one.sends = {true, false, true, false};
  one.via_root = true;
  one.tables.push_back({{11, 12}, 13, {"public", "t\u00e4ble"}, true, true});
  known.state.publications.push_back(one);
  known.state.triggers.push_back({21, 22});
  known.at = {3, lsn{0xffff'ffff'ffff'fff0ULL}, lsn{7}, 9};
  source::publication_loss loss;
  loss.what.tables.push_back({13, {"public", "t"}});
  loss.what.actions = {false, true, true, false};
  loss.what.reason = "somebody altered it";
  loss.after = {3, lsn{6}, {}, 0};
  loss.over_before = 1ULL << 40U;
  known.open = {loss, loss};
  known.open[1].over_before.reset();
  known.open[1].what.of_every_table = true;
  const auto back = published_from_json(to_json(known));
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(*back, known);
  EXPECT_EQ(place_from_json(place_to_json(known.at)).value(), known.at);
}

TEST(published_json, anything_else_is_refused) {
  for (const auto* text : {"", "{}", "[]", "{\"state\":{},\"at\":[],\"open\":[]}"})
    EXPECT_EQ(published_from_json(text).error().code, errc::corrupt) << text;
  EXPECT_FALSE(place_from_json("[1]"));
}

}  // namespace
}  // namespace pulse::control

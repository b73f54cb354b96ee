// Names that nobody uses any more.
#include "tests/unit/streams/hub_expiry.hpp"

namespace pulse::streams {
namespace {

using namespace std::chrono_literals;

TEST_F(hub_expiry, name_that_nobody_uses_is_abandoned_and_says_so) {
  limits_.abandoned_after = 24h * 30;
  start_hub();
  make_name("old");
  const auto used = open("used");
  clock_.at += 24h * 31;
  pass_until(1s);
  pass_until(599s);
  EXPECT_TRUE(cursors_.marks.empty()) << "whoever was connected may come back first";
  pass_until(602s);
  EXPECT_EQ(cursors_.marks, (std::map<cursor_key, bool>{{key("old"), true}}));
  EXPECT_EQ(figure("pulse_cursors_abandoned_total"), 1);
  EXPECT_EQ(hub_->condition(key("old"), {}), cursor_condition::abandoned);
  const auto refused = open("old")->refused;
  ASSERT_TRUE(refused);
  EXPECT_NE(refused->what.find("30 days"), std::string::npos) << refused->what;
  restart(true);
  EXPECT_TRUE(open("old")->refused);
}

TEST_F(hub_expiry, abandoned_name_that_nobody_uses_for_as_long_again_is_deleted) {
  limits_.abandoned_after = 24h * 30;
  start_hub();
  make_name("old");
  make_name("younger");
  const auto used = open("used");
  clock_.at += 24h * 20;
  close(*open("younger"));
  clock_.at += 24h * 41;
  pass_until(1s);
  pass_until(602s);
  EXPECT_TRUE(cursors_.stored.contains(key("old"))) << "abandoned first";
  pass_until(1203s);
  EXPECT_FALSE(cursors_.stored.contains(key("old")));
  EXPECT_TRUE(cursors_.stored.contains(key("younger")));
  EXPECT_TRUE(cursors_.stored.contains(key("used")));
  EXPECT_EQ(figure("pulse_cursors_abandoned_deleted_total"), 1);
  append(2);
  const auto anew = open("old");
  EXPECT_FALSE(anew->refused) << "it is a new name";
  append(1);
  EXPECT_EQ(anew->ids.size(), 1U);
}

TEST_F(hub_expiry, abandoned_name_comes_back_where_the_project_says_so) {
  limits_.on_expired = when_expired::earliest;
  start_hub();
  make_name("old");
  append(3);
  restart(true);
  const auto back = open("old");
  EXPECT_FALSE(back->refused);
  EXPECT_EQ(back->ids.size(), 3U) << "its events are kept";
  EXPECT_EQ(cursors_.marks, (std::map<cursor_key, bool>{{key("old"), false}}));
}

}  // namespace
}  // namespace pulse::streams

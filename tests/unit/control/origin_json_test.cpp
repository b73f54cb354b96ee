#include "control/origin_json.hpp"

#include <gtest/gtest.h>

namespace pulse::control {
namespace {

TEST(origin_json, an_origin_survives_being_kept) {
  log_origin whose;
  whose.database = "7301/16384";
  whose.timeline_base = 4;
  whose.history = {6, {{5, lsn{0xA00005800}}}};
  whose.begins = {6, lsn{0x5000}, {}, 0};
  whose.left = {{"7300/5", 0, {3, lsn{0x9000}, {}, 0}}, {"7301/5", 3, {4, lsn{0x10}, {}, 0}}};
  EXPECT_EQ(origin_from_json(to_json(whose)).value(), whose);
  EXPECT_EQ(origin_from_json(to_json(log_origin{})).value(), log_origin{});
}

TEST(origin_json, other_text_is_corrupt) {
  const auto good = to_json(log_origin{"7301/16384", 4, {6, {}}, {}, {}});
  for (const auto& text :
       {std::string(), std::string("{}"), std::string("[]"), good.substr(0, good.size() - 1)}) {
    const auto read = origin_from_json(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, errc::corrupt);
  }
  auto without_lsn = good;
  without_lsn.replace(without_lsn.find("0/0"), 3, "x/y");
  EXPECT_FALSE(origin_from_json(without_lsn));
}

}  // namespace
}  // namespace pulse::control

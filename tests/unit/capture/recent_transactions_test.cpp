#include "capture/recent_transactions.hpp"

#include <gtest/gtest.h>

namespace pulse::capture {
namespace {

position commit_at(std::uint64_t at) {
  return {1, lsn{at}, lsn{at}, 0};
}

TEST(recent_transactions, are_found_by_their_ids) {
  recent_transactions recent;
  recent.add(745, commit_at(100));
  recent.add(746, commit_at(200));
  EXPECT_EQ(recent.find(745), commit_at(100));
  EXPECT_EQ(recent.find(746), commit_at(200));
  EXPECT_EQ(recent.find(747), std::nullopt);
  EXPECT_EQ(recent.find(0), std::nullopt) << "no transaction has this id";
}

TEST(recent_transactions, give_way_to_later_ones_and_are_not_taken_for_them) {
  recent_transactions recent;
  constexpr auto apart = static_cast<std::uint32_t>(recent_transactions::kept);
  recent.add(745, commit_at(100));
  EXPECT_EQ(recent.find(745 + apart), std::nullopt);
  recent.add(745 + apart, commit_at(200));
  EXPECT_EQ(recent.find(745), std::nullopt);
  EXPECT_EQ(recent.find(745 + apart), commit_at(200));
}

TEST(recent_transactions, are_forgotten_where_ids_mean_others) {
  recent_transactions recent;
  recent.add(745, commit_at(100));
  recent.forget();
  EXPECT_EQ(recent.find(745), std::nullopt);
}

}  // namespace
}  // namespace pulse::capture

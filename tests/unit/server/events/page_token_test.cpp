#include "server/events/page_token.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace pulse::server {
namespace {

page_place any_place() {
  const auto any = [] { return *rc::gen::arbitrary<std::uint64_t>(); };
  page_place place{{*rc::gen::arbitrary<std::uint32_t>(), lsn{any()}, lsn{any()},
                    *rc::gen::arbitrary<std::uint32_t>()}};
  const auto gaps = *rc::gen::inRange<std::size_t>(0, accepted_gaps_max + 1);
  for (std::size_t i = 0; i < gaps; ++i) place.accepted_gaps.push_back(any());
  return place;
}

RC_GTEST_PROP(page_token, brings_its_place_back, ()) {
  const auto place = any_place();
  const auto token = make_token(place, "shop");
  RC_ASSERT(is_token(token));
  RC_ASSERT(token.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    ".-_") == std::string::npos);
  const auto read = read_token(token, "shop");
  RC_ASSERT(read.has_value());
  RC_ASSERT(*read == place);
}

RC_GTEST_PROP(page_token, is_refused_when_it_is_damaged_or_of_another_project, ()) {
  const auto token = make_token(any_place(), "shop");
  auto damaged = token;
  const auto at = *rc::gen::inRange<std::size_t>(3, token.size());
  damaged[at] = damaged[at] == 'A' ? 'B' : 'A';
  const auto read = read_token(damaged, "shop");
  // The last character has bits that mean nothing.
  const bool is_the_same = read && at + 1 == token.size() && *read == *read_token(token, "shop");
  RC_ASSERT(is_the_same || !read);
  RC_ASSERT(!read_token(token.substr(0, *rc::gen::inRange<std::size_t>(3, token.size())), "shop"));
  const auto foreign = read_token(token, "blog");
  RC_ASSERT(!foreign);
  RC_ASSERT(foreign.error().what.find("another project") != std::string::npos);
}

TEST(page_token, keeps_the_newest_gaps) {
  page_place place{{1, lsn{2}, lsn{3}, 4}};
  for (std::uint64_t id = 1; id <= accepted_gaps_max + 3; ++id) place.accepted_gaps.push_back(id);
  const auto read = read_token(make_token(place, "shop"), "shop");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->accepted_gaps.size(), accepted_gaps_max);
  EXPECT_EQ(read->accepted_gaps.back(), accepted_gaps_max + 3);
}

TEST(page_token, of_another_form_is_refused) {
  for (const auto* bad : {"p2.AAAA", "p1.", "p1.AAAA", "p1.!!!!", "pulse.1"}) {
    EXPECT_TRUE(is_token(bad)) << bad;
    const auto read = read_token(bad, "shop");
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().code, errc::invalid_argument);
  }
  EXPECT_FALSE(read_token("p1." + std::string(100'000, 'A'), "shop"));
}

}  // namespace
}  // namespace pulse::server

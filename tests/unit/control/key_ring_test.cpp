#include "control/key_ring.hpp"

#include <algorithm>
#include <cctype>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace pulse::control {
namespace {

TEST(make_key, gives_a_secret_with_its_id_and_256_bits) {
  const auto made = make_key("p", "worker").value();
  const auto prefix = "pulse_" + made.stored.id + "_";
  ASSERT_TRUE(made.secret.starts_with(prefix)) << made.secret;
  EXPECT_EQ(made.secret.size() - prefix.size(), 43U);
  EXPECT_EQ(made.stored.hash, hash_key(made.secret));
  EXPECT_EQ(made.stored.project, "p");
  EXPECT_EQ(made.stored.label, "worker");
}

// An id is typed after `pulse keys revoke`: it must not look like an option there.
TEST(make_key, ids_are_letters_and_digits) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const auto id = make_key("p", "").value().stored.id;
    EXPECT_TRUE(std::ranges::all_of(id, [](char c) { return std::isalnum(c) != 0; })) << id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1000U);
}

TEST(adopt_key, takes_a_long_key_under_an_id_that_stays) {
  const std::string secret(own_key_bytes_min, 'k');
  const auto first = adopt_key("p", "own", secret).value();
  const auto again = adopt_key("p", "own", secret).value();
  EXPECT_EQ(first.stored.id, again.stored.id);
  EXPECT_EQ(first.stored.hash, hash_key(secret));
  EXPECT_EQ(first.secret, secret);
}

TEST(adopt_key, refuses_what_cannot_be_a_key_without_repeating_it) {
  for (const auto& bad : {std::string("short"), std::string(15, 'k'), std::string(513, 'k'),
                          std::string(), std::string("with a blank in it"),
                          std::string("line\nbreak-in-the-key"), std::string(20, '\xE9')}) {
    const auto adopted = adopt_key("p", "own", bad);
    ASSERT_FALSE(adopted) << bad;
    EXPECT_EQ(adopted.error().code, errc::invalid_argument);
    if (!bad.empty()) {
      EXPECT_EQ(adopted.error().message().find(bad), std::string::npos);
    }
  }
}

TEST(hash_key, is_sha256) {
  // FIPS 180-2, appendix B.1.
  EXPECT_EQ(hash_key("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(key_ring, knows_valid_keys_only) {
  const auto good = make_key("p", "").value();
  auto revoked = make_key("p", "").value();
  revoked.stored.revoked_at = unix_time_us(std::chrono::seconds(1));
  const auto unknown = make_key("p", "").value();
  key_ring ring;
  EXPECT_FALSE(ring.find(good.secret));
  ring.replace({good.stored, revoked.stored});
  const auto found = ring.find(good.secret);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, good.stored.id);
  EXPECT_EQ(found->project, "p");
  EXPECT_FALSE(ring.find(revoked.secret));
  EXPECT_FALSE(ring.find(unknown.secret));
  EXPECT_FALSE(ring.find(""));
  // The hash is what the file holds: whoever reads it must not get in with it.
  EXPECT_FALSE(ring.find(good.stored.hash));
  ring.replace({});
  EXPECT_FALSE(ring.find(good.secret));
}

TEST(key_ring, long_keys_are_not_even_hashed) {
  const std::string secret(key_bytes_max + 1, 'k');
  key_ring ring;
  ring.replace({{"id", "p", "", hash_key(secret), {}, {}}});
  EXPECT_FALSE(ring.find(secret));
}

RC_GTEST_PROP(key_ring_property, a_key_that_differs_anywhere_is_unknown, ()) {
  const auto made = make_key("p", "").value();
  key_ring ring;
  ring.replace({make_key("q", "").value().stored, made.stored});
  auto changed = made.secret;
  auto& c = changed[*rc::gen::inRange<std::size_t>(0, changed.size())];
  c = static_cast<char>(c ^ *rc::gen::inRange(1, 128));
  RC_ASSERT(!ring.find(changed).has_value());
  RC_ASSERT(ring.find(made.secret).has_value());
}

}  // namespace
}  // namespace pulse::control

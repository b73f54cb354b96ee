#include "source/database_url.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "source/server_checks.hpp"

namespace pulse::source {
namespace {

TEST(database_url, prismas_parameters_are_understood_or_named_as_ignored) {
  const auto target = parse_database_url(
      "postgresql://app:s%40cret@db.example.com:5433/"
      "shop?schema=sales&connection_limit=5&sslmode=require&odd=1");
  ASSERT_TRUE(target) << target.error().message();
  EXPECT_EQ(target->schema, "sales");
  EXPECT_EQ(target->parameters.at("host"), "db.example.com");
  EXPECT_EQ(target->parameters.at("port"), "5433");
  EXPECT_EQ(target->parameters.at("password"), "s@cret");
  EXPECT_EQ(target->parameters.at("sslmode"), "require");
  EXPECT_EQ(target->ignored, (std::vector<std::string>{"connection_limit", "odd"}));
  EXPECT_EQ(target->display(), "app@db.example.com:5433/shop");
}

TEST(database_url, libpqs_keyword_strings_are_understood) {
  const auto target = parse_database_url("host=/run/postgresql dbname=shop user=app");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->parameters.at("host"), "/run/postgresql");
}

TEST(database_url, strict_certificates_are_checked_to_the_full) {
  const auto target =
      parse_database_url("postgres://app@db/shop?sslaccept=strict&sslcert=/etc/ca.pem");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->parameters.at("sslmode"), "verify-full");
  EXPECT_EQ(target->parameters.at("sslrootcert"), "/etc/ca.pem");
}

TEST(database_url, asks_for_encryption_in_any_drivers_words) {
  const auto mode = [](const std::string& query) {
    const auto target = parse_database_url("postgres://app@db/shop?" + query);
    if (!target) return target.error().what;
    const auto found = target->parameters.find("sslmode");
    return found == target->parameters.end() ? std::string("none") : found->second;
  };
  EXPECT_EQ(mode("ssl=true"), "require");
  EXPECT_EQ(mode("ssl=1&sslmode=verify-full"), "verify-full");
  EXPECT_EQ(mode("sslmode=verify-full&ssl=true"), "verify-full");
  EXPECT_EQ(mode("ssl=false"), "none");
  EXPECT_EQ(mode("sslaccept=strict&sslmode=require"), "verify-full");
}

TEST(database_url, a_certificate_with_its_key_is_the_clients_own) {
  const auto target = parse_database_url(
      "postgres://app@db/shop?sslcert=/c.pem&sslkey=/k.pem&sslpassword=x&sslrootcert=/ca.pem");
  ASSERT_TRUE(target) << target.error().message();
  EXPECT_EQ(target->parameters.at("sslcert"), "/c.pem");
  EXPECT_EQ(target->parameters.at("sslkey"), "/k.pem");
  EXPECT_EQ(target->parameters.at("sslpassword"), "x");
  EXPECT_EQ(target->parameters.at("sslrootcert"), "/ca.pem");
  EXPECT_TRUE(target->ignored.empty());
}

TEST(database_url, a_password_may_have_a_question_mark) {
  const auto target = parse_database_url("postgresql://app:p?w@db:5433/shop?sslmode=require");
  ASSERT_TRUE(target) << target.error().message();
  EXPECT_EQ(target->parameters.at("password"), "p?w");
  EXPECT_EQ(target->parameters.at("dbname"), "shop");
  EXPECT_EQ(target->parameters.at("sslmode"), "require");
  EXPECT_EQ(parse_database_url("postgresql://db?sslmode=require")->parameters.at("sslmode"),
            "require");
}

TEST(database_url, a_parameter_nearly_known_says_which_is_meant) {
  const auto target = parse_database_url("postgres://app@db/shop?sslmod=require");
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().next, "did you mean 'sslmode'?");
}

class refused_url : public ::testing::TestWithParam<const char*> {};

TEST_P(refused_url, is_refused_with_the_way_out_and_without_its_password) {
  const auto target = parse_database_url(GetParam());
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, errc::invalid_argument);
  EXPECT_FALSE(target.error().next.empty());
  EXPECT_EQ(target.error().message().find("s3cret"), std::string::npos) << target.error().message();
}

INSTANTIATE_TEST_SUITE_P(
    every, refused_url,
    ::testing::Values("", "prisma://accelerate.example/?api_key=s3cret",
                      "prisma+postgres://accelerate.example/?api_key=s3cret",
                      "postgresql://app:s3cret@db/shop?pgbouncer=true",
                      "postgresql://app:s3cret@ep-cool-pooler.eu.aws.neon.tech/shop",
                      "postgresql://app:s3cret@aws-0-eu.pooler.supabase.com:5432/postgres",
                      "postgresql://app:s3cret@db.abc.supabase.co:6543/postgres",
                      "postgresql://app:s3cret@db:port/shop",
                      "postgresql://app:s3cret@db/shop?require_auth=scram-sha-256",
                      "postgresql://app:s3cret@db/shop?ssl=verify",
                      "postgresql://app:s3cret@db/shop?sslidentity=/id.p12",
                      "this is s3cret no url"));

TEST(database_url, of_prisma_devs_own_database_is_refused_by_name) {
  for (const auto* url : {"prisma+postgres://localhost:51213/?api_key=s3cret",
                          "prisma+postgres://127.0.0.1/?api_key=s3cret",
                          "prisma+postgres://[::1]:51213/?api_key=s3cret"}) {
    const auto target = parse_database_url(url);
    ASSERT_FALSE(target) << url;
    EXPECT_EQ(target.error().code, errc::unsupported);
    EXPECT_NE(target.error().what.find("PGlite"), std::string::npos);
    EXPECT_EQ(target.error().message().find("s3cret"), std::string::npos);
  }
}

TEST(source_names, are_made_of_what_a_slots_name_may_have) {
  EXPECT_EQ(names_for("default", "").slot, "pulse_default");
  EXPECT_EQ(names_for("My-Shop", "").publication, "pulse_my_shop");
  EXPECT_LE(names_for(std::string(100, 'x'), "").slot.size(), 63U);
  const auto own = names_for("shop", "mine");
  EXPECT_TRUE(own.own_publication);
  EXPECT_EQ(own.publication, "mine");
}

TEST(quoting, makes_literals_of_anything) {
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal("a\\'b"), " E'a\\\\''b'");
}

}  // namespace
}  // namespace pulse::source

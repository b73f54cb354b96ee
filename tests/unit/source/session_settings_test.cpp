#include "source/session_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pulse::source {
namespace {

using ::testing::HasSubstr;

// What PostgreSQL answers when everything is as it was asked for.
std::vector<std::string> as_asked() {
  return {"UTF8",
          "pg_catalog",
          "none",
          "ISO, MDY",
          "UTC",
          "iso_8601",
          "hex",
          "3",
          "C",
          "off",
          "on",
          "off",
          "read committed",
          "0",
          "0",
          "0",
          "PostgreSQL 15.14"};
}

TEST(session_settings, are_fine_when_postgresql_has_them_all) {
  EXPECT_TRUE(check_session_settings(as_asked()));
}

TEST(session_settings, each_one_that_differs_is_refused_by_name) {
  for (std::size_t i = 0; i + 1 < as_asked().size(); ++i) {
    auto present = as_asked();
    present[i] = "another";
    const auto checked = check_session_settings(present);
    ASSERT_FALSE(checked) << i;
    EXPECT_EQ(checked.error().code, errc::invalid_argument);
    EXPECT_THAT(checked.error().what, HasSubstr("'another' instead of '" + as_asked()[i] + "'"));
    EXPECT_THAT(checked.error().next, HasSubstr("directUrl"));
  }
}

TEST(session_settings, pglite_is_told_from_a_proxy_that_drops_settings) {
  auto present = as_asked();
  present[1] = "public";
  present.back() = "PostgreSQL 17.4 on wasm32-unknown-emscripten, compiled by emcc, 32-bit";
  const auto checked = check_session_settings(present);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, errc::unsupported);
  EXPECT_THAT(checked.error().what, HasSubstr("PGlite"));
  EXPECT_THAT(checked.error().next, HasSubstr("pulse dev --throwaway"));
}

TEST(session_settings, an_answer_of_another_shape_is_refused) {
  EXPECT_FALSE(check_session_settings({}));
  EXPECT_FALSE(check_session_settings({"UTF8"}));
}

TEST(session_settings, the_question_can_be_asked_with_any_search_path) {
  const auto query = session_settings_query();
  // Every function stands with its schema, and there is nothing else to look up.
  EXPECT_THAT(query,
              ::testing::MatchesRegex("SELECT (pg_catalog\\.current_setting\\('[A-Za-z_]+'\\), )+"
                                      "pg_catalog\\.version\\(\\)"));
  EXPECT_THAT(query, HasSubstr("search_path"));
}

TEST(session_settings, options_name_the_catalog_as_the_only_schema) {
  EXPECT_THAT(session_options(), HasSubstr("-c search_path=pg_catalog"));
  EXPECT_THAT(session_options(), HasSubstr("-c default_transaction_isolation=read\\ committed"));
}

}  // namespace
}  // namespace pulse::source

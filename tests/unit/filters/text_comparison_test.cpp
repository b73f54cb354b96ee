#include "values/text_comparison.hpp"

#include "tests/unit/filters/filter_cases.hpp"

namespace pulse::filters::text_comparison_test {
namespace {

using testing::icu_collation;
using testing::libc_collation;
using testing::one_column;

constexpr std::uint32_t text = 25;

std::string judged(const collation& by, const char* filter, const char* value) {
  return one_column(text, by).judge(filter, value);
}

TEST(text_comparison, orders_as_the_collation_does) {
  EXPECT_EQ(judged(libc_collation("C"), R"({"lt":"a"})", "B"), "yes");
  EXPECT_EQ(judged(libc_collation("C.utf8"), R"({"lt":"a"})", "B"), "yes");
  EXPECT_EQ(judged(icu_collation("en-US"), R"({"lt":"a"})", "B"), "no");
  EXPECT_EQ(judged(icu_collation("en-US"), R"({"gt":"z"})", "ä"), "no");
  EXPECT_EQ(judged(icu_collation("sv-SE"), R"({"gt":"z"})", "ä"), "yes");
  EXPECT_EQ(judged(icu_collation("und-u-kn-true"), R"({"lt":"a10"})", "a9"), "yes");
}

TEST(text_comparison, what_icu_finds_equal_is_ordered_by_its_bytes_when_deterministic) {
  // A letter with its accent in one code point, and in two.
  EXPECT_EQ(judged(icu_collation("en-US"), "\"\u00e9\"", "e\u0301"), "no");
  EXPECT_EQ(judged(icu_collation("en-US"), "{\"lt\":\"\u00e9\"}", "e\u0301"), "yes");
  EXPECT_EQ(judged(icu_collation("en-US", false), "\"\u00e9\"", "e\u0301"), "yes");
  EXPECT_EQ(judged(icu_collation("und-u-ks-level2", false), R"("ABC")", "abc"), "yes");
  EXPECT_EQ(judged(icu_collation("und-u-ks-level2", false), R"({"notIn":["ABC"]})", "abc"), "no");
}

TEST(text_comparison, lowers_as_the_collation_does) {
  const auto* filter = "{\"equals\":\"\u00c4\",\"mode\":\"insensitive\"}";
  EXPECT_EQ(judged(libc_collation("C"), filter, "\u00e4"), "no");
  EXPECT_EQ(judged(libc_collation("C"), R"({"equals":"A","mode":"insensitive"})", "a"), "yes");
  EXPECT_EQ(judged(libc_collation("de_DE.UTF-8"), filter, "\u00e4"), "yes");
  EXPECT_EQ(judged(icu_collation("de-DE"), filter, "\u00e4"), "yes");
  // A capital I with a dot: one code point for one, and ICU's two.
  const auto* dotted = "{\"equals\":\"\u0130\",\"mode\":\"insensitive\"}";
  EXPECT_EQ(judged(libc_collation("en_US.UTF-8"), dotted, "i"), "yes");
  EXPECT_EQ(judged(icu_collation("en-US"), dotted, "i"), "no");
  EXPECT_EQ(judged(icu_collation("en-US"), dotted, "i\u0307"), "yes");
  EXPECT_EQ(judged(icu_collation("tr-TR"), dotted, "i"), "yes");
}

TEST(text_comparison, what_is_not_reproduced_is_refused_by_name) {
  EXPECT_NE(judged(libc_collation("en_US.UTF-8"), R"({"lt":"a"})", "b").find("en_US.UTF-8"),
            std::string::npos);
  EXPECT_NE(judged(libc_collation("tr_TR.UTF-8"), R"({"equals":"a","mode":"insensitive"})", "b")
                .find("tr_TR.UTF-8"),
            std::string::npos);
  EXPECT_NE(judged(icu_collation("und-u-ks-level2", false), R"({"contains":"a"})", "b")
                .find("icu und-u-ks-level2"),
            std::string::npos);
  auto tailored = icu_collation("und");
  tailored.rules = "&a<b";
  EXPECT_NE(judged(tailored, R"({"lt":"a"})", "b").find("rules"), std::string::npos);
  // Equality needs no order.
  EXPECT_EQ(judged(libc_collation("en_US.UTF-8"), R"("a")", "a"), "yes");
  EXPECT_EQ(judged(libc_collation("en_US.UTF-8"), R"({"contains":"a"})", "bab"), "yes");
}

TEST(text_comparison, citext_is_lowered_as_the_database_lowers) {
  one_column citext(text, libc_collation("C.UTF-8"));
  citext.table.columns[0].type.name = "citext";
  EXPECT_EQ(citext.judge(R"("JOSÉ")", "josé"), "yes");
  EXPECT_EQ(citext.judge(R"({"lt":"B"})", "a"), "yes");
  EXPECT_EQ(citext.judge(R"({"contains":"OS"})", "josé"), "no");
}

}  // namespace
}  // namespace pulse::filters::text_comparison_test

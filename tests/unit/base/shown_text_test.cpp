#include "base/shown_text.hpp"

#include <gtest/gtest.h>

#include "base/metrics.hpp"

namespace pulse {
namespace {

TEST(shown_text, is_what_it_is_when_nothing_is_hidden) {
  for (const auto* text : {"", "orders", "José Ω 漢字 👩‍💻", "a\\b \"c\""}) {
    EXPECT_FALSE(has_hidden(text)) << text;
    EXPECT_EQ(shown(text), text);
  }
}

TEST(shown_text, has_what_a_terminal_obeys_and_what_forges_lines_escaped) {
  EXPECT_EQ(shown("a\x1B[2Jb"), "a\\u001b[2Jb");
  EXPECT_EQ(shown("a\nlevel=error\r\t"), "a\\u000alevel=error\\u000d\\u0009");
  EXPECT_EQ(shown(std::string_view("\0", 1)), "\\u0000");
  EXPECT_EQ(shown("\x7F"), "\\u007f");
  EXPECT_EQ(shown("\xC2\x9B"
                  "2J"),
            "\\u009b2J")
      << "CSI in one character";
  EXPECT_EQ(shown("\u202Egpj.exe"), "\\u202egpj.exe");
  EXPECT_EQ(shown("\u2066\u200F\u2028"), "\\u2066\\u200f\\u2028");
  EXPECT_EQ(shown("\xFF(\xC3"), "\\xff(\\xc3");
  EXPECT_TRUE(has_hidden("\u202Ex"));
  EXPECT_TRUE(has_hidden("\xC3("));
}

TEST(shown_text, is_utf8_or_not) {
  EXPECT_TRUE(is_utf8("José \xF4\x8F\xBF\xBF"));
  for (const auto* bad : {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\x80"})
    EXPECT_FALSE(is_utf8(bad));
}

TEST(shown_text, is_cut_between_characters_and_says_so) {
  EXPECT_EQ(cut_and_shown("äöü", 6), "äöü");
  EXPECT_EQ(cut_and_shown("äöü", 5), "äö… (6 bytes)");
  EXPECT_EQ(cut_and_shown("ä", 1), "… (2 bytes)");
  EXPECT_LT(cut_and_shown(std::string(900'000, 'x')).size(), shown_bytes_max + 30);
}

TEST(shown_text, is_json_with_its_quotes) {
  std::string json;
  append_shown_json(json, "a\"b\\c\n\u202E\xFF");
  EXPECT_EQ(json, R"("a\"b\\c\u000a\u202e\\xff")");
}

TEST(metrics, show_nothing_hidden_of_what_others_have_named) {
  metrics figures;
  constexpr auto lag = metric::gauge("lag", "Lag", "stream");
  figures.gauge(lag, "a\x1B[2J\nlag 7\u202E").Set(1);
  const auto text = figures.render();
  EXPECT_NE(text.find("lag{stream=\"a\\u001b[2J\\nlag 7\\u202e\"} 1\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace pulse

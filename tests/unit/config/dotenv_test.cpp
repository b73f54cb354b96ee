#include "config/dotenv.hpp"

#include <gtest/gtest.h>

namespace pulse::config {
namespace {

std::optional<std::string> outside(const std::string& name) {
  return name == "OUTER" ? std::optional<std::string>("o") : std::nullopt;
}

std::string value(std::string_view text) {
  return dotenv_value(text, "URL", outside).value_or("(nothing)");
}

TEST(dotenv, has_values_plain_and_in_quotes) {
  EXPECT_EQ(value("URL=a"), "a");
  EXPECT_EQ(value("# URL=a\n\nOTHER=b\nURL = a b \r\n"), "a b");
  EXPECT_EQ(value("URL=\"postgresql://u:p#x@h/d?a=b\" # a comment"), "postgresql://u:p#x@h/d?a=b");
  EXPECT_EQ(value("URL='a b'"), "a b");
  EXPECT_EQ(value("URL=`it's`"), "it's");
  EXPECT_EQ(value("export URL=a"), "a");
  EXPECT_EQ(value("URL=a # a comment"), "a");
  EXPECT_EQ(value("URL="), "");
  EXPECT_EQ(value("URL=\"a\\nb\""), "a\nb");
  EXPECT_EQ(value("URL=\"a\nb\"\nOTHER=c"), "a\nb");
  EXPECT_EQ(value("URL=\"never closed\nOTHER=c"), "\"never closed");
}

TEST(dotenv, has_the_last_of_several_lines) {
  EXPECT_EQ(value("URL=a\nURL=b"), "b");
}

TEST(dotenv, does_not_have_what_is_not_there) {
  EXPECT_EQ(value(""), "(nothing)");
  EXPECT_EQ(value("MY_URL=a\nURLS=b\nno line"), "(nothing)");
}

TEST(dotenv, puts_other_names_in) {
  EXPECT_EQ(value("HOST=h\nURL=\"x://${HOST}/$HOST.d\""), "x://h/h.d");
  EXPECT_EQ(value("OUTER=inner\nURL=$OUTER"), "o");
  EXPECT_EQ(value("HOST=h\nURL='${HOST}'"), "${HOST}");
  EXPECT_EQ(value("URL=a\\$b"), "a$b");
  EXPECT_EQ(value("URL=a$"), "a$");
  EXPECT_EQ(value("URL=${open"), "${open");
  EXPECT_EQ(value("URL=x${NONE}y"), "xy");
}

TEST(dotenv, ends_where_names_stand_for_each_other) {
  EXPECT_EQ(value("A=$URL\nURL=$A").substr(0, 1), "$");
}

}  // namespace
}  // namespace pulse::config

// Holds what else names the operators to the list of them.
#include "filters/operator_list.hpp"

#include <fstream>
#include <sstream>
#include <string>

#include <boost/describe/enumerators.hpp>
#include <boost/mp11/algorithm.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace pulse::filters::operator_list_test {
namespace {

std::string content(const std::string& path) {
  std::ifstream file(PULSE_SOURCE_DIR "/" + path);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// As docs/filters.md calls them.
std::string_view types_of(type_family family) {
  switch (family) {
    case type_family::ordered:
      return "numbers, dates, times, uuid";
    case type_family::text:
      return "text";
    case type_family::address:
      return "inet, cidr, bit, varbit";
    case type_family::xml:
      return "xml";
    case type_family::boolean:
      return "boolean";
    case type_family::unordered:
      return "bytea, enums, types that Prisma does not have";
    case type_family::list:
      return "lists";
    case type_family::json:
      return "json, jsonb";
  }
  return "";
}

TEST(filter_operators, stand_in_the_documents_table_for_each_family_of_types) {
  const auto document = content("docs/filters.md");
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<type_family>>([&](auto one) {
    std::string names;
    for (const auto& of : filter_operators) {
      if (of.families.has(one.value)) names += (names.empty() ? "" : " ") + std::string(of.name);
    }
    const auto row = fmt::format("\n| {} | `{}` |\n", types_of(one.value), names);
    EXPECT_NE(document.find(row), std::string::npos) << "docs/filters.md has no row" << row;
  });
}

TEST(filter_operators, are_words_of_the_fuzzers_dictionary) {
  const auto dictionary = "\n" + content("tests/fuzz/dictionaries/filter.dict");
  const auto is_there = [&](std::string_view name) {
    EXPECT_NE(dictionary.find(fmt::format("\n\"\\\"{}\\\":\"\n", name)), std::string::npos)
        << "tests/fuzz/dictionaries/filter.dict has no line \"\\\"" << name << "\\\":\"";
  };
  for (const auto& one : filter_operators) is_there(one.name);
  for (const auto name : combinators) is_there(name);
}

TEST(filter_operators, are_named_in_the_errors_that_list_them) {
  EXPECT_EQ(operator_names(type_family::list), "equals, has, hasEvery, hasSome and isEmpty");
  EXPECT_EQ(operator_names(type_family::boolean), "equals and not");
}

}  // namespace
}  // namespace pulse::filters::operator_list_test

#include "commands/throwaway_postgres.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

namespace pulse::commands::throwaway_postgres_test {
namespace {

// As PostgreSQL writes it when it starts.
std::string file_with(const std::string& status) {
  return "4711\n/tmp/pulse-dev-abcdef/postgres/data\n1700000000\n40123\n\n127.0.0.1\n"
         "  1234567         3\n" +
         status;
}

TEST(throwaway_postgres, is_ready_when_it_says_so_itself) {
  EXPECT_TRUE(says_ready(file_with("ready   \n"), 4711, 40123));
  EXPECT_TRUE(says_ready(file_with("ready"), 4711, 40123));
}

TEST(throwaway_postgres, is_not_what_has_another_process_or_port) {
  EXPECT_FALSE(says_ready(file_with("ready   \n"), 4712, 40123));
  EXPECT_FALSE(says_ready(file_with("ready   \n"), 471, 40123));
  EXPECT_FALSE(says_ready(file_with("ready   \n"), 4711, 40124));
}

TEST(throwaway_postgres, is_not_ready_before_it_says_so) {
  EXPECT_FALSE(says_ready("", 4711, 40123));
  EXPECT_FALSE(says_ready("4711\n/tmp/data\n1700000000\n40123\n", 4711, 40123));
  EXPECT_FALSE(says_ready(file_with(""), 4711, 40123));
  EXPECT_FALSE(says_ready(file_with("starting\n"), 4711, 40123));
  EXPECT_FALSE(says_ready(file_with("stopping\n"), 4711, 40123));
}

TEST(throwaway_postgres, is_not_reached_by_settings_for_other_servers) {
  ::setenv("PGHOSTADDR", "192.0.2.1", 1);
  ::setenv("PGCHANNELBINDING", "require", 1);
  ::setenv("PULSE_TEST_PGHOST", "stays", 1);
  forget_libpq_settings();
  EXPECT_EQ(std::getenv("PGHOSTADDR"), nullptr);
  EXPECT_EQ(std::getenv("PGCHANNELBINDING"), nullptr);
  EXPECT_NE(std::getenv("PULSE_TEST_PGHOST"), nullptr);
  ::unsetenv("PULSE_TEST_PGHOST");
}

}  // namespace
}  // namespace pulse::commands::throwaway_postgres_test

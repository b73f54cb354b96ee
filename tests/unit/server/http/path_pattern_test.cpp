#include "server/http/path_pattern.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pulse::server {
namespace {

using ::testing::ElementsAre;

const char* const cursor = "/v1/projects/{project}/cursors/{schema}.{table}/{name}";

std::vector<std::string> read(const char* pattern, std::string_view path) {
  const path_pattern one(pattern);
  const auto segments = path_segments(path);
  EXPECT_TRUE(one.matches(segments)) << path;
  const auto values = one.read(segments);
  return values ? *values : std::vector<std::string>{values.error().message()};
}

TEST(path_patterns, decode_their_parameters) {
  EXPECT_THAT(path_pattern(cursor).parameters(), ElementsAre("project", "schema", "table", "name"));
  EXPECT_THAT(read(cursor, "/v1/projects/shop/cursors/my%2Eschema.T%20x/a%2Fb"),
              ElementsAre("shop", "my.schema", "T x", "a/b"));
  EXPECT_THAT(read(cursor, "/v1/projects/shop/cursors/public.a.b/n"),
              ElementsAre("shop", "public", "a.b", "n"))
      << "the first dot ends the schema";
  EXPECT_THAT(read("/healthz", "/healthz"), ElementsAre());
}

TEST(path_patterns, say_which_parameter_cannot_be_read) {
  for (const auto& [path, name] : {std::pair("/v1/projects/shop/cursors/nodot/x", "'schema'"),
                                   {"/v1/projects/shop/cursors/a.b/%4", "'name'"},
                                   {"/v1/projects/shop/cursors/a./x", "'table'"},
                                   {"/v1/projects/%zz/cursors/a.b/x", "'project'"}}) {
    EXPECT_THAT(read(cursor, path), ElementsAre(::testing::HasSubstr(name))) << path;
  }
}

TEST(path_patterns, match_paths_of_their_shape_only) {
  const path_pattern pattern("/a/{x}/b");
  EXPECT_TRUE(pattern.matches(path_segments("/a/%2F/b")));
  for (const auto* other : {"/", "/a", "/a/x", "/a/x/c", "/a/x/b/c", "/a//b", "/A/x/b"})
    EXPECT_FALSE(pattern.matches(path_segments(other))) << other;
  EXPECT_EQ(path_segments(std::string(1'000'000, '/')).size(), path_segments_max + 1);
}

TEST(path_patterns, overlap_where_one_path_matches_both) {
  const path_pattern pattern("/a/{x}/b");
  EXPECT_TRUE(pattern.overlaps(path_pattern("/a/{y}/b")));
  EXPECT_TRUE(pattern.overlaps(path_pattern("/a/c/{z}")));
  EXPECT_FALSE(pattern.overlaps(path_pattern("/a/{x}/c")));
  EXPECT_FALSE(pattern.overlaps(path_pattern("/a/{x}")));
}

}  // namespace
}  // namespace pulse::server

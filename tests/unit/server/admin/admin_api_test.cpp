#include "server/admin/admin_pages.hpp"
#include "tests/unit/server/answers.hpp"
#include "tests/unit/server/running_server.hpp"

namespace pulse::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using admin_api = running_server;

TEST_F(admin_api, wants_the_token) {
  start();
  EXPECT_THAT(get(ports.admin, "/v1/projects"), is_error("401", "P6102"));
  EXPECT_THAT(call("GET", "/v1/projects", "", "admin-tokeX"), is_error("401", "P6102"));
  EXPECT_THAT(call("GET", "/v1/projects", "", "good-key"), is_error("401", "P6102"));
  EXPECT_THAT(call("GET", "/v1/projects"), HasSubstr(R"({"projects":[{"name":"shop",)"));
}

TEST_F(admin_api, administers_keys) {
  start();
  EXPECT_THAT(call("GET", "/v1/projects/shop/keys"),
              HasSubstr(R"({"keys":[{"id":"key-1","label":"laptop",)"
                        R"("createdAt":"1970-01-01T00:00:00.000Z","revokedAt":null}]})"));
  EXPECT_THAT(call("POST", "/v1/projects/shop/keys", R"({"label":"ci"})"),
              AllOf(StartsWith("HTTP/1.1 201 "), HasSubstr("\r\ncache-control: no-store"),
                    HasSubstr(R"("label":"ci","createdAt":"1970-01-01T00:00:01.500Z")"),
                    HasSubstr(R"("key":"secret")")));
  EXPECT_THAT(call("POST", "/v1/projects/shop/keys", "{"), is_error("400", "P6100"));
  EXPECT_THAT(call("DELETE", "/v1/projects/shop/keys/key-1"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(call("DELETE", "/v1/projects/shop/keys/key-9"), is_error("404", "P6100"));
  EXPECT_THAT(call("GET", "/v1/projects/none/keys"), is_error("404", "P6100"));
  EXPECT_THAT(call("PUT", "/v1/projects/shop/keys"), is_error("405", "P6100"));
}

TEST_F(admin_api, lists_gaps_and_has_them_accepted) {
  control::stored_gap gap;
  gap.id = 4;
  gap.what.kind = gap_kind::forked;
  gap.what.after = {1, lsn{0x10}, {}, 0};
  gap.what.reason = "it left";
  backend.gaps = {gap};
  start();
  EXPECT_THAT(call("GET", "/v1/projects/shop/gaps"),
              HasSubstr(R"({"gaps":[{"id":4,"kind":"forked","reason":"it left",)"
                        R"("after":{"timeline":1,"lsn":"0/10"},"through":null,"vanished":null,)"));
  EXPECT_THAT(call("POST", "/v1/projects/shop/gaps/4/accept", R"({"by":7})"),
              is_error("400", "P6100"));
  EXPECT_THAT(call("POST", "/v1/projects/shop/gaps/5/accept"), is_error("404", "P6100"));
  EXPECT_THAT(call("POST", "/v1/projects/shop/gaps/x/accept"), is_error("404", "P6100"));
  EXPECT_THAT(call("GET", "/v1/projects/shop/gaps/4/accept"), is_error("405", "P6100"));
  EXPECT_THAT(call("POST", "/v1/projects/shop/gaps/4/accept", R"({"by":"ann"})"),
              AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr(R"("acceptedBy":"ann")")));
}

TEST_F(admin_api, skips_the_change_that_capture_stands_at_and_no_other) {
  backend.stands_at = lsn{0x16};
  start();
  const auto skip = [&](const char* body) {
    return call("POST", "/v1/projects/shop/gaps/skip", body);
  };
  EXPECT_THAT(skip(R"({"at":"0/16"})"),
              AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr(R"("id":9,"kind":"skipped")")));
  EXPECT_THAT(skip(R"({"at":"0/17"})"), is_error("409", "P6100"));
  for (const auto* bad : {"", "{}", R"({"at":22})", R"({"at":"here"})", "[]"})
    EXPECT_THAT(skip(bad), is_error("400", "P6100")) << bad;
  EXPECT_THAT(call("GET", "/v1/projects/shop/gaps/skip"), is_error("405", "P6100"));
}

TEST_F(admin_api, lists_names_page_by_page) {
  backend.cursors = 5;
  start();
  const auto page = [&](const std::string& query) {
    return call("GET", "/v1/projects/shop/streams" + query);
  };
  const auto first = page("?limit=2");
  EXPECT_THAT(first, AllOf(HasSubstr(R"("name":"mail",)"), HasSubstr(R"("name":"mail1",)"),
                           HasSubstr(R"("next":"public.User/mail1")")));
  EXPECT_THAT(first, ::testing::Not(HasSubstr(R"("name":"mail2")")));
  EXPECT_THAT(page("?limit=2&after=public.User/mail3"),
              AllOf(HasSubstr(R"("name":"mail4",)"), ::testing::Not(HasSubstr("next"))));
  EXPECT_THAT(page(""), ::testing::Not(HasSubstr("next")));
  EXPECT_EQ(on_server([&] { return backend.pages.back().limit; }), page_names_max + 1);
  for (const auto* bad : {"?limit=0", "?limit=x", "?limit=1001", "?after=mail", "?after=a.b/%zz"})
    EXPECT_THAT(page(bad), is_error("400", "P6100")) << bad;
}

TEST(admin_pages, name_their_end_whatever_characters_are_in_it) {
  const streams::cursor_key key{{"a.b", "c/d"}, "e%f&g=ü"};
  const auto page = page_of("/x?after=" + after_of(key));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->after, key);
  EXPECT_FALSE(is_on_page(key, *page, std::nullopt));
  EXPECT_TRUE(is_on_page({{"a.b", "c/d"}, "f"}, *page, std::nullopt));
  EXPECT_FALSE(is_on_page({{"a.b", "c/d"}, "f"}, *page, key));
}

TEST_F(admin_api, administers_streams_and_cursors) {
  start();
  EXPECT_THAT(call("GET", "/v1/projects/shop/streams"),
              HasSubstr(R"({"streams":[],"cursors":[{"table":"public.User","name":"mail",)"));
  EXPECT_THAT(call("GET", "/v1/projects/shop/cursors/public.User/mail"),
              AllOf(HasSubstr(R"("condition":"kept")"), HasSubstr(R"("lagEvents":7)"),
                    HasSubstr(R"("lagSeconds":90,)"), HasSubstr(R"("streams":[])")));
  EXPECT_THAT(call("GET", "/v1/projects/shop/cursors/public.User/other"), is_error("404", "P6100"));
  EXPECT_THAT(call("POST", "/v1/projects/shop/cursors/public.User/mail/seek", R"({"to":"0/20"})"),
              HasSubstr(R"({"from":"1:0/10:0/8:0","to":"1:0/20:0/0:0"})"));
  EXPECT_EQ(backend.sought, std::vector<streams::seek_target>{lsn{32}});
  EXPECT_THAT(call("POST", "/v1/projects/shop/cursors/public.User/mail/seek", R"({"to":"soon"})"),
              is_error("400", "P6100"));
  EXPECT_THAT(call("POST", "/v1/projects/shop/cursors/public.User/mail/seek", "{}"),
              is_error("400", "P6100"));
  EXPECT_THAT(call("DELETE", "/v1/projects/shop/cursors/my%2Eschema.T%20x/a%2Fb"),
              StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(on_server([&] { return backend.deleted; }),
            (std::vector<streams::cursor_key>{{{"my.schema", "T x"}, "a/b"}}));
  EXPECT_THAT(call("DELETE", "/v1/projects/shop/cursors/nodot/x"), is_error("400", "P6100"));
  EXPECT_THAT(call("DELETE", "/v1/projects/shop/cursors/a.b/%4"), is_error("400", "P6100"));
}

}  // namespace
}  // namespace pulse::server

#include "server/http/http_message.hpp"

#include <string>

#include <gtest/gtest.h>

#include "server/secret.hpp"
#include "server/websocket/websocket_handshake.hpp"

namespace pulse::server {
namespace {

using progress = http_request_reader::progress;

http_request read_whole(std::string bytes) {
  http_request_reader reader({});
  const auto outcome = reader.read(bytes);
  EXPECT_TRUE(outcome && *outcome == progress::complete);
  return reader.take();
}

unsigned status_for(std::string bytes, http_limits limits = {}) {
  http_request_reader reader(limits);
  const auto outcome = reader.read(bytes);
  return outcome ? 0 : outcome.error().status;
}

TEST(http_requests, are_read_byte_by_byte) {
  const std::string bytes =
      "POST /v1/x?a=b HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\nX-A: 1\r\n\r\nabcREST";
  http_request_reader reader({});
  std::string held;
  std::size_t at = 0;
  for (;; ++at) {
    ASSERT_LT(at, bytes.size());
    held += bytes[at];
    const auto outcome = reader.read(held);
    ASSERT_TRUE(outcome);
    if (*outcome == progress::complete) break;
  }
  EXPECT_EQ(at + 1, bytes.size() - 4);
  EXPECT_EQ(held, "");
  const auto request = reader.take();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/v1/x?a=b");
  EXPECT_EQ(request.path(), "/v1/x");
  EXPECT_EQ(request.header("x-a"), "1");
  EXPECT_EQ(request.header("absent"), "");
  EXPECT_EQ(request.body, "abc");
  EXPECT_TRUE(request.keep_alive);
}

TEST(http_requests, leave_what_comes_behind_them) {
  std::string bytes = "GET / HTTP/1.1\r\n\r\nGET /next HTTP/1.1\r\n\r\n";
  http_request_reader reader({});
  ASSERT_TRUE(reader.read(bytes));
  EXPECT_EQ(bytes, "GET /next HTTP/1.1\r\n\r\n");
}

TEST(http_requests, keep_latin_1_bytes_of_headers) {
  const auto request = read_whole("GET / HTTP/1.1\r\nsubscription: {\"a\":\"Jos\xE9\"}\r\n\r\n");
  EXPECT_EQ(request.header("Subscription"), "{\"a\":\"Jos\xE9\"}");
}

TEST(http_requests, may_have_headers_up_to_the_limit) {
  const auto with_header = [](std::size_t size) {
    return "GET / HTTP/1.1\r\nsubscription: " + std::string(size, 'x') + "\r\n\r\n";
  };
  EXPECT_EQ(read_whole(with_header(900'000)).header("subscription").size(), 900'000U);
  EXPECT_EQ(status_for(with_header((1U << 20U) + 10)), 431U);
  EXPECT_EQ(status_for(with_header(2000), {1024, 1024}), 431U);
}

TEST(http_requests, may_have_so_many_header_fields) {
  const auto with_fields = [](std::size_t count) {
    std::string request = "GET / HTTP/1.1\r\n";
    for (std::size_t i = 0; i < count; ++i) request += "a:\r\n";
    return request + "\r\n";
  };
  EXPECT_EQ(read_whole(with_fields(http_fields_max)).headers.size(), http_fields_max);
  EXPECT_EQ(status_for(with_fields(http_fields_max + 1)), 431U);
  EXPECT_EQ(status_for(with_fields(200'000)), 431U);
}

TEST(http_requests, that_are_none_are_refused) {
  EXPECT_EQ(status_for("\x16\x03\x01 TLS to a plain port\r\n\r\n"), 400U);
  EXPECT_EQ(status_for("GET / HTTP/9.9\r\n\r\n"), 400U);
  EXPECT_EQ(status_for("GET / HTTP/1.1\r\nno colon\r\n\r\n"), 400U);
  EXPECT_EQ(status_for("POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n"), 400U);
  EXPECT_EQ(status_for("POST / HTTP/1.1\r\ncontent-length: 2000000\r\n\r\n"), 413U);
}

TEST(http_requests, with_a_body_of_unknown_length_are_refused_before_any_of_it_is_read) {
  const std::string head = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
  EXPECT_EQ(status_for(head), 411U);
  // Its body would be read as the next request.
  EXPECT_EQ(status_for("POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n"), 411U);
  EXPECT_EQ(status_for("POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\nGET /"), 411U);
  // Ends the process in the library's own reading of chunks.
  EXPECT_EQ(status_for(head + "0\r\n{\"lab\r\r\n\r\n=y\r\n"), 411U);
}

TEST(http_requests, that_expect_something_unknown_are_refused) {
  EXPECT_EQ(status_for("POST / HTTP/1.1\r\nexpect: a miracle\r\n\r\n"), 417U);
  std::string bytes = "POST / HTTP/1.1\r\nexpect: 100-Continue\r\ncontent-length: 2\r\n\r\n";
  http_request_reader reader({});
  ASSERT_TRUE(reader.read(bytes));
  EXPECT_TRUE(reader.wants_continue());
  EXPECT_FALSE(reader.wants_continue()) << "it was told";
  bytes = "{}";
  EXPECT_EQ(*reader.read(bytes), progress::complete);
  bytes = "POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n{}";
  http_request_reader at_once({});
  ASSERT_TRUE(at_once.read(bytes));
  EXPECT_FALSE(at_once.wants_continue()) << "the body is there";
}

TEST(paths, lose_query_and_trailing_slashes) {
  const auto path = [](const std::string& target) {
    http_request request;
    request.target = target;
    return std::string(request.path());
  };
  EXPECT_EQ(path("/stream"), "/stream");
  EXPECT_EQ(path("/stream/"), "/stream");
  EXPECT_EQ(path("/stream//?x=/y/"), "/stream");
  EXPECT_EQ(path("/"), "/");
  EXPECT_EQ(path("/?x"), "/");
}

http_request upgrade_request() {
  return read_whole(
      "GET /stream HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Protocol: \r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n");
}

void replace(http_request& request, std::string_view name, const std::string& value) {
  for (auto& [field, old] : request.headers) {
    if (field == name) old = value;
  }
}

TEST(handshake, gives_the_standards_own_answer) {
  const auto request = upgrade_request();
  EXPECT_FALSE(check_upgrade(request));
  const auto answer = accept_upgrade(request, "r", {});
  EXPECT_NE(answer.find("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
            std::string::npos);
  EXPECT_EQ(answer.find("sec-websocket-extensions"), std::string::npos);
  EXPECT_EQ(answer.find("sec-websocket-protocol"), std::string::npos);
}

TEST(handshake, is_refused_when_it_is_none) {
  const auto status = [](auto change) {
    auto request = upgrade_request();
    change(request);
    const auto why = check_upgrade(request);
    return why ? why->status : 0U;
  };
  EXPECT_EQ(status([](auto& r) { r.method = "POST"; }), 405U);
  EXPECT_EQ(status([](auto& r) { replace(r, "Upgrade", "h2c"); }), 426U);
  EXPECT_EQ(status([](auto& r) { replace(r, "Connection", "close"); }), 426U);
  EXPECT_EQ(status([](auto& r) { replace(r, "Sec-WebSocket-Version", "8"); }), 426U);
  EXPECT_EQ(status([](auto& r) { replace(r, "Sec-WebSocket-Key", "short"); }), 400U);
  EXPECT_EQ(status([](auto& r) { r.http_1_1 = false; }), 426U);
}

TEST(answers, are_whole_http) {
  http_response answer;
  answer.status = 404;
  answer.body = "{}";
  EXPECT_EQ(serialize(answer, "id-1", false),
            "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\ncontent-type: application/json\r\n"
            "cache-control: no-store\r\nx-request-id: id-1\r\nconnection: close\r\n\r\n{}");
  EXPECT_TRUE(serialize(answer, "id-1", true, true).ends_with("connection: keep-alive\r\n\r\n"));
}

TEST(answers, that_stream_say_how_their_end_is_found) {
  http_response answer;
  answer.content_type = "application/x-ndjson";
  EXPECT_EQ(serialize_head(answer, "id-1", true, true),
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n"
            "content-type: application/x-ndjson\r\ncache-control: no-store\r\n"
            "x-request-id: id-1\r\nconnection: keep-alive\r\n\r\n");
  EXPECT_EQ(serialize_head(answer, "id-1", false, false).find("transfer-encoding"),
            std::string::npos);
}

TEST(error_bodies, have_values_from_outside_cut_and_nothing_hidden) {
  const auto body = error_body(
      {400, pulse_code::server_error, std::string(900'000, 'x') + "\x1B[2J", "a\x1B"}, "");
  EXPECT_LT(body.size(), 9000U);
  EXPECT_NE(body.find("… (900004 bytes)"), std::string::npos);
  EXPECT_NE(body.find(R"("next":"a\\u001b")"), std::string::npos) << body;
}

TEST(error_bodies, are_what_the_official_client_reads) {
  EXPECT_EQ(error_body({400, pulse_code::server_error, "say \"why\"", "do this"}, "id-1"),
            R"({"code":"P6100","message":"say \"why\"","requestId":"id-1",)"
            R"("details":{"next":"do this"},"type":"about:blank","title":"Bad Request",)"
            R"("status":400,"detail":"say \"why\""})");
  EXPECT_EQ(error_body({403, pulse_code::streams_disabled, "off"}, "id-2"),
            R"({"code":"P6106","message":"off","requestId":"id-2","details":{},)"
            R"("type":"about:blank","title":"Forbidden","status":403,"detail":"off"})");
}

TEST(failures, become_the_status_and_code_of_their_kind) {
  EXPECT_EQ(refuse({errc::invalid_argument, "x"}).status, 400U);
  EXPECT_EQ(refuse({errc::gap, "x"}).status, 409U);
  EXPECT_EQ(refuse({errc::unavailable, "x"}).code, pulse_code::server_error);
  EXPECT_EQ(refuse_for_datasource({errc::unavailable, "x"}).code, pulse_code::datasource_error);
  EXPECT_EQ(refuse_for_datasource({errc::unavailable, "x"}).status, 503U);
  EXPECT_EQ(refuse_for_datasource({errc::not_found, "x"}).code, pulse_code::server_error);
  EXPECT_EQ(refuse_for_datasource({errc::not_found, "x"}).status, 404U);
}

TEST(bearer_tokens, are_found_in_the_authorization_header) {
  EXPECT_EQ(bearer_token("Bearer abc"), "abc");
  EXPECT_EQ(bearer_token("bEARER   abc "), "abc");
  EXPECT_EQ(bearer_token("Bearer "), std::nullopt);
  EXPECT_EQ(bearer_token("Bearer   "), std::nullopt);
  EXPECT_EQ(bearer_token("Basic abc"), std::nullopt);
  EXPECT_EQ(bearer_token(""), std::nullopt);
}

TEST(secrets, are_equal_only_when_every_byte_is) {
  EXPECT_TRUE(equal_in_constant_time("secret", "secret"));
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_FALSE(equal_in_constant_time("secret", "secreT"));
  EXPECT_FALSE(equal_in_constant_time("secret", "Secret"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secre"));
  EXPECT_FALSE(equal_in_constant_time("", "s"));
}

}  // namespace
}  // namespace pulse::server

// What an HTTP answer must be like.
#pragma once

#include <string>

#include <gmock/gmock.h>

namespace pulse::server {

// As every refusal is told.
inline auto is_error(const std::string& status, const std::string& code) {
  using ::testing::AllOf;
  using ::testing::HasSubstr;
  using ::testing::StartsWith;
  return AllOf(StartsWith("HTTP/1.1 " + status + ' '), HasSubstr("\r\ncontent-length: "),
               HasSubstr("\r\ncontent-type: application/problem+json\r\n"),
               HasSubstr("\r\ncache-control: no-store\r\n"), HasSubstr("\"status\":" + status),
               HasSubstr("\r\nx-request-id: "), HasSubstr("\"code\":\"" + code + '"'),
               HasSubstr("\"requestId\":\""), HasSubstr("\"message\":\""),
               HasSubstr("\"details\":{"));
}

}  // namespace pulse::server

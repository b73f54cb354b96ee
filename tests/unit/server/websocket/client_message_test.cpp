#include "server/websocket/client_message.hpp"

#include <ostream>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace pulse::server::client_message_test {
namespace {

using kind = client_message::kind;

constexpr const char* known_id = "01HYZ3T9QK7B2M4N6P8R0S1T2V";

struct row {
  const char* name;
  std::string text;
  kind what;
};

void PrintTo(const row& one, std::ostream* to) {
  *to << one.name;
}

class client_messages : public ::testing::TestWithParam<row> {};

TEST_P(client_messages, are_told_apart) {
  const auto message = parse_client_message(GetParam().text);
  EXPECT_EQ(message.what, GetParam().what) << GetParam().text;
  if (message.what == kind::acknowledgement) {
    EXPECT_EQ(to_string(message.id), known_id);
  }
}

const std::string id_text = known_id;

INSTANTIATE_TEST_SUITE_P(
    spellings, client_messages,
    ::testing::Values(
        row{"official", R"({"type":"ack","id":")" + id_text + R"("})", kind::acknowledgement},
        row{"spaces", R"( { "type" : "ack" , "id" : ")" + id_text + R"(" } )",
            kind::acknowledgement},
        row{"other_order", R"({"id":")" + id_text + R"(","type":"ack"})", kind::acknowledgement},
        row{"further_member", R"({"type":"ack","id":")" + id_text + R"(","x":[1]})",
            kind::acknowledgement},
        row{"escaped", "{\"type\":\"\\u0061ck\",\"id\":\"" + id_text + "\"}",
            kind::acknowledgement},
        row{"lower_case_id", R"({"type":"ack","id":"01hyz3t9qk7b2m4n6p8r0s1t2v"})",
            kind::acknowledgement},
        row{"several", R"({"type":"ack","ids":[")" + id_text + R"(",")" + id_text + R"("]})",
            kind::acknowledgements},
        row{"none_of_several", R"({"type":"ack","ids":[]})", kind::acknowledgements},
        row{"one_of_several_is_none", R"({"type":"ack","ids":[")" + id_text + R"(","x"]})",
            kind::unknown},
        row{"several_are_no_list", R"({"type":"ack","ids":{}})", kind::unknown},
        row{"through", R"({"type":"ack","through":")" + id_text + R"("})", kind::through},
        row{"through_nothing", R"({"type":"ack","through":null})", kind::unknown},
        row{"other_type", R"({"type":"nak","id":")" + id_text + R"("})", kind::unknown},
        row{"id_too_short", R"({"type":"ack","id":"01HYZ3T9QK7B2M4N6P8R0S1T2"})", kind::unknown},
        row{"id_with_a_letter_that_is_none", R"({"type":"ack","id":"01HYZ3T9QK7B2M4N6P8R0S1T2U"})",
            kind::unknown},
        row{"id_above_128_bits", R"({"type":"ack","id":"8ZZZZZZZZZZZZZZZZZZZZZZZZZ"})",
            kind::unknown},
        row{"id_is_a_number", R"({"type":"ack","id":1})", kind::unknown},
        row{"no_id", R"({"type":"ack"})", kind::unknown}, row{"no_object", "[1]", kind::unknown},
        row{"a_string", R"("ack")", kind::unknown}, row{"empty", "", kind::malformed},
        row{"no_json", "ack", kind::malformed},
        row{"cut_off", R"({"type":"ack","id":")", kind::malformed},
        row{"two_values", "{}{}", kind::malformed},
        row{"no_utf8", "{\"type\":\"\xE9\"}", kind::malformed},
        row{"too_deep", std::string(100, '[') + std::string(100, ']'), kind::malformed}),
    [](const auto& instance) { return instance.param.name; });

RC_GTEST_PROP(client_message, every_id_is_read_back_as_it_was_sent, ()) {
  event_id id;
  for (auto& byte : id.bytes) byte = *rc::gen::arbitrary<std::uint8_t>();
  const auto message = parse_client_message(R"({"type":"ack","id":")" + to_string(id) + R"("})");
  RC_ASSERT(message.what == kind::acknowledgement);
  RC_ASSERT(message.id == id);
}

RC_GTEST_PROP(client_message, any_bytes_are_judged_without_harm, (const std::string& text)) {
  parse_client_message(text);
  parse_client_message(R"({"type":"ack","id":")" + text + R"("})");
}

}  // namespace
}  // namespace pulse::server::client_message_test

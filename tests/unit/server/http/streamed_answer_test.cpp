#include "server/http/streamed_answer.hpp"

#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace pulse::server {
namespace {

struct noting_producer final : stream_producer {
  void writable() override { ++writable_calls; }
  void stopping() override { ++stopping_calls; }
  void ended(stream_end why) override { end = why; }

  int writable_calls = 0;
  int stopping_calls = 0;
  std::optional<stream_end> end;
};

class streamed_answers : public ::testing::Test {
 protected:
  streamed_answer make(body_framing framing = body_framing::chunked) {
    return {framing, 100, producer, [this] { ++wakes; }};
  }
  static std::string text(streamed_answer& answer) { return std::string(answer.out().unsent()); }

  std::shared_ptr<noting_producer> producer = std::make_shared<noting_producer>();
  int wakes = 0;
};

TEST_F(streamed_answers, come_in_chunks_and_end_with_an_empty_one) {
  auto answer = make();
  EXPECT_TRUE(answer.send("hello, this is me"));
  EXPECT_TRUE(answer.send("")) << "which would end the body";
  EXPECT_EQ(wakes, 1);
  answer.finish();
  EXPECT_EQ(text(answer), "11\r\nhello, this is me\r\n0\r\n\r\n");
  EXPECT_TRUE(answer.is_finished());
  EXPECT_FALSE(answer.send("more"));
  answer.finish();
  EXPECT_EQ(text(answer), "11\r\nhello, this is me\r\n0\r\n\r\n");
  answer.end(stream_end::client_gone);
  EXPECT_FALSE(producer->end) << "it has finished";
}

TEST_F(streamed_answers, end_with_the_connection_where_chunks_are_not_known) {
  auto answer = make(body_framing::until_close);
  answer.send("a");
  answer.send("b");
  answer.finish();
  EXPECT_EQ(text(answer), "ab");
}

TEST_F(streamed_answers, say_when_there_is_room_to_who_did_not_try_in_vain) {
  auto answer = make(body_framing::until_close);
  EXPECT_TRUE(answer.send(std::string(100, 'x')));
  answer.out().sent(49);
  answer.tell_of_room();
  EXPECT_EQ(producer->writable_calls, 0);
  answer.out().sent(1);
  answer.tell_of_room();
  EXPECT_EQ(producer->writable_calls, 1);
}

TEST_F(streamed_answers, take_nothing_beyond_their_bound_and_say_when_there_is_room) {
  auto answer = make(body_framing::until_close);
  EXPECT_TRUE(answer.send(std::string(99, 'x')));
  EXPECT_TRUE(answer.send(std::string(50, 'x'))) << "one may pass the bound";
  EXPECT_FALSE(answer.send("x"));
  EXPECT_EQ(answer.unsent_bytes(), 149U);
  answer.out().sent(98);
  answer.tell_of_room();
  EXPECT_EQ(producer->writable_calls, 0);
  answer.out().sent(1);
  answer.tell_of_room();
  answer.tell_of_room();
  EXPECT_EQ(producer->writable_calls, 1);
  EXPECT_TRUE(answer.send("x"));
}

TEST_F(streamed_answers, tell_their_handler_of_the_end_once) {
  auto answer = make();
  answer.tell_of_stopping();
  answer.tell_of_stopping();
  EXPECT_EQ(producer->stopping_calls, 1);
  answer.end(stream_end::stalled);
  EXPECT_EQ(producer->end, stream_end::stalled);
  EXPECT_EQ(producer.use_count(), 1) << "and let go of it";
  EXPECT_FALSE(answer.send("x"));
  EXPECT_EQ(answer.unsent_bytes(), 0U);
  auto given_up = make();
  given_up.cut();
  EXPECT_TRUE(given_up.is_cut());
  producer->end.reset();
  given_up.end(stream_end::client_gone);
  EXPECT_FALSE(producer->end);
}

}  // namespace
}  // namespace pulse::server

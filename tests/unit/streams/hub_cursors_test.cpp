// How far a cursor is saved, on scripted time.
#include "tests/unit/streams/hub_fixture.hpp"

namespace pulse::streams {
namespace {

using namespace std::chrono_literals;

class hub_cursors : public hub_fixture {
 protected:
  hub_cursors() { start_hub(); }
};

TEST_F(hub_cursors, what_passes_a_stream_that_wants_nothing_of_it_moves_its_cursor_in_time) {
  const auto reader = open("mail");
  append(7, "notes");
  EXPECT_EQ(cursors_.stored.at(key("mail")), position{});
  pass_until(10s);
  EXPECT_EQ(cursors_.stored.at(key("mail")), log_.bounds().last_at);
  EXPECT_TRUE(reader->ids.empty());
}

}  // namespace
}  // namespace pulse::streams

// What streams that keep up have in common: one place in the log, for all of them.
#include "tests/unit/streams/hub_fixture.hpp"

namespace pulse::streams {
namespace {

class hub_tail : public hub_fixture {
 protected:
  hub_tail() { start_hub(); }
};

// A stream begins at the server's end, and what was committed before may not be captured yet.
TEST_F(hub_tail, a_stream_that_begins_ahead_of_what_is_stored_takes_nothing_from_the_others) {
  append(3);
  const auto ahead = open("", "jobs", place_of(6));
  const auto mail = open("mail");
  append(5);
  EXPECT_EQ(mail->ids.size(), 5U);
  EXPECT_EQ(ahead->ids.size(), 2U);
  EXPECT_EQ(hub_->cursor(key("mail")), place_of(3));
}

}  // namespace
}  // namespace pulse::streams

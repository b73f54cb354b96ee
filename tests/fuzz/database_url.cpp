// Whatever somebody pastes as a connection string: understood or refused, and neither way is the
// password shown.
#include "source/database_url.hpp"

#include <cstdlib>

#include "tests/fuzz/input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto target = pulse::source::parse_database_url(pulse::fuzz::input(data, size).rest_as_text());
  if (!target) return 0;
  // What is shown may hold the password's characters for another reason: host and port can spell
  // it. So it has to be the same whatever the password is.
  const auto shown = target->display();
  target->parameters.insert_or_assign("password", "another one");
  if (target->display() != shown) std::abort();
  return 0;
}

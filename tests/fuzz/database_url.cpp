// Whatever somebody pastes as a connection string: understood or refused, and neither way is the
// password shown.
#include "source/database_url.hpp"

#include <algorithm>
#include <cstdlib>

#include "tests/fuzz/input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto target =
      pulse::source::parse_database_url(pulse::fuzz::input(data, size).rest_as_text());
  if (!target) return 0;
  const auto password = target->parameters.find("password");
  if (password == target->parameters.end() || password->second.empty()) return 0;
  const auto& secret = password->second;
  // What is shown may hold the same characters for another reason.
  const bool elsewhere = std::ranges::any_of(target->parameters, [&](const auto& one) {
    return one.first != "password" && one.second.find(secret) != std::string::npos;
  });
  if (!elsewhere && secret.size() > 8 && target->display().find(secret) != std::string::npos)
    std::abort();
  return 0;
}

// Numbers that the environment sets for a test: a seed, how many runs.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace pulse::testing {

// Returns `otherwise` where the variable is not set.
inline std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace pulse::testing

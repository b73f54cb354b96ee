// Arbitrary text as a Prisma schema: read or refused, and what was read completes a model.
#include "requests/prisma_schema.hpp"

#include "tests/fuzz/input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto schema =
      pulse::requests::prisma_schema::parse(pulse::fuzz::input(data, size).rest_as_text());
  if (!schema) return 0;
  pulse::requests::model wanted;
  wanted.name = "User";
  wanted.fields.push_back({"role", "role", "Role", false, nullptr});
  schema->complete(wanted);
  return 0;
}

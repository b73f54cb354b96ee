// Arbitrary bytes as the file `relations`: as it stands, or piece by piece as records whose
// checksums hold.
#include <string>

#include "base/logging.hpp"
#include "log/crc32c.hpp"
#include "log/relation_file.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/support/fault_storage.hpp"

namespace {

using namespace pulse;

constexpr const char* name = "relations";

// docs/log_format.md, "Relations".
std::string records_of(fuzz::input& bytes) {
  std::string file;
  while (!bytes.empty()) {
    const auto payload = bytes.take_piece();
    file += "RELN";
    append_little(file, static_cast<std::uint32_t>(payload.size()));
    append_little(file, log::crc32c(payload));
    file += as_text(payload);
  }
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  configure_logging(log_level::error, log_format::text);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input bytes(data, size);
  const bool as_it_stands = (bytes.take_byte() & 3U) == 3;
  const auto disk = std::make_shared<log::testing::fault_disk>();
  const auto files = log::testing::open_disk(disk);
  static_cast<void>(files->create(name));
  disk->content(name) = as_it_stands ? std::string(bytes.rest_as_text()) : records_of(bytes);
  const auto opened = log::relation_file::open(*files);
  if (!opened) return 0;
  for (relation_version version = 0; version < 8; ++version) {
    const auto found = (*opened)->find(version);
    // What was read can be described again.
    if (found) static_cast<void>((*opened)->describe(*found));
  }
  return 0;
}

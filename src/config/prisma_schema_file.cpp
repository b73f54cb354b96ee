#include "config/prisma_schema_file.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <vector>

namespace pulse::config {
namespace {

error cannot_read(const std::filesystem::path& path) {
  return {errc::invalid_argument, "prisma_schema: " + path.string() + " cannot be read",
          "check that it exists and that this user may read it"};
}

}  // namespace

result<requests::prisma_schema> read_prisma_schema(const std::filesystem::path& path) {
  if (path.empty()) return requests::prisma_schema();
  std::error_code failure;
  std::vector<std::filesystem::path> files{path};
  if (std::filesystem::is_directory(path, failure)) {
    files.clear();
    for (auto entry = std::filesystem::recursive_directory_iterator(path, failure);
         !failure && entry != std::filesystem::recursive_directory_iterator();
         entry.increment(failure)) {
      if (entry->path().extension() == ".prisma") files.push_back(entry->path());
    }
    if (failure || files.empty()) return cannot_read(path / "*.prisma");
    std::ranges::sort(files);
  }
  std::string all;
  for (const auto& one : files) {
    std::ifstream file(one);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) return cannot_read(one);
    // Each by itself first, so that what is wrong is told with its file.
    if (const auto parsed = requests::prisma_schema::parse(text.str()); !parsed)
      return wrap("prisma_schema: " + one.string(), parsed.error());
    all += text.str() + '\n';
  }
  return requests::prisma_schema::parse(all);
}

}  // namespace pulse::config

// The Prisma schema that a project names: one file, or a folder of them.
#pragma once

#include <filesystem>

#include "base/error.hpp"
#include "requests/prisma_schema.hpp"

namespace pulse::config {

// Of a folder, all files below it that end in .prisma. An empty path is an empty schema.
// errc::invalid_argument names the file and what is wrong with it.
result<requests::prisma_schema> read_prisma_schema(const std::filesystem::path& path);

}  // namespace pulse::config

// What a project needs before it can serve, read from settings, files and disk.
#pragma once

#include <filesystem>
#include <memory>

#include "app/project_storage.hpp"
#include "base/error.hpp"
#include "config/config.hpp"
#include "requests/prisma_schema.hpp"
#include "source/database_url.hpp"

namespace pulse::app {

struct opened_project {
  source::database_target target;
  requests::prisma_schema schema;
  std::unique_ptr<project_storage> storage;
};

// Nothing is connected yet. As long as open_storage() takes, and on the threads on which that may
// be called. The error names the project.
result<opened_project> open_project(const config::project_config& config,
                                    const std::filesystem::path& data_dir);

}  // namespace pulse::app

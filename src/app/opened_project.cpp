#include "app/opened_project.hpp"

#include <utility>

#include "base/logging.hpp"
#include "config/prisma_schema_file.hpp"

namespace pulse::app {

result<opened_project> open_project(const config::project_config& config,
                                    const std::filesystem::path& data_dir) {
  const auto cannot = [&](error why) { return wrap("project " + config.name, std::move(why)); };
  auto target = source::parse_database_url(config.database_url);
  if (!target) return cannot(target.error());
  for (const auto& name : target->ignored) {
    log_info("config", "parameter of the database URL ignored",
             {{"project", config.name}, {"parameter", name}});
  }
  auto schema = config::read_prisma_schema(config.prisma_schema);
  if (!schema) return cannot(schema.error());
  auto storage = open_storage(config, data_dir);
  if (!storage) return cannot(storage.error());
  return opened_project{std::move(*target), std::move(*schema), std::move(*storage)};
}

}  // namespace pulse::app

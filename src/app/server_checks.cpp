#include "app/server_checks.hpp"

#include <filesystem>

#include "app/data_dir.hpp"
#include "config/prisma_schema_file.hpp"
#include "server/http/tls.hpp"
#include "source/database_url.hpp"

namespace pulse::app {

result<void> check_sockets(const server::listening_sockets& sockets,
                           const config::server_config& config) {
  for (const auto* one : {&sockets.streams, &sockets.admin}) {
    if (!one->is_open()) continue;
    if (auto good = config::check_address(one->bound(), config); !good) return good;
  }
  return {};
}

result<void> check_projects(const config::server_config& config) {
  for (const auto& project : config.projects) {
    if (auto target = source::parse_database_url(project.database_url); !target)
      return wrap("project " + project.name, target.error());
    if (auto schema = config::read_prisma_schema(project.prisma_schema); !schema)
      return wrap("project " + project.name, schema.error());
  }
  return {};
}

result<void> check_parts(const config::server_config& config) {
  if (config.tls.given()) {
    if (auto tls = server::tls_context::load(config.tls); !tls) return tls.error();
  }
  if (auto good = check_projects(config); !good) return good;
  std::error_code failure;
  return std::filesystem::exists(config.data_dir, failure) ? prepare_data_dir(config.data_dir)
                                                           : result<void>();
}

}  // namespace pulse::app

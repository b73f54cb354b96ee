#include "commands/database_work.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include "config/terminal.hpp"

namespace pulse::commands {

namespace asio = boost::asio;

namespace {

const char* mark(source::severity level) {
  switch (level) {
    case source::severity::ok:
      return "ok  ";
    case source::severity::warning:
      return "WARN";
    case source::severity::failure:
      return "FAIL";
  }
  return "?";
}

source::async_result<findings> connect_and(config::project_config project, database_work work) {
  const auto target = source::parse_database_url(project.database_url);
  if (!target) co_return target.error();
  auto opened = co_await source::connection::open(
      *target, source::connection_kind::sql, "pulse " + project.name, std::chrono::seconds(10));
  if (!opened) co_return opened.error();
  auto names = co_await source::names_in(opened->get(),
                                         source::names_for(project.name, project.publication));
  if (!names) co_return names.error();
  co_return co_await work(opened->get(), std::move(names).value());
}

}  // namespace

result<findings> ask_database(const config::project_config& project, database_work work,
                              std::optional<std::chrono::milliseconds> limit) {
  asio::io_context context(1);
  std::optional<result<findings>> answer;
  asio::co_spawn(context, connect_and(project, std::move(work)),
                 [&](const std::exception_ptr& failure, result<findings> found) {
                   if (failure) {
                     answer = error{errc::io, "unexpected failure", "report this"};
                   } else {
                     answer = std::move(found);
                   }
                 });
  if (!limit) {
    context.run();
  } else {
    context.run_for(*limit);
  }
  if (answer) return *answer;
  return error{errc::unavailable,
               fmt::format("the database did not finish within {} ms", limit->count()),
               "check that the database runs and that nothing blocks it"};
}

bool has_failure(const findings& all) {
  return std::ranges::any_of(
      all, [](const auto& one) { return one.level == source::severity::failure; });
}

void print_findings(std::FILE* to, const std::string& project, const findings& all) {
  config::say(to, "project {}\n", project);
  for (const auto& one : all) {
    config::say(to, "  {}  {}\n", mark(one.level), one.what);
    if (one.level == source::severity::ok) continue;
    if (!one.why.empty()) config::say(to, "        {}\n", one.why);
    if (!one.sql.empty()) config::say(to, "        fix it with: {}\n", one.sql);
  }
}

}  // namespace pulse::commands

#include "app/database_commands.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "app/terminal.hpp"
#include "source/setup.hpp"
#include "source/teardown.hpp"

namespace pulse::app {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

using findings = std::vector<source::finding>;
using database_work =
    std::function<source::async_result<findings>(source::connection*, source::source_names)>;

source::async_result<findings> connect_and(project_config project, database_work work) {
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

result<findings> ask_database(const project_config& project, database_work work) {
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
  context.run();
  return *answer;
}

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

const char* word(source::severity level) {
  switch (level) {
    case source::severity::ok:
      return "ok";
    case source::severity::warning:
      return "warning";
    case source::severity::failure:
      return "failure";
  }
  return "unknown";
}

void print_for_people(const std::string& project, const findings& all) {
  say(stdout, "project {}\n", project);
  for (const auto& one : all) {
    say(stdout, "  {}  {}\n", mark(one.level), one.what);
    if (one.level == source::severity::ok) continue;
    if (!one.why.empty()) say(stdout, "        {}\n", one.why);
    if (!one.sql.empty()) say(stdout, "        mend it with: {}\n", one.sql);
  }
}

json::object to_json(const std::string& project, const findings& all) {
  json::array list;
  for (const auto& one : all) {
    list.push_back(json::object{
        {"level", word(one.level)}, {"what", one.what}, {"why", one.why}, {"sql", one.sql}});
  }
  return {{"project", project}, {"findings", std::move(list)}};
}

int run_for_projects(const server_config& config, bool as_json, const database_work& work) {
  json::array everything;
  bool failed = false;
  for (const auto& project : config.projects) {
    const auto found = ask_database(project, work);
    findings all;
    if (found) {
      all = *found;
    } else {
      all.push_back({source::severity::failure, found.error().what, found.error().next, {}});
    }
    failed = failed || std::ranges::any_of(all, [](const auto& one) {
               return one.level == source::severity::failure;
             });
    if (as_json) {
      everything.push_back(to_json(project.name, all));
    } else {
      print_for_people(project.name, all);
    }
  }
  if (as_json) say(stdout, "{}\n", json::serialize(everything));
  return failed ? 1 : 0;
}

source::async_result<findings> examine(source::connection* database, source::source_names names,
                                       bool fix) {
  findings all;
  if (fix) {
    const auto done = co_await source::set_up(database, names, true);
    if (!done) co_return done.error();
    all = done->report;
  }
  const auto found =
      co_await source::check_server(database, names, source::check_scope::everything);
  if (!found) co_return found.error();
  all.insert(all.end(), found->begin(), found->end());
  co_return all;
}

}  // namespace

int run_doctor(const server_config& config, bool fix, bool as_json) {
  return run_for_projects(config, as_json,
                          [fix](source::connection* database, source::source_names names) {
                            return examine(database, std::move(names), fix);
                          });
}

int run_teardown(const server_config& config, bool as_json) {
  return run_for_projects(config, as_json,
                          [](source::connection* database, source::source_names names) {
                            return source::tear_down(database, std::move(names));
                          });
}

}  // namespace pulse::app

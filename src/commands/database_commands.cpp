#include "commands/database_commands.hpp"

#include <cstdio>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "commands/database_work.hpp"
#include "config/terminal.hpp"
#include "source/setup.hpp"
#include "source/teardown.hpp"

namespace pulse::commands {

namespace json = boost::json;

namespace {

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

json::object to_json(const std::string& project, const findings& all) {
  json::array list;
  for (const auto& one : all) {
    list.push_back(json::object{
        {"level", word(one.level)}, {"what", one.what}, {"why", one.why}, {"sql", one.sql}});
  }
  return {{"project", project}, {"findings", std::move(list)}};
}

int run_for_projects(const config::server_config& config, bool as_json, const database_work& work) {
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
    failed = failed || has_failure(all);
    if (as_json) {
      everything.push_back(to_json(project.name, all));
    } else {
      print_findings(stdout, project.name, all);
    }
  }
  if (as_json) config::say(stdout, "{}\n", json::serialize(everything));
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

int run_doctor(const config::server_config& config, bool fix, bool as_json) {
  return run_for_projects(config, as_json,
                          [fix](source::connection* database, source::source_names names) {
                            return examine(database, std::move(names), fix);
                          });
}

int run_teardown(const config::server_config& config, bool as_json) {
  return run_for_projects(config, as_json,
                          [](source::connection* database, source::source_names names) {
                            return source::tear_down(database, std::move(names));
                          });
}

}  // namespace pulse::commands

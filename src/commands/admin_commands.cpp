#include "commands/admin_commands.hpp"

#include <chrono>
#include <cstdio>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "app/data_dir.hpp"
#include "base/percent_encoding.hpp"
#include "change/relation.hpp"
#include "commands/shown_answer.hpp"
#include "config/terminal.hpp"

namespace pulse::commands {

namespace json = boost::json;

namespace {

const std::vector<const char*> open_columns{
    "table",        "name",           "mode",     "kind",    "since",  "delivered",
    "acknowledged", "inFlightEvents", "lagBytes", "standby", "stalled"};

int fail(const error& why) {
  config::say(stderr, "pulse: {}\n", why.message());
  return 1;
}

std::chrono::sys_seconds now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

// Columns as wide as their widest cell.
void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    config::say(stdout, "{}\n", line);
  }
}

std::string project_path(const std::string& project) {
  return "/v1/projects/" + percent_encode(project);
}

// "schema.name", or a name in `public`.
table_name parse_table(const std::string& text) {
  const auto dot = text.find('.');
  if (dot == std::string::npos) return {"public", text};
  return {text.substr(0, dot), text.substr(dot + 1)};
}

std::string cursor_path(const std::string& project, const std::string& table,
                        const std::string& name) {
  const auto of = parse_table(table);
  return project_path(project) + "/cursors/" + percent_encode(of.schema) + "." +
         percent_encode(of.name) + "/" + percent_encode(name);
}

int print_list(const json::object& answer, const char* member,
               const std::vector<const char*>& columns, bool as_json) {
  if (as_json) {
    config::say(stdout, "{}\n", json::serialize(answer));
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{columns.begin(), columns.end()}};
  if (const auto* list = answer.if_contains(member); list != nullptr && list->is_array()) {
    const auto at = now();
    for (const auto& entry : list->get_array()) {
      std::vector<std::string> row;
      row.reserve(columns.size());
      for (const auto* column : columns) row.push_back(people_text(entry.as_object(), column, at));
      rows.push_back(std::move(row));
    }
  }
  print_table(rows);
  return 0;
}

}  // namespace

int list_keys(const admin_access& access, const std::string& project, const output_choice& output) {
  const auto answer = call_admin(access, "GET", project_path(project) + "/keys");
  if (!answer) return fail(answer.error());
  return print_list(*answer, "keys", {"id", "label", "createdAt", "revokedAt"}, output.json);
}

int create_key(const admin_access& access, const std::string& project, const std::string& label,
               const output_choice& output) {
  auto answer = call_admin(access, "POST", project_path(project) + "/keys",
                           json::serialize(json::object{{"label", label}}));
  if (!answer) return fail(answer.error());
  if (!output.file.empty()) {
    if (const auto written =
            app::write_private_file(output.file, exact_text(*answer, "key") + "\n");
        !written) {
      // A key that nobody has is of no use, and valid.
      const auto revoked =
          call_admin(access, "DELETE",
                     project_path(project) + "/keys/" + percent_encode(exact_text(*answer, "id")));
      auto why = written.error();
      if (!revoked)
        why.next = fmt::format("run `pulse keys revoke {}`: its secret is lost",
                               exact_text(*answer, "id"));
      return fail(why);
    }
    answer->erase("key");
    (*answer)["file"] = output.file;
  }
  if (output.json) {
    config::say(stdout, "{}\n", json::serialize(*answer));
    return 0;
  }
  config::say(stdout, "made API key {} of project {}\n", exact_text(*answer, "id"), project);
  if (output.file.empty()) {
    config::say(stdout, "\n  {}\n\nThis key is printed only once; Pulse stores no copy.\n",
                exact_text(*answer, "key"));
  } else {
    config::say(stdout, "the key is in {}, which only you can read\n", output.file);
  }
  return 0;
}

int revoke_key(const admin_access& access, const std::string& project, const std::string& id,
               const output_choice& output) {
  const auto answer =
      call_admin(access, "DELETE", project_path(project) + "/keys/" + percent_encode(id));
  if (!answer) return fail(answer.error());
  if (output.json) {
    config::say(stdout, "{}\n", json::serialize(json::object{{"revoked", id}}));
  } else {
    config::say(stdout, "revoked API key {}; its open streams have ended\n", id);
  }
  return 0;
}

namespace {

// All pages as one.
result<json::object> all_streams(const admin_access& access, const std::string& project) {
  json::array streams;
  json::array cursors;
  std::string after;
  do {
    const auto page = call_admin(
        access, "GET",
        project_path(project) + "/streams" + (after.empty() ? std::string() : "?after=" + after));
    if (!page) return page.error();
    const auto add = [&](const char* member, json::array& to) {
      const auto* list = page->if_contains(member);
      if (list == nullptr || !list->is_array()) return;
      for (const auto& one : list->get_array()) to.push_back(one);
    };
    add("streams", streams);
    add("cursors", cursors);
    const auto* next = page->if_contains("next");
    after = next != nullptr && next->is_string() ? std::string(next->get_string()) : std::string();
  } while (!after.empty());
  return json::object{{"streams", std::move(streams)}, {"cursors", std::move(cursors)}};
}

}  // namespace

int list_streams(const admin_access& access, const std::string& project,
                 const output_choice& output) {
  const auto answer = all_streams(access, project);
  if (!answer) return fail(answer.error());
  if (output.json) {
    config::say(stdout, "{}\n", json::serialize(*answer));
    return 0;
  }
  config::say(stdout, "cursors\n");
  print_list(
      *answer, "cursors",
      {"table", "name", "condition", "lagEvents", "lagBytes", "lagSeconds", "cursor", "movedAt"},
      false);
  config::say(stdout, "\nopen\n");
  return print_list(*answer, "streams", open_columns, false);
}

int show_stream(const admin_access& access, const std::string& project, const std::string& table,
                const std::string& name, const output_choice& output) {
  const auto answer = call_admin(access, "GET", cursor_path(project, table, name));
  if (!answer) return fail(answer.error());
  if (output.json) {
    config::say(stdout, "{}\n", json::serialize(*answer));
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [member, value] : *answer) {
    if (!value.is_array())
      rows.push_back({std::string(member), people_text(*answer, member, now())});
  }
  print_table(rows);
  config::say(stdout, "\nopen\n");
  return print_list(*answer, "streams", open_columns, false);
}

int seek_stream(const admin_access& access, const std::string& project, const std::string& table,
                const std::string& name, const std::string& to, const output_choice& output) {
  const auto answer = call_admin(access, "POST", cursor_path(project, table, name) + "/seek",
                                 json::serialize(json::object{{"to", to}}));
  if (!answer) return fail(answer.error());
  if (output.json) {
    config::say(stdout, "{}\n", json::serialize(*answer));
  } else {
    config::say(stdout, "moved the cursor of {} from {} to {}\n", name, exact_text(*answer, "from"),
                exact_text(*answer, "to"));
  }
  return 0;
}

int list_gaps(const admin_access& access, const std::string& project, const output_choice& output) {
  const auto answer = call_admin(access, "GET", project_path(project) + "/gaps");
  if (!answer) return fail(answer.error());
  if (output.json) {
    config::say(stdout, "{}\n", json::serialize(*answer));
    return 0;
  }
  const auto place = [](const json::object& gap, const char* bound) {
    const auto* at = gap.if_contains(bound);
    if (at == nullptr || !at->is_object()) return std::string("not known yet");
    return exact_text(at->get_object(), "timeline") + ":" + exact_text(at->get_object(), "lsn");
  };
  const auto& gaps = answer->at("gaps").as_array();
  std::vector<std::vector<std::string>> rows{
      {"id", "kind", "after", "through", "foundAt", "acceptedAt", "acceptedBy"}};
  for (const auto& one : gaps) {
    const auto& gap = one.as_object();
    rows.push_back({exact_text(gap, "id"), exact_text(gap, "kind"), place(gap, "after"),
                    place(gap, "through"), people_text(gap, "foundAt", now()),
                    people_text(gap, "acceptedAt", now()), exact_text(gap, "acceptedBy")});
  }
  print_table(rows);
  for (const auto& one : gaps) {
    const auto& gap = one.as_object();
    config::say(stdout, "\n{}: {}\n", exact_text(gap, "id"), exact_text(gap, "reason"));
    const auto* vanished = gap.if_contains("vanished");
    if (vanished == nullptr || !vanished->is_object()) continue;
    const auto& range = vanished->get_object();
    config::say(stdout, "   {} orphaned event(s): {} to {}\n", people_text(range, "count", now()),
                exact_text(range, "first"), exact_text(range, "last"));
  }
  return 0;
}

int skip_change(const admin_access& access, const std::string& project, const std::string& at,
                const output_choice& output) {
  const auto answer = call_admin(access, "POST", project_path(project) + "/gaps/skip",
                                 json::serialize(json::object{{"at", at}}));
  if (!answer) return fail(answer.error());
  if (output.json) {
    config::say(stdout, "{}\n", json::serialize(*answer));
  } else {
    config::say(stdout,
                "skipped the change at {}: gap {} of project {} blocks its streams; see `pulse "
                "gaps list`\n",
                at, exact_text(*answer, "id"), project);
  }
  return 0;
}

int accept_gap(const admin_access& access, const std::string& project, const std::string& id,
               const std::string& by, const output_choice& output) {
  const auto answer =
      call_admin(access, "POST", project_path(project) + "/gaps/" + percent_encode(id) + "/accept",
                 json::serialize(json::object{{"by", by}}));
  if (!answer) return fail(answer.error());
  if (output.json) {
    config::say(stdout, "{}\n", json::serialize(*answer));
  } else {
    config::say(stdout, "accepted gap {} of project {}: streams continue after it\n", id, project);
  }
  return 0;
}

int delete_stream(const admin_access& access, const std::string& project, const std::string& table,
                  const std::string& name, const output_choice& output) {
  const auto answer = call_admin(access, "DELETE", cursor_path(project, table, name));
  if (!answer) return fail(answer.error());
  if (output.json) {
    config::say(stdout, "{}\n", json::serialize(json::object{{"deleted", name}}));
  } else {
    const auto of = parse_table(table);
    config::say(stdout,
                "deleted the cursor of {} on {}: the next stream with this name starts at the "
                "current end\n",
                name, to_string(of));
  }
  return 0;
}

}  // namespace pulse::commands

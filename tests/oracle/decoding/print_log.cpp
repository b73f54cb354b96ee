// Prints all events of a project's log, one JSON object a line, in their order: what was captured,
// before anything is rendered or filtered. For the decoding oracle; no server may have the
// directory open.
#include <cstdio>
#include <string>

#include <fmt/format.h>

#include "log/relation_file.hpp"
#include "log/segment_log.hpp"
#include "values/json_text.hpp"

namespace {

using pulse::values::append_json_string;

// A value is its text, null, or false for a large one that the server did not send.
void append_row(std::string& to, pulse::tuple_view row) {
  to += '[';
  bool first = true;
  for (const auto value : row) {
    if (!first) to += ',';
    first = false;
    switch (value.state) {
      case pulse::column_state::null:
        to += "null";
        break;
      case pulse::column_state::unchanged_toast:
        to += "false";
        break;
      case pulse::column_state::text:
      case pulse::column_state::binary:
        append_json_string(to, value.text);
        break;
    }
  }
  to += ']';
}

void append_columns(std::string& to, const pulse::relation& definition) {
  to += '[';
  for (const auto& column : definition.columns) {
    if (to.back() != '[') to += ',';
    to += R"({"name":)";
    append_json_string(to, column.name);
    to += fmt::format(R"(,"key":{},"kind":"{}"}})", column.in_identity,
                      pulse::to_string(column.type.kind));
  }
  to += ']';
}

std::string line_for(const pulse::event_view& event, const pulse::relation& definition) {
  std::string line = R"({"id":")" + pulse::to_string(event.id);
  line += R"(","commit":")" + pulse::to_string(event.at.commit);
  line += R"(","lsn":")" + pulse::to_string(event.at.change);
  line += fmt::format(R"(","action":"{}","schema":)", pulse::to_string(event.action));
  append_json_string(line, definition.table.schema);
  line += R"(,"table":)";
  append_json_string(line, definition.table.name);
  line += R"(,"columns":)";
  append_columns(line, definition);
  line += fmt::format(R"(,"beforeKind":{},"before":)", static_cast<int>(event.before_kind));
  append_row(line, event.before);
  line += R"(,"after":)";
  append_row(line, event.after);
  return line + '}';
}

int fail(const pulse::error& why) {
  fmt::print(stderr, "print_log: {}\n", why.message());
  return 1;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    fmt::print(stderr, "print_log <directory of a log>\n");
    return 2;
  }
  auto files = pulse::log::open_directory(arguments[1]);
  if (!files) return fail(files.error());
  auto relations = pulse::log::relation_file::open(**files);
  if (!relations) return fail(relations.error());
  auto log = pulse::log::segment_log::open(std::move(*files), {});
  if (!log) return fail(log.error());
  const auto reader = (*log)->read({}, 0);
  for (;;) {
    const auto event = reader->next();
    if (!event) return fail(event.error());
    if (*event == nullptr) return 0;
    const auto definition = (*relations)->find((*event)->relation);
    if (!definition) return fail({pulse::errc::corrupt, "an event of a table without definition"});
    fmt::print("{}\n", line_for(**event, *definition));
  }
}

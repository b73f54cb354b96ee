#include "commands/event_line.hpp"

#include <chrono>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

namespace pulse::commands {

namespace json = boost::json;

namespace {

// Empty: there is no such row.
std::string row_text(const json::object& event, const char* member) {
  const auto* row = event.if_contains(member);
  return row == nullptr || row->is_null() ? std::string() : json::serialize(*row);
}

std::string text_of(const json::object& event, const char* member) {
  const auto* text = event.if_contains(member);
  return text != nullptr && text->is_string() ? std::string(text->get_string()) : std::string();
}

}  // namespace

std::string line_for_people(std::string_view text, event_line_form form) {
  json::error_code failed;
  const auto parsed = json::parse(text, failed);
  const auto* event = failed ? nullptr : parsed.if_object();
  const auto* action = event == nullptr ? nullptr : event->if_contains("action");
  if (action == nullptr || !action->is_string()) return std::string(text);
  auto rows = row_text(*event, "before");
  if (const auto after = row_text(*event, "after"); !after.empty()) {
    rows += (rows.empty() ? "" : " → ") + after;
  }
  const auto table =
      form == event_line_form::with_table
          ? fmt::format("{}.{}  ", text_of(*event, "schema"), text_of(*event, "table"))
          : std::string();
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  return fmt::format("{:%H:%M:%S}  {:<6}  {}{}",
                     fmt::localtime(std::chrono::system_clock::to_time_t(now)),
                     text_of(*event, "action"), table, rows);
}

}  // namespace pulse::commands

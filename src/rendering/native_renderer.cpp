#include "rendering/native_renderer.hpp"

#include <chrono>
#include <string_view>
#include <utility>

#include "change/lsn.hpp"
#include "rendering/native_value.hpp"
#include "values/json_text.hpp"
#include "values/utc_text.hpp"

namespace pulse::rendering {
namespace {

std::string_view to_string(old_row_kind kind) {
  switch (kind) {
    case old_row_kind::none:
      return "none";
    case old_row_kind::key:
      return "key";
    case old_row_kind::full:
      return "full";
  }
  return "none";
}

// ,"name":{"before":[…],"after":[…]}, without what names nothing.
void append_by_row(std::string& to, std::string_view name, const std::string& before,
                   const std::string& after) {
  if (before.empty() && after.empty()) return;
  to += R"(,")";
  to += name;
  to += R"(":{)";
  if (!before.empty()) to += R"("before":)" + before + ']';
  if (!before.empty() && !after.empty()) to += ',';
  if (!after.empty()) to += R"("after":)" + after + ']';
  to += '}';
}

}  // namespace

native_renderer::native_renderer(std::shared_ptr<const relation> definition)
    : definition_(std::move(definition)) {
  table_ = R"(,"schema":)";
  values::append_json_string(table_, definition_->table.schema);
  table_ += R"(,"table":)";
  values::append_json_string(table_, definition_->table.name);
  for (const auto& one : definition_->columns) {
    auto& key = keys_.emplace_back();
    values::append_json_string(key, one.name);
    key += ':';
  }
}

void native_renderer::render_value(std::size_t number, const column_value& value, std::string& to,
                                   remarks& said) const {
  if (value.state == column_state::null) {
    to += "null";
    return;
  }
  const auto& column = definition_->columns[number];
  const auto start = to.size();
  if (!append_native(to, column.type, value.text)) {
    to.resize(start);
    values::append_json_string(to, value.text);
    append_name(said.unrendered, column.name);
  } else if (is_json_null(column.type, value.text)) {
    append_name(said.json_null, column.name);
  }
}

void native_renderer::render_row(tuple_view row, tuple_view fallback, bool key_only,
                                 std::string& to, remarks& said) const {
  thread_local std::vector<column_value> values_storage;
  thread_local std::vector<column_value> fallback_storage;
  const auto& values = columns_of(row, values_storage);
  const auto& old_values = columns_of(fallback, fallback_storage);
  to += '{';
  const auto start = to.size();
  for (std::size_t i = 0; i < values.size() && i < keys_.size(); ++i) {
    if (key_only && !definition_->columns[i].in_identity) continue;
    auto value = values[i];
    if (value.state == column_state::unchanged_toast && i < old_values.size()) {
      value = old_values[i];
    }
    if (value.state == column_state::unchanged_toast) {
      append_name(said.unchanged, definition_->columns[i].name);
      continue;
    }
    if (to.size() != start) to += ',';
    to += keys_[i];
    render_value(i, value, to, said);
  }
  to += '}';
}

void native_renderer::render(const event_view& event, std::string& to) const {
  to += R"({"action":")";
  to += pulse::to_string(event.action);
  to += R"(","id":")";
  append_id(to, event.id);
  to += '"';
  to += table_;
  to += R"(,"commit_lsn":")";
  to += pulse::to_string(event.at.commit);
  to += R"(","lsn":")";
  to += pulse::to_string(event.at.change);
  to += R"(","committed_at":")";
  values::append_utc(to, event.committed_at.time_since_epoch().count());
  remarks said_of_before;
  to += R"(","before":)";
  if (event.before_kind == old_row_kind::none) {
    to += "null";
  } else {
    render_row(event.before, {}, event.before_kind == old_row_kind::key, to, said_of_before);
  }
  to += R"(,"before_kind":")";
  to += to_string(event.before_kind);
  remarks said_of_after;
  to += R"(","after":)";
  if (event.after.empty()) {
    to += "null";
  } else {
    const bool full = event.before_kind == old_row_kind::full;
    render_row(event.after, full ? event.before : tuple_view(), false, to, said_of_after);
  }
  if (!said_of_after.unchanged.empty()) to += R"(,"unchanged":)" + said_of_after.unchanged + ']';
  append_by_row(to, "unrendered", said_of_before.unrendered, said_of_after.unrendered);
  append_by_row(to, "json_null", said_of_before.json_null, said_of_after.json_null);
  to += '}';
}

}  // namespace pulse::rendering

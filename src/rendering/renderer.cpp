#include "rendering/renderer.hpp"

#include <algorithm>

#include "values/array_text.hpp"
#include "values/json_text.hpp"
#include "values/value_text.hpp"

namespace pulse::rendering {
namespace {

std::string_view name_of(const requests::enum_labels& labels, std::string_view label) {
  const auto found = labels.find(label);
  return found == labels.end() ? label : std::string_view(found->second);
}

// False: the text is no array; what was appended is to be thrown away.
bool append_named_list(std::string& to, const requests::enum_labels& labels, char delimiter,
                       std::string_view text) {
  return values::append_array(to, text, delimiter, [&](std::string_view label) {
    values::append_json_string(to, name_of(labels, label));
    return true;
  });
}

}  // namespace

renderer::renderer(const requests::model& wanted, std::shared_ptr<const relation> definition)
    : definition_(std::move(definition)) {
  values::append_json_string(model_name_, wanted.name);
  const auto& columns = definition_->columns;
  for (const auto& field : wanted.fields) {
    // A field whose column is gone (or not made yet) is left out.
    const auto column = std::ranges::find(columns, field.column, &column::name);
    if (column == columns.end()) continue;
    field_plan plan;
    values::append_json_string(plan.key, field.name);
    plan.key += ':';
    plan.name = field.name;
    plan.column = static_cast<std::size_t>(column - columns.begin());
    plan.type = column->type;
    if (column->type.kind == value_kind::enumeration) plan.labels = field.labels;
    plan.in_identity = column->in_identity;
    fields_.push_back(std::move(plan));
  }
}

void renderer::render_row(tuple_view row, tuple_view fallback, row_columns which, std::string& to,
                          std::string& unchanged, std::string& unrendered) const {
  thread_local std::vector<column_value> values_storage;
  thread_local std::vector<column_value> fallback_storage;
  const auto& values = columns_of(row, values_storage);
  const auto& old_values = columns_of(fallback, fallback_storage);
  to += '{';
  const auto start = to.size();
  for (const auto& field : fields_) {
    if (which == row_columns::identity && !field.in_identity) continue;
    if (field.column >= values.size()) continue;
    auto value = values[field.column];
    if (value.state == column_state::unchanged_toast && field.column < old_values.size()) {
      value = old_values[field.column];
    }
    if (value.state == column_state::unchanged_toast) {
      append_name(unchanged, field.name);
      continue;
    }
    if (to.size() != start) to += ',';
    to += field.key;
    if (value.state == column_state::null) {
      // Prisma Client reads a list that is NULL as an empty one.
      to += field.type.is_list ? "[]" : "null";
      continue;
    }
    if (!append_field(to, field, value.text)) append_name(unrendered, field.name);
  }
  to += '}';
}

bool renderer::append_field(std::string& to, const field_plan& field, std::string_view text) {
  const auto& type = field.type;
  if (field.labels && !type.is_list) {
    values::append_json_string(to, name_of(*field.labels, text));
    return true;
  }
  const auto start = to.size();
  auto rendering = values::list_rendering::damaged;
  if (!type.is_list) {
    if (values::append_value(to, type, text)) return true;
  } else if (field.labels) {
    if (append_named_list(to, *field.labels, type.delimiter, text)) return true;
  } else {
    rendering = values::append_list(to, type, text);
  }
  if (rendering == values::list_rendering::damaged) {
    to.resize(start);
    values::append_json_string(to, text);
  }
  return rendering == values::list_rendering::whole;
}

void renderer::render(const event_view& event, std::string& to) const {
  std::string unchanged;
  std::string unrendered;
  to += R"({"action":")";
  to += to_string(event.action);
  to += R"(","id":")";
  append_id(to, event.id);
  to += R"(","modelName":)";
  to += model_name_;
  switch (event.action) {
    case change_action::create:
      to += R"(,"created":)";
      render_row(event.after, {}, row_columns::all, to, unchanged, unrendered);
      break;
    case change_action::update: {
      to += R"(,"before":)";
      const bool full = event.before_kind == old_row_kind::full;
      std::string ignored;
      if (full) {
        render_row(event.before, {}, row_columns::all, to, ignored, unrendered);
      } else {
        to += "null";
      }
      to += R"(,"after":)";
      // What `before` could not render, `after` cannot either: each name once.
      if (full) unrendered.clear();
      render_row(event.after, full ? event.before : tuple_view(), row_columns::all, to, unchanged,
                 unrendered);
      break;
    }
    case change_action::remove:
      to += R"(,"deleted":)";
      render_row(event.before, {},
                 event.before_kind == old_row_kind::full ? row_columns::all : row_columns::identity,
                 to, unchanged, unrendered);
      break;
    case change_action::truncate:
      break;
  }
  if (!unchanged.empty()) to += R"(,"unchanged":)" + unchanged + ']';
  if (!unrendered.empty()) to += R"(,"unrendered":)" + unrendered + ']';
  to += '}';
}

}  // namespace pulse::rendering

#include "streams/outdated_models.hpp"

#include <algorithm>

#include "base/logging.hpp"
#include "streams/model.hpp"

namespace pulse::streams {
namespace {

constexpr const char* way_out =
    "if they were renamed or dropped, bring the Prisma schema up to date (npx prisma db pull), "
    "generate the client again (npx prisma generate) and start the consumer with it";

bool has_column(const relation& table, const std::string& name) {
  return std::ranges::find(table.columns, name, &column::name) != table.columns.end();
}

bool has_field_of(const model& wanted, const std::string& name) {
  return std::ranges::find(wanted.fields, name, &model_field::column) != wanted.fields.end();
}

void append(std::string& list, const std::string& name) {
  list += (list.empty() ? "" : ", ") + name;
}

std::string key_of(const stream_request& wanted, const relation& table) {
  // Lengths in front of the parts: no two streams have the same key.
  std::string key;
  for (const auto& part : {table.table.schema, table.table.name, wanted.name})
    key += std::to_string(part.size()) + ":" + part;
  return key + fingerprint(wanted.model);
}

}  // namespace

bool outdated_models::look(const stream_request& wanted, const relation& table,
                           const std::vector<std::string>& not_sent) {
  std::string missing;
  for (const auto& field : wanted.model.fields) {
    const bool is_there = has_column(table, field.column) ||
                          std::ranges::find(not_sent, field.column) != not_sent.end();
    if (!is_there) append(missing, field.column);
  }
  if (missing.empty()) {
    if (!said_.empty()) said_.erase(key_of(wanted, table));
    return false;
  }
  if (said_.size() >= remembered_max) said_.clear();
  auto& said = said_[key_of(wanted, table)];
  if (said == missing) return false;
  said = missing;
  std::string others;
  for (const auto& column : table.columns) {
    if (!has_field_of(wanted.model, column.name)) append(others, column.name);
  }
  log_warning("streams",
              "a client's model has columns that its table does not have: events come without "
              "these fields",
              {{"project", project_},
               {"table", to_string(table.table)},
               {"stream", wanted.name},
               {"model", wanted.model.name},
               {"missing_columns", missing},
               {"columns_not_in_model", others},
               {"next", way_out}});
  return true;
}

model_watch::model_watch(const hub::parts& with, outdated_models& models,
                         const stream_request& wanted, const table_shape& shape,
                         const position& now)
    : with_(&with), models_(&models), wanted_(&wanted), opened_at_(now) {
  if (shape.facts) {
    for (const auto& field : wanted.model.fields) {
      if (shape.facts->columns.contains(field.column) &&
          !has_column(*shape.definition, field.column)) {
        not_sent_.push_back(field.column);
      }
    }
  }
  models.look(wanted, *shape.definition, not_sent_);
}

void model_watch::look_at(relation_version version) {
  met_ = version;
  // Without a definition rendering says what is missing.
  if (const auto definition = with_->relations->find(version))
    models_->look(*wanted_, *definition, not_sent_);
}

}  // namespace pulse::streams

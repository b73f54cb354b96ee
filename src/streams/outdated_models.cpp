#include "streams/outdated_models.hpp"

#include <algorithm>
#include <functional>

#include "base/first_names.hpp"
#include "base/logging.hpp"
#include "requests/model.hpp"

namespace pulse::streams {
namespace {

constexpr const char* way_out =
    "if they were renamed or dropped, bring the Prisma schema up to date (npx prisma db pull), "
    "generate the client again (npx prisma generate) and start the consumer with it";

bool has_column(const relation& table, const std::string& name) {
  return std::ranges::find(table.columns, name, &column::name) != table.columns.end();
}

bool has_field_of(const requests::model& wanted, const std::string& name) {
  return std::ranges::find(wanted.fields, name, &requests::model_field::column) !=
         wanted.fields.end();
}

// Columns named in a line; the others are not.
constexpr std::size_t columns_named_max = 10;

// Of the stream and its model, whose text is as long as a client's headers may be. Of two with
// equal hashes one may stay unsaid.
std::size_t key_of(const requests::stream_request& wanted, const relation& table) {
  // Lengths in front of the parts: no two streams have the same text.
  std::string key;
  for (const auto& part : {table.table.schema, table.table.name, wanted.name})
    key += std::to_string(part.size()) + ":" + part;
  return std::hash<std::string>{}(key + requests::fingerprint(wanted.model));
}

std::size_t hash_of(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += std::to_string(name.size()) + ":" + name;
  return std::hash<std::string>{}(text);
}

}  // namespace

bool outdated_models::look(const requests::stream_request& wanted, const relation& table,
                           const std::vector<std::string>& not_sent,
                           std::chrono::steady_clock::time_point now) {
  std::vector<std::string> missing;
  for (const auto& field : wanted.model.fields) {
    const bool is_there = has_column(table, field.column) ||
                          std::ranges::find(not_sent, field.column) != not_sent.end();
    if (!is_there) missing.push_back(field.column);
  }
  if (missing.empty()) {
    if (!said_.empty()) said_.erase(key_of(wanted, table));
    return false;
  }
  const auto key = key_of(wanted, table);
  const auto what = hash_of(missing);
  const auto said = said_.find(key);
  if (said != said_.end() && said->second == what) return false;
  // Left out, it counts as not said: the next look may say it.
  if (!lines_.take(now)) return false;
  if (said == said_.end() && said_.size() >= remembered_max) said_.clear();
  said_[key] = what;
  std::vector<std::string> others;
  for (const auto& column : table.columns) {
    if (!has_field_of(wanted.model, column.name)) others.push_back(column.name);
  }
  log_warning("streams",
              "client's model has columns that its table lacks: events come without these fields",
              {{"project", project_},
               {"table", to_string(table.table)},
               {"stream", wanted.name},
               {"model", wanted.model.name},
               {"missing_columns", first_names(missing, columns_named_max, std::identity())},
               {"columns_not_in_model", first_names(others, columns_named_max, std::identity())},
               {"next", way_out}});
  return true;
}

void outdated_models::tick(std::chrono::steady_clock::time_point now) {
  const auto count = lines_.left_out(now);
  if (count == 0) return;
  log_warning("streams",
              "more clients' models have columns that their tables lack: not logged one by one",
              {{"project", project_},
               {"count", count},
               {"lines_per_second_max", lines_per_second_max},
               {"next", way_out}});
}

model_watch::model_watch(const hub::parts& with, outdated_models& models,
                         const requests::stream_request& wanted, const table_shape& shape,
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
  models.look(wanted, *shape.definition, not_sent_, with.clock->steady_now());
}

void model_watch::look_at(relation_version version) {
  met_ = version;
  // Without a definition rendering says what is missing.
  if (const auto definition = with_->relations->find(version))
    models_->look(*wanted_, *definition, not_sent_, with_->clock->steady_now());
}

}  // namespace pulse::streams

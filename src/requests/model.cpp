#include "requests/model.hpp"

namespace pulse::requests {

model every_column(const relation& table) {
  model made;
  made.name = made.table = table.table.name;
  made.schema = table.table.schema;
  for (const auto& one : table.columns)
    made.fields.push_back({one.name, one.name, one.type.name, one.type.is_list, nullptr});
  return made;
}

std::string fingerprint(const model& wanted) {
  std::string text;
  // Lengths in front of the parts: no two models have the same text.
  const auto put = [&](const std::string& part) {
    text += std::to_string(part.size()) + ":" + part;
  };
  put(wanted.name);
  put(wanted.schema);
  put(wanted.table);
  for (const auto& field : wanted.fields) {
    put(field.name);
    put(field.column);
    if (!field.labels) continue;
    for (const auto& [label, name] : *field.labels) {
      put(label);
      put(name);
    }
    text += ';';
  }
  return text;
}

}  // namespace pulse::requests

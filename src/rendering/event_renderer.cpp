#include "rendering/event_renderer.hpp"

#include "values/json_text.hpp"

namespace pulse::rendering {

void append_name(std::string& list, const std::string& name) {
  list += list.empty() ? '[' : ',';
  values::append_json_string(list, name);
}

void append_id(std::string& to, const event_id& id) {
  const auto at = to.size();
  to.resize(at + event_id::text_size);
  write_text(id, to.data() + at);
}

std::vector<column_value>& columns_of(tuple_view row, std::vector<column_value>& to) {
  to.clear();
  for (const auto value : row) to.push_back(value);
  return to;
}

}  // namespace pulse::rendering

// What every form of an event has in common.
#pragma once

#include <string>
#include <vector>

#include "change/event.hpp"

namespace pulse::rendering {

// Renders events of one relation version in one form. Immutable; any thread.
class event_renderer {
 public:
  event_renderer() = default;
  event_renderer(const event_renderer&) = delete;
  event_renderer& operator=(const event_renderer&) = delete;
  virtual ~event_renderer() = default;

  // Appends the event as one JSON object.
  virtual void render(const event_view& event, std::string& to) const = 0;
};

// Appends a name to the JSON array of names that `list` is, its closing bracket still missing;
// empty: no names yet.
void append_name(std::string& list, const std::string& name);

void append_id(std::string& to, const event_id& id);

// A row's columns by number, in `to`, which is reused: rows of one thread are rendered one at a
// time.
std::vector<column_value>& columns_of(tuple_view row, std::vector<column_value>& to);

}  // namespace pulse::rendering

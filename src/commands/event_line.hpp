// One native event as a line for people.
#pragma once

#include <string>
#include <string_view>

namespace pulse::commands {

enum class event_line_form {
  of_one_table,  // "18:03:22  update  {…} → {…}"
  with_table,    // "18:03:22  update  public.users  {…} → {…}"
};

// Has the present time. Returns text that is no event unchanged. Does not escape terminal control
// characters.
std::string line_for_people(std::string_view text, event_line_form form);

}  // namespace pulse::commands

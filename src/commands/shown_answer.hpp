// Members of the server's answers as text for people.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace pulse::commands {

// Returns the member as sent, with hidden characters escaped (base/shown_text.hpp). Empty: null, or
// missing.
std::string exact_text(const boost::json::object& answer, std::string_view member);

// By what the member's name ends with: "lagBytes" as "1.4 GiB", "lagSeconds" as "3 h", "movedAt" as
// "2026-11-30 12:00:00Z (12 s ago)"; any other number by thousands, "at least 1,000" where a member
// "…AtLeast" is true. Whatever is none of these as it was sent.
std::string people_text(const boost::json::object& answer, std::string_view member,
                        std::chrono::sys_seconds now);

}  // namespace pulse::commands

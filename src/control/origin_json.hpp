// The source lineage of a project's log, as text.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "change/log_origin.hpp"

namespace pulse::control {

// {"database","timelineBase","timelines":{"current","left":[{"timeline","lsn"}]},
// "begins":{"timeline","lsn"},"left":[{"database","timelineBase","mark":{"timeline","lsn"}}]}
std::string to_json(const log_origin& whose);
// errc::corrupt: not what to_json made.
result<log_origin> origin_from_json(std::string_view text);

}  // namespace pulse::control

// The last known catalog as text, so that streams open while the database is down.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "change/catalog.hpp"

namespace pulse::control {

std::string to_json(const catalog& known);
// errc::corrupt: not what to_json made.
result<std::shared_ptr<const catalog>> catalog_from_json(std::string_view text);

}  // namespace pulse::control

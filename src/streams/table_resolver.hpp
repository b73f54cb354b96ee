// Which table a model stands for.
#pragma once

#include <string>

#include "base/error.hpp"
#include "change/catalog.hpp"
#include "streams/model.hpp"

namespace pulse::streams {

// By the schema that the header names; else by `default_schema` (of the connection URL, may be
// empty); else `public`; else the only schema that has such a table. errc::not_found says what was
// looked for and what comes near.
result<const catalog_table*> resolve_table(const catalog& known, const model& wanted,
                                           const std::string& default_schema);

}  // namespace pulse::streams

// Which table a model stands for.
#pragma once

#include <string>

#include "base/error.hpp"
#include "change/catalog.hpp"
#include "streams/model.hpp"

namespace pulse::streams {

bool has_columns_of(const catalog_table& table, const model& wanted);

// By the schema that the header names. Prisma 5, and 6 with the client engine, name none, not even
// for a model with @@schema: then of the tables that have every column of the model the one in
// `default_schema` (of the connection URL, may be empty); else the one in `public`; else the only
// one. When no table has every column, the same among all of that name. errc::not_found says what
// was looked for and what comes near.
result<const catalog_table*> resolve_table(const catalog& known, const model& wanted,
                                           const std::string& default_schema);

}  // namespace pulse::streams

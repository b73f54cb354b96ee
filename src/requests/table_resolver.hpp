// Which table a model stands for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "change/catalog.hpp"
#include "requests/model.hpp"
#include "requests/request.hpp"

namespace pulse::requests {

// Of the connection URL's ?schema=a,b, in its order; `public` when it names none.
std::vector<std::string> schema_list(std::string_view schemas);

bool has_columns_of(const catalog_table& table, const model& wanted);

// By the schema that the header names. Prisma 5, and 6 with the client engine, name none, not even
// for a model with @@schema: then the first table in `schemas` that has every column of the model;
// else the only published table of that name, wherever, that has; else, when none has every column,
// the first in `schemas`; else the only published one of that name. errc::not_found says what was
// looked for and what comes near, which tables are meant alike, or how the table gets published: a
// stream on one that is not would be silent for ever. The project's name is for log lines.
result<const catalog_table*> resolve_table(const catalog& known, const model& wanted,
                                           const std::vector<std::string>& schemas,
                                           std::string_view project);

// The partition that the model's name stands for, where the publication sends its changes as those
// of a partitioned table; else null.
const catalog_table* find_partition(const catalog& known, const model& wanted,
                                    const std::vector<std::string>& schemas);

// errc::invalid_argument: the stream asks for kinds of events that the publication does not send.
// One that asks for all kinds takes what there is.
result<void> check_published_actions(const publication_facts& publication,
                                     const wanted_events& wanted);

}  // namespace pulse::requests

// Filters of native streams: by column names, with values as native events have them.
#pragma once

#include <memory>

#include "base/error.hpp"
#include "filters/filter.hpp"
#include "requests/request.hpp"

namespace pulse::filters {

// compile_filter() for either form of request. A native one names columns, and its values need no
// tags ({"$type":…}): the column's type says what a string stands for.
result<std::shared_ptr<const filter>> compile_wanted(const requests::stream_request& wanted,
                                                     filter_table table);
// follow_filter() in the same way. A native filter on a column that is gone is left open.
std::shared_ptr<const filter> follow_wanted(const requests::stream_request& wanted,
                                            filter_table table);

}  // namespace pulse::filters

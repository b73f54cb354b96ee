// The names of streams when tables are renamed, or replaced by others.
#pragma once

#include <memory>
#include <vector>

#include "change/catalog.hpp"
#include "streams/cursor_book.hpp"

namespace pulse::streams {

struct followed_names {
  // Taken out: the table's new name has had a stream so called all along, and that one stays.
  std::vector<std::shared_ptr<name_state>> replaced;
  // Made: the old name is another table's now, which goes on from where the name was.
  std::vector<std::shared_ptr<name_state>> copied;
};

// Names go with their tables. The relation store has observed the renames before.
followed_names follow_renames(cursor_book& book, const std::vector<table_rename>& renamed);

}  // namespace pulse::streams

// The names of streams when tables are renamed or replaced.
#pragma once

#include <memory>
#include <vector>

#include "change/catalog.hpp"
#include "streams/cursor_book.hpp"

namespace pulse::streams {

struct followed_names {
  // Removed: the table's new name had a stream with this name already, which stays.
  std::vector<std::shared_ptr<name_state>> replaced;
  // Added: the old name belongs to another table now, and continues there at the same cursor.
  std::vector<std::shared_ptr<name_state>> copied;
};

// Moves names with their tables. The relation store has observed the renames before.
followed_names follow_renames(cursor_book& book, const std::vector<table_rename>& renamed);

}  // namespace pulse::streams
